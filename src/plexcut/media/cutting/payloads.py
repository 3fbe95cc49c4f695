"""The elementary stream of one PID out of blocks of packets, many packets at once, with the places of its bytes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plexcut.media.index.blocks import Block
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.packets import PACKET
from plexcut.media.index.pes import PesColumns, parse_pes_heads

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_HEAD_BYTES = 4
_SLOT = PACKET - _HEAD_BYTES
_PAYLOAD = np.dtype((np.void, _SLOT))
"""Arrays of it are gathered several times faster than rows of bytes."""
_NOTHING = np.empty(0, np.uint8)
_AT_ONCE = 1 << 16
_RARE = 8
"""One packet in so many, at most, may have anything in front of its payload, so that stretches are worth while."""
_STARTS, _CARRIES, _ADAPTED, _COUNTER_SHIFT = 0x4000, 0x10000000, 0x20000000, 24


@dataclass(frozen=True, slots=True)
class Stretch:
    """Elementary-stream bytes of some packets: `es`, and for each packet where it begins in `es` and in the file.

    With other bytes in front of `es` the places count from behind them. `pes` are the PES packets that begin in them:
    where each does in `es` and in the file, and its raw clocks.
    """

    es: U8
    starts: I64
    at: I64
    pes: PesColumns


class PayloadTap:
    """Takes the payload of one PID out of successive blocks: as `index.packets.PayloadReader`, several times faster.

    `gaps` counts the places at which packets are missing.
    """

    def __init__(self) -> None:
        self._last: U8 | None = None
        self.gaps = 0

    def take(self, block: Block, which: I64, heads: U32, front: U8 = _NOTHING) -> Stretch:
        """`which` packets of the block are of the PID, `heads` their first four bytes; `front` comes before `es`."""
        carries = (heads & _CARRIES) != 0
        if not carries.all():
            which, heads = which[carries], heads[carries]
        if which.size:
            repeated = self._repeated(block, which, heads)
            if repeated.any():
                which, heads = which[~repeated], heads[~repeated]
        if not which.size:
            none = np.empty(0, np.int64)
            return Stretch(front, none, none, PesColumns(none, none, none, none))
        off = block.first + block.stride * which
        begin = np.full(which.size, _HEAD_BYTES, np.int64)
        adapted = np.flatnonzero((heads & _ADAPTED) != 0)
        begin[adapted] += 1 + block.data[off[adapted] + _HEAD_BYTES].astype(np.int64)
        starting = np.flatnonzero((heads & _STARTS) != 0)
        pes = parse_pes_heads(block.data, off[starting] + begin[starting], off[starting] + PACKET)
        begin[starting] += pes.length
        np.minimum(begin, PACKET, out=begin)
        length = PACKET - begin
        starts = np.cumsum(length) - length
        at = block.at + block.stride * which
        begun = starting[pes.found]
        columns = PesColumns(starts[begun], at[begun], pes.pts[pes.found], pes.dts[pes.found])
        return Stretch(_joined(block, which, begin, front), starts, at, columns)

    def _repeated(self, block: Block, which: I64, heads: U32) -> Mask:
        """Which packets are sent a second time (2.4.3.3)."""
        counter = (heads >> _COUNTER_SHIFT & 15).astype(np.int16)
        before = np.empty_like(counter)
        before[1:] = counter[:-1]
        before[0] = int(self._last[3] & 15) if self._last is not None else (int(counter[0]) - 1) % 16
        repeated: Mask = counter == before
        self.gaps += int(np.count_nonzero(~repeated & (counter != (before + 1) % 16)))

        def packet(i: int) -> U8:
            off = block.first + block.stride * int(which[i])
            return block.data[off : off + PACKET]

        for i in np.flatnonzero(repeated).tolist():
            previous = packet(i - 1) if i else self._last
            this = packet(i)
            repeated[i] = previous is not None and this[1] == previous[1] and np.array_equal(this[12:], previous[12:])
        self._last = packet(-1).copy()
        return repeated


def _joined(block: Block, which: I64, begin: I64, front: U8) -> U8:
    """The payloads of some packets, one behind the other, and what comes in front.

    That of packet `i` begins at byte `begin[i]` of it.
    """
    packets = np.ndarray((block.count,), _PAYLOAD, block.data, block.first + _HEAD_BYTES, (block.stride,))
    slots = packets[which].view(np.uint8)
    odd = np.flatnonzero(begin != _HEAD_BYTES)
    if not odd.size:
        return np.concatenate((front, slots)) if front.size else slots
    if odd.size * _RARE > which.size:
        # Many small PES packets: each byte by itself, instead of each stretch.
        payload = slots.reshape(-1, _SLOT)[np.arange(_HEAD_BYTES, PACKET) >= begin[:, None]]
        return np.concatenate((front, payload)) if front.size else payload
    # From one packet with something in front of its payload to the next the slots are payload without a break.
    first = (_SLOT * odd + begin[odd] - _HEAD_BYTES).tolist()
    last = [*(_SLOT * odd[1:]).tolist(), slots.size]
    pieces = [front, slots[: _SLOT * int(odd[0])], *(slots[a:b] for a, b in zip(first, last, strict=True))]
    return np.concatenate(pieces)


def risen(at: I64) -> I64:
    """The largest number up to each; where they never fall anyway these are they, and it takes no memory."""
    if any(bool((np.diff(at[i : i + _AT_ONCE + 1]) < 0).any()) for i in range(0, at.size, _AT_ONCE)):
        return np.maximum.accumulate(at)
    return at


class CodedPictures:
    """The coded pictures of a recording's rows, as the blocks go by in which they lie."""

    def __init__(self, index: MediaIndex) -> None:
        self._index = index
        self._at = risen(index.at)
        self._tap = PayloadTap()
        self._es = np.empty(0, np.uint8)
        self._base = 0
        # Of rows from `_first` on: where in the elementary stream they begin, -1 where that is not known.
        self._first = 0
        self._places = np.empty(0, np.int64)

    @property
    def es(self) -> U8:
        """The bytes that are there."""
        return self._es

    def feed(self, block: Block, which: I64, heads: U32, needed: int | None) -> None:
        """Take up a block, as `PayloadTap.take`; `needed` is the first row that is still wanted of those before it."""
        self._drop(needed)
        end = self._base + self._es.size
        stretch = self._tap.take(block, which, heads, self._es)
        if not stretch.at.size:
            return
        self._es = stretch.es
        first = int(np.searchsorted(self._at, stretch.at[0], side="left"))
        last = int(np.searchsorted(self._at, stretch.at[-1], side="right"))
        at = self._index.at[first:last]
        packet = np.minimum(np.searchsorted(stretch.at, at), stretch.at.size - 1)
        places = end + stretch.starts[packet] + self._index.skip[first:last]
        self._note(first, np.where(stretch.at[packet] == at, places, -1), needed)

    def _note(self, first: int, places: I64, needed: int | None) -> None:
        """Where rows from `first` on begin, which is behind all that is known; those before `needed` are forgotten."""
        begun = self._first + self._places.size
        if not self._places.size:
            self._first = begun = first
        known = np.concatenate((self._places, np.full(first - begun, -1), places))
        gone = self._places.size if needed is None else min(max(needed - self._first, 0), known.size)
        self._first, self._places = self._first + gone, known[gone:]

    def _place(self, row: int) -> int:
        at = row - self._first
        return int(self._places[at]) if 0 <= at < self._places.size else -1

    def whole(self, rows: I64) -> I64:
        """Where in `es` pictures begin: those of `rows` up to one that has not begun yet, or is not whole yet."""
        at = rows - self._first
        known = (at >= 0) & (at < self._places.size)
        begin = np.full(rows.size, -1)
        begin[known] = self._places[at[known]] - self._base
        there = (begin >= 0) & (begin + self._index.size[rows] <= self._es.size)
        return begin if there.all() else begin[: int(np.argmin(there))]

    def take(self, row: int) -> memoryview | None:
        """The picture of a row; None where it has not begun yet, or is not whole yet."""
        place = self._place(row)
        if place < self._base:
            return None
        begin, end = place - self._base, place - self._base + int(self._index.size[row])
        return self._es[begin:end].data if end <= self._es.size else None

    def _drop(self, needed: int | None) -> None:
        """Let go of all that lies before a row."""
        place = -1 if needed is None else self._place(needed)
        keep = place if place >= self._base else self._base + self._es.size
        self._es, self._base = self._es[keep - self._base :], keep
