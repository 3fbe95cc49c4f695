"""A stretch of an elementary stream that still lies in its packets: its start codes, its bytes, its places.

Nearly all packets of a video stream are full: 4 bytes of head, 184 of payload. So only those that are not are written
down, and what is asked of a few packets is worked out for them alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from plexcut.media.index.glance import KnownCodes, start_codes, zero_tails
from plexcut.media.index.packets import PACKET, pieces_at

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

HEAD = 4
PAYLOAD = PACKET - HEAD


@dataclass(frozen=True)
class PacketRun:
    """Packets of one stream in order, each with payload.

    Packet `i` lies in slot `slots[i]` of its block. `odd` are the packets whose payload does not begin behind four
    bytes of head, but at `begin` of the packet. The first payload byte is at `start` of the elementary stream.
    """

    slots: I64
    odd: I64
    begin: I64
    start: int

    @cached_property
    def _lost(self) -> I64:
        """Bytes that the first 0, 1, 2, … odd packets have less than others."""
        lost = np.zeros(self.odd.size + 1, np.int64)
        np.cumsum(self.begin - HEAD, out=lost[1:])
        return lost

    @cached_property
    def _odd_starts(self) -> I64:
        return self.starts(self.odd)

    @property
    def end(self) -> int:
        """Where the packets end in the elementary stream."""
        return self.start + PAYLOAD * self.slots.size - int(self._lost[-1])

    def starts(self, which: I64) -> I64:
        """Where the payload of packets begins in the elementary stream."""
        found: I64 = self.start + PAYLOAD * which - self._lost[np.searchsorted(self.odd, which)]
        return found

    def starts_and_begins(self, which: I64) -> tuple[I64, I64]:
        """The same, and where the payload begins in each packet."""
        before = np.searchsorted(self.odd, which)
        begins = np.full(which.size, HEAD)
        if self.odd.size:
            near = np.minimum(before, self.odd.size - 1)
            odd = np.flatnonzero(self.odd[near] == which)
            begins[odd] = self.begin[near[odd]]
        return self.start + PAYLOAD * which - self._lost[before], begins

    def packet_of(self, es: I64) -> I64:
        """The packet that holds each of some bytes of the elementary stream."""
        near = np.searchsorted(self._odd_starts, es, side="right") - 1
        found: I64 = (es - self.start) // PAYLOAD
        behind_odd = np.flatnonzero(near >= 0)
        if behind_odd.size:
            near = near[behind_odd]
            behind = es[behind_odd] - self._odd_starts[near] - (PACKET - self.begin[near])
            # In the odd packet itself that is negative, and less than a whole payload.
            found[behind_odd] = self.odd[near] + 1 + behind // PAYLOAD
        return found

    def without(self, which: I64) -> PacketRun:
        """Less some of the packets, which hold nothing."""
        kept = ~np.isin(self.odd, which)
        odd = self.odd[kept]
        return PacketRun(np.delete(self.slots, which), odd - np.searchsorted(which, odd), self.begin[kept], self.start)

    def behind(self, other: PacketRun) -> PacketRun:
        """These with others in the slots in front of them, which end where these begin."""
        count = other.slots.size
        return PacketRun(
            np.concatenate((np.arange(-count, 0), self.slots)),
            np.concatenate((other.odd, self.odd + count)),
            np.concatenate((other.begin, self.begin)),
            other.start,
        )

    def last(self, begin: int) -> PacketRun:
        """Those from one on, in slots from 0 on."""
        odd = int(np.searchsorted(self.odd, begin))
        start = int(self.starts(np.array([begin]))[0])
        return PacketRun(np.arange(self.slots.size - begin), self.odd[odd:] - begin, self.begin[odd:], start)


@dataclass(frozen=True, slots=True)
class Codes:
    """Start codes: the place of the first zero in the elementary stream, in the data, and in its packet's 188 bytes.

    `packet` is the number of the packet.
    """

    es: I64
    raw: I64
    within: I64
    packet: I64

    def take(self, which: I64 | Mask | slice) -> Self:
        """Some of them."""
        return type(self)(self.es[which], self.raw[which], self.within[which], self.packet[which])


@dataclass(frozen=True)
class Window:
    """Packets of one stream in `data`.

    Slot `s` begins at `first + s * stride` of it. `at` is the place of slot 0 in the file; that of the first packets is
    in `carried_at`. `known` are start codes of `data` that were found already, `tails` slots from 0 on that end in a
    zero.
    """

    data: U8
    stride: int
    first: int
    run: PacketRun
    at: int
    carried_at: I64
    tails: I64 | None = None
    known: KnownCodes | None = None

    @property
    def end(self) -> int:
        """Where the stretch ends in the elementary stream."""
        return self.run.end

    def off(self, which: I64) -> I64:
        """Where packets begin in the data."""
        found: I64 = self.first + self.stride * self.run.slots[which]
        return found

    def places(self, which: I64) -> I64:
        """Where packets begin in the file."""
        count = self.carried_at.size
        found: I64 = self.at + self.stride * self.run.slots[which]
        if count:
            carried = which < count
            found[carried] = self.carried_at[which[carried]]
        return found

    def gather(self, codes: Codes, count: int) -> U8:
        """`count` bytes behind each of some start codes, `(n, count)`; what lies behind the stretch's end is noise."""
        found = pieces_at(self.data, codes.raw + 3, count)
        room = PACKET - codes.within - 3
        crossing = np.flatnonzero(room < count)
        if crossing.size:
            self._add_following(found, crossing, codes.take(crossing), room[crossing])
        return found

    def _add_following(self, found: U8, rows: I64, codes: Codes, room: I64) -> None:
        """Put in what the next packet holds of some rows, of which `room` bytes lie in the packet of the code.

        `room` may be negative: then the next packet's first bytes belong to the code itself.
        """
        count = found.shape[1]
        behind = codes.packet + 1
        near = np.minimum(behind, self.run.slots.size - 1)
        begins = self.run.starts_and_begins(near)[1]
        pieces = pieces_at(self.data, self.off(near) + begins - np.minimum(room, 0), count)
        columns = np.arange(count)
        from_next = columns >= room[:, None]
        source = np.where(from_next, columns - np.maximum(room, 0)[:, None], columns)
        moved = np.take_along_axis(pieces, source, axis=1)
        found[rows] = np.where(from_next, moved, found[rows])
        # Beyond the next packet's end, one by one.
        far = np.flatnonzero((behind > near) | (count - room > PACKET - begins))
        for row, es in zip(rows[far].tolist(), codes.es[far].tolist(), strict=True):
            piece = np.frombuffer(self.bytes_at(es + 3, count), np.uint8)
            found[row, : piece.size] = piece

    def bytes_at(self, es: int, count: int) -> bytes:
        """`count` bytes from a place on, or as many as there are."""
        last = min(es + count, self.end)
        pieces = []
        if es < last:
            begin, end = self.run.packet_of(np.array([es, last - 1])).tolist()
            which = np.arange(begin, end + 1)
            starts, begins = self.run.starts_and_begins(which)
            low = np.maximum(starts, es) - starts + begins
            high = np.minimum(starts + PACKET - begins, last) - starts + begins
            off = self.off(which)
            pieces = [
                self.data[a:b].tobytes() for a, b in zip((off + low).tolist(), (off + high).tolist(), strict=True)
            ]
        return b"".join(pieces)

    def start_codes(self) -> Codes:
        """Every `00 00 01` that is `known`, and those between packets, in order."""
        raw = self._codes_inside()
        across = self._codes_across()
        if across.size:
            raw = np.insert(raw, np.searchsorted(raw, across), across)
        slot = (raw - self.first) // self.stride
        packet = np.searchsorted(self.run.slots, slot)
        if not bool((found := self.run.slots[packet] == slot).all()):
            which = np.flatnonzero(found)
            raw, slot, packet = raw[which], slot[which], packet[which]
        within = raw - self.first - self.stride * slot
        starts, begins = self.run.starts_and_begins(packet)
        codes = Codes(starts + within - begins, raw, within, packet)
        payload = within >= begins
        return codes if bool(payload.all()) else codes.take(np.flatnonzero(payload))

    def _codes_inside(self) -> I64:
        """Places in the data of those that lie in one packet: of any stream, in headers or not."""
        slots = self.run.slots
        low, high = self.first + self.stride * int(slots[0]), self.first + self.stride * int(slots[-1]) + PACKET
        if self.known is None:
            raw = start_codes(self.data, low, high)
        else:
            raw = self.known.within(low, high)
            if low < self.known.begin:
                raw = np.concatenate((start_codes(self.data, low, self.known.begin), raw))
        whole = (raw - self.first) % self.stride <= PACKET - 3
        return raw if bool(whole.all()) else raw[whole]

    def _ending_in_zero(self) -> I64:
        """Packets, but for the last one, whose last byte is a zero."""
        slots = self.run.slots
        low = int(np.searchsorted(slots, 0))
        front = zero_tails(self.data, self.first - low * self.stride, low, self.stride)
        if self.tails is None:
            found = low + np.flatnonzero(self.data[self.off(np.arange(low, slots.size)) + PACKET - 1] == 0)
        else:
            found = np.searchsorted(slots, self.tails)
            found = found[slots[np.minimum(found, slots.size - 1)] == self.tails]
        found = np.concatenate((front, found))
        return found[: int(np.searchsorted(found, slots.size - 1))]

    def _codes_across(self) -> I64:
        """Places in the data of those that begin in one packet and end in another."""
        data, run = self.data, self.run
        before = self._ending_in_zero()
        behind = before + 1
        begins = run.starts_and_begins(behind)[1]
        last = self.off(before) + PACKET - 1
        payload = self.off(behind) + begins
        first = data[payload]
        two_one = first == 1
        if two_one.any():
            two_one &= (run.starts_and_begins(before)[1] <= PACKET - 2) & (data[last - 1] == 0)
        one_two = (first == 0) & (begins <= PACKET - 2)
        one_two &= data[np.minimum(payload + 1, data.size - 1)] == 1
        found = [last[two_one] - 1, last[one_two]]
        single = run.odd[run.begin == PACKET - 1]
        single = single[data[self.off(single) + PACKET - 1] <= 1]
        if single.size:
            # With one byte of payload three packets can be involved.
            around = np.unique(np.concatenate([run.starts(single) - shift for shift in (2, 1, 0)]))
            around = around[(around >= run.start) & (around + 3 <= self.end)]
            es = np.array([es for es in around.tolist() if self.bytes_at(es, 3) == b"\x00\x00\x01"], np.int64)
            packet = run.packet_of(es)
            starts, begins = run.starts_and_begins(packet)
            within = es - starts + begins
            found.append((self.off(packet) + within)[within > PACKET - 3])
        return np.unique(np.concatenate(found))
