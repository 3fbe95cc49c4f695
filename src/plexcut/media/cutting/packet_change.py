"""What changes in transport packets that go into a cut whole: clocks, counters, and some that stay behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from plexcut.media.cutting.transport_check import read_pcrs
from plexcut.media.index.apart import ADAPTED, CARRIES, STARTS
from plexcut.media.index.packets import PACKET, pid_of
from plexcut.media.index.pes import parse_pes_heads, payload_begin, read_stamps
from plexcut.media.ts_packets import CLOCK_MASK, adaptation
from plexcut.media.ts_pictures import stamp_bytes

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]

_PIDS = 1 << 13
_FLAGS, _PCR_AT = 5, 6
_PCR_FLAG, _OTHER_CLOCKS = 0x10, 0x0C
_ESCR = 0x20
_STAMP_AT, _HEADER_BYTES = 9, 19


class Unpassable(Exception):
    """Packets that cannot go along whole: something in them cannot be changed."""


@dataclass(frozen=True, slots=True)
class PacketChange:
    """What is added to the clocks of packets, 90 kHz modulo 2**33: `ticks` to the programme's, `stamps` by PID to those
    of PES packets; by PID the counter that the first packet is to have, where there was one before; and packets, by
    their place in the source, that come in the place of others there (see `room_packet`).
    """

    ticks: int
    stamps: Mapping[int, int]
    counters: Mapping[int, int]
    instead: Mapping[int, bytes] = field(default_factory=dict)

    @property
    def is_plain(self) -> bool:
        """Whether clocks stay as they are."""
        return not self.ticks and not any(self.stamps.values())


def room_packet(pid: int, counter: int) -> bytes:
    """A packet without payload, where one was that stays behind, so that all others stay where they are (2.4.3.4).

    `counter` is that of the packet before it, which it has too.
    """
    return bytes((0x47, pid >> 8, pid & 0xFF, 0x20 | counter & 15)) + adaptation(PACKET - 4, b"")


def add_to_counters(heads: U32, add: I64) -> I64:
    """Add to the counters of packets, each its own; gives what they are then."""
    counters: I64 = ((heads >> 24 & 15) + add) & 15
    heads[:] = (heads & 0xF0FFFFFF) | (counters << 24).astype(np.uint32)
    return counters


class Changing:
    """Changes packets, block by block, in order. `last`: by PID the counter of the last one (-1: there was none)."""

    def __init__(self, change: PacketChange, *, counted: bool = True) -> None:
        """`counted`: False where counters are right already."""
        self._change = change
        self._plain = change.is_plain
        self._counted = counted
        self._stamps = np.zeros(_PIDS, np.int64)
        self._stamped = np.zeros(_PIDS, np.bool_)
        for pid, ticks in change.stamps.items():
            self._stamps[pid], self._stamped[pid] = ticks, True
        self._add = np.full(_PIDS, -1, np.int64)
        self.last = np.full(_PIDS, -1, np.int64)

    def apply(self, data: U8, at: int) -> None:
        """Change packets that lie one behind the other in `data` and are from position `at` of the source.

        Raises:
            Unpassable: a clock is where it cannot be changed.
        """
        count = data.size // PACKET
        heads: U32 = np.ndarray((count,), "<u4", data.data, 0, (PACKET,))
        for position, packet in self._change.instead.items():
            if at <= position < at + data.size:
                data[position - at : position - at + PACKET] = np.frombuffer(packet, np.uint8)
        if self._plain and not self._counted:
            return
        pids = pid_of(heads)
        if self._counted:
            self._count(heads, pids)
        if not self._plain:
            self._clocks(data, heads)
            self._pes(data, heads, pids)

    def _count(self, heads: U32, pids: I32) -> None:
        for pid in np.flatnonzero(np.bincount(pids, minlength=_PIDS)).tolist():
            if self._add[pid] < 0:
                # One without payload has the counter of the one before it.
                first = int(heads[int(np.argmax(pids == pid))])
                begun = (first >> 24) + (not first & CARRIES)
                self._add[pid] = (self._change.counters.get(pid, begun) - begun) & 15
        self.last[pids] = add_to_counters(heads, np.maximum(self._add[pids], 0))

    def _clocks(self, data: U8, heads: U32) -> None:
        off = np.flatnonzero((heads & ADAPTED) != 0) * PACKET
        off = off[data[off + _FLAGS - 1] > 0]
        flags = data[off + _FLAGS]
        if bool((flags & _OTHER_CLOCKS).any()):
            raise Unpassable("a second clock, or the time of a splice")
        off = off[flags & _PCR_FLAG != 0]
        place = off[:, None] + np.arange(_PCR_AT, _PCR_AT + 5)
        base = (read_pcrs(data, off) + self._change.ticks) & CLOCK_MASK
        data[place[:, :4]] = np.stack([base >> shift & 0xFF for shift in (25, 17, 9, 1)], axis=1).astype(np.uint8)
        data[off + _PCR_AT + 4] = ((base & 1) << 7).astype(np.uint8) | data[off + _PCR_AT + 4] & 0x7F

    def _pes(self, data: U8, heads: U32, pids: I32) -> None:
        which = np.flatnonzero((heads & (CARRIES | STARTS) == CARRIES | STARTS) & self._stamped[pids])
        off = which * PACKET
        begin = payload_begin(data, off, heads[which])
        end = off + PACKET
        pes = parse_pes_heads(data, begin, end)
        if not pes.found.all():
            raise Unpassable("a PES header that is none, or not in one packet")
        begun = begin[pes.length > 6]
        ends, ticks = end[pes.length > 6], self._stamps[pids[which]][pes.length > 6]
        flags = data[begun + 7]
        told = flags & 0x80 != 0
        if bool((flags & _ESCR).any()) or bool((told & (begun + _HEADER_BYTES > ends)).any()):
            raise Unpassable("a clock that cannot be changed")
        for stamped, offset in ((told, _STAMP_AT), (told & (flags & 0x40 != 0), _STAMP_AT + 5)):
            place = begun[stamped][:, None] + np.arange(offset, offset + 5)
            field = data[place]
            prefix = field[:, 0].astype(np.int64) >> 4
            data[place] = stamp_bytes((read_stamps(field) + ticks[stamped]) & CLOCK_MASK, prefix)
