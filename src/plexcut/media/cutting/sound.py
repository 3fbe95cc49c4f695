"""Cutting audio at its own frames, so that the error against the picture never adds up.

Audio has no groups of pictures: any frame can be left out. A frame is taken when it begins, on the result's time line,
within half a frame of where the one before it ended; the frames taken follow one another without a gap, and none is
ever further from its place than half a frame.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from fractions import Fraction

from plexcut.media.bitstream.audio import AudioFormat, split_audio
from plexcut.media.cutting.schedule import SpanTimes


@dataclass(frozen=True, slots=True)
class SoundFrame:
    """An audio frame of the source: its time and length in ticks of the video's time base, and its bytes.

    `even`: all frames of the track are as long, and the length is exact.
    """

    time: Fraction
    length: Fraction
    data: bytes
    even: bool = True


@dataclass(frozen=True, slots=True)
class PlacedSound:
    """A chosen frame and its time in the result; `joins`: it follows the one chosen before without a gap."""

    time: Fraction
    length: Fraction
    data: bytes
    joins: bool


class SoundCutter:
    """Chooses the frames of one track, span by span."""

    def __init__(self) -> None:
        self._next: Fraction | None = None

    def place(self, frame: SoundFrame, span: SpanTimes) -> PlacedSound | None:
        """Where the frame goes, or None if it is left out. Frames come in order, spans too."""
        half = frame.length / 2
        wanted = frame.time + span.shift
        if not frame.even:
            return self._place_uneven(frame, wanted, span)
        if self._next is not None and wanted < self._next - half:
            return None
        # Matroska's whole milliseconds: without some slack neither of two neighbours may be within half a frame.
        joins = self._next is not None and wanted < self._next + half + frame.length / 24
        at = self._next if self._next is not None and joins else wanted
        if at >= span.base_end - half or (not joins and at < span.base - half):
            return None
        self._next = at + frame.length
        return PlacedSound(at, frame.length, frame.data, joins)

    def _place_uneven(self, frame: SoundFrame, wanted: Fraction, span: SpanTimes) -> PlacedSound | None:
        """Frames of many lengths, told only roughly (Vorbis): each at its own time, those that begin in the span."""
        if wanted < span.base or wanted >= span.base_end:
            return None
        self._next = wanted + frame.length
        return PlacedSound(wanted, frame.length, frame.data, joins=False)


class SoundReader:
    """Puts audio frames together from an elementary stream that comes in pieces.

    `ticks_per_s` of the time base that times are in.
    """

    def __init__(self, codec: str, ticks_per_s: int) -> None:
        self._codec = codec
        self._scale = ticks_per_s
        self._es = b""
        self._base = 0
        self._marks: deque[tuple[int, int]] = deque()
        self._format: AudioFormat | None = None
        self._next: Fraction | None = None

    def feed(self, es: bytes, marks: list[tuple[int, int]]) -> list[SoundFrame]:
        """The frames that are whole now.

        `marks` are `(offset in es, ticks)`: the first frame that begins at or behind the offset has that time.
        """
        start = self._base + len(self._es)
        self._marks.extend((start + offset, ticks) for offset, ticks in marks)
        self._es += es
        split = split_audio(self._codec, self._es, self._format)
        self._format = split.format
        frames: list[SoundFrame] = []
        for offset, size, samples, rate in split.frames:
            length = Fraction(samples * self._scale, rate)
            time = self._time(self._base + offset)
            if time is not None:
                frames.append(SoundFrame(time, length, self._es[offset : offset + size]))
                self._next = time + length
        self._base += split.consumed
        self._es = self._es[split.consumed :]
        return frames

    def _time(self, offset: int) -> Fraction | None:
        marked: int | None = None
        while self._marks and self._marks[0][0] <= offset:
            marked = self._marks.popleft()[1]
        if marked is None:
            return self._next
        if self._next is not None and abs(marked - self._next) <= 2:
            return self._next
        return Fraction(marked)
