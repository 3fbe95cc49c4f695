"""Opening recordings: local files as they are, others by ranges, through blocks that are kept and read ahead."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, cast

from plexcut.domain.media import ByteRanges, Source, SourceStatus
from plexcut.errors import FileUnreadable

BLOCK_BYTES = 1 << 20
_KEPT_BLOCKS = 64
_AHEAD_BLOCKS = 2
_READERS = 4

_BlockKey = tuple[str, int, int]


def open_source(source: Source) -> BinaryIO:
    """A recording, opened for reading; its failures in plain words. Buffered by blocks where it is read by ranges.

    Raises:
        FileUnreadable: it is missing, a folder, no regular file, or must not be read.
    """
    if isinstance(source, Path):
        return _open_local(source)
    return cast("BinaryIO", RangeFile(source, source.status()))


def status_of(source: Source) -> SourceStatus:
    """Size and version of a recording's file now.

    Raises:
        FileUnreadable: as `open_source`.
    """
    if not isinstance(source, Path):
        return source.status()
    try:
        status = source.stat()
    except (OSError, ValueError):
        _open_local(source).close()
        raise FileUnreadable(f"{source} cannot be read") from None
    return SourceStatus(status.st_size, status.st_mtime_ns)


def _open_local(path: Path) -> BinaryIO:
    try:
        if path.is_dir():
            raise FileUnreadable(f"{path} is a folder", "name a recording")
        if path.exists() and not path.is_file():
            raise FileUnreadable(f"{path} is no regular file")
        return path.open("rb")
    except FileUnreadable:
        raise
    except FileNotFoundError:
        raise FileUnreadable(f"{path} does not exist") from None
    except PermissionError:
        raise FileUnreadable(f"{path} must not be read", "check its permissions") from None
    except OSError as error:
        raise FileUnreadable(f"{path} cannot be read: {error.strerror or error}") from None
    except ValueError:
        raise FileUnreadable("that is no file name") from None


class BlockCache:
    """Blocks of recordings that are read by ranges, the least recently used go first; safe for several threads.

    A block that is under way is waited for, not asked for twice. Blocks are of one version of a file.
    """

    def __init__(self, kept: int = _KEPT_BLOCKS) -> None:
        self._kept = kept
        self._blocks: OrderedDict[_BlockKey, Future[bytes]] = OrderedDict()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(_READERS, "read-ahead")

    def block(self, ranges: ByteRanges, status: SourceStatus, number: int, *, ahead: int = 0) -> bytes:
        """Block `number`; the `ahead` ones behind it are asked for in the background."""
        mine = self._claim(ranges, status, number)
        last = max(0, status.size_bytes - 1) // BLOCK_BYTES
        for following in range(number + 1, min(number + ahead, last) + 1):
            claimed = self._claim(ranges, status, following)
            if claimed[1]:
                self._pool.submit(self._fill, claimed[0], ranges, status, following)
        if mine[1]:
            self._fill(mine[0], ranges, status, number)
        return mine[0].result()

    def _claim(self, ranges: ByteRanges, status: SourceStatus, number: int) -> tuple[Future[bytes], bool]:
        key = (ranges.key, status.version, number)
        with self._lock:
            found = self._blocks.get(key)
            if found is not None and not (found.done() and found.exception() is not None):
                self._blocks.move_to_end(key)
                return found, False
            future: Future[bytes] = Future()
            self._blocks[key] = future
            while len(self._blocks) > self._kept:
                self._blocks.popitem(last=False)
            return future, True

    @staticmethod
    def _fill(future: Future[bytes], ranges: ByteRanges, status: SourceStatus, number: int) -> None:
        start = number * BLOCK_BYTES
        try:
            future.set_result(ranges.read(start, min(BLOCK_BYTES, status.size_bytes - start)))
        except BaseException as error:  # noqa: BLE001  (handed over whole to whoever waits)
            future.set_exception(error)


_CACHE = BlockCache()
"""One for the process, so that requests for neighbouring frames share what was read."""


class RangeFile(io.RawIOBase):
    """A seekable file over `ByteRanges`. Reading on where the last reading ended reads ahead."""

    def __init__(self, ranges: ByteRanges, status: SourceStatus, cache: BlockCache = _CACHE) -> None:
        super().__init__()
        self.name = ranges.name
        self._ranges = ranges
        self._status = status
        self._cache = cache
        self._at = 0
        self._expected = -1

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._status.size_bytes}[whence]
        if base + offset < 0:
            raise OSError("a position before the beginning")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        return self.read(-1)

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, self._status.size_bytes - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        if wanted == 0:
            return b""
        ahead = _AHEAD_BLOCKS if self._at == self._expected else 0
        first, last = self._at // BLOCK_BYTES, (self._at + wanted - 1) // BLOCK_BYTES
        pieces = []
        for number in range(first, last + 1):
            data = self._cache.block(self._ranges, self._status, number, ahead=max(ahead, min(last - number, _READERS)))
            begin = self._at - number * BLOCK_BYTES if number == first else 0
            pieces.append(data[begin : min(BLOCK_BYTES, self._at + wanted - number * BLOCK_BYTES)])
        found = b"".join(pieces)
        if len(found) != wanted:
            raise FileUnreadable(f"{self._ranges.name} ended early", "it may have changed; open it again")
        self._at += wanted
        self._expected = self._at
        return found
