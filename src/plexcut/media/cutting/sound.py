"""Cutting audio at its own frames, so that the error against the picture never adds up.

Audio has no groups of pictures: any frame can be left out. A frame is taken when it begins, on the result's time line,
within half a frame of where the one before it ended; the frames taken follow one another without a gap, and none is
ever further from its place than half a frame.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import itemgetter

import numpy as np

from plexcut.media.bitstream.audio import AudioFormat, split_audio
from plexcut.media.cutting.schedule import SpanTimes

_CLOCK_SLACK = 2
"""Ticks by which a time stamp may miss the end of the frame before it: it is rounded."""
_ROUNDING = 1
"""Ticks by which two rounded time stamps may be too near one another."""
_FEW_MARKS = 4
_JOIN_SLACK = 24
"""Of a frame's length the part by which one more counts as following: Matroska keeps whole milliseconds."""


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


@dataclass(frozen=True, slots=True)
class SoundRun:
    """Frames of the source that follow one another, all of one length.

    `time` is when the first one begins and `length` how long each is, as in `SoundFrame`; frame `i` lies at
    `edges[i]` to `edges[i + 1]` of `data`.
    """

    time: Fraction
    length: Fraction
    data: bytes
    edges: Sequence[int]

    def __len__(self) -> int:
        return len(self.edges) - 1

    def frames(self) -> list[SoundFrame]:
        """One by one."""
        return [
            SoundFrame(self.time + i * self.length, self.length, self.data[self.edges[i] : self.edges[i + 1]])
            for i in range(len(self))
        ]


@dataclass(frozen=True, slots=True)
class PlacedRun:
    """Frames `first` up to before `end` of a run and where the first one goes; `joins` as in `PlacedSound`."""

    run: SoundRun
    first: int
    end: int
    time: Fraction
    joins: bool


