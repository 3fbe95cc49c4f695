"""What is seen of a transport stream at first glance: heads of packets, and start codes wherever they lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
I64 = npt.NDArray[np.int64]

_HEAD = 4


@dataclass(frozen=True, slots=True)
class KnownCodes:
    """The start codes of some bytes, from `begin` on."""

    begin: int
    places: I64

    def within(self, low: int, high: int) -> I64:
        """Those that lie wholly between two places."""
        first, last = np.searchsorted(self.places, (low, high - 2))
        return self.places[first:last]


def start_codes(data: U8, low: int, high: int) -> I64:
    """Places of every `00 00 01` that lies wholly in `data[low:high]`, of the first zero, in order.

    `data` reaches one byte further than `high`, or `high` is its end.

    Of a start code either the first two bytes (00 00) or the last two (00 01) are an aligned pair: one comparison for
    two bytes, and one pair in 32,768 to look at (measured 8 GB/s; comparing every byte with 1 is half as fast).
    """
    begin = low // 2 * 2
    end = min((high + 1) // 2 * 2, data.size // 2 * 2)
    pairs = data[begin:end].view("<u2")
    found = 2 * np.flatnonzero(np.equal(np.bitwise_and(pairs, 0xFEFF), 0)) + begin
    odd = data[found + 1] != 0
    aside = np.where(odd, found - 1, np.minimum(found + 2, data.size - 1))
    found = found[data[aside] == ~odd]
    found -= data[found + 1] != 0
    inside: I64 = found[(found >= low) & (found + 3 <= high)]
    return inside


def heads_of(data: U8, first: int, count: int, stride: int) -> U32:
    """The first four bytes of `count` packets that lie `stride` apart, the sync byte lowest."""
    if count <= 0:
        return np.empty(0, np.uint32)
    return np.ndarray((count,), "<u4", data.data, first, (stride,)).copy()


class Glance:
    """Looks at bytes piece by piece as they are written to `data` from `begin` on, while they are near the processor.

    `heads` are those of the packets that begin there if one begins at `phase` and the others each `stride` further;
    `codes` are start codes.
    """

    def __init__(self, data: U8, begin: int, phase: int, stride: int) -> None:
        self._data = data
        self._begin = self._seen = begin
        self._next = phase
        self._stride = stride
        self._heads: list[U32] = []
        self._codes: list[I64] = []

    def look(self, end: int) -> None:
        """What was written up to `end` since the last time."""
        # What lies behind it may not have been written yet, and does not count.
        behind, self._data[end] = self._data[end], 0
        count = max(0, (end - _HEAD - self._next) // self._stride + 1)
        self._heads.append(heads_of(self._data, self._next, count, self._stride))
        self._next += count * self._stride
        self._codes.append(start_codes(self._data, max(self._seen - 2, self._begin), end))
        self._data[end] = behind
        self._seen = end

    @property
    def heads(self) -> U32:
        return np.concatenate([np.empty(0, np.uint32), *self._heads])

    @property
    def codes(self) -> I64:
        return np.concatenate([np.empty(0, np.int64), *self._codes])
