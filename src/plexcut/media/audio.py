"""Decoded sound of one track on the recording's time line, from any time to any time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from plexcut.domain.media import Source
from plexcut.domain.ports import ShouldCancel, never
from plexcut.media.index.model import MediaIndex
from plexcut.media.sound.pieces import F32, PlacedPiece, Placement, samples_of
from plexcut.media.sound.tracks import audio_tracks, read_pieces

__all__ = ["AudioBlock", "AudioSpan", "audio_tracks", "read_audio", "to_s16"]

_RESAMPLING_S = Fraction(1, 20)
"""Sound before the wanted time that a resampler is given, so that its filter has settled when it counts."""
_SILENT_BLOCK_S = 1


@dataclass(frozen=True, slots=True)
class AudioSpan:
    """What to read: `[start_pts, end_pts)` in ticks of the index (they need not be whole), of one track.

    `track` is its id in the index. The result has `rate` samples a second and the channels of `layout` (FFmpeg's name).
    Frame 0 is shown at `index.shown_pts[0]`; sound may begin before.
    """

    track: int
    start_pts: int | Fraction
    end_pts: int | Fraction
    rate: int = 48_000
    layout: str = "stereo"

    def samples(self, index: MediaIndex) -> int:
        """How many samples per channel the span has."""
        return max(0, round((self.end_pts - self.start_pts) * index.time_base * self.rate))


class AudioBlock(NamedTuple):
    """`samples` is planar `(channels, n) float32`, full scale 1; `at`: its first sample, counted from the span's start.

    Blocks follow one another without gaps. The sample k sounds at `start_pts + k / (rate * time_base)` ticks.
    """

    at: int
    samples: F32


def read_audio(
    source: Source, index: MediaIndex, span: AudioSpan, should_cancel: ShouldCancel = never
) -> Iterator[AudioBlock]:
    """The sound of a span: exactly `span.samples(index)` samples, each at its place by the timestamps.

    What the recording does not hold (before the track begins, where frames are missing or damaged, after its end) is
    silence; what it holds twice is heard once. The channels and the rate may change on the way. Nothing before the
    span is read but what its first samples need.

    Raises:
        Cancelled: `should_cancel` said so; it is asked about every half megabyte of the file.
        FileUnreadable, FormatUnsupported, LibraryOffline: the recording cannot be read, or has no such track.
    """
    ticks_per_s = 1 / index.time_base
    start, end = Fraction(span.start_pts), Fraction(span.end_pts)
    line = _Line(span, index, start)
    placement = Placement(ticks_per_s)
    lead = start - _RESAMPLING_S * ticks_per_s
    for piece in read_pieces(source, index, span.track, (start, end), should_cancel):
        placed = placement.place(piece)
        if placed is None:
            continue
        heard = placed.offset + int(placed.samples.shape[1])
        if placed.start + Fraction(heard, placed.rate) * ticks_per_s > lead:
            yield from line.add(placed)
    yield from line.finish()


def to_s16(samples: F32) -> npt.NDArray[np.int16]:
    """Float samples as 16-bit ones; what is beyond full scale is clipped."""
    scaled: npt.NDArray[np.int16] = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)
    return scaled


class _Line:
    """The samples of the span, handed out in order."""

    def __init__(self, span: AudioSpan, index: MediaIndex, start: Fraction) -> None:
        self._rate, self._layout = span.rate, span.layout
        self._channels = len(av.AudioLayout(span.layout).channels)
        self._ticks_per_s = 1 / index.time_base
        self._scale = index.time_base * span.rate
        self._start = start
        self._total = span.samples(index)
        self._cursor = 0
        self._at = 0
        self._kind: tuple[int, str] | None = None
        self._resampler: AudioResampler | None = None

    def add(self, placed: PlacedPiece) -> Iterator[AudioBlock]:
        """Take up what follows; gives what is settled."""
        kind = (placed.rate, placed.layout)
        if not placed.joins or kind != self._kind:
            yield from self._flush()
            since = placed.start - self._start + Fraction(placed.offset, placed.rate) * self._ticks_per_s
            self._at = round(since * self._scale)
            self._kind = kind
            same = kind == (self._rate, self._layout)
            self._resampler = None if same else AudioResampler("fltp", self._layout, self._rate)
        if self._resampler is None:
            yield from self._put(placed.samples)
            return
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(placed.samples), "fltp", placed.layout)
        frame.sample_rate = placed.rate
        for resampled in self._resampler.resample(frame):
            yield from self._put(samples_of(resampled))

    def finish(self) -> Iterator[AudioBlock]:
        """The rest, with silence up to the end."""
        yield from self._flush()
        yield from self._silence(self._total)

    def _flush(self) -> Iterator[AudioBlock]:
        if self._resampler is not None:
            for resampled in self._resampler.resample(None):
                yield from self._put(samples_of(resampled))
            self._resampler = None
        self._kind = None

    def _put(self, samples: F32) -> Iterator[AudioBlock]:
        at, count = self._at, int(samples.shape[1])
        self._at += count
        low, high = max(self._cursor, at), min(at + count, self._total)
        if low >= high:
            return
        yield from self._silence(low)
        yield AudioBlock(low, samples[:, low - at : high - at])
        self._cursor = high

    def _silence(self, until: int) -> Iterator[AudioBlock]:
        while self._cursor < min(until, self._total):
            count = min(until - self._cursor, _SILENT_BLOCK_S * self._rate, self._total - self._cursor)
            yield AudioBlock(self._cursor, np.zeros((self._channels, count), np.float32))
            self._cursor += count
