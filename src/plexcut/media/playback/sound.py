"""The sound of a fragment in AAC: exactly the samples of its place, joined to its neighbours' without a trace."""

from __future__ import annotations

from collections.abc import Callable, Generator
from fractions import Fraction

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame

from plexcut.domain.media import Source
from plexcut.errors import FormatUnsupported
from plexcut.media.audio import AudioSpan, read_audio
from plexcut.media.index.model import Track
from plexcut.media.playback.boxes import AudioEntry
from plexcut.media.playback.layout import Timeline
from plexcut.media.sound.pieces import F32

FRAME_SAMPLES = 1024
FRAME_BUDGET_BYTES = 560
"""More than half again what a frame takes on average; a fragment's frames share it."""

_BITS_PER_S = 128_000
_RATES = (48_000, 44_100, 32_000)
_WARM_UP = 4
"""Frames that an encoder is given before the first one that counts: its decisions are then those of the encoder that
made the frames before, and the halves of the windows that overlap belong together."""
_LOOK_AHEAD = 2
"""Frames behind the last one that an encoder wants to see before it gives that out."""


def sound_entry(track: Track) -> AudioEntry:
    """How a track is played: in stereo (one channel stays one), at its own rate where AAC players know it."""
    rate = track.sample_rate if track.sample_rate in _RATES else _RATES[0]
    return AudioEntry(rate or _RATES[0], 1 if track.channels == 1 else 2)


class SoundRun:
    """Coded sound frames of the result from number `first` to before `end`, one after the other. Close it."""

    def __init__(self, source: Source, timeline: Timeline, track: Track, frames: tuple[int, int]) -> None:
        self._source = source
        self._timeline = timeline
        self._track = track
        self._entry = sound_entry(track)
        self.next, self.end = frames
        self._stop: Callable[[], bool] = lambda: False
        self._from = (self.next - _WARM_UP) * FRAME_SAMPLES
        self._held: F32 = np.zeros((self._entry.channels, 0), np.float32)
        self._samples = self._result_samples(max(0, self._from), (self.end + _LOOK_AHEAD) * FRAME_SAMPLES)

    def close(self) -> None:
        self._samples.close()

    def skip(self, first: int, should_cancel: Callable[[], bool]) -> None:
        """Leave out the frames before `first`."""
        self._stop = should_cancel
        self._drop((first - _WARM_UP) * FRAME_SAMPLES)
        self.next = first

    def take(self, count: int, should_cancel: Callable[[], bool]) -> list[bytes]:
        """The next `count` frames, coded by an encoder of their own."""
        if count == 0:
            return []
        self._stop = should_cancel
        begin = (self.next - _WARM_UP) * FRAME_SAMPLES
        self._drop(begin)
        wanted = (count + _WARM_UP + _LOOK_AHEAD) * FRAME_SAMPLES
        self._fill(wanted)
        coded = _encode(self._held[:, :wanted], self._entry)[_WARM_UP : _WARM_UP + count]
        if len(coded) != count:
            raise FormatUnsupported("the sound of this recording cannot be played")
        self.next += count
        return coded

    def _drop(self, begin: int) -> None:
        """Let go of samples before `begin`; before the result begins there is silence."""
        while begin > self._from:
            self._fill(1)
            count = min(begin - self._from, self._held.shape[1])
            self._held = self._held[:, count:]
            self._from += count

    def _fill(self, wanted: int) -> None:
        parts = [self._held]
        have = self._held.shape[1]
        if self._from + have < 0:
            parts.append(np.zeros((self._entry.channels, -self._from - have), np.float32))
            have = -self._from
        while have < wanted:
            block = next(self._samples, None)
            if block is None:
                block = np.zeros((self._entry.channels, wanted - have), np.float32)
            parts.append(block)
            have += block.shape[1]
        self._held = np.concatenate(parts, axis=1)

    def _cancelled(self) -> bool:
        """What the one says who waits now."""
        return self._stop()

    def _result_samples(self, first: int, end: int) -> Generator[F32, None, None]:
        """Samples `[first, end)` of the result: of each kept span those that begin in it."""
        line, rate = self._timeline, self._entry.rate
        ticks_per_sample = Fraction(line.timescale, rate)
        layout = "mono" if self._entry.channels == 1 else "stereo"
        for number, span in enumerate(line.keep):
            low, high = (-(-base * rate // line.timescale) for base in line.bases[number : number + 2])
            low, high = max(low, first), min(high, end)
            if low >= high:
                continue
            start = line.index.pts_of(span.start)
            scale = line.index.time_base.numerator
            begin, until = ((sample * ticks_per_sample - line.bases[number]) / scale + start for sample in (low, high))
            order = AudioSpan(self._track.id, begin, until, rate, layout)
            for block in read_audio(self._source, line.index, order, self._cancelled):
                yield block.samples


def _encode(samples: F32, entry: AudioEntry) -> list[bytes]:
    """AAC frames of samples (a whole number of frames): the k-th sounds from sample `1024 k` on."""
    context = av.CodecContext.create("aac", "w")
    assert isinstance(context, AudioCodecContext)
    context.sample_rate = entry.rate
    context.layout = "mono" if entry.channels == 1 else "stereo"
    context.format = "fltp"
    context.bit_rate = _BITS_PER_S * entry.channels // 2
    context.time_base = Fraction(1, entry.rate)
    context.options = {"aac_coder": "fast", "cutoff": "16000"}
    coded: list[bytes] = []
    limited = np.ascontiguousarray(np.clip(np.nan_to_num(samples), -1, 1))
    for at in range(0, limited.shape[1], FRAME_SAMPLES):
        frame = AudioFrame.from_ndarray(
            np.ascontiguousarray(limited[:, at : at + FRAME_SAMPLES]), "fltp", context.layout.name
        )
        frame.sample_rate, frame.pts, frame.time_base = entry.rate, at, context.time_base
        coded += [bytes(packet) for packet in context.encode(frame) if packet.pts is not None and packet.pts >= 0]
    return coded
