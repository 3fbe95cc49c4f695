"""A folder on a share as a library needs it: `domain.folders.RemoteFolder`."""

from __future__ import annotations

import errno
import stat
from pathlib import Path, PurePosixPath

import smbclient

from plexcut.domain.folders import FolderEntry, Parts
from plexcut.storage.smb.failures import AWAY, LoginRefused
from plexcut.storage.smb.ranges import SmbRanges, read_piece
from plexcut.storage.smb.share import Link
from plexcut.storage.smb.shares import Shares

_LIST_S = 30.0
"""A folder with thousands of files takes a while on a slow server."""


class SmbFolder:
    """The folder at `place`, whose share is known to `shares`."""

    def __init__(self, shares: Shares, place: Path) -> None:
        self._shares = shares
        self._place = place
        self._share, self._path = shares.find(place)

    @property
    def place(self) -> Path:
        return self._place

    def entries(self, parts: Parts) -> list[FolderEntry]:
        path = self._path.joinpath(*parts)
        return self._share.call(lambda link: _listed(link, path), path.name or str(path), timeout_s=_LIST_S)

    def entry(self, parts: Parts) -> FolderEntry | None:
        path = self._path.joinpath(*parts)
        try:
            found = self._share.call(lambda link: link.ask(smbclient.lstat, path), path.name)
        except (FileNotFoundError, NotADirectoryError):
            return None
        kind = "folder" if stat.S_ISDIR(found.st_mode) else "file" if stat.S_ISREG(found.st_mode) else "other"
        return FolderEntry(path.name, kind, found.st_size, max(0, int(found.st_mtime)))  # type: ignore[arg-type]

    def source(self, parts: Parts) -> SmbRanges:
        return SmbRanges(self._share, self._path.joinpath(*parts), library=True)

    def read(self, parts: Parts, size: int) -> bytes:
        path = self._path.joinpath(*parts)
        return self._share.call(lambda link: read_piece(link, path, 0, size), path.name)

    def reason(self, error: OSError) -> str:
        if error.errno == errno.ETIMEDOUT:
            return "does not answer"
        if error.errno in AWAY:
            return "cannot be reached"
        if isinstance(error, LoginRefused):
            return "does not accept user and password"
        if isinstance(error, FileNotFoundError):
            return "is not there"
        if isinstance(error, NotADirectoryError):
            return "is no folder"
        return f"cannot be read: {error.strerror or 'unknown error'}"


def _listed(link: Link, path: PurePosixPath) -> list[FolderEntry]:
    found = []
    with link.ask(smbclient.scandir, path) as listing:
        for entry in listing:
            info = entry.smb_info
            link_or_other = entry.is_symlink()
            kind = "other" if link_or_other else "folder" if entry.is_dir() else "file"
            mtime_s = max(0, int(info.last_write_time.timestamp()))
            found.append(FolderEntry(entry.name, kind, int(info.end_of_file), mtime_s))  # type: ignore[arg-type]
    return sorted(found, key=lambda one: one.name)
