"""Units of a video stream as columns, and what can be told of many of them at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

LONGEST_CODE = 31
"""Bits of the longest Exp-Golomb code that `BitColumns` reads."""
_EXPONENT_OF_TOP = 1023 + 31
"""The exponent of a number of 32 bits whose first one is set, as it is stored."""


@dataclass(frozen=True, slots=True)
class Units:
    """Relevant units in order.

    `start` is the place of each start code in the elementary stream, `heads` the two bytes behind it `(n, 2)`, `sizes`
    how many bytes follow it (as many as may be looked at), `new_pes` whether a PES packet began since the unit before.
    `data(i)` are the bytes of one unit; `gather(which, count)` the first `count` bytes of several, `(m, count)`, noise
    where a unit is shorter.
    """

    start: I64
    heads: U8
    sizes: I64
    new_pes: Mask
    data: Callable[[int], bytes]
    gather: Callable[[I64, int], U8]


class BitColumns:
    """Reads the same fields from the front of many pieces of 16 bytes, `(n, 16) uint8`, at once.

    `used` counts the bits read of each. `bad` are those of which more than 16 bytes, or a longer code than
    `LONGEST_CODE` bits, would have been read: what was read of them means nothing.
    """

    def __init__(self, data: U8) -> None:
        words = np.ascontiguousarray(data).view(">u8").astype(np.uint64)
        self._high, self._low = words[:, 0].copy(), words[:, 1].copy()
        self.used = np.zeros(self._high.size, np.int64)
        self._long = np.zeros(self._high.size, np.bool_)

    @property
    def bad(self) -> Mask:
        return np.asarray(self._long | (self.used > 128), np.bool_)

    def u(self, bits: int | I64, where: Mask | None = None) -> I64:
        """Up to 32 bits, unsigned; 0, and nothing read, where `where` is false."""
        count = np.full(self._high.size, bits, np.uint64) if isinstance(bits, int) else bits.astype(np.uint64)
        if where is not None:
            count *= where
        return self._take(count)

    def ue(self, where: Mask | None = None) -> I64:
        """Exp-Golomb, unsigned; 0, and nothing read, where `where` is false."""
        # The exponent of the next 32 bits, as a number, tells how many zeros are in front; that of 0 is the lowest.
        exponent = (self._high >> np.uint64(32)).astype(np.float64).view(np.int64) >> 52
        length = 2 * (_EXPONENT_OF_TOP - exponent) + 1
        long = length > LONGEST_CODE
        if where is not None:
            long &= where
            length *= where
        self._long |= long
        length[long] = 1
        value = self._take(length.view(np.uint64))
        value -= 1 if where is None else where
        return value

    def _take(self, count: U64) -> I64:
        """So many bits of each, as a number."""
        # A shift by all 64 bits gives 0 in NumPy.
        left = np.uint64(64) - count
        value = self._high >> left
        self._high = (self._high << count) | (self._low >> left)
        self._low = self._low << count
        self.used += count.view(np.int64)
        return value.view(np.int64)


def escaped(data: U8) -> Mask:
    """In which pieces `(n, m)` an emulation prevention byte stands."""
    return np.asarray(((data[:, :-2] == 0) & (data[:, 1:-1] == 0) & (data[:, 2:] == 3)).any(axis=1), np.bool_)


def first_of_run(member: Mask) -> Mask:
    """Of members that follow each other, the first ones."""
    first = member.copy()
    first[1:] &= ~member[:-1]
    return first
