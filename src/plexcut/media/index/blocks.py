"""The packets of a stretch of a transport stream in large blocks."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from plexcut.media.index.ahead import FRONT_BYTES, Chunk, ReadAhead
from plexcut.media.index.glance import KnownCodes, Seen, Sought, heads_of, start_codes, zero_tails
from plexcut.media.index.packets import LOOK_AHEAD, PACKET, SYNC, PacketLayout, Packets, resync

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
I64 = npt.NDArray[np.int64]

CHUNK_BYTES = 12 << 20
_LONG_BYTES = 8 << 30
"""From here on chunks are half as large: the memory is needed for what is found."""
_WHOLE = np.dtype((np.void, PACKET))
"""Arrays of it are gathered several times faster than rows of bytes."""


@dataclass(frozen=True, slots=True)
class Block:
    """Packets in file order, valid until the next block is asked for.

    `data` is writable, `(m,) uint8`; packet `i` of `count` begins at `first + i * stride` of it and at
    `at + i * stride` of the file. In front of `first` at least `FRONT_BYTES` less a few packets are free to be
    written to, and behind the last packet some bytes can be read that mean nothing. `codes` are its start codes, where
    they were looked for; `sought` is as in `Seen`, for all packets of the block.
    """

    data: U8
    first: int
    count: int
    stride: int
    at: int
    known_heads: U32 | None = None
    known_tails: I64 | None = None
    codes: KnownCodes | None = None
    sought: KnownCodes | None = None

    def heads(self) -> U32:
        """The first four bytes of each packet, the sync byte lowest; `(count,) uint32`."""
        if self.known_heads is not None:
            return self.known_heads
        return heads_of(self.data, self.first, self.count, self.stride)

    def zero_tails(self) -> I64:
        """Which packets end in a zero."""
        if self.known_tails is not None:
            return self.known_tails
        return zero_tails(self.data, self.first, self.count, self.stride)

    def packets(self, which: I64) -> Packets:
        """Some of the packets, copied."""
        packets = np.ndarray((self.count,), _WHOLE, self.data, self.first, (self.stride,))[which]
        return Packets(packets.view(np.uint8).reshape(-1, PACKET), self.at + self.stride * which)


def packet_blocks(
    file: BinaryIO, layout: PacketLayout, stretch: tuple[int, int], size_bytes: int, chunk_bytes: int = CHUNK_BYTES
) -> Generator[Block]:
    """Packets whose sync byte lies in `[start, end)` of a file of `size_bytes`: those that `PacketReader` finds.

    The first one is looked for from `start` on.
    """
    return _blocks((file, layout), stretch, size_bytes, chunk_bytes)


def coded_blocks(
    source: tuple[BinaryIO, PacketLayout],
    sought: Sought,
    stretch: tuple[int, int],
    size_bytes: int,
    chunk_bytes: int = 0,
) -> Generator[Block]:
    """The same, with their heads and start codes, which the thread that reads finds."""
    chunk_bytes = chunk_bytes or (CHUNK_BYTES if stretch[1] - stretch[0] < _LONG_BYTES else CHUNK_BYTES // 2)
    return _blocks(source, stretch, size_bytes, chunk_bytes, sought)


def _blocks(
    source: tuple[BinaryIO, PacketLayout],
    stretch: tuple[int, int],
    size_bytes: int,
    chunk_bytes: int,
    sought: Sought | None = None,
) -> Generator[Block]:
    stride = source[1].stride
    start, stop = stretch[0], min(stretch[1], size_bytes)
    if start >= stop:
        return
    end = min(size_bytes, stop + LOOK_AHEAD * stride)
    reader = ReadAhead(source, (start, end), chunk_bytes, sought)
    try:
        yield from _Walk(reader, stride, stop, size_bytes).blocks()
    finally:
        reader.close()


class _Walk:
    """From chunk to chunk, finding the way again where bytes are missing."""

    def __init__(self, reader: ReadAhead, stride: int, stop: int, size_bytes: int) -> None:
        self._reader = reader
        self._stride = stride
        self._stop = stop
        self._size = size_bytes
        self._chunk: Chunk | None = None
        self._pos = self._fill = FRONT_BYTES
        self._more = True

    @property
    def _at(self) -> int:
        assert self._chunk is not None
        return self._chunk.at + self._pos - FRONT_BYTES

    def _advance(self) -> bool:
        """Go on to the next chunk, taking what is left of this one along; False where there is none."""
        following = self._reader.next() if self._more else None
        if following is None:
            self._more = False
            return False
        before, left = self._chunk, self._fill - self._pos
        self._pos = FRONT_BYTES - left
        if before is not None:
            following.data[self._pos : FRONT_BYTES] = before.data[self._fill - left : self._fill]
            self._reader.give_back(before)
        self._chunk, self._fill = following, FRONT_BYTES + following.size
        return True

    def blocks(self) -> Iterator[Block]:
        if not self._advance():
            return
        synced = False
        while self._at < self._stop:
            if synced:
                block, synced = self._run_of_packets()
                if block is not None:
                    self._pos += block.count * self._stride
                    yield block
                if synced and not self._advance():
                    return
                continue
            if self._fill - self._pos < (LOOK_AHEAD + 2) * self._stride and self._more:
                self._advance()
                continue
            assert self._chunk is not None
            if self._fill - self._pos < PACKET:
                return
            last = self._at + self._fill - self._pos >= self._size
            used, synced = resync(self._chunk.data[self._pos : self._fill], self._stride, last=last)
            self._pos += used
            if not synced and not self._advance() and used == 0:
                return

    def _run_of_packets(self) -> tuple[Block | None, bool]:
        """Packets from here on up to the first place without sync, and whether the chunk ended before that."""
        assert self._chunk is not None
        stride, left = self._stride, self._fill - self._pos
        rows = left // stride
        if self._chunk.at + self._chunk.size >= self._reader.end:
            # At the very end the last packet need not have its stride.
            rows = (left - PACKET) // stride + 1 if left >= PACKET else 0
        rows = min(rows, -(-(self._stop - self._at) // stride))
        if rows <= 0:
            return None, True
        heads = self._heads(rows)
        good = heads.astype(np.uint8) == SYNC
        count = rows if bool(good.all()) else int(np.argmin(good))
        if count == 0:
            return None, False
        self._reader.aside = self._at % stride
        block = Block(self._chunk.data, self._pos, count, stride, self._at, heads[:count], self._tails(count))
        if self._chunk.seen is not None:
            block = replace(block, codes=self._codes(self._chunk.seen.codes), sought=self._sought(self._chunk.seen))
        return block, count == rows

    def _heads(self, rows: int) -> U32:
        """The heads of so many packets from here on."""
        assert self._chunk is not None
        chunk, stride = self._chunk, self._stride
        known, aside = divmod(self._pos - chunk.phase, stride)
        seen = chunk.seen
        if seen is None or aside or seen.heads.size < rows + known:
            return heads_of(chunk.data, self._pos, rows, stride)
        if known >= 0:
            return seen.heads[known : known + rows]
        return np.concatenate(
            (heads_of(chunk.data, self._pos, min(-known, rows), stride), seen.heads[: max(rows + known, 0)])
        )

    def _tails(self, rows: int) -> I64 | None:
        """Which of so many packets from here on end in a zero."""
        assert self._chunk is not None
        chunk, stride = self._chunk, self._stride
        known, aside = divmod(self._pos - chunk.phase, stride)
        if chunk.seen is None or aside:
            return None
        begin, end = np.searchsorted(chunk.seen.tails, (known, known + rows))
        tails = chunk.seen.tails[begin:end] - known
        if known >= 0:
            return tails
        return np.concatenate((zero_tails(chunk.data, self._pos, min(-known, rows), stride), tails))

    def _codes(self, behind_front: I64) -> KnownCodes:
        """The start codes from here on."""
        assert self._chunk is not None
        if self._pos >= FRONT_BYTES:
            return KnownCodes(self._pos, behind_front[np.searchsorted(behind_front, self._pos) :])
        taken_along = start_codes(self._chunk.data, self._pos, min(FRONT_BYTES + 2, self._fill))
        return KnownCodes(self._pos, np.concatenate((taken_along, behind_front)))

    def _sought(self, seen: Seen) -> KnownCodes | None:
        """Those that are sought among the packets from here on.

        None behind a place without sync, and where packets lie elsewhere: the one before may have counted as the next
        of one that is not among them.
        """
        assert self._chunk is not None
        known, aside = divmod(self._pos - self._chunk.phase, self._stride)
        return None if aside or known > 0 else self._codes(seen.sought)