class SoundCutter:
    """Chooses the frames of one track, span by span."""

    def __init__(self) -> None:
        self._next: Fraction | None = None
        self._taken: tuple[SpanTimes, Fraction] | None = None

    def place(self, frame: SoundFrame, span: SpanTimes) -> PlacedSound | None:
        """Where the frame goes, or None if it is left out. Frames come in order, spans too."""
        half = frame.length / 2
        wanted = frame.time + span.shift
        if not frame.even:
            return self._place_uneven(frame, wanted, span)
        if self._next is not None and wanted < self._next - half - self._slack(frame.time, span):
            return None
        # Matroska's whole milliseconds: without some slack neither of two neighbours may be within half a frame.
        joins = self._next is not None and wanted < self._next + half + frame.length / _JOIN_SLACK
        # Where the span before ended in silence, nothing of what was cut away fills it.
        joins = joins and self._next is not None and self._next >= span.base - half
        at = self._next if self._next is not None and joins else wanted
        if not span.base - half <= at < span.base_end - half:
            return None
        self._next = at + frame.length
        self._taken = span, frame.time + frame.length
        return PlacedSound(at, frame.length, frame.data, joins)

    def _slack(self, time: Fraction, span: SpanTimes) -> int:
        """Ticks by which a frame may come early that follows the last one taken, in the source as well.

        Time stamps are rounded: without it a frame amid others would be left out where they are half a frame off.
        """
        if self._taken is None or self._taken[0] != span:
            return 0
        return _ROUNDING if abs(time - self._taken[1]) <= _CLOCK_SLACK else 0

    def passed(self, span: SpanTimes, begin: int, until: int, length: Fraction) -> int:
        """All frames of the source from one time up to another, each so long, are taken by somebody else.

        Gives what is added to their times, in ticks: they follow those that were chosen before without a gap.
        """
        shift, half = Fraction(span.shift), length / 2
        if self._taken is not None and self._next is not None and self._taken[0] == span:
            shift = self._next - self._taken[1]
        elif self._next is not None and self._next >= span.base - half and abs(begin + shift - self._next) <= half:
            shift = self._next - begin
        added = round(shift)
        self._next = Fraction(until + added)
        self._taken = span, Fraction(until)
        return added

    def place_run(self, run: SoundRun, span: SpanTimes) -> PlacedRun | None:
        """The same for all frames of a run at once: those that are taken follow one another."""
        following = self._next
        # In parts of a tick of which all of them, and half a frame, are whole numbers: fractions are slow.
        known = () if following is None else (following.denominator,)
        parts = 2 * math.lcm(run.time.denominator, run.length.denominator, *known)
        length, wanted = int(run.length * parts), int(run.time * parts) + span.shift * parts
        half, base, base_end = length // 2, span.base * parts, span.base_end * parts
        first, joins, at = 0, False, wanted
        if following is not None:
            expected = int(following * parts)
            slack = self._slack(run.time, span) * parts
            first = max(0, -((wanted - expected + half + slack) // length))
            joins = _JOIN_SLACK * (wanted + first * length - expected - half) < length
            # Where the span before ended in silence, nothing of what was cut away fills it.
            joins = joins and expected >= base - half
            at = expected
        if not joins:
            first = max(first, -((wanted - base + half) // length))
            at = wanted + first * length
        end = min(len(run), first - (at - base_end + half) // length)
        if end <= first:
            return None
        place = Fraction(at, parts)
        self._next = place + (end - first) * run.length
        self._taken = span, run.time + end * run.length
        return PlacedRun(run, first, end, place, joins)

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
        self._lengths: dict[tuple[int, int], Fraction] = {}
        self._size = 0
        self._length = Fraction(0)
        self._head = self._alike = np.empty(0, np.uint8)

    def feed(self, es: bytes, marks: list[tuple[int, int]]) -> list[SoundFrame]:
        """The frames that are whole now.

        `marks` are `(offset in es, ticks)`: the first frame that begins at or behind the offset has that time.
        """
        return [frame for run in self.feed_runs(es, marks) for frame in run.frames()]

    def feed_runs(self, es: bytes, marks: list[tuple[int, int]]) -> list[SoundRun]:
        """The same as runs."""
        start = self._base + len(self._es)
        self._marks.extend((start + offset, ticks) for offset, ticks in marks)
        self._es += es
        runs: list[SoundRun] = []
        used = 0
        even = self._even_frames()
        if even:
            used = even * self._size
            self._timed(range(0, used + 1, self._size), self._length, runs)
        split = split_audio(self._codec, self._es[used:] if used else self._es, self._format)
        self._format = split.format
        edges: list[int] = []
        length = Fraction(0)
        for offset, size, samples, rate in split.frames:
            own = self._lengths.get((samples, rate)) or self._lengths.setdefault(
                (samples, rate), Fraction(samples * self._scale, rate)
            )
            if not edges or edges[-1] != used + offset or own != length:
                if edges:
                    self._timed(edges, length, runs)
                edges = [used + offset]
            length = own
            edges.append(used + offset + size)
        if edges:
            self._timed(edges, length, runs)
            self._remember(edges[-2], edges[-1] - edges[-2], length)
        used += split.consumed
        self._base += used
        self._es = self._es[used:]
        return runs

    def _remember(self, offset: int, size: int, length: Fraction) -> None:
        """What the last frame looks like: those behind it are likely to look the same."""
        compared = _ALIKE.get(self._codec)
        head = self._es[offset : offset + _HEAD_BYTES]
        if compared is None or len(head) < _HEAD_BYTES or (self._codec == "ac3" and head[5] >> 3 > _AC3_BSID):
            self._size = 0
            return
        self._size, self._length = size, length
        self._alike = np.frombuffer(compared, np.uint8)
        self._head = np.frombuffer(head, np.uint8) & self._alike

    def _even_frames(self) -> int:
        """How many frames just like the last one the data begin with, less two.

        What is behind a frame must be one too, and whoever takes apart the rest wants to begin with a frame.
        """
        if not self._size or len(self._es) < 3 * self._size:
            return 0
        count = (len(self._es) - _HEAD_BYTES) // self._size + 1
        data = np.frombuffer(self._es, np.uint8)
        heads = np.lib.stride_tricks.as_strided(data, (count, _HEAD_BYTES), (self._size, 1), writeable=False)
        alike = ((heads & self._alike) == self._head).all(axis=1)
        return max(0, (count if alike.all() else int(np.argmin(alike))) - 2)

    def _timed(self, edges: Sequence[int], length: Fraction, runs: list[SoundRun]) -> None:
        """Frames that follow one another, as runs without a jump of the clock."""
        places = [self._base + edge for edge in edges] if isinstance(edges, list) else None
        size = 0 if places is not None else edges[1] - edges[0]
        count = len(edges) - 1
        begin = 0
        # Fractions are slow, and hardly ever needed.
        time: int | Fraction | None = None if self._next is None else plain(self._next)
        step = plain(length)
        marks = self._marks
        last = self._base + edges[count - 1]
        if time is not None and size:
            self._drop_even(edges, time, step)
        while marks and marks[0][0] <= last:
            offset, ticks = marks.popleft()
            behind = offset - self._base - edges[0]
            # The first frame that begins at or behind the mark.
            at = bisect_left(places, offset) if places is not None else max(0, -(-behind // size))
            if marks and marks[0][0] <= self._base + edges[at]:
                continue
            if time is not None and -_CLOCK_SLACK <= time + (at - begin) * step - ticks <= _CLOCK_SLACK:
                continue
            if time is not None and at > begin:
                runs.append(self._run(edges, begin, at, Fraction(time), length))
            begin, time = at, ticks
        if time is not None:
            runs.append(self._run(edges, begin, count, Fraction(time), length))
            self._next = Fraction(time + (count - begin) * step)

    def _drop_even(self, edges: Sequence[int], time: int | Fraction, step: int | Fraction) -> None:
        """Forget the marks of frames of one size if all of them say what was expected, which is nearly always so."""
        last = self._base + edges[len(edges) - 2]
        count = bisect_right(self._marks, last, key=itemgetter(0))
        if count < _FEW_MARKS:
            return
        offset, ticks = np.array(list(itertools.islice(self._marks, count)), np.int64).T
        frame = np.maximum(-((self._base + edges[0] - offset) // (edges[1] - edges[0])), 0)
        # In parts of a tick, which are whole.
        parts = math.lcm(Fraction(time).denominator, Fraction(step).denominator)
        off = int(time * parts) + frame * int(step * parts) - ticks * parts
        if bool((np.abs(off) <= _CLOCK_SLACK * parts).all()):
            for _ in range(count):
                self._marks.popleft()

    def _run(self, edges: Sequence[int], begin: int, end: int, time: Fraction, length: Fraction) -> SoundRun:
        low = edges[begin]
        data = self._es[low : edges[end]]
        if isinstance(edges, range):
            return SoundRun(time, length, data, range(0, len(data) + 1, edges.step))
        return SoundRun(time, length, data, [edge - low for edge in edges[begin : end + 1]])


def plain(ticks: Fraction) -> int | Fraction:
    """A whole number where it is one, with which to reckon is ten times faster."""
    return ticks.numerator if ticks.denominator == 1 else ticks


_HEAD_BYTES = 6
_MPEG_ALIKE = b"\xff\xff\xff\x00\x00\x00"
"""Sync word, layer, bit rate, sample rate and padding: all that the length of a frame depends on."""
_ALIKE = {
    "mp1": _MPEG_ALIKE,
    "mp2": _MPEG_ALIKE,
    "mp3": _MPEG_ALIKE,
    "mp3float": _MPEG_ALIKE,
    "ac3": b"\xff\xff\x00\x00\xff\xf8",
}
"""Codecs whose frames are often all of one size, and the bits of their first bytes that are the same then."""
_AC3_BSID = 10
"""Above this it is E-AC-3, which tells the length of a frame at another place."""
