"""Where the PES packets of the streams beside the video begin, and when they are to be heard or seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from plexcut.media.index.apart import CARRIES, STARTS, Apart
from plexcut.media.index.blocks import Block
from plexcut.media.index.packets import PACKET, pid_of
from plexcut.media.index.pes import UNKNOWN, GrowingColumn, parse_pes_heads, payload_begin

I64 = npt.NDArray[np.int64]
U32 = npt.NDArray[np.uint32]


class TimeLine(Protocol):
    """Rows of pictures with their decode times, and the clock of the stream, as in `MediaIndex`."""

    @property
    def at(self) -> I64: ...

    @property
    def dts(self) -> I64: ...

    @property
    def clock_at(self) -> I64: ...

    @property
    def clock_add(self) -> I64: ...


@dataclass(frozen=True, slots=True, eq=False)
class PesRows:
    """PES packets of one stream that say when they are due, in file order.

    `at`: file position of the first transport packet; `pts`: ticks of the recording's time line.
    """

    at: I64
    pts: I64

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PesRows) and np.array_equal(self.at, other.at) and np.array_equal(self.pts, other.pts)

    def __hash__(self) -> int:
        return hash((self.at.size, self.at.tobytes()))

    def position_at(self, pts: int) -> int | None:
        """File position of the last packet that is due at `pts` or before; of the first where all are due later.

        None where there are no packets.
        """
        if not self.at.size:
            return None
        due = np.maximum.accumulate(self.pts)
        return int(self.at[max(0, int(np.searchsorted(due, pts, side="right")) - 1)])


@dataclass(frozen=True, slots=True, eq=False)
class RawPes:
    """PES packets of the streams beside the video that say when they are due, in file order; `pts` raw.

    There may be more of them than pictures, so they are kept small: the lowest 32 bits of `at` and `pts`, and in `high`
    15 more of `at` and, lowest, one more of `pts`.
    """

    pid: npt.NDArray[np.int16]
    low_at: U32
    low_pts: U32
    high: npt.NDArray[np.uint16]

    @classmethod
    def of(cls, pid: npt.NDArray[np.int16], at: I64, pts: I64) -> Self:
        """From plain columns."""
        return cls(pid, at.astype(np.uint32), pts.astype(np.uint32), (at >> 32 << 1 | pts >> 32).astype(np.uint16))

    @property
    def at(self) -> I64:
        """File position of the first transport packet of each."""
        return self.low_at + (self.high.astype(np.int64) >> 1 << 32)

    @property
    def pts(self) -> I64:
        """When each is due."""
        return self.low_pts + ((self.high.astype(np.int64) & 1) << 32)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RawPes) and all(
            np.array_equal(a, b) for a, b in zip(self.columns, other.columns, strict=True)
        )

    def __hash__(self) -> int:
        return hash((self.low_at.size, self.low_at.tobytes()))

    @property
    def columns(self) -> tuple[npt.NDArray[Any], ...]:
        """Its columns, as it is made of them."""
        return self.pid, self.low_at, self.low_pts, self.high

    def take(self, which: I64 | slice) -> Self:
        """Some of them."""
        return type(self)(*(column[which] for column in self.columns))

    def before(self, at: int) -> Self:
        """Those that begin before a file position."""
        return self.take(slice(int(np.searchsorted(self.at, at))))

    def and_then(self, other: Self) -> Self:
        """These and those behind them."""
        both = zip(self.columns, other.columns, strict=True)
        return type(self)(*(np.concatenate(columns) for columns in both))


class CompanionScan:
    """Collects the PES packets of all streams but some (the video, those of other programmes), block by block.

    Streams that no table names yet are collected too: a later one may.
    """

    def __init__(self, without: set[int]) -> None:
        self._wanted = np.ones(1 << 13, np.bool_)
        self._wanted[sorted(without)] = False
        self._columns = (GrowingColumn("i2"), GrowingColumn("u4"), GrowingColumn("u4"), GrowingColumn("u2"))

    def feed(self, block: Block, apart: Apart) -> None:
        """Take up a block's packets."""
        begun = np.flatnonzero(apart.heads & (STARTS | CARRIES) == STARTS | CARRIES)
        begun = begun[self._wanted[pid_of(apart.heads[begun])]]
        begun, heads = apart.special[begun], apart.heads[begun]
        pids = pid_of(heads)
        off = block.first + block.stride * begun
        pes = parse_pes_heads(block.data, payload_begin(block.data, off, heads), off + PACKET)
        timed = pes.pts != UNKNOWN
        at = block.at + block.stride * begun
        found = RawPes.of(pids[timed].astype(np.int16), at[timed], pes.pts[timed])
        for column, values in zip(self._columns, found.columns, strict=True):
            column.extend(values)

    def result(self) -> RawPes:
        """All of them so far."""
        return RawPes(*(column.values() for column in self._columns))


def clocked_companion(raw: RawPes, pid: int, line: TimeLine) -> PesRows:
    """The PES packets of one PID on the time line of the video.

    Of repeated packets, and of clocks that say nothing new, the first counts.
    """
    mine = raw.take(np.flatnonzero(raw.pid == pid))
    at, pts = mine.at, mine.pts
    fresh = np.ones(pts.size, np.bool_)
    fresh[1:] = pts[1:] != pts[:-1]
    at, pts = at[fresh], pts[fresh]
    if line.at.size and pts.size:
        near = line.dts[np.maximum(np.searchsorted(line.at, at, side="right") - 1, 0)]
        added = line.clock_add[np.searchsorted(line.clock_at, at, side="right") - 1]
        half = np.int64(1 << 32)
        pts = near + (pts + added - near + half) % (2 * half) - half
    return PesRows(at, pts)
