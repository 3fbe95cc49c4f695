"""A stretch of an elementary stream that still lies in its packets: its start codes, its bytes, its places."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from plexcut.media.index.glance import KnownCodes, start_codes
from plexcut.media.index.packets import PACKET

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Window:
    """Packets of one stream in `data`, every one with payload.

    Packet `i` begins at `off[i]` of `data`, a multiple of `stride` behind `off[0]`; its payload at `off[i] + begin[i]`.
    `at` is its place in the file, `start` that of its payload in the elementary stream. `known` are start codes of
    `data` that were found already.
    """

    data: U8
    stride: int
    off: I64
    begin: I64
    at: I64
    start: I64
    known: KnownCodes | None = None

    @cached_property
    def length(self) -> I64:
        """Payload bytes of each packet."""
        length: I64 = PACKET - self.begin
        return length

    @cached_property
    def end(self) -> int:
        """Where the stretch ends in the elementary stream."""
        return int(self.start[-1] + self.length[-1])

    @cached_property
    def _payload_off(self) -> I64:
        """What makes a place in the elementary stream one in `data`, for each packet."""
        found: I64 = self.off + self.begin - self.start
        return found

    def packet_of(self, es: I64) -> I64:
        """The packet that holds each of some bytes of the elementary stream."""
        found: I64 = np.searchsorted(self.start, es, side="right") - 1
        return found

    def gather(self, es: I64, count: int) -> U8:
        """`count` bytes from each of some places of the stretch on, `(n, count)`; what lies behind its end is noise."""
        packet = self.packet_of(es)
        begin = es + self._payload_off[packet]
        raw = begin[:, None] + np.arange(count)
        crossing = np.flatnonzero(begin + count > self.off[packet] + PACKET)
        if crossing.size:
            places = np.minimum(es[crossing, None] + np.arange(count), self.end - 1)
            raw[crossing] = places + self._payload_off[self.packet_of(places)]
        found: U8 = self.data[raw]
        return found

    def bytes_at(self, es: int, count: int) -> bytes:
        """`count` bytes from a place on, or as many as there are."""
        packet = int(np.searchsorted(self.start, es, side="right")) - 1
        last = min(es + count, self.end)
        pieces = []
        while es < last:
            begin = es + int(self._payload_off[packet])
            end = min(begin + last - es, int(self.off[packet]) + PACKET)
            pieces.append(self.data[begin:end].tobytes())
            es += end - begin
            packet += 1
        return b"".join(pieces)

    def start_codes(self) -> I64:
        """Places of every `00 00 01`, of the first zero, in order."""
        inside, across = self._codes_inside(), self._codes_across()
        return np.sort(np.concatenate((inside, across))) if across.size else inside

    def _codes_inside(self) -> I64:
        """Those that lie in one packet: looked for in the bytes as they are, other streams and headers included."""
        low, high = int(self.off[0]), int(self.off[-1]) + PACKET
        if self.known is None:
            return self._placed(start_codes(self.data, low, high))
        known = self.known.within(low, high)
        if low < self.known.begin:
            known = np.concatenate((start_codes(self.data, low, self.known.begin), known))
        return self._placed(known)

    def _placed(self, raw: I64) -> I64:
        """Of three bytes each in `data` those that are payload, as places in the elementary stream."""
        packet = np.searchsorted(self.off, raw, side="right") - 1
        within = raw - self.off[packet]
        mine = (packet >= 0) & (within <= PACKET - 3) & (within >= self.begin[packet])
        packet, within = packet[mine], within[mine]
        placed: I64 = self.start[packet] + within - self.begin[packet]
        return placed

    def _codes_across(self) -> I64:
        """Those that begin in one packet and end in another."""
        data, length = self.data, self.length
        before = np.flatnonzero(data[self.off[:-1] + PACKET - 1] == 0)
        behind = before + 1
        end = self.start[behind]
        payload = self.off[behind] + self.begin[behind]
        first = data[payload]
        two_one = (first == 1) & (length[before] >= 2) & (data[self.off[before] + PACKET - 2] == 0)
        one_two = (first == 0) & (length[behind] >= 2) & (data[np.minimum(payload + 1, data.size - 1)] == 1)
        found = [end[two_one] - 2, end[one_two] - 1]
        single = np.flatnonzero(length == 1)
        if single.size:
            # With one byte of payload three packets can be involved.
            around = np.unique(np.concatenate([self.start[single] - shift for shift in (2, 1, 0)]))
            around = around[(around >= self.start[0]) & (around + 3 <= self.end)]
            three = self.gather(around, 3)
            found.append(around[(three[:, 0] == 0) & (three[:, 1] == 0) & (three[:, 2] == 1)])
            across = np.unique(np.concatenate(found))
            packet = self.packet_of(across)
            return across[across + 3 > self.start[packet] + self.length[packet]]
        return np.concatenate(found)
