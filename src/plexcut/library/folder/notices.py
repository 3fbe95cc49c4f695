"""The kernel's notices of changes below a folder (inotify).

Every call leaves Python's interpreter lock before it enters the kernel: a folder on a dead network mount holds up the
thread that asks about it, and nothing else. (A watcher in compiled code that keeps the lock stops the whole server.)
"""

from __future__ import annotations

import ctypes
import errno
import os
import select
import struct
import time
from pathlib import Path
from types import TracebackType
from typing import Self

# <sys/inotify.h>
_MODIFY, _ATTRIB, _CLOSE_WRITE = 0x2, 0x4, 0x8
_MOVED_FROM, _MOVED_TO, _CREATE, _DELETE, _DELETE_SELF, _MOVE_SELF = 0x40, 0x80, 0x100, 0x200, 0x400, 0x800
_OVERFLOW, _IGNORED, _ONLYDIR, _ISDIR = 0x4000, 0x8000, 0x1000000, 0x40000000
_WANTED = (
    _MODIFY
    | _ATTRIB
    | _CLOSE_WRITE
    | _MOVED_FROM
    | _MOVED_TO
    | _CREATE
    | _DELETE
    | _DELETE_SELF
    | _MOVE_SELF
    | _ONLYDIR
)
_HEAD = struct.Struct("iIII")
_BUFFER_BYTES = 1 << 16

_QUIET_S = 0.2
_TOGETHER_S = 1.0
"""Changes that follow each other within `_QUIET_S` are one, for `_TOGETHER_S` at most."""

_libc = ctypes.CDLL(None, use_errno=True)
_HERE = hasattr(_libc, "inotify_add_watch")
"""Only Linux has it."""
if _HERE:
    _libc.inotify_add_watch.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32)


class Notices:
    """Notices of what changes in `root` and all its folders but hidden ones; links are not followed.

    For one thread; `wake` may be called from any. A context manager: at its end nothing stays open.

    Raises:
        OSError: `root` cannot be watched, the kernel's limits are reached, or this kernel gives no notices.
    """

    def __init__(self, root: Path) -> None:
        if not _HERE:
            raise OSError(errno.ENOSYS, "this system has no inotify")
        self._root = os.fsencode(root)
        self._fd = -1
        self._folders: dict[int, bytes] = {}
        self._woken, self._waker = os.pipe()
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the watch."""
        for fd in (self._fd, self._woken, self._waker):
            if fd >= 0:
                os.close(fd)
        self._fd = self._woken = self._waker = -1

    def wake(self) -> None:
        """Have a `wait` end at once."""
        os.write(self._waker, b"\0")

    def wait(self, timeout_s: float) -> bool:
        """Whether anything changed until then; what changes together is waited for.

        Raises:
            OSError: as at the beginning, where folders were moved.
        """
        if not self._there(timeout_s):
            return False
        changed, until = self._take(), time.monotonic() + _TOGETHER_S
        while time.monotonic() < until and self._there(_QUIET_S):
            changed = self._take() or changed
        return changed

    def _there(self, timeout_s: float) -> bool:
        """Whether a notice waits; False as well where somebody wakes us."""
        ready, _, _ = select.select([self._fd, self._woken], [], [], timeout_s)
        return self._fd in ready and self._woken not in ready

    def _begin(self) -> None:
        """Watch all folders, in place of what was watched before."""
        if self._fd >= 0:
            os.close(self._fd)
        self._folders = {}
        self._fd = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise _failure()
        self._watch(self._root)

    def _watch(self, top: bytes) -> None:
        """Watch a folder and those below it; one that is gone or closed to us is left out, unless it is the root."""
        left = [top]
        while left:
            folder = left.pop()
            number = _libc.inotify_add_watch(self._fd, folder, _WANTED)
            if number < 0:
                error = _failure()
                if folder == self._root or error.errno in (errno.ENOSPC, errno.ENOMEM):
                    raise error
                continue
            if number in self._folders:
                continue
            self._folders[number] = folder
            try:
                with os.scandir(folder) as entries:
                    left += [e.path for e in entries if e.name[:1] != b"." and e.is_dir(follow_symlinks=False)]
            except OSError:
                if folder == self._root:
                    raise

    def _take(self) -> bool:
        """Read what waits; whether any of it concerns the library."""
        try:
            data = os.read(self._fd, _BUFFER_BYTES)
        except BlockingIOError:
            return False
        changed = anew = False
        at = 0
        while at < len(data):
            number, mask, _, length = _HEAD.unpack_from(data, at)
            at += _HEAD.size
            name = data[at : at + length].rstrip(b"\0")
            at += length
            if mask & _OVERFLOW:
                changed = anew = True
            elif mask & _IGNORED:
                self._folders.pop(number, None)
            elif name[:1] != b".":
                changed = True
                if mask & _ISDIR and mask & (_MOVED_FROM | _MOVED_TO):
                    anew = True
                elif mask & _ISDIR and mask & _CREATE and number in self._folders:
                    self._watch(os.path.join(self._folders[number], name))  # noqa: PTH118 - bytes all the way
        if anew:
            self._begin()
        return changed


def _failure() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
