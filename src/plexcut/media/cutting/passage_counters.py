"""The continuity counters at both ends of a stretch of a file that goes along whole, also of what is sent seldom."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from plexcut.errors import FileUnreadable
from plexcut.media.cutting.passages import Passage
from plexcut.media.cutting.source_clock import TICKS
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.packets import PACKET, pid_of

I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_SEARCHED_BYTES = (8 << 20) // PACKET * PACKET
PES_BYTES = (1 << 20) // PACKET * PACKET
"""A PES packet lies within so much of a file, nearly always."""
_SELDOM_TICKS = 35 * TICKS
"""Nothing that is sent again and again comes less often (EN 300 468: the time of day, every 30 s)."""


class PassageCounters:
    """Of one passage. What looks for them gives something now and then, so that somebody can give up."""

    def __init__(self, file: BinaryIO, index: MediaIndex, passage: Passage) -> None:
        self._file = file
        self._index = index
        self._passage = passage

    def wanted(self, written: Mapping[int, int]) -> Generator[int, None, dict[int, int]]:
        """With which counters PIDs that were written before go on in a passage."""
        begin = self._passage.begin
        wanted = {pid: begin.first[pid] for pid in written if pid in begin.first}
        for pid in sorted(set(written) - set(wanted)):
            at = self.pes_at(pid)
            if at.size:
                heads = _Heads.read(self._file, int(at[0]), PACKET)
                wanted[pid] = int(heads.counters[0])
        near = min(self._position_at(begin.row, _SELDOM_TICKS), self._passage.finish.at)
        yield from self._search(range(begin.at, near, _SEARCHED_BYTES), near, set(written), wanted, first=True)
        return wanted

    def last(self, pids: Collection[int]) -> Generator[int, None, dict[int, int]]:
        """The last counter of each PID in a passage."""
        finish = self._passage.finish
        last = dict(finish.last)
        for pid in sorted(set(pids) - set(last)):
            at = self.pes_at(pid)
            if at.size:
                heads = _Heads.read(self._file, int(at[-1]), min(PES_BYTES, finish.at - int(at[-1])))
                last[pid] = int(heads.counters[heads.pids == pid][-1])
        near = max(self._position_at(finish.row, -_SELDOM_TICKS), self._passage.begin.at)
        places = range(near, finish.at, _SEARCHED_BYTES)[::-1]
        yield from self._search(places, finish.at, set(pids), last, first=False)
        return last

    def _search(self, places: range, end: int, pids: set[int], found: dict[int, int], *, first: bool) -> Iterator[int]:
        """Look for the counters of what is sent seldom (service information), from place to place of the file."""
        missing = pids - set(found)
        for at in places:
            if not missing:
                return
            yield 0
            heads = _Heads.read(self._file, at, min(_SEARCHED_BYTES, end - at))
            for pid in sorted(missing):
                which = np.flatnonzero((heads.pids == pid) & (heads.carries | (not first)))
                if which.size:
                    found[pid] = int(heads.counters[which[0 if first else -1]])
                    missing.discard(pid)

    def pes_at(self, pid: int) -> I64:
        """Where PES packets of a stream begin in a passage."""
        raw = self._index.raw
        if raw is None:
            return np.empty(0, np.int64)
        at = raw.pes.take(np.flatnonzero(raw.pes.pid == pid)).at
        return at[(at >= self._passage.begin.at) & (at < self._passage.finish.at)]

    def _position_at(self, row: int, ticks: int) -> int:
        """Where the file is so much further than at a row."""
        dts = self._index.dts
        there = int(np.searchsorted(dts, int(dts[row]) + ticks))
        return int(self._index.at[min(there, dts.size - 1)])


@dataclass(frozen=True, slots=True)
class _Heads:
    """Of some packets: PIDs, counters, and which have payload."""

    pids: npt.NDArray[np.int32]
    counters: I64
    carries: Mask

    @classmethod
    def read(cls, file: BinaryIO, at: int, size: int) -> _Heads:
        """Those from a position of a file on.

        Raises:
            FileUnreadable: there is none.
        """
        file.seek(at)
        data = file.read(size // PACKET * PACKET)
        if len(data) < PACKET:
            raise FileUnreadable("the recording is shorter than it was")
        heads = np.ndarray((len(data) // PACKET,), "<u4", data, 0, (PACKET,))
        return cls(pid_of(heads), (heads >> 24 & 15).astype(np.int64), (heads & 0x10000000) != 0)
