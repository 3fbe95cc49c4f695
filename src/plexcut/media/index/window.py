"""A stretch of an elementary stream that still lies in its packets: its start codes, its bytes, its places."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from plexcut.media.index.packets import PACKET

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Window:
    """Packets of one stream in `data`, every one with payload.

    Packet `i` begins at `off[i]` of `data`, a multiple of `stride` behind `off[0]`; its payload at `off[i] + begin[i]`.
    `at` is its place in the file, `start` that of its payload in the elementary stream.
    """

    data: U8
    stride: int
    off: I64
    begin: I64
    at: I64
    start: I64

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
        """Those that lie in one packet.

        Looked for in the bytes as they are, packet headers and other streams included. Of a start code either the first
        two bytes (00 00) or the last two (00 01) are an aligned pair: one comparison for two bytes of the file, and
        one pair in 32,768 to look at (measured 8 GB/s; comparing every byte with 1 is half as fast).
        """
        low = int(self.off[0]) // 2 * 2
        pairs = self.data[low : (int(self.off[-1]) + PACKET) // 2 * 2].view("<u2")
        found = 2 * np.flatnonzero(np.equal(np.bitwise_and(pairs, 0xFEFF), 0)) + low
        odd = self.data[found + 1]
        found = found[np.where(odd != 0, self.data[found - 1] == 0, self.data[found + 2] == 1)]
        found -= self.data[found + 1] != 0
        return self._placed(found)

    def _placed(self, raw: I64) -> I64:
        """Of three bytes each in `data` those that are payload, as places in the elementary stream."""
        grid, within = np.divmod(raw - self.off[0], self.stride)
        packets = np.full((int(self.off[-1] - self.off[0])) // self.stride + 1, -1, np.int32)
        packets[(self.off - self.off[0]) // self.stride] = np.arange(self.off.size)
        mine = (grid >= 0) & (within <= PACKET - 3)
        grid, within = grid[mine], within[mine]
        packet = packets[grid]
        mine = (packet >= 0) & (within >= self.begin[packet])
        packet = packet[mine]
        placed: I64 = self.start[packet] + within[mine] - self.begin[packet]
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
