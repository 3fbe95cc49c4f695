"""The clock of a transport stream, sampled: where in the file a time lies, and whether nothing in between sets it anew.

A place's time is known only where the clock runs on from the file's beginning to there. The index finds every place at
which it does not; here it is looked at in samples, and doubted until it is proved. Of two samples that lie `a` seconds
and `b` bytes apart, at most `a - b / rate` seconds were not received, `rate` being the highest that the stream has: is
that less than what the index takes for a hole, then there is none. Stretches that leave more are sampled more densely.
A clock that went back shows as bytes that are too many for their time, or as a time before the last one; as the first
needs samples that lie closer together than it went back, they are taken as densely as a fifth of a second allows: every
second of a recording that is read quickly. What stays hidden is a clock that is set by less than that.
"""

from __future__ import annotations

import time
from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plexcut.media.index.packets import SYNC, PacketLayout, parse_pes_header
from plexcut.media.index.sent import BACK_TICKS, HOLE_TICKS, WRAP

Ranges = Sequence[tuple[int, int]]
ReadRanges = Callable[[Ranges], list[bytes]]
"""Reads `(start, size)` stretches of a file, several at once where that is quicker."""

I64 = npt.NDArray[np.int64]

_TICKS_S = 90_000
_SURE_TICKS = HOLE_TICKS - 2 * _TICKS_S
"""Two samples no farther apart cannot hide a hole; two seconds less, because pictures and samples lie apart."""
_PEAK = (1.15, 1.4)
"""By how much the rate of a stretch may exceed the highest that others of its length have; the more they differ."""
_ENOUGH = 8
_OUTLIER = 2.0
"""Times the usual rate: bytes too many for their time, unless denser samples say otherwise."""
_EXCESS_TICKS = 3 * _TICKS_S // 2
_DENSE_TICKS = _TICKS_S
_DENSE_S = 0.2
"""So long samples are taken that the proof does not ask for, until they lie `_DENSE_TICKS` apart."""
_NEAR_TICKS = 3 * _TICKS_S // 2
_COARSE = 16
_LONGEST_SAMPLE = 4 << 20
_BATCH = 64
_READERS = 16
_ROUNDS = 400


