"""What is seen of a transport stream at first glance: heads and ends of packets, and start codes wherever they lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plexcut.media.index.apart import ADAPTED, CARRIES, STARTS
from plexcut.media.index.packets import PACKET, PID_BITS, pieces_at

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_HEAD = 4
_MANY_PAIRS = 1 << 17
"""Far more than there are in a chunk of a usual stream: where one is full of zeros they are not kept."""
_ENTIRE = PACKET - 3
"""A start code that begins no later lies in one packet."""


@dataclass(frozen=True, slots=True)
class KnownCodes:
    """The start codes of some bytes, from `begin` on."""

    begin: int
    places: I64

    def within(self, low: int, high: int) -> I64:
        """Those that lie wholly between two places."""
        first, last = np.searchsorted(self.places, (low, high - 2))
        return self.places[first:last]


class Scratch:
    """Room for what is worked out of up to `nbytes` at once: to come by fresh memory takes longer than the work."""

    def __init__(self, nbytes: int) -> None:
        # Two more may have been left over by what came before.
        pairs = nbytes // 2 + 2
        self.masked = np.empty(pairs, np.uint16)
        self.telling = np.empty(pairs, np.bool_)
        self.eights = np.empty(pairs // 8, np.bool_)


def start_codes(data: U8, low: int, high: int) -> I64:
    """Places of every `00 00 01` that lies wholly in `data[low:high]`, of the first zero, in order.

    `data` reaches one byte further than `high`, or `high` is its end.
    """
    return codes_at(data, telling_pairs(data, low, high), low, high)


def telling_pairs(data: U8, low: int, high: int, scratch: Scratch | None = None) -> I64:
    """Places of aligned pairs of bytes that are 00 00 or 00 01, in order.

    Of a start code either the first two bytes (00 00) or the last two (00 01) are an aligned pair: one comparison for
    two bytes, and one pair in 32,768 to look at (measured 8 to 11 GB/s; comparing every byte with 1 is a quarter as
    fast).
    """
    begin = low // 2 * 2
    end = min((high + 1) // 2 * 2, data.size // 2 * 2)
    pairs = data[begin:end].view("<u2")
    count = pairs.size
    scratch = scratch or Scratch(2 * count)
    telling = scratch.telling[:count]
    np.equal(np.bitwise_and(pairs, 0xFEFF, out=scratch.masked[:count]), 0, out=telling)
    # Eight at once, most of which hold none.
    eights = telling[: count // 8 * 8].view("<u8")
    some = np.flatnonzero(np.not_equal(eights, 0, out=scratch.eights[: eights.size]))
    within = np.flatnonzero(eights[some].view(np.bool_))
    rest = 8 * eights.size
    places: I64 = np.concatenate((8 * some[within >> 3] + (within & 7), rest + np.flatnonzero(telling[rest:])))
    places *= 2
    places += begin
    return places


def codes_at(data: U8, pairs: I64, low: int, high: int) -> I64:
    """The start codes of `data[low:high]` among those that `telling_pairs` found."""
    odd = data[pairs + 1] != 0
    aside = np.where(odd, pairs - 1, np.minimum(pairs + 2, data.size - 1))
    found = pairs[data[aside] == ~odd]
    found -= data[found + 1] != 0
    inside: I64 = found[(found >= low) & (found + 3 <= high)]
    return inside


def heads_of(data: U8, first: int, count: int, stride: int) -> U32:
    """The first four bytes of `count` packets that lie `stride` apart, the sync byte lowest."""
    if count <= 0:
        return np.empty(0, np.uint32)
    return np.ndarray((count,), "<u4", data.data, first, (stride,)).copy()


def zero_tails(data: U8, first: int, count: int, stride: int) -> I64:
    """Which of `count` packets that lie `stride` apart end in a zero: there a start code may go on in the next one."""
    if count <= 0:
        return np.empty(0, np.int64)
    found: I64 = np.flatnonzero(np.ndarray((count,), np.uint8, data.data, first + PACKET - 1, (stride,)) == 0)
    return found


@dataclass(frozen=True, slots=True)
class Sought:
    """Which start codes are looked for: those of packets with these `PID_BITS` whose next two bytes are `relevant`."""

    pid_bits: int
    relevant: Callable[[U8], Mask]


@dataclass(frozen=True, slots=True)
class Lens:
    """What packets that lie `stride` apart are looked at with: by one thread at a time, pieces no larger than there is
    `scratch` for.
    """

    stride: int
    sought: Sought
    scratch: Scratch


@dataclass(frozen=True, slots=True)
class Seen:
    """`heads` are those of the packets, `tails` says which of them end in a zero, `codes` are all start codes.

    `sought` are those of them that are looked for, and for each the next one of its stream; and some more.
    """

    heads: U32
    tails: I64
    codes: I64
    sought: I64


class Glance:
    """Looks at bytes piece by piece as they are written to `data` from `begin` on, while they are near the processor.

    Its packets are those that lie there if one begins at `phase`.
    """

    def __init__(self, data: U8, begin: int, phase: int, lens: Lens) -> None:
        self._data = data
        self._begin = self._end = begin
        self._paired = begin // 2 * 2
        self._next = self._whole = self._phase = phase
        self._lens = lens
        self._heads: list[U32] = [np.empty(0, np.uint32)]
        self._tails: list[I64] = [np.empty(0, np.int64)]
        self._pairs: list[I64] = []
        self._codes: list[I64] = [np.empty(0, np.int64)]
        self._relevant: list[Mask] = [np.empty(0, np.bool_)]

    def look(self, end: int) -> None:
        """What was written up to `end` since the last time."""
        data, stride = self._data, self._lens.stride
        count = max(0, (end - _HEAD - self._next) // stride + 1)
        self._heads.append(heads_of(data, self._next, count, stride))
        self._next += count * stride
        count = max(0, (end - PACKET - self._whole) // stride + 1)
        tails = zero_tails(data, self._whole, count, stride)
        tails += (self._whole - self._phase) // stride
        self._tails.append(tails)
        self._whole += count * stride
        # Not the pair that `end` may lie in: of a start code that ends there the first two bytes are one.
        pairs = telling_pairs(data, self._paired, end // 2 * 2, self._lens.scratch)
        self._paired = max(self._paired, end // 2 * 2)
        if pairs.size and pairs[-1] == end - 2 and not data[end - 1]:
            # The byte behind these two zeros is still to come.
            self._paired, pairs = end - 2, pairs[:-1]
        self._pairs.append(pairs)
        self._end = end
        # All at once, so that other threads are not asked for their turn more often than need be.
        if sum(pairs.size for pairs in self._pairs) > _MANY_PAIRS:
            self._find_codes()

    def _find_codes(self) -> None:
        codes = codes_at(self._data, np.concatenate(self._pairs), self._begin, self._end)
        relevant = self._lens.sought.relevant(pieces_at(self._data, codes + 3, 2))
        # Of the last one the bytes behind it may still be to come.
        relevant[max(0, codes.size - 2) :] |= codes[-2:] + 5 > self._end
        self._codes.append(codes)
        self._relevant.append(relevant)
        self._pairs.clear()

    def seen(self) -> Seen:
        """All that was seen."""
        if self._pairs:
            self._find_codes()
        heads, tails, codes = np.concatenate(self._heads), np.concatenate(self._tails), np.concatenate(self._codes)
        return Seen(heads, tails, codes, self._sought(heads, tails, codes))

    def _sought(self, heads: U32, tails: I64, codes: I64) -> I64:
        """Without those of other streams, and most of those that nobody looks for."""
        stride = self._lens.stride
        slot = (codes - self._phase) // stride
        within = codes - self._phase - stride * slot
        # At the ends there are pieces of packets; what they belong to is not seen here.
        front, back = np.searchsorted(slot, (0, heads.size))
        head = heads[slot[front:back]]
        mine = front + np.flatnonzero((head & PID_BITS == self._lens.sought.pid_bits) & (within[front:back] <= _ENTIRE))
        slot, within, head = slot[mine], within[mine], heads[slot[mine]]
        sure = (within <= _ENTIRE - 2) & (head & (ADAPTED | STARTS | CARRIES) == CARRIES)
        # What is not sure may be looked for, or may be no payload, so that the one behind it counts as the next.
        wanted = np.concatenate(self._relevant)[mine] | ~sure
        kept = np.append(wanted, True)
        kept[1:] |= wanted
        # The next one of what was before, and of one that lies between two packets.
        kept[0] = True
        kept[np.searchsorted(slot, tails, side="right")] = True
        return np.concatenate((codes[:front], codes[mine[kept[:-1]]], codes[back:]))
