"""Whether the packets of a transport stream keep to the standard (ISO 13818-1): counters, clock, stuffing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from plexcut.media.index.blocks import Block, packet_blocks
from plexcut.media.index.packets import PACKET, find_layout, pid_of
from plexcut.media.sources import open_source, status_of

I64 = npt.NDArray[np.int64]
I16 = npt.NDArray[np.int16]
U32 = npt.NDArray[np.uint32]

_CHUNK_BYTES = 4 << 20
_NULL_PID = (1 << 13) - 1
"""Of packets that are nothing but room; their counters are undefined."""
_CARRIES, _ADAPTED, _WRONG = 0x10000000, 0x20000000, 0x8000
_PCR_FLAG, _RANDOM_ACCESS = 0x10, 0x40
_PCR_MOST_TICKS = 9_000
"""ISO 13818-1 allows 100 ms between two."""
TABLES_MOST_TICKS = 45_000
"""TR 101 290 (1.3, 1.5) allows half a second between two PATs, or two PMTs."""


def pids_of(heads: U32) -> I16:
    """The PID of each packet, by its first four bytes."""
    return pid_of(heads).astype(np.int16)


def read_pcrs(data: npt.NDArray[np.uint8], off: I64) -> I64:
    """What the clock says in packets that lie at `off` and tell it, in ticks of 90 kHz."""
    field = data[off[:, None] + np.arange(6, 11)].astype(np.int64)
    ticks: I64 = field[:, 0] << 25 | field[:, 1] << 17 | field[:, 2] << 9 | field[:, 3] << 1 | field[:, 4] >> 7
    return ticks


def transport_faults(path: Path, pcr_pid: int, tables: tuple[int, ...] = (0,)) -> list[str]:
    """What is wrong with the packets of a file, in words; one pass. `tables`: PIDs of PAT and PMT.

    Raises:
        FileUnreadable: it cannot be read.
    """
    size = status_of(path).size_bytes
    check, packets = TransportCheck(pcr_pid, tables), 0
    with open_source(path) as file:
        layout = find_layout(file.read(1 << 18))
        if layout is None:
            return ["it is no transport stream"]
        for block in packet_blocks(file, layout, (0, size), size, _CHUNK_BYTES):
            heads = block.heads()
            check.feed(block, heads, pids_of(heads))
            packets += block.count
    between = [] if packets * layout.stride == size else ["bytes that belong to no packet"]
    return [*check.faults(), *between]


class TransportCheck:
    """Looks at block after block. `pcr_pid` is that of the clock, `tables` are those of PAT and PMT."""

    def __init__(self, pcr_pid: int, tables: tuple[int, ...] = (0,)) -> None:
        self._pcr_pid = pcr_pid
        self._elapsed = self._seldom = 0
        self._table_at: dict[int, int] = dict.fromkeys(tables, 0)
        self._counters = np.full(1 << 13, -1, np.int16)
        self._breaks = self._marked = self._clock_faults = self._stuffed = 0
        self._pcr: int | None = None

    def feed(self, block: Block, heads: U32, pids: I16) -> None:
        """Take up a block, the first four bytes of each packet, and its PID."""
        self._marked += int(np.count_nonzero(heads & _WRONG))
        self._continuity(heads, pids)
        adapted = np.flatnonzero((heads & _ADAPTED) != 0)
        self._stuffing(block, adapted)
        self._clock(block, adapted[pids[adapted] == self._pcr_pid], pids)

    def faults(self) -> list[str]:
        """What was wrong so far."""
        found = [
            (self._breaks, "continuity counters do not follow"),
            (self._marked, "packets are marked as damaged"),
            (self._clock_faults, "times the clock stands still or jumps"),
            (self._seldom, "times a table comes too late"),
            (self._stuffed, "adaptation fields are not what they should be"),
        ]
        return [f"{count} {what}" for count, what in found if count]

    def _stuffing(self, block: Block, which: I64) -> None:
        """Count the adaptation fields that hold anything behind what their flags name."""
        if not which.size:
            return
        packets = block.packets(which).data
        length, flags = packets[:, 4].astype(np.int64), packets[:, 5]
        # Others than these two are of foreign packets that are passed on as they are.
        plain = (length > 0) & (flags & ~np.uint8(_PCR_FLAG | _RANDOM_ACCESS) == 0)
        begin = 6 + np.where(flags & _PCR_FLAG != 0, 6, 0)
        column = np.arange(PACKET)
        inside = (column >= begin[:, None]) & (column < 5 + length[:, None]) & plain[:, None]
        wrong = (inside & (packets != 0xFF)).any(axis=1) | (length > PACKET - 5)
        self._stuffed += int(np.count_nonzero(wrong))

    def _continuity(self, heads: U32, pids: npt.NDArray[np.int16]) -> None:
        """Count the packets whose counter does not follow that of the one before of their PID (2.4.3.3)."""
        order = np.argsort(pids, kind="stable")
        pid = pids[order]
        counter = (heads[order] >> 24 & 15).astype(np.int16)
        carries = (heads[order] & _CARRIES) != 0
        first = np.ones(pid.size, np.bool_)
        first[1:] = pid[1:] != pid[:-1]
        before = np.empty_like(counter)
        before[1:] = counter[:-1]
        before[first] = self._counters[pid[first]]
        self._breaks += int(np.count_nonzero((before >= 0) & (counter != (before + carries) & 15) & (pid != _NULL_PID)))
        last = np.append(first[1:], True)
        self._counters[pid[last]] = counter[last]

    def _clock(self, block: Block, which: I64, pids: I16) -> None:
        """Check that the clock rises, often enough, and by it that tables come often enough."""
        off = block.first + block.stride * which
        told = (block.data[off + 4] > 0) & (block.data[off + 5] & 0x10 != 0)
        off, which = off[told], which[told]
        if not off.size:
            return
        ticks = read_pcrs(block.data, off)
        before = ticks[:1] if self._pcr is None else np.array([self._pcr], np.int64)
        clock = np.concatenate((before, ticks))
        steps = (clock[1:] - clock[:-1]) % (1 << 33)
        wrong = (steps > _PCR_MOST_TICKS) | (steps == 0)
        wrong[0] &= self._pcr is not None
        self._clock_faults += int(np.count_nonzero(wrong))
        self._pcr = int(ticks[-1])
        # A jump is told already, and is no time in which anything could come.
        elapsed = self._elapsed + np.cumsum(np.where(wrong, 0, steps))
        self._elapsed = int(elapsed[-1])
        for pid, last in self._table_at.items():
            place = np.searchsorted(which, np.flatnonzero(pids == pid), side="right")
            times = np.concatenate(([last], elapsed[np.maximum(place - 1, 0)], [self._elapsed]))
            late = np.diff(times) > TABLES_MOST_TICKS
            self._seldom += int(np.count_nonzero(late))
            self._table_at[pid] = self._elapsed if late[-1] else int(times[-2])
