"""Headers of many PES packets at once, and their clocks as columns (ISO 13818-1, 2.4.3.6)."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from plexcut.media.index.apart import ADAPTED
from plexcut.media.index.packets import PesStart, pieces_at

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

UNKNOWN = np.int64(-(1 << 62))
_HEAD = 19
_BLOCK_ROWS = 1 << 14
_PLAIN = np.zeros(256, np.bool_)
_PLAIN[[0xBC, 0xBE, 0xBF, 0xF0, 0xF1, 0xF2, 0xF8, 0xFF]] = True


@dataclass(frozen=True, slots=True)
class PesHeads:
    """What `parse_pes_header` says of each of several headers; `pts` and `dts` are `UNKNOWN` where there are none.

    `length` is 0 where there is no header (`found` is false).
    """

    found: Mask
    length: I64
    pts: I64
    dts: I64


def parse_pes_heads(data: U8, begin: I64, end: I64) -> PesHeads:
    """The PES headers at `begin` of `data`; each may be looked at up to its `end`."""
    head = pieces_at(data, np.minimum(begin, end), _HEAD)
    room = end - begin
    found = (room >= 9) & (head[:, 0] == 0) & (head[:, 1] == 0) & (head[:, 2] == 1)
    plain = _PLAIN[head[:, 3]] | (head[:, 6] & 0xC0 != 0x80)
    length = np.where(found, np.where(plain, 6, 9 + head[:, 8].astype(np.int64)), 0)
    has_pts = found & ~plain & (head[:, 7] & 0x80 != 0) & (room >= 14)
    has_dts = has_pts & (head[:, 7] & 0x40 != 0) & (room >= _HEAD)
    pts = np.where(has_pts, read_stamps(head[:, 9:14]), UNKNOWN)
    return PesHeads(found, length, pts, np.where(has_dts, read_stamps(head[:, 14:19]), pts))


def payload_begin(data: U8, off: I64, heads: npt.NDArray[np.uint32]) -> I64:
    """Where the payload of packets begins that lie at `off`, by their first four bytes."""
    begin = off + 4
    adapted = np.flatnonzero(heads & ADAPTED)
    begin[adapted] += 1 + data[off[adapted] + 4].astype(np.int64)
    return begin


def read_stamps(field: U8) -> I64:
    """The ticks of time stamps, `(n, 5)` bytes."""
    b = field.T.astype(np.int64)
    clock: I64 = (b[0] >> 1 & 7) << 30 | b[1] << 22 | b[2] >> 1 << 15 | b[3] << 7 | b[4] >> 1
    return clock


@dataclass(frozen=True, slots=True, eq=False)
class PesColumns:
    """PES packets of one stream in order: `es` and `at` as in `PesStart`; raw clocks, or `UNKNOWN`."""

    es: I64
    at: I64
    pts: I64
    dts: I64

    def __len__(self) -> int:
        return int(self.es.size)

    @classmethod
    def of(cls, packets: Iterable[PesStart]) -> Self:
        """The columns of single ones."""
        rows = [
            (p.es, p.at, UNKNOWN, UNKNOWN) if p.pts is None else (p.es, p.at, p.pts, p.pts if p.dts is None else p.dts)
            for p in packets
        ]
        columns = np.asarray(rows, np.int64).reshape(-1, 4)
        return cls(*(np.ascontiguousarray(column) for column in columns.T))


def _room(count: int, kind: np.dtype[Any]) -> npt.NDArray[Any]:
    """An array with memory of its own from the system, which gets all of it back: the heap would keep holes."""
    return np.frombuffer(mmap.mmap(-1, max(count, 1) * kind.itemsize), kind, count)


class GrowingColumn:
    """Numbers that become more and more, in blocks that stay where they are.

    An array that grows leaves holes of its former sizes in the heap: twice the memory (measured with 370,000 rows).
    """

    def __init__(self, kind: str = "i8") -> None:
        self._kind = np.dtype(kind)
        self._blocks: list[npt.NDArray[Any]] = []
        self._free = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, value: int) -> None:
        """Take up one more."""
        if not self._free:
            self._blocks.append(_room(_BLOCK_ROWS, self._kind))
            self._free = _BLOCK_ROWS
        self._blocks[-1][-self._free] = value
        self._free -= 1
        self._count += 1

    def extend(self, values: npt.NDArray[Any]) -> None:
        """Take up more."""
        self._count += int(values.size)
        while values.size:
            if not self._free:
                self._blocks.append(_room(_BLOCK_ROWS, self._kind))
                self._free = _BLOCK_ROWS
            count, begin = min(self._free, values.size), _BLOCK_ROWS - self._free
            self._blocks[-1][begin : begin + count] = values[:count]
            values, self._free = values[count:], self._free - count

    @property
    def last(self) -> int:
        """The last one; it may be changed."""
        return int(self._blocks[-1][-1 - self._free])

    @last.setter
    def last(self, value: int) -> None:
        self._blocks[-1][-1 - self._free] = value

    def since(self, begin: int) -> npt.NDArray[Any]:
        """A copy of those from one on."""
        pieces, at = [np.empty(0, self._kind)], self._count
        for block in reversed(self._blocks):
            size = block.size - (self._free if block is self._blocks[-1] else 0)
            at -= size
            pieces.insert(1, block[max(begin - at, 0) : size])
            if at <= begin:
                break
        return np.concatenate(pieces)

    def values(self) -> npt.NDArray[Any]:
        """All of them, in one piece."""
        if len(self._blocks) == 1 and not self._free:
            return self._blocks[0]
        blocks, found, at = self._blocks[::-1], _room(self._count, self._kind), 0
        # Each goes once it was copied.
        self._blocks = []
        while blocks:
            block = blocks.pop()
            size = min(block.size, found.size - at)
            found[at : at + size] = block[:size]
            at += size
        self._blocks, self._free = [found], 0
        return found
