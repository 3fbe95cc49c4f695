"""Reading ahead, in chunks, what an index is made from; the bytes are looked at on the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from plexcut.media.index.direct import ALIGNMENT, FAST_BYTES_PER_S, DirectReads, aligned
from plexcut.media.index.glance import Glance, Lens, Scratch, Seen, Sought
from plexcut.media.index.packets import PacketLayout

PIECE_BYTES = 4 << 20
"""What is read at once, and looked at before the next: small enough to be near the processor still, and so large that
those who look and those who take apart seldom wait for each other's turn in the interpreter (with pieces of half a
megabyte they did so three times as often, and the index took a fifth longer)."""
FRONT_BYTES = 1 << 19
"""Room in front of the packets of every block, for those that its reader carries over from the block before."""
_SLACK_BYTES = 64
_BUFFERS = 2
_JUDGED_BYTES = 12 << 20
"""So much is read the usual way before a disk that was slow is judged again."""
_AHEAD_BYTES = 32 << 20
"""The system reads less than this ahead: what is in memory this far on was there before."""


@dataclass(slots=True)
class Chunk:
    """A buffer: `size` bytes of the file from `at` on lie behind its front.

    Where it was looked at, `seen` is what there is behind its front if a packet begins at `phase` of `data`.
    """

    data: npt.NDArray[np.uint8]
    at: int = 0
    size: int = 0
    phase: int = 0
    seen: Seen | None = None


class ReadAhead:
    """Reads `[start, end)` of a file in chunks, on a thread. Close it before the file.

    Where something is `sought` it looks at each piece while that is near the processor. What is not in memory is then
    read past the page cache where the disk is fast, and looked at by a second thread.
    `aside` is where packets are expected: their place in the file modulo their stride.
    """

    def __init__(
        self,
        source: tuple[BinaryIO, PacketLayout],
        stretch: tuple[int, int],
        chunk_bytes: int,
        sought: Sought | None = None,
    ) -> None:
        start, end = stretch
        self._file, layout = source
        self._stride, self.aside = layout.stride, layout.first % layout.stride
        self._start, self._chunk_bytes = start, chunk_bytes
        self._sought = sought
        # Of smaller chunks smaller pieces: there memory counts.
        self._piece_bytes = max(1, min(PIECE_BYTES, chunk_bytes // 3))
        self.end = end
        self._stopped = False
        self._free: SimpleQueue[Chunk | None] = SimpleQueue()
        self._full: SimpleQueue[Chunk | BaseException | None] = SimpleQueue()
        self._slow = False
        self._plain_s = 0.0
        self._plain_bytes = 0
        large = end - start > 2 * _JUDGED_BYTES and not (start | chunk_bytes) % ALIGNMENT
        self._direct = DirectReads.of(self._file) if sought and large else None
        self._read = SimpleQueue[Chunk | BaseException | None]() if self._direct else self._full
        buffers = min(_BUFFERS + (self._direct is not None), 1 + (end - start - 1) // chunk_bytes)
        for _ in range(buffers):
            self._free.put(Chunk(aligned(FRONT_BYTES + chunk_bytes + _SLACK_BYTES)))
        self._threads = [self._begin(self._run, "index-read")]
        if self._direct:
            self._threads.append(self._begin(self._look_on, "index-look"))

    @staticmethod
    def _begin(what: Callable[[], None], name: str) -> threading.Thread:
        thread = threading.Thread(target=what, name=name, daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        at, lens = self._start, self._lens()
        try:
            self._file.seek(at)
            while at < self.end and not self._stopped:
                chunk = self._free.get()
                if chunk is None:
                    break
                chunk.at, chunk.size, chunk.seen = at, 0, None
                self._fill(chunk, min(self._chunk_bytes, self.end - at), lens)
                at += chunk.size
                self._read.put(chunk)
            self._read.put(None)
        except BaseException as error:  # noqa: BLE001  (raised again where the chunk is asked for)
            self._read.put(error)
        finally:
            if self._direct is not None:
                self._direct.close()

    def _look_on(self) -> None:
        """Hand on what was read, once it has been looked at."""
        lens = self._lens()
        assert lens is not None
        while isinstance(chunk := self._read.get(), Chunk):
            try:
                if chunk.seen is None:
                    self._look_at(chunk, lens)
            except BaseException as error:  # noqa: BLE001  (as above)
                self._full.put(error)
                return
            self._full.put(chunk)
        self._full.put(chunk)

    def _lens(self) -> Lens | None:
        """What a thread looks with, if it does."""
        return Lens(self._stride, self._sought, Scratch(self._piece_bytes)) if self._sought else None

    def _fill(self, chunk: Chunk, wanted: int, lens: Lens | None) -> None:
        room = chunk.data.data[FRONT_BYTES : FRONT_BYTES + wanted]
        if self._direct is not None and self._reads_past_cache(chunk.at, wanted):
            begin = time.perf_counter()
            chunk.size = self._direct.read_into(room[: wanted // ALIGNMENT * ALIGNMENT], chunk.at)
            self._slow = chunk.size < FAST_BYTES_PER_S * (time.perf_counter() - begin)
            self._plain_s, self._plain_bytes = 0.0, 0
            self._file.seek(chunk.at + chunk.size)
            if chunk.size:
                self._fill_plainly(chunk, room)
                return
        glance = self._glance(chunk, lens) if lens else None
        self._fill_plainly(chunk, room, glance)
        if glance:
            chunk.seen = glance.seen()

    def _reads_past_cache(self, at: int, wanted: int) -> bool:
        """Whether that is not in memory, and the disk so fast that bringing it there would take longer than reading."""
        assert self._direct is not None
        if not self._direct.possible:
            return False
        # By the next bytes alone nothing is told: the system may have read them ahead.
        on = min(at + _AHEAD_BYTES, self.end - 1)
        if self._direct.in_memory(at, at + wanted) and self._direct.in_memory(on, min(on + wanted, self.end)):
            # What comes from memory says nothing about the disk.
            self._plain_s, self._plain_bytes = 0.0, 0
            return False
        if self._slow and self._plain_bytes >= _JUDGED_BYTES:
            self._slow = self._plain_bytes < FAST_BYTES_PER_S * self._plain_s
        return not self._slow

    def _fill_plainly(self, chunk: Chunk, room: memoryview, glance: Glance | None = None) -> None:
        """Read what is still missing of a chunk, piece by piece, and look at each."""
        while chunk.size < len(room):
            begin = time.perf_counter()
            count = self._file.readinto(room[chunk.size : chunk.size + self._piece_bytes])  # type: ignore[attr-defined]
            if not count:
                self.end = chunk.at + chunk.size
                break
            self._plain_s += time.perf_counter() - begin
            self._plain_bytes += count
            chunk.size += count
            if glance is not None:
                glance.look(FRONT_BYTES + chunk.size)

    def _glance(self, chunk: Chunk, lens: Lens) -> Glance:
        chunk.phase = FRONT_BYTES + (self.aside - chunk.at) % self._stride
        return Glance(chunk.data, FRONT_BYTES, chunk.phase, lens)

    def _look_at(self, chunk: Chunk, lens: Lens) -> None:
        """Look at a chunk that was read as a whole."""
        glance = self._glance(chunk, lens)
        for at in range(self._piece_bytes, chunk.size + self._piece_bytes, self._piece_bytes):
            glance.look(FRONT_BYTES + min(at, chunk.size))
        chunk.seen = glance.seen()

    def next(self) -> Chunk | None:
        """The next chunk; None behind the last one."""
        found = self._full.get()
        if isinstance(found, BaseException):
            raise found
        return found

    def give_back(self, chunk: Chunk) -> None:
        """Let a chunk be written to again."""
        self._free.put(chunk)

    def close(self) -> None:
        """No more of it; waits for its threads."""
        self._stopped = True
        self._free.put(None)
        for thread in self._threads:
            thread.join()
