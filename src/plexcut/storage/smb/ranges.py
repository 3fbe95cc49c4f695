"""Reading a file on a share by ranges."""

from __future__ import annotations

import errno
import stat
import threading
import time
from pathlib import PurePosixPath
from typing import Any

import smbclient

from plexcut.domain.media import SourceStatus
from plexcut.domain.pieces import hashed
from plexcut.storage.smb.failures import told
from plexcut.storage.smb.share import Link, Share

_STATUS_FOR_S = 2.0
_PIECE_BYTES = 1 << 20
SHARED = "rwd"
"""Others may go on recording into what we read, rename and delete it."""


class SmbRanges:
    """`domain.media.ByteRanges` of a file on a share. `library`: the share belongs to one."""

    def __init__(self, share: Share, path: PurePosixPath, *, library: bool = False) -> None:
        self._share = share
        self.path = path
        self._library = library
        self._key = f"smb/{hashed(f'{share.address.root} {path}'):x}"
        self._lock = threading.Lock()
        self._known: tuple[float, SourceStatus] | None = None

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def key(self) -> str:
        return self._key

    @property
    def place(self) -> str:
        """Its address, without a user."""
        return f"{self._share.address.root}{self.path}"

    def status(self) -> SourceStatus:
        """Asks, but not again within two seconds."""
        with self._lock:
            known = self._known
        if known is not None and time.monotonic() - known[0] < _STATUS_FOR_S:
            return known[1]
        try:
            found = self._share.call(lambda link: link.ask(smbclient.stat, self.path), self.name)
            if stat.S_ISDIR(found.st_mode):
                raise IsADirectoryError(errno.EISDIR, "a folder", self.name)
        except OSError as error:
            raise told(error, self._share.host, self.path, library=self._library) from None
        status = SourceStatus(found.st_size, found.st_mtime_ns)
        with self._lock:
            self._known = (time.monotonic(), status)
        return status

    def forget(self) -> None:
        """Ask anew the next time."""
        with self._lock:
            self._known = None

    def read(self, start: int, size: int) -> bytes:
        if size <= 0:
            return b""
        try:
            return self._share.call(lambda link: read_piece(link, self.path, start, size), self.name)
        except OSError as error:
            raise told(error, self._share.host, self.path, library=self._library) from None


def read_piece(link: Link, path: PurePosixPath, start: int, size: int) -> bytes:
    """Bytes of a file, fewer where it ends before."""
    options: dict[str, Any] = {"mode": "rb", "buffering": 0, "share_access": SHARED}
    with link.ask(smbclient.open_file, path, **options) as file:
        file.seek(start)
        pieces = []
        left = size
        while left > 0:
            piece = file.read(min(left, _PIECE_BYTES))
            if not piece:
                break
            pieces.append(piece)
            left -= len(piece)
    return b"".join(pieces)
