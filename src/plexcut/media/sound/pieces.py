"""Decoded audio frames, and where they lie on the time line."""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from typing import Any, NamedTuple

import av
import numpy as np
import numpy.typing as npt
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame

from plexcut.errors import FormatUnsupported

F32 = npt.NDArray[np.float32]

_SLACK_S = 0.002
"""Matroska keeps whole milliseconds and multiplexers round: a frame this near to the end of the last one follows it."""
_AGAIN_S = 0.5
"""A frame that begins this much before the end of the last one is no overlap: the clock was set back."""
_FLOAT_DECODERS = {"mp1": "mp1float", "mp2": "mp2float", "mp3": "mp3float"}
_CHECKED = ("ac3", "eac3", "mp1", "mp2", "mp3")
"""Codecs whose frames carry a checksum: a damaged one is silence then, not noise."""


class Piece(NamedTuple):
    """A decoded audio frame; `time` of its first sample in ticks of the index, None: where the one before ended."""

    time: Fraction | None
    frame: AudioFrame


class PlacedPiece(NamedTuple):
    """`samples` (channels, n) at `offset` samples behind `start` (in ticks), where their run began.

    `joins`: they follow the ones before without a gap.
    """

    start: Fraction
    offset: int
    samples: F32
    rate: int
    layout: str
    joins: bool


class Placement:
    """Puts the frames of one track, in file order, in a row: gaps stay, what was heard already is left out to a sample.

    `ticks_per_s` of the times.
    """

    def __init__(self, ticks_per_s: Fraction) -> None:
        self._scale = ticks_per_s
        self._ticks = float(ticks_per_s)
        self._start: Fraction | None = None
        self._start_ticks = 0.0
        self._count = 0
        self._rate = 0

    def place(self, piece: Piece) -> PlacedPiece | None:
        """Where the frame goes; None where nothing of it is left."""
        frame = piece.frame
        rate, count = frame.sample_rate, frame.samples
        if rate <= 0 or count <= 0:
            return None
        if self._start is None:
            if piece.time is None:
                return None
            self._begin(piece.time, rate)
        elif rate != self._rate:
            self._begin(self._end(), rate)
        joins = self._count > 0
        skip = 0
        start = self._start
        assert start is not None
        if piece.time is not None:
            # Floats do here, and are much faster: a day's ticks keep their nanoseconds.
            late_s = (float(piece.time) - self._start_ticks) / self._ticks - self._count / rate
            if -_AGAIN_S < late_s < -_SLACK_S:
                skip = int(-late_s * rate)
                if skip >= count:
                    return None
                start, joins = piece.time + Fraction(skip, rate) * self._scale, False
                self._begin(start, rate)
            elif abs(late_s) > _SLACK_S:
                start, joins = piece.time, False
                self._begin(start, rate)
        offset = self._count
        self._count += count - skip
        samples = samples_of(frame)
        return PlacedPiece(start, offset, samples[:, skip:] if skip else samples, rate, frame.layout.name, joins)

    def _begin(self, time: Fraction, rate: int) -> None:
        self._start, self._start_ticks, self._count, self._rate = time, float(time), 0, rate

    def _end(self) -> Fraction:
        assert self._start is not None
        return self._start + Fraction(self._count, self._rate) * self._scale


def samples_of(frame: AudioFrame) -> F32:
    """Samples of a decoded frame as `(channels, n) float32`, full scale being 1, whatever its format."""
    data: Any = frame.to_ndarray()
    if not frame.format.is_planar:
        data = data.reshape(-1, len(frame.layout.channels)).T
    if data.dtype == np.uint8:
        return np.asarray((data.astype(np.float32) - 128) / 128, np.float32)
    if np.issubdtype(data.dtype, np.integer):
        scale = np.float32(1 / -float(np.iinfo(data.dtype).min))
        return np.asarray(data.astype(np.float32) * scale, np.float32)
    result: F32 = np.asarray(data, np.float32)
    return result


def harden(context: AudioCodecContext) -> AudioCodecContext:
    """Make a decoder refuse frames that fail their checksum. Before it is opened."""
    context.thread_count = 1
    if context.name.removesuffix("float") in _CHECKED:
        context.options = {"err_detect": "crccheck+explode"}
    return context


def make_sound_decoder(codec: str) -> AudioCodecContext:
    """A decoder for elementary stream data.

    Raises:
        FormatUnsupported: there is none.
    """
    try:
        context = av.CodecContext.create(_FLOAT_DECODERS.get(codec, codec), "r")
    except (av.FFmpegError, ValueError) as error:
        raise FormatUnsupported(f"{codec} sound cannot be decoded here") from error
    if not isinstance(context, AudioCodecContext):
        raise FormatUnsupported(f"{codec} is no audio codec")
    return harden(context)


class FrameDecoder:
    """Decodes coded frames of one track; one that is damaged gives nothing."""

    def __init__(self, codec: str) -> None:
        self._context: AudioCodecContext | None
        try:
            self._context = make_sound_decoder(codec)
        except FormatUnsupported:
            self._context = None
        self._times: deque[tuple[int, Fraction | None]] = deque(maxlen=256)
        self._count = 0

    def decode(self, data: bytes, time: Fraction | None) -> list[Piece]:
        """What comes out for a frame that begins at `time`."""
        if self._context is None:
            return []
        packet = av.Packet(data)
        packet.pts = packet.dts = self._count
        self._times.append((self._count, time))
        self._count += 1
        try:
            frames = self._context.decode(packet)
        except (av.FFmpegError, EOFError):
            return []
        return [Piece(self._time_of(frame.pts), frame) for frame in frames]

    def parse(self, data: bytes) -> list[bytes]:
        """Coded frames in a piece of elementary stream, by FFmpeg's parser; all of it where there is no parser."""
        if self._context is None:
            return []
        try:
            return [bytes(packet) for packet in self._context.parse(data)]
        except (av.FFmpegError, ValueError, EOFError):
            return [data]

    def _time_of(self, number: int | None) -> Fraction | None:
        if number is None:
            return None
        while self._times and self._times[0][0] < number:
            self._times.popleft()
        if self._times and self._times[0][0] == number:
            # A frame that gives several pieces has a time for the first one only.
            return self._times.popleft()[1]
        return None
