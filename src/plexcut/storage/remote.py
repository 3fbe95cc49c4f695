"""Files elsewhere, read by ranges: what an address names, and anything that fsspec has a file system for."""

from __future__ import annotations

import errno
import logging
import re
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from plexcut.config.shares import SmbAddress
from plexcut.domain.media import ByteRanges, SourceStatus
from plexcut.domain.pieces import hashed
from plexcut.errors import FileUnreadable, HostUnreachable, PlexcutError, UsageError
from plexcut.storage.http import HttpRanges

log = logging.getLogger(__name__)

_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)://(?P<rest>.*)", re.DOTALL)
_TIMES = ("mtime", "last_write_time", "LastModified", "last_modified", "updated", "modified", "created")
_STATUS_FOR_S = 2.0


T = TypeVar("T")


class FileSystem(Protocol):
    """What is needed of an fsspec file system."""

    def info(self, path: str, **kwargs: Any) -> Mapping[str, Any]:
        """Size, type, and times by whatever name."""

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **kwargs: Any) -> bytes:
        """Bytes `[start, end)`."""


class FsspecRanges:
    """`domain.media.ByteRanges` of a file of an fsspec file system.

    `host` is its name for people. `connect` makes the file system, and makes it again when it fails: some do not mend a
    connection that broke.
    """

    def __init__(self, connect: Callable[[], FileSystem], path: str, host: str = "the file server") -> None:
        self._connect = connect
        self._path = path
        self._host = host
        self._name = path.rstrip("/").rpartition("/")[2]
        self._key = f"fsspec/{hashed(f'{host} {path}'):x}"
        self._lock = threading.Lock()
        self._fs: FileSystem | None = None
        self._known: tuple[float, SourceStatus] | None = None

    @property
    def name(self) -> str:
        return self._name

    @property
    def key(self) -> str:
        return self._key

    def status(self) -> SourceStatus:
        """Asks, but not again within two seconds."""
        with self._lock:
            known = self._known
        if known is not None and time.monotonic() - known[0] < _STATUS_FOR_S:
            return known[1]
        info = self._tried(lambda fs: fs.info(self._path))
        size = info.get("size")
        if info.get("type", "file") != "file" or not isinstance(size, int):
            raise FileUnreadable(f"{self._name!r} is a folder", "name a recording")
        status = SourceStatus(size, _version(info))
        with self._lock:
            self._known = (time.monotonic(), status)
        return status

    def read(self, start: int, size: int) -> bytes:
        end = min(start + size, self.status().size_bytes)
        if start >= end:
            return b""
        return self._tried(lambda fs: fs.cat_file(self._path, start=start, end=end))[:size]

    def _tried(self, ask: Callable[[FileSystem], T]) -> T:
        """What `ask` answers; tried twice. The file system's own failures, whatever they are, become ours."""
        for last_try in (False, True):
            with self._lock:
                fs = self._fs
            try:
                if fs is None:
                    fs = self._connect()
                    with self._lock:
                        self._fs = fs
                return ask(fs)
            except PlexcutError:
                raise
            except Exception as error:  # noqa: BLE001 - each file system has failures of its own
                self._judge(error)
                with self._lock:
                    if self._fs is fs:
                        self._fs = None
                if last_try:
                    break
        raise HostUnreachable(f"{self._host} cannot be reached, or broke off", "is it running?")

    def _judge(self, error: Exception) -> None:
        """Raise what a failure is that another try does not change."""
        log.debug("%s failed: %s", self._host, type(error).__name__)
        number = getattr(error, "errno", None)  # SMB's own errors have it, but are none of Python's classes for it
        if isinstance(error, FileNotFoundError) or number in {errno.ENOENT, errno.ENOTDIR}:
            raise FileUnreadable(f"{self._host} has no file {self._name!r} there", "check the address") from None
        if isinstance(error, PermissionError) or number in {errno.EACCES, errno.EPERM}:
            raise FileUnreadable(
                f"{self._host} does not let {self._name!r} be read", "check user, password and permissions"
            ) from None
        if re.search("logon|authentication", type(error).__name__, re.IGNORECASE):
            raise FileUnreadable(f"{self._host} does not accept user and password", "check them") from None


def _version(info: Mapping[str, Any]) -> int:
    """What changes with the content, in ns where it is a time."""
    for name in _TIMES:
        value = info.get(name)
        if isinstance(value, datetime):
            value = value.timestamp()
        if isinstance(value, (int, float)) and value > 0:
            return int(value * 1_000_000) * 1000
    return hashed(str(info.get("ETag") or sorted(info.items(), key=str)))


def is_address(text: str) -> bool:
    """Whether a text names something elsewhere (`scheme://…`), not a local path."""
    return _ADDRESS.fullmatch(text) is not None


def lacks_password(text: str) -> bool:
    """Whether an address names a user, but no password."""
    found = _ADDRESS.fullmatch(text)
    before, at, _ = found["rest"].partition("/")[0].rpartition("@") if found else ("", "", "")
    return bool(at) and ":" not in before


def remote_source(text: str, password: str | None = None) -> ByteRanges:
    """The file at an address: `http://`, `https://` or `smb://user@host/share/file`. Asks nothing yet.

    `password` counts where the address has a user but none.

    Raises:
        UsageError: it is no such address. No message ever repeats it: it may hold a password.
    """
    found = _ADDRESS.fullmatch(text)
    scheme = found["scheme"].lower() if found else ""
    if found is None or scheme not in {"http", "https", "smb"}:
        raise UsageError(f"{scheme}:// is not possible", "possible are a path, http://, https:// and smb://")
    if password is not None and lacks_password(text):
        user, _, rest = found["rest"].partition("@")
        text = f"{scheme}://{user}:{quote(password, safe='')}@{rest}"
    return _smb(text) if scheme == "smb" else HttpRanges(f"{scheme}{text[len(scheme) :]}")


def _smb(text: str) -> ByteRanges:
    address, login = SmbAddress.of(text)
    if not address.path.name:
        raise UsageError("that is no address of a file on a share", "write smb://user@host/share/folder/file")
    if not login.user:
        raise UsageError("the address names no user", "write smb://user@host/share/folder/file")
    from plexcut.storage.smb.ranges import SmbRanges
    from plexcut.storage.smb.share import Share

    return SmbRanges(Share(address, login), address.path)
