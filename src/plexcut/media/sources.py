"""Opening recordings: local files as they are, others by ranges, through blocks that are kept and read ahead."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO, cast

from plexcut.domain.media import ByteRanges, Source, SourceStatus
from plexcut.errors import FileUnreadable
from plexcut.media.blocks import BLOCK_BYTES, BlockCache, shared_cache

_AHEAD_BYTES = 8 << 20
_WINDOW_BYTES = 8 << 20
"""Read at once at most, so that reading all of a recording does not claim more than the cache holds."""


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


class RangeFile(io.RawIOBase):
    """A seekable file over `ByteRanges`, of one version of it. Reading on where the last reading ended reads ahead.

    `cache` None: that of the process. Not for several threads at once; each opens its own.
    """

    def __init__(self, ranges: ByteRanges, status: SourceStatus, cache: BlockCache | None = None) -> None:
        super().__init__()
        self.name = ranges.name
        self._ranges = ranges
        self._status = status
        self._cache = cache
        self._at = 0
        self._ended = 0
        self._streak = 0
        self._ahead_to = 0

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
        """As a file's; blocks until all that was asked for is there.

        Raises:
            FileUnreadable: it is shorter than it was, or cannot be read. LibraryOffline: its host does not answer.
        """
        if self.closed:
            raise ValueError("the file is closed")
        left = max(0, self._status.size_bytes - self._at)
        end = self._at + (left if size is None or size < 0 else min(size, left))
        pieces: list[memoryview] = []
        while self._at < end:
            pieces += self._window(min(end, self._at + _WINDOW_BYTES))
        return b"".join(pieces)

    def _window(self, end: int) -> list[memoryview]:
        """What lies from here to before `end`, in pieces; moves on to `end`."""
        start = self._at
        numbers = range(start // BLOCK_BYTES, (end - 1) // BLOCK_BYTES + 1)
        cache = self._cache if self._cache is not None else shared_cache()
        blocks = cache.blocks(self._ranges, self._status, numbers, self._ahead(numbers))
        self._at = self._ended = end
        self._streak += end - start
        pieces = [memoryview(block) for block in blocks]
        pieces[-1] = pieces[-1][: end - (numbers.stop - 1) * BLOCK_BYTES]
        pieces[0] = pieces[0][start - numbers.start * BLOCK_BYTES :]
        return pieces

    def _ahead(self, numbers: range) -> int:
        """How many blocks to read ahead: half of what was read in one go, but nothing where enough is under way."""
        if abs(self._at - self._ended) > BLOCK_BYTES:
            self._streak = self._ahead_to = 0
        ahead = -(-min(self._streak // 2, _AHEAD_BYTES) // BLOCK_BYTES)
        if numbers.stop + ahead // 2 < self._ahead_to:
            return 0
        self._ahead_to = numbers.stop + ahead
        return ahead
