"""The shares that are configured here, by the places on them."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterable
from pathlib import Path, PurePath, PurePosixPath

from plexcut.config.shares import Login, SmbAddress
from plexcut.domain.places import is_share, shown
from plexcut.storage.smb.ranges import SmbRanges
from plexcut.storage.smb.share import Share


class Shares:
    """One connection for each share and login; a place is reached by the login of the nearest folder above it."""

    def __init__(self, known: Iterable[tuple[SmbAddress, Login]], timeout_s: float | None = None) -> None:
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._made: dict[tuple[str, Login], Share] = {}
        self._known: list[tuple[Path, Share]] = []
        for address, login in known:
            self.add(address, login)

    def add(self, address: SmbAddress, login: Login) -> Path:
        """Make a folder on a share known; its place."""
        with self._lock:
            share = self._made.setdefault((address.root, login), Share(address, login, self._timeout_s))
            place = address.place
            self._known = sorted([*self._known, (place, share)], key=lambda one: -len(one[0].parts))
        return place

    def find(self, place: PurePath) -> tuple[Share, PurePosixPath]:
        """The share of a place, and the path on it.

        Raises:
            OSError: no such share is configured here.
        """
        if is_share(place):
            for folder, share in self._known:
                if place == folder or folder in place.parents:
                    return share, PurePosixPath("/", *place.parts[3:])
            for folder, share in self._known:  # what lies above the folder, on the same share
                if place.parts[:3] == folder.parts[:3]:
                    return share, PurePosixPath("/", *place.parts[3:])
        raise OSError(errno.ENXIO, "this share is not configured here", shown(place))

    def source(self, place: PurePath, *, library: bool = True) -> SmbRanges:
        """The file at a place, to be read. Asks nothing yet. Raises `OSError` as `find`."""
        share, path = self.find(place)
        return SmbRanges(share, path, library=library)

    def trouble(self, place: Path) -> str:
        """Why a folder cannot be reached now, for people; empty where it can."""
        from plexcut.storage.smb.folder import SmbFolder

        try:
            folder = SmbFolder(self, place)
        except OSError as error:
            return str(error.strerror)
        try:
            found = folder.entry(())
        except OSError as error:
            return folder.reason(error)
        return "" if found is not None and found.kind == "folder" else "is not there"

    def close(self) -> None:
        """Let go of all connections."""
        for share in list(self._made.values()):
            share.close()
