"""`domain.files.Files` of local folders, mounted shares among them."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import signal
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath

from plexcut.domain.files import FileKind, FileStatus

_AT_FDCWD = -100
_RENAME_NOREPLACE, _RENAME_EXCHANGE = 1, 2
_LOCK_NAME = "lock"
_POLL_S = 0.05
_QUIET_S = 60.0
"""Recorders write more often than that."""
_LOOK_AGAIN_S = 1.2
_NO_LOCKS = (errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.EISDIR, errno.ENOSYS)
_HIDDEN_XATTRS = ("security.evm", "security.ima", "system.nfs4_acl")
"""Checksums of the file itself, which the kernel writes; and what only another server could take."""


class LocalFiles:
    """Files of this machine."""

    def status(self, path: PurePath) -> FileStatus | None:
        try:
            found = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        kind: FileKind = "other"
        if stat.S_ISREG(found.st_mode):
            kind = "file"
        elif stat.S_ISDIR(found.st_mode):
            kind = "folder"
        return FileStatus(kind, found.st_size, found.st_mtime_ns, f"{found.st_dev}:{found.st_ino}")

    def names(self, folder: PurePath) -> list[str]:
        try:
            return sorted(os.listdir(folder))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def read(self, path: PurePath, start: int = 0, size: int = -1) -> bytes:
        with open(path, "rb") as file:
            file.seek(start)
            return file.read(size)

    def write(self, path: PurePath, data: bytes) -> None:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(handle, left) :]
            os.fsync(handle)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise
        finally:
            os.close(handle)

    def link(self, old: PurePath, new: PurePath) -> None:
        os.link(old, new, follow_symlinks=False)

    def exchange(self, one: PurePath, other: PurePath) -> None:
        _rename2(one, other, _RENAME_EXCHANGE)

    def rename(self, old: PurePath, new: PurePath) -> None:
        os.replace(old, new)

    def rename_new(self, old: PurePath, new: PurePath) -> None:
        try:
            _rename2(old, new, _RENAME_NOREPLACE)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
            if os.path.lexists(new):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(new)) from None
            os.rename(old, new)

    def unlink(self, path: PurePath) -> None:
        os.unlink(path)

    def make_folder(self, path: PurePath) -> None:
        os.makedirs(path, exist_ok=True)

    def remove_folder(self, path: PurePath) -> None:
        os.rmdir(path)

    def sync(self, path: PurePath) -> None:
        _sync(path, os.O_RDONLY)

    def sync_folder(self, path: PurePath) -> None:
        try:
            _sync(path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            # Some network and FUSE file systems sync no folders: their server does as it likes.
            if error.errno not in (errno.EINVAL, errno.EBADF, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES):
                raise

    def dress(self, path: PurePath, like: PurePath) -> tuple[str, ...]:
        lost: list[str] = []
        wanted = os.stat(like, follow_symlinks=False)
        has = os.stat(path, follow_symlinks=False)
        if (has.st_uid, has.st_gid) != (wanted.st_uid, wanted.st_gid) and not _chown(path, wanted):
            lost.append("owner")
        try:
            os.chmod(path, stat.S_IMODE(wanted.st_mode))
        except OSError:
            lost.append("mode")
        lost += _copy_xattrs(path, like)
        return tuple(lost)

    def set_mtime(self, path: PurePath, mtime_ns: int) -> None:
        os.utime(path, ns=(mtime_ns, mtime_ns), follow_symlinks=False)

    def same_file_system(self, one: PurePath, other: PurePath) -> bool:
        return os.stat(one).st_dev == os.stat(other).st_dev

    def writing(self, path: PurePath) -> bool:
        open_for_writing = _has_writer(path)
        if open_for_writing is not None:
            return open_for_writing
        before = os.stat(path)
        if abs(time.time() - before.st_mtime) > _QUIET_S:
            return False
        time.sleep(_LOOK_AGAIN_S)
        after = os.stat(path)
        return (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)

    def free_bytes(self, folder: PurePath) -> int | None:
        found = os.statvfs(folder)
        return found.f_bavail * found.f_frsize

    @contextmanager
    def lock(self, folder: PurePath, timeout_s: float) -> Iterator[None]:
        until = time.monotonic() + timeout_s
        while True:
            handle = _lock_once(folder)
            if handle is not None:
                break
            if time.monotonic() >= until:
                raise BlockingIOError(errno.EAGAIN, "somebody else works there", str(folder))
            time.sleep(_POLL_S)
        try:
            yield
        finally:
            os.close(handle)

    @contextmanager
    def hold(self, path: PurePath) -> Iterator[None]:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise
            yield
        finally:
            os.close(handle)


def _has_writer(path: PurePath) -> bool | None:
    """Whether some process has a file open for writing; None where the kernel does not tell us.

    It gives a lease for reading on a file that nobody writes, to its owner and to root, on local file systems.
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return None
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)  # should the lease be broken: a signal that does nothing
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return True if error.errno == errno.EAGAIN else None
    finally:
        os.close(handle)
    return False


def _lock_once(folder: PurePath) -> int | None:
    """A handle that holds the folder, None where somebody else has it.

    The folder itself is locked; a network file system that locks what is open for writing alone gets a file in it. Who
    had it before may have removed it, so what was locked must still be what the name stands for.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    name: PurePath = folder
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return None
        if error.errno not in _NO_LOCKS:
            raise
        name = folder / _LOCK_NAME
        handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as again:
            os.close(handle)
            if again.errno in (errno.EAGAIN, errno.EACCES):
                return None
            raise
    try:
        here, there = os.fstat(handle), os.stat(name)
        same = (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)
    except FileNotFoundError:
        same = False
    if not same:
        os.close(handle)
        if not os.path.isdir(folder):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))
        return None
    return handle


def _sync(path: PurePath, flags: int) -> None:
    handle = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _chown(path: PurePath, wanted: os.stat_result) -> bool:
    """Owner and group, or the group alone; whether both are right now."""
    try:
        os.chown(path, wanted.st_uid, wanted.st_gid, follow_symlinks=False)
    except OSError:
        with contextlib.suppress(OSError):
            os.chown(path, -1, wanted.st_gid, follow_symlinks=False)
        return False
    return True


def _copy_xattrs(path: PurePath, like: PurePath) -> list[str]:
    """Extended attributes, POSIX ACLs among them; which could not be carried over."""
    if not hasattr(os, "listxattr"):
        return []
    try:
        wanted = os.listxattr(like, follow_symlinks=False)
        has = os.listxattr(path, follow_symlinks=False)
    except OSError:
        return []
    lost = []
    for name in wanted:
        if name in _HIDDEN_XATTRS:
            continue
        try:
            value = os.getxattr(like, name, follow_symlinks=False)
            if name not in has or os.getxattr(path, name, follow_symlinks=False) != value:
                os.setxattr(path, name, value, follow_symlinks=False)
        except OSError:
            lost.append(name)
    for name in has:
        if name.startswith("system.posix_acl") and name not in wanted:
            with contextlib.suppress(OSError):
                os.removexattr(path, name, follow_symlinks=False)
    return lost


def _rename2(old: PurePath, new: PurePath, flags: int) -> None:
    if _renameat2 is None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP), str(old))
    if _renameat2(_AT_FDCWD, os.fsencode(old), _AT_FDCWD, os.fsencode(new), flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(old), None, str(new))


def _found() -> ctypes._NamedFuncPointer | None:
    try:
        function = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    function.restype = ctypes.c_int
    return function


_renameat2 = _found()
