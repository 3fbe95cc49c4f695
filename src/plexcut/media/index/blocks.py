"""The packets of a stretch of a transport stream in large blocks, read ahead by a thread of their own."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from plexcut.media.index.glance import Glance, KnownCodes, heads_of, start_codes
from plexcut.media.index.packets import LOOK_AHEAD, PACKET, SYNC, PacketLayout, Packets, resync

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
I64 = npt.NDArray[np.int64]

CHUNK_BYTES = 12 << 20
PIECE_BYTES = 1 << 19
"""What is read at once, and looked at before the next: half of a second-level cache."""
FRONT_BYTES = 1 << 19
"""Room in front of the packets of every block, for those that its reader carries over from the block before."""
_SLACK_BYTES = 64
_BUFFERS = 2
_WHOLE = np.dtype((np.void, PACKET))
"""Arrays of it are gathered several times faster than rows of bytes."""


@dataclass(frozen=True, slots=True)
class Block:
    """Packets in file order, valid until the next block is asked for.

    `data` is writable, `(m,) uint8`; packet `i` of `count` begins at `first + i * stride` of it and at
    `at + i * stride` of the file. In front of `first` at least `FRONT_BYTES` less a few packets are free to be
    written to, and behind the last packet some bytes can be read that mean nothing. `codes` are its start codes, where
    they were looked for.
    """

    data: U8
    first: int
    count: int
    stride: int
    at: int
    known_heads: U32 | None = None
    codes: KnownCodes | None = None

    def heads(self) -> U32:
        """The first four bytes of each packet, the sync byte lowest; `(count,) uint32`."""
        if self.known_heads is not None:
            return self.known_heads
        return heads_of(self.data, self.first, self.count, self.stride)

    def packets(self, which: npt.NDArray[np.int64]) -> Packets:
        """Some of the packets, copied."""
        packets = np.ndarray((self.count,), _WHOLE, self.data, self.first, (self.stride,))[which]
        return Packets(packets.view(np.uint8).reshape(-1, PACKET), self.at + self.stride * which)


@dataclass(slots=True)
class _Chunk:
    """A buffer: `size` bytes of the file from `at` on lie behind its front.

    Where it was looked at while it was read, `heads` are those of its packets if one begins at `phase` of `data`,
    and `codes` the start codes behind the front.
    """

    data: U8
    at: int = 0
    size: int = 0
    phase: int = 0
    heads: U32 | None = None
    codes: I64 | None = None


class _ReadAhead:
    """Reads `[start, end)` of a file in chunks, on a thread. Close it before the file.

    With `looks` it finds the heads of packets and start codes as well, in each piece while that is near the processor.
    `aside` is where packets are expected: their place in the file modulo their stride.
    """

    def __init__(
        self, source: tuple[BinaryIO, PacketLayout], stretch: tuple[int, int], chunk_bytes: int, *, looks: bool
    ) -> None:
        start, end = stretch
        self._file, layout = source
        self._stride, self.aside = layout.stride, layout.first % layout.stride
        self._start, self._chunk_bytes = start, chunk_bytes
        self._looks = looks
        self.end = end
        self._free: SimpleQueue[_Chunk | None] = SimpleQueue()
        self._full: SimpleQueue[_Chunk | BaseException | None] = SimpleQueue()
        for _ in range(min(_BUFFERS, 1 + (end - start - 1) // chunk_bytes)):
            self._free.put(_Chunk(np.empty(FRONT_BYTES + chunk_bytes + _SLACK_BYTES, np.uint8)))
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="index-read", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        at = self._start
        try:
            self._file.seek(at)
            while at < self.end and not self._stopped:
                chunk = self._free.get()
                if chunk is None:
                    return
                chunk.at = at
                self._fill(chunk, min(self._chunk_bytes, self.end - at))
                at += chunk.size
                self._full.put(chunk)
            self._full.put(None)
        except BaseException as error:  # noqa: BLE001  (raised again where the chunk is asked for)
            self._full.put(error)

    def _fill(self, chunk: _Chunk, wanted: int) -> None:
        chunk.size = 0
        chunk.phase = FRONT_BYTES + (self.aside - chunk.at) % self._stride
        room = chunk.data.data[FRONT_BYTES : FRONT_BYTES + wanted]
        glance = Glance(chunk.data, FRONT_BYTES, chunk.phase, self._stride)
        while chunk.size < wanted:
            count = self._file.readinto(room[chunk.size : chunk.size + PIECE_BYTES])  # type: ignore[attr-defined]
            if not count:
                self.end = chunk.at + chunk.size
                break
            chunk.size += count
            if self._looks:
                glance.look(FRONT_BYTES + chunk.size)
        chunk.heads, chunk.codes = (glance.heads, glance.codes) if self._looks else (None, None)

    def next(self) -> _Chunk | None:
        """The next chunk; None behind the last one."""
        found = self._full.get()
        if isinstance(found, BaseException):
            raise found
        return found

    def give_back(self, chunk: _Chunk) -> None:
        """Let a chunk be written to again."""
        self._free.put(chunk)

    def close(self) -> None:
        self._stopped = True
        self._free.put(None)
        self._thread.join()


def packet_blocks(
    file: BinaryIO, layout: PacketLayout, stretch: tuple[int, int], size_bytes: int, chunk_bytes: int = CHUNK_BYTES
) -> Generator[Block]:
    """Packets whose sync byte lies in `[start, end)` of a file of `size_bytes`: those that `PacketReader` finds.

    The first one is looked for from `start` on.
    """
    return _blocks((file, layout), stretch, size_bytes, chunk_bytes, looks=False)


def coded_blocks(
    file: BinaryIO, layout: PacketLayout, stretch: tuple[int, int], size_bytes: int, chunk_bytes: int = CHUNK_BYTES
) -> Generator[Block]:
    """The same, with their heads and start codes, which the thread that reads finds."""
    return _blocks((file, layout), stretch, size_bytes, chunk_bytes, looks=True)


def _blocks(
    source: tuple[BinaryIO, PacketLayout], stretch: tuple[int, int], size_bytes: int, chunk_bytes: int, *, looks: bool
) -> Generator[Block]:
    stride = source[1].stride
    start, stop = stretch[0], min(stretch[1], size_bytes)
    if start >= stop:
        return
    end = min(size_bytes, stop + LOOK_AHEAD * stride)
    reader = _ReadAhead(source, (start, end), chunk_bytes, looks=looks)
    try:
        yield from _Walk(reader, stride, stop, size_bytes).blocks()
    finally:
        reader.close()


class _Walk:
    """From chunk to chunk, finding the way again where bytes are missing."""

    def __init__(self, reader: _ReadAhead, stride: int, stop: int, size_bytes: int) -> None:
        self._reader = reader
        self._stride = stride
        self._stop = stop
        self._size = size_bytes
        self._chunk: _Chunk | None = None
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
        block = Block(self._chunk.data, self._pos, count, stride, self._at, heads[:count], self._codes())
        return block, count == rows

    def _heads(self, rows: int) -> U32:
        """The heads of so many packets from here on."""
        assert self._chunk is not None
        chunk, stride = self._chunk, self._stride
        known, aside = divmod(self._pos - chunk.phase, stride)
        if chunk.heads is None or aside or chunk.heads.size < rows + known:
            return heads_of(chunk.data, self._pos, rows, stride)
        if known >= 0:
            return chunk.heads[known : known + rows]
        return np.concatenate(
            (heads_of(chunk.data, self._pos, min(-known, rows), stride), chunk.heads[: max(rows + known, 0)])
        )

    def _codes(self) -> KnownCodes | None:
        """The start codes from here on."""
        assert self._chunk is not None
        if self._chunk.codes is None:
            return None
        if self._pos >= FRONT_BYTES:
            return KnownCodes(self._pos, self._chunk.codes[np.searchsorted(self._chunk.codes, self._pos) :])
        taken_along = start_codes(self._chunk.data, self._pos, min(FRONT_BYTES + 2, self._fill))
        return KnownCodes(self._pos, np.concatenate((taken_along, self._chunk.codes)))
