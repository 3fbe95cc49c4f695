"""`domain.files.Files` of shares: what replacing, trash and journal need, done by the server on its own names.

Hard links are asked for, and Samba and Windows have them: a replacement is then a link into the trash and one rename,
as on a local disk. Where a server has none, the two journalled renames of `storage.trash.swap` remain.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

import smbclient
from smbprotocol.open import CreateOptions, DirectoryAccessMask, FilePipePrinterAccessMask

from plexcut.domain.files import FileKind, FileStatus
from plexcut.domain.places import shown
from plexcut.errors import CannotWrite, LibraryOffline
from plexcut.storage.smb.ranges import SHARED, read_piece
from plexcut.storage.smb.security import copy_permissions
from plexcut.storage.smb.share import Link, Share
from plexcut.storage.smb.shares import Shares
from plexcut.storage.trash.places import OWN_FOLDER

SYNC_S = 180.0
"""A server may have much to write when it is told to bring a file to its disk."""
_LOCK_NAME = "lock"
_POLL_S = 0.1
_INSIST_S = 3.0
"""So long a name is tried again that somebody has open, as a page does that is just reading from it."""
_QUIET_S = 300.0
"""A file that did not change for so long is not being recorded; clocks of file servers may be off."""
_LOOK_AGAIN_S = 1.0
_IN_USE = (errno.EBUSY, errno.EACCES)
_READ_BYTES = 4 << 20


class SmbFiles:
    """Files of the shares that are configured here. `locks`: a folder of this machine for locks among its processes."""

    def __init__(self, shares: Shares, locks: Path) -> None:
        self._shares = shares
        self._locks = locks

    def status(self, path: PurePath) -> FileStatus | None:
        try:
            found = self._ask(path, lambda link, at: link.ask(smbclient.lstat, at))
        except (FileNotFoundError, NotADirectoryError):
            return None
        kind: FileKind = "other"
        if stat.S_ISREG(found.st_mode):
            kind = "file"
        elif stat.S_ISDIR(found.st_mode):
            kind = "folder"
        identity = f"{path.parts[1]}:{found.st_dev}:{found.st_ino}" if found.st_ino else ""
        return FileStatus(kind, found.st_size, found.st_mtime_ns, identity)

    def names(self, folder: PurePath) -> list[str]:
        try:
            found: list[str] = self._ask(folder, lambda link, at: link.ask(smbclient.listdir, at))
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(found)

    def read(self, path: PurePath, start: int = 0, size: int = -1) -> bytes:
        pieces: list[bytes] = []
        at, left = start, size
        while left:
            wanted = _READ_BYTES if left < 0 else min(left, _READ_BYTES)
            piece = self._ask(path, lambda link, name, at=at, n=wanted: read_piece(link, name, at, n))
            pieces.append(piece)
            at += len(piece)
            left = left - len(piece) if left > 0 else left
            if len(piece) < wanted:
                break
        return b"".join(pieces)

    def write(self, path: PurePath, data: bytes) -> None:
        def make(link: Link, at: PurePosixPath) -> None:
            with _opened(link, at, "xb") as file:
                _write(file, data)
                file.fd.flush()

        try:
            self._ask(path, make, once=True)
        except FileExistsError:
            raise
        except OSError:
            with contextlib.suppress(OSError):
                self.unlink(path)
            raise

    def write_at(self, path: PurePath, start: int, data: memoryview, timeout_s: float) -> None:
        """Bytes of a file that is there, from `start` on; the same again changes nothing."""

        def put(link: Link, at: PurePosixPath) -> None:
            with _opened(link, at, "r+b") as file:
                file.seek(start)
                _write(file, data)

        self._ask(path, put, timeout_s=timeout_s)

    def link(self, old: PurePath, new: PurePath) -> None:
        self._two(old, new, smbclient.link, follow_symlinks=False)

    def exchange(self, one: PurePath, other: PurePath) -> None:
        raise OSError(errno.EOPNOTSUPP, "a share exchanges no files", shown(one), None, shown(other))

    def rename(self, old: PurePath, new: PurePath) -> None:
        self._two(old, new, smbclient.replace)

    def rename_new(self, old: PurePath, new: PurePath) -> None:
        self._two(old, new, smbclient.rename)

    def unlink(self, path: PurePath) -> None:
        _insist(lambda: self._ask(path, lambda link, at: link.ask(smbclient.remove, at), once=True))

    def make_folder(self, path: PurePath) -> None:
        self._ask(path, lambda link, at: link.ask(smbclient.makedirs, at, exist_ok=True))

    def remove_folder(self, path: PurePath) -> None:
        self._ask(path, lambda link, at: link.ask(smbclient.rmdir, at), once=True)

    def sync(self, path: PurePath) -> None:
        def flush(link: Link, at: PurePosixPath) -> None:
            with _opened(link, at, "r+b") as file:
                file.fd.flush()

        self._ask(path, flush, timeout_s=SYNC_S)

    def sync_folder(self, path: PurePath) -> None:
        access = DirectoryAccessMask.FILE_ADD_FILE | DirectoryAccessMask.FILE_LIST_DIRECTORY

        def flush(link: Link, at: PurePosixPath) -> None:
            options: dict[str, Any] = {"mode": "rb", "buffering": 0, "file_type": "dir", "share_access": SHARED}
            with link.ask(smbclient.open_file, at, desired_access=access, **options) as folder:
                folder.fd.flush()

        try:
            self._ask(path, flush, timeout_s=SYNC_S)
        except OSError as error:
            # Not every server syncs folders when it is asked to: it does as it likes then.
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.EACCES, errno.EISDIR, errno.EIO):
                raise

    def dress(self, path: PurePath, like: PurePath) -> tuple[str, ...]:
        share, to = self._shares.find(path)
        _, of = self._shares.find(like)
        try:
            share.call(lambda link: copy_permissions(link, of, to), path.name)
        except OSError as error:
            if error.errno in (errno.ETIMEDOUT, errno.EHOSTUNREACH):
                raise
            return ("permissions",)
        return ()

    def set_mtime(self, path: PurePath, mtime_ns: int) -> None:
        self._ask(path, lambda link, at: link.ask(smbclient.utime, at, ns=(mtime_ns, mtime_ns)))

    def same_file_system(self, one: PurePath, other: PurePath) -> bool:
        for path in (one, other):
            if self.status(path) is None:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), shown(path))
        return one.parts[:3] == other.parts[:3]

    def writing(self, path: PurePath) -> bool:
        """Opened so that nobody may write, which is refused where somebody does; a recorder on the server itself shows
        only by what it writes.
        """

        def look(link: Link, at: PurePosixPath) -> None:
            with link.ask(smbclient.open_file, at, mode="rb", buffering=0, share_access="rd"):
                return

        try:
            self._ask(path, look)
        except OSError as error:
            if error.errno == errno.EBUSY:
                return True
            raise
        before = self.status(path)
        if before is None or abs(time.time() - before.mtime_ns / 1e9) > _QUIET_S:
            return False
        time.sleep(_LOOK_AGAIN_S)
        return self.status(path) != before

    def free_bytes(self, folder: PurePath) -> int | None:
        found = self._ask(folder, lambda link, at: link.ask(smbclient.stat_volume, at))
        return int(found.caller_available_size)

    @contextmanager
    def lock(self, folder: PurePath, timeout_s: float) -> Iterator[None]:
        """A file that nobody else may open; the server lets go of it, and removes it, with its owner.

        It lies beside our own folder, which and what is in it may be removed while it is held. It has a connection of
        its own, so that no time limit of another call takes it away.
        """
        near, at = self._shares.find(folder)
        lock = _lock_of(at)
        share = Share(near.address, near.login)
        try:
            file = self._locked_in_time(share, lock, folder, timeout_s)
            try:
                if self.status(folder) is None:
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), shown(folder))
                yield
            finally:
                with contextlib.suppress(OSError):
                    share.call(lambda _: file.close(), folder.name, again=False)
                file.fd._connected = False  # where the server is gone, so is the file, and the library does not know
        finally:
            share.close()

    def _locked_in_time(self, share: Share, lock: PurePosixPath, folder: PurePath, timeout_s: float) -> Any:
        until = time.monotonic() + timeout_s
        while True:
            try:
                return share.call(lambda link: _locked(link, lock), folder.name, again=False)
            except OSError as error:
                if error.errno not in _IN_USE or self.status(folder) is None:
                    raise
                if error.errno == errno.EACCES and time.monotonic() >= until:
                    raise
            if time.monotonic() >= until:
                raise BlockingIOError(errno.EAGAIN, "somebody else works there", shown(folder))
            time.sleep(_POLL_S)

    @contextmanager
    def hold(self, path: PurePath) -> Iterator[None]:
        """By a file of this machine: other machines are kept off by the queue."""
        if self.status(path) is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), shown(path))
        self._locks.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = hashlib.blake2b(os.fsencode(str(path)), digest_size=12).hexdigest()
        handle = os.open(self._locks / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        finally:
            os.close(handle)

    def _ask(self, path: PurePath, work: Any, *, once: bool = False, timeout_s: float | None = None) -> Any:
        share, at = self._shares.find(path)
        return share.call(lambda link: work(link, at), shown(path), again=not once, timeout_s=timeout_s)

    def _two(self, old: PurePath, new: PurePath, function: Any, **options: Any) -> None:
        """An operation on two names of one share."""
        share, one = self._shares.find(old)
        other_share, other = self._shares.find(new)
        if share.address.root != other_share.address.root:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), shown(old), None, shown(new))
        _insist(
            lambda: share.call(
                lambda link: link.ask(function, one, link.unc(other), **options), shown(old), again=False
            )
        )


def try_folder(shares: Shares, folder: Path) -> str:
    """Reach a folder, and write into it by trying; a line that says how it is.

    Raises:
        LibraryOffline: it cannot be reached. CannotWrite: results cannot be made there.
    """
    trouble = shares.trouble(folder)
    if trouble:
        raise LibraryOffline(f"{shown(folder)} {trouble}", "check the address, user and password")
    files = SmbFiles(shares, Path())
    probe = folder / f".plexcut-{os.urandom(4).hex()}.part"
    try:
        files.write(probe, b"plexcut")
        files.unlink(probe)
        free = files.free_bytes(folder) or 0
    except OSError as error:
        raise CannotWrite(f"{shown(folder)} cannot be written: {error.strerror}", "cuts are made there") from None
    return f"{shown(folder)} can be read and written, {free / 1e9:.1f} GB free"


def _opened(link: Link, path: PurePosixPath, mode: str) -> Any:
    return link.ask(smbclient.open_file, path, mode=mode, buffering=0, share_access=SHARED)


def _write(file: Any, data: bytes | memoryview) -> None:
    left = memoryview(data)
    while left:
        left = left[file.write(bytes(left[: 1 << 20])) :]


def _lock_of(folder: PurePosixPath) -> PurePosixPath:
    """Where the lock of a folder lies: `<base>/.plexcut.tmp.<job>.lock` for `<base>/.plexcut/tmp/<job>`."""
    for above in (folder, *folder.parents):
        if above.name == OWN_FOLDER:
            below = folder.relative_to(above).parts
            return above.with_name(".".join((OWN_FOLDER, *below, _LOCK_NAME)))
    return folder / _LOCK_NAME


def _locked(link: Link, path: PurePosixPath) -> Any:
    """A file that nobody else may open, and that goes when it is closed."""
    access = FilePipePrinterAccessMask.FILE_WRITE_DATA | FilePipePrinterAccessMask.DELETE
    options = CreateOptions.FILE_DELETE_ON_CLOSE
    return link.ask(
        smbclient.open_file,
        path,
        mode="wb",
        buffering=0,
        share_access=None,
        desired_access=access,
        create_options=options,
    )


def _insist(work: Any) -> None:
    """Do it, for a while again where somebody has the name open."""
    until = time.monotonic() + _INSIST_S
    while True:
        try:
            work()
            return
        except OSError as error:
            if error.errno not in _IN_USE or time.monotonic() >= until:
                raise
        time.sleep(_POLL_S)