class ClockUnclear(Exception):
    """The time of a place cannot be known from samples; only the whole index tells."""


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A video PES packet: file position, and its raw 33-bit decode time."""

    at: int
    raw: int


@dataclass(frozen=True, slots=True)
class SampledStream:
    """What is sampled: packets of `pid` (and `pcr_pid`, whose discontinuity flags count) laid out as `layout` says."""

    layout: PacketLayout
    pid: int
    pcr_pid: int
    size_bytes: int
    sample_bytes: int


class ClockLine:
    """The samples taken so far, and the line through them. `first`: a mark at the file's beginning, time 0 of the line.

    Ticks of the line count from `first.raw`, unwrapped. `rate`: bytes for each tick at the file's beginning. Not for
    several threads at once.
    """

    def __init__(self, stream: SampledStream, first: Mark, rate: float) -> None:
        self._stream = stream
        self._rate = rate
        self._marks: list[Mark] = [first]
        self._asked: set[int] = set()
        self._sample_s = 0.0
        self._barrier = stream.size_bytes

    def bracket(self, start: int, end: int, read: ReadRanges, give_up: Callable[[], bool]) -> tuple[int, int]:
        """File positions `(begin, end)` around the pictures between two times, in ticks of the line.

        `end` is the file's size where the time lies behind the last sample.

        Raises:
            ClockUnclear: there is a jump before it, or none can be ruled out; or `give_up` said so.
        """
        dense_until = time.monotonic() + (_DENSE_S if len(self._marks) < 2 else _DENSE_S / 2)
        if len(self._marks) < 2:
            last = max(0, self._stream.size_bytes - 2 * self._stream.sample_bytes)
            self._take([*(self._stream.size_bytes * i // _COARSE for i in range(1, _COARSE)), last], read)
        for _ in range(_ROUNDS):
            if give_up():
                break
            at, ticks = self._line()
            behind = np.flatnonzero(ticks > end)
            count = int(behind[0]) + 1 if behind.size else ticks.size
            wanted = self._doubtful(at[:count], ticks[:count])
            if not wanted:
                wanted = self._nearer(at, ticks, start) + self._nearer(at, ticks, end)
            left_s = dense_until - time.monotonic()
            if not wanted and left_s > 0:
                affordable = max(_READERS, int(left_s / max(self._sample_s, 1e-6)))
                wanted = self._denser(at[:count], ticks[:count])[: min(affordable, 4 * _BATCH)]
            if not wanted:
                before = np.flatnonzero(ticks[:count] <= start)
                begin = int(at[before[-1]]) if before.size and before[-1] > 0 else 0
                if self._barrier <= int(at[count - 1]):
                    break
                return begin, int(at[behind[0]]) if behind.size else self._stream.size_bytes
            self._take(wanted, read)
        raise ClockUnclear

    def _line(self) -> tuple[I64, I64]:
        """File positions of the marks, and their decode times, unwrapped from the first."""
        at = np.asarray([mark.at for mark in self._marks], np.int64)
        raw = np.asarray([mark.raw for mark in self._marks], np.int64)
        steps: I64 = (raw[1:] - raw[:-1] + WRAP // 2) % WRAP - WRAP // 2
        return at, np.concatenate((np.zeros(1, np.int64), np.cumsum(steps)))

    def _usual(self, sizes: I64, spans: I64) -> float:
        """Bytes for each tick in most stretches."""
        timed = spans > _TICKS_S // 4
        rates = np.append(sizes[timed] / spans[timed], self._rate)
        return max(1e-9, float(np.median(rates)))

    def _doubtful(self, at: I64, ticks: I64) -> list[int]:
        """Places to sample before the line up to its last mark can be believed; none: it can be.

        Raises:
            ClockUnclear: it cannot.
        """
        spans, sizes = np.diff(ticks), np.diff(at)
        if bool((spans < -BACK_TICKS).any()):
            raise ClockUnclear
        usual = self._usual(sizes, spans)
        holes = (spans > _SURE_TICKS) & (spans - self._shortest(sizes, spans) > _SURE_TICKS)
        excess = (sizes / usual).astype(np.int64) - spans
        crowded = ~holes & (excess > _EXCESS_TICKS) & (sizes > _OUTLIER * usual * spans)
        wanted: list[int] = []
        for k in np.flatnonzero(holes | crowded)[:_BATCH].tolist():
            parts = min(8, max(2, int(spans[k]) // _SURE_TICKS + 1)) if holes[k] else 2
            places = self._between(at, k, parts)
            if not places and holes[k]:
                raise ClockUnclear
            wanted += places
        return wanted

    def _shortest(self, sizes: I64, spans: I64) -> I64:
        """How long the pictures of each stretch last at least, at the highest rate that stretches like it may have."""
        found = np.zeros(spans.size, np.int64)
        length = _SURE_TICKS
        while bool((spans > length).any()):
            like = spans > length // 2
            if np.count_nonzero(like) < _ENOUGH:
                like = spans > _TICKS_S
            rates = np.append(sizes[like] / spans[like], self._rate)
            high = float(np.quantile(rates, 0.95))
            spread = high / max(1e-9, float(np.median(rates))) - 1
            peak = high * min(_PEAK[1], _PEAK[0] + 2 * spread)
            of_this = (spans > length) & (spans <= 2 * length)
            found[of_this] = (sizes[of_this] / max(1e-9, peak)).astype(np.int64)
            length *= 2
        return found

    def _denser(self, at: I64, ticks: I64) -> list[int]:
        """Places in the longest stretches, which are proved, but in which the clock might have gone back a little."""
        spans, sizes = np.diff(ticks), np.diff(at)
        length = np.maximum(spans, (sizes / self._usual(sizes, spans)).astype(np.int64))
        longest = np.argsort(-length, kind="stable")[:_BATCH]
        chosen = longest[length[longest] > _DENSE_TICKS].tolist()
        return [p for k in chosen for p in self._between(at, k, min(8, int(length[k]) // _DENSE_TICKS + 1))]

    def _nearer(self, at: I64, ticks: I64, target: int) -> list[int]:
        """Places to sample so that the marks around a time come close to it; none: they are close."""
        behind = int(np.argmax(ticks > target))
        if ticks[behind] <= target or behind == 0:
            return []
        a, b = int(ticks[behind - 1]), int(ticks[behind])
        if b - a <= _NEAR_TICKS:
            return []
        begin, until = int(at[behind - 1]), int(at[behind])
        share = (target - a) / (b - a)
        margin = max(0.03, min(0.25, _TICKS_S / 3 / (b - a)))
        places = [begin + int((until - begin) * min(0.97, max(0.03, share + d))) for d in (-margin, margin)]
        return self._fresh(places, begin, until)

    def _between(self, at: I64, k: int, parts: int) -> list[int]:
        begin, until = int(at[k]), int(at[k + 1])
        return self._fresh([begin + (until - begin) * i // parts for i in range(1, parts)], begin, until)

    def _fresh(self, places: list[int], at: int, until: int) -> list[int]:
        """Those of the places that can still bring a mark between two others."""
        stride = self._stream.layout.stride
        aligned = [self._stream.layout.first + (p - self._stream.layout.first) // stride * stride for p in places]
        return [p for p in dict.fromkeys(aligned) if at < p < until and p not in self._asked]

    def _take(self, places: list[int], read: ReadRanges) -> None:
        stride, first = self._stream.layout.stride, self._stream.layout.first
        starts = [first + max(0, p - first) // stride * stride for p in places]
        starts = [p for p in dict.fromkeys(starts) if p not in self._asked]
        self._asked.update(starts)
        size, begun, count = self._stream.sample_bytes, time.monotonic(), len(starts)
        while starts and size <= _LONGEST_SAMPLE:
            left = []
            for start, data in zip(starts, read([(p, size) for p in starts]), strict=True):
                try:
                    mark = _mark_in(data, start, self._stream)
                except ClockUnclear:
                    self._barrier = min(self._barrier, start)
                    continue
                if mark is not None:
                    self._add(mark)
                elif start + size < self._stream.size_bytes:
                    left.append(start)
            starts, size = left, 4 * size
        self._sample_s = (time.monotonic() - begun) / max(1, count)
        self._barrier = min([self._barrier, *starts])

    def _add(self, mark: Mark) -> None:
        i = bisect_left(self._marks, mark.at, key=lambda m: m.at)
        if i < len(self._marks) and self._marks[i].at == mark.at:
            return
        insort(self._marks, mark)


def _mark_in(data: bytes, start: int, stream: SampledStream) -> Mark | None:
    """The first PES packet with a clock that begins in a stretch of the file; None: there is none.

    Raises:
        ClockUnclear: a new clock is announced here.
    """
    stride = stream.layout.stride
    flat = np.frombuffer(data, np.uint8)
    phase = _phase(flat, stride)
    if phase is None:
        return None
    count = (flat.size - phase - 188) // stride + 1
    rows = np.lib.stride_tricks.as_strided(flat[phase:], (count, 188), (stride, 1), writeable=False)
    clocks = np.flatnonzero((rows[:, 2] == stream.pcr_pid & 0xFF) & ((rows[:, 3] & 0x20) != 0))
    for i in clocks.tolist():
        row = rows[i]
        same = row[0] == SYNC and row[1] & 0x1F == stream.pcr_pid >> 8
        if same and row[4] and row[5] & 0x90 == 0x90:
            raise ClockUnclear
    begins = (rows[:, 2] == stream.pid & 0xFF) & ((rows[:, 1] & 0xDF) == 0x40 | stream.pid >> 8)
    begins &= (rows[:, 0] == SYNC) & ((rows[:, 3] & 0xD0) == 0x10)
    for i in np.flatnonzero(begins).tolist():
        row = rows[i]
        payload = 4 + (1 + int(row[4]) if row[3] & 0x20 else 0)
        head = parse_pes_header(row[payload:].tobytes())
        if head is not None and head[2] is not None:
            return Mark(start + phase + i * stride, head[2])
    return None


def _phase(flat: np.ndarray[tuple[int], np.dtype[np.uint8]], stride: int) -> int | None:
    """Offset of the first packet; None where no packets can be made out."""
    if flat.size < 188 + 4 * stride:
        return 0 if flat.size >= 188 and flat[0] == SYNC else None
    if bool((flat[: 5 * stride : stride] == SYNC).all()):
        return 0
    count = flat.size // stride
    hits = (flat[: count * stride].reshape(count, stride) == SYNC).sum(axis=0)
    best = int(hits.argmax())
    return best if hits[best] * 2 >= count else None
