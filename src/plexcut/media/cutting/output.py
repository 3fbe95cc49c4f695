"""Writing a large file while the next part of it is made: by a thread that hashes it, and keeps the disk busy."""

from __future__ import annotations

import ctypes
import errno
import os
import queue
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, Self

import xxhash

from plexcut.errors import FileUnreadable

_WAITING = 2
_PLAIN_COPY_BYTES = 1 << 20
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_PIECE_BYTES = 1 << 18
"""What is handed to the system at once: for megabytes it looks for large pages that nobody has used yet."""
_SYNC_FILE_RANGE_WRITE = 2


@dataclass(frozen=True, slots=True)
class _Copy:
    """A part of another file: its handle, and from where to where."""

    handle: int
    at: int
    end: int


@dataclass(frozen=True, slots=True)
class _Over:
    """A few bytes in place of others that are written already."""

    at: int
    data: bytes


class BackgroundWriter:
    """Takes data for a file and writes them on a thread; they must not change afterwards. Use it with `with`.

    An `OSError` of the file is raised by the next call. When the block is left all is in the file, or it raises.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._queue: queue.Queue[tuple[memoryview, bool] | _Copy | _Over | None] = queue.Queue(_WAITING)
        self._hash = xxhash.xxh3_64()
        self._error: BaseException | None = None
        self._dropped = False
        self._thread = threading.Thread(target=self._run, name="cut-write", daemon=True)
        self._thread.start()
        self.size_bytes = 0

    @property
    def digest(self) -> int:
        """xxh3 of all that was given to `write`; ask when the block is left."""
        return self._hash.intdigest()

    def write(self, data: memoryview) -> int:
        """Queue data. Raises OSError when earlier ones could not be written."""
        self._raise()
        self._queue.put((data, True))
        return len(data)

    def write_apart(self, data: memoryview) -> None:
        """The same for data that do not count for the digest."""
        self._raise()
        self._queue.put((data, False))

    def copy(self, handle: int, at: int, size: int) -> None:
        """Queue bytes of another file, which the kernel copies. They do not count for the digest."""
        self._raise()
        self._queue.put(_Copy(handle, at, at + size))

    def write_over(self, at: int, data: bytes) -> None:
        """Queue a few bytes in place of some that were written apart, or copied."""
        self._raise()
        self._queue.put(_Over(at, data))

    def has_room(self, timeout_s: float) -> bool:
        """Whether something can be queued without waiting, at the latest after so long. Raises as `write`."""
        self._raise()
        if self._queue.full():
            with self._queue.not_full:
                self._queue.not_full.wait(timeout_s)
        return not self._queue.full()

    def flush(self) -> None:
        """What is queued is written at the end."""
        self._raise()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Of what nobody wants any more nothing is written but what is under way.
        self._dropped = kind is not None
        self._queue.put(None)
        self._thread.join()
        if kind is None:
            self._raise()

    def _raise(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _run(self) -> None:
        failed = False
        while (item := self._queue.get()) is not None:
            if failed or self._dropped:
                continue
            try:
                if isinstance(item, _Copy):
                    self._copy(item)
                elif isinstance(item, _Over):
                    self._write_over(item)
                else:
                    self._put(*item)
            except BaseException as error:  # noqa: BLE001  (raised again where the data come from)
                self._error, failed = error, True

    def _put(self, data: memoryview, hashed: bool) -> None:
        if hashed:
            self._hash.update(data)
        at = self.size_bytes
        self.size_bytes += len(data)
        left = data
        while left:
            left = left[self._out.write(left[:_PIECE_BYTES]) :]
        start_writeback(self._out, at, len(data))

    def _copy(self, item: _Copy) -> None:
        self._out.flush()
        handle, begin = self._out.fileno(), self.size_bytes
        at = item.at
        while at < item.end:
            done = copy_range(item.handle, handle, (at, begin + at - item.at), item.end - at)
            if not done:
                raise FileUnreadable("the recording is shorter than it was")
            at += done
        self.size_bytes = begin + item.end - item.at
        self._out.seek(self.size_bytes)
        start_writeback(self._out, begin, item.end - item.at)

    def _write_over(self, item: _Over) -> None:
        self._out.flush()
        os.pwrite(self._out.fileno(), item.data, item.at)


def copy_range(source: int, target: int, places: tuple[int, int], size: int) -> int:
    """Copy bytes from one file to another, by their handles and places in them; gives how many it were, 0 at the end.

    Raises:
        FileUnreadable: one cannot be read. OSError: the other cannot be written.
    """
    at, to = places
    try:
        if done := os.copy_file_range(source, target, size, at, to):
            return done
    except (AttributeError, OSError) as error:
        if isinstance(error, OSError) and error.errno in _FULL:
            raise
    # Not every two file systems can do it between them, nor every system; some say that there was nothing to copy.
    try:
        data = memoryview(os.pread(source, min(size, _PLAIN_COPY_BYTES), at))
    except OSError as error:
        raise FileUnreadable(f"the recording cannot be read: {error.strerror or error}") from None
    done = 0
    while done < len(data):
        done += os.pwrite(target, data[done:], to + done)
    return done


def start_writeback(file: BinaryIO, at: int, size: int) -> None:
    """Let the kernel begin to write a part of a file to the disk, where it can be told: syncing it later is short."""
    if _sync_file_range is None:
        return
    try:
        handle = file.fileno()
    except (OSError, AttributeError):
        return
    # An error is told by fsync.
    _sync_file_range(handle, at, size, _SYNC_FILE_RANGE_WRITE)


def _found() -> ctypes._NamedFuncPointer | None:
    try:
        function = ctypes.CDLL(None).sync_file_range
    except (OSError, AttributeError):
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    function.restype = ctypes.c_int
    return function


_sync_file_range = _found()


class Sync:
    """Brings a file to the disk, on a thread, which nobody waits for who gives up."""

    def __init__(self, file: BinaryIO) -> None:
        file.flush()
        self._handle = os.dup(file.fileno())
        self._error: OSError | None = None
        self._done = threading.Event()
        threading.Thread(target=self._run, name="cut-sync", daemon=True).start()

    def _run(self) -> None:
        try:
            os.fsync(self._handle)
        except OSError as error:
            self._error = error
        finally:
            os.close(self._handle)
            self._done.set()

    def wait(self, timeout_s: float) -> bool:
        """Whether it is there, at the latest after so long. Raises OSError: it cannot be written."""
        done = self._done.wait(timeout_s)
        if self._error is not None:
            raise self._error
        return done
