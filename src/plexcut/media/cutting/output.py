"""Writing a large file while the next part of it is made: by a thread that hashes it, and keeps the disk busy."""

from __future__ import annotations

import ctypes
import os
import queue
import threading
from types import TracebackType
from typing import BinaryIO, Self

import xxhash

_WAITING = 2
_PIECE_BYTES = 1 << 18
"""What is handed to the system at once: for megabytes it looks for large pages that nobody has used yet."""
_SYNC_FILE_RANGE_WRITE = 2


class BackgroundWriter:
    """Takes data for a file and writes them on a thread; they must not change afterwards. Use it with `with`.

    An `OSError` of the file is raised by the next call. When the block is left all is in the file, or it raises.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._queue: queue.Queue[memoryview | None] = queue.Queue(_WAITING)
        self._hash = xxhash.xxh3_64()
        self._error: BaseException | None = None
        self._dropped = False
        self._thread = threading.Thread(target=self._run, name="cut-write", daemon=True)
        self._thread.start()
        self.size_bytes = 0

    @property
    def digest(self) -> int:
        """xxh3 of all that was written; ask when the block is left."""
        return self._hash.intdigest()

    def write(self, data: memoryview) -> int:
        """Queue data. Raises OSError when earlier ones could not be written."""
        self._raise()
        self._queue.put(data)
        return len(data)

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
        while (data := self._queue.get()) is not None:
            if failed or self._dropped:
                continue
            try:
                self._put(data)
            except BaseException as error:  # noqa: BLE001  (raised again where the data come from)
                self._error, failed = error, True

    def _put(self, data: memoryview) -> None:
        self._hash.update(data)
        at = self.size_bytes
        self.size_bytes += len(data)
        left = data
        while left:
            left = left[self._out.write(left[:_PIECE_BYTES]) :]
        start_writeback(self._out, at, len(data))


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
