"""Reading a recording's file from the Plex server itself, where no path mapping reaches it: plain HTTP ranges."""

from __future__ import annotations

import threading
import time

from plexcut.domain.media import SourceStatus
from plexcut.domain.pieces import extent_of, version_of
from plexcut.errors import FileUnreadable
from plexcut.library.plex.client import Piece, PlexClient

_STATUS_FOR_S = 2.0
_NO_PIECES = (
    "the Plex server, or what stands before it, does not hand out pieces of {!r}",
    "give its address without a proxy, or map its folder ([[library.path]])",
)


class PlexRanges:
    """`domain.media.ByteRanges` of one part of an item; `part_key` is its address on the server."""

    def __init__(self, client: PlexClient, library: str, part_key: str, name: str) -> None:
        self._client = client
        self._part_key = part_key
        self._name = name
        self._key = f"plex/{library}{part_key}"
        self._lock = threading.Lock()
        self._known: tuple[float, SourceStatus] | None = None

    @property
    def name(self) -> str:
        return self._name

    @property
    def key(self) -> str:
        return self._key

    def status(self) -> SourceStatus:
        """Asks the server, but not again within two seconds after it said something of the file."""
        with self._lock:
            known = self._known
        if known is not None and time.monotonic() - known[0] < _STATUS_FOR_S:
            return known[1]
        _, status = self._ask(0, 1)
        return status

    def read(self, start: int, size: int) -> bytes:
        """A connection that breaks off in the middle is taken up again where it did."""
        data = b""
        while len(data) < size:
            piece, _ = self._ask(start + len(data), size - len(data))
            if not piece:
                break
            data += piece
        return data

    def _ask(self, start: int, size: int) -> tuple[bytes, SourceStatus]:
        """Some bytes from `start` on, none where the file ends before; and what the server says of the whole.

        Raises:
            FileUnreadable, LibraryOffline.
        """
        piece = self._client.piece(self._part_key, start, size)
        if piece.status not in {206, 416}:
            self._refuse(piece)
        extent = extent_of(piece.status, piece.headers, start, size)
        if extent is None:
            raise FileUnreadable(_NO_PIECES[0].format(self._name), _NO_PIECES[1])
        if len(piece.data) > extent.end - extent.start or (not piece.data and extent.end > extent.start):
            raise self._client.offline("broke off its answer", "try again")
        status = SourceStatus(extent.total, version_of(piece.headers, self._part_key))
        with self._lock:
            self._known = (time.monotonic(), status)
        return piece.data, status

    def _refuse(self, piece: Piece) -> None:
        """Raise what an answer means that is no piece of the file."""
        if piece.status == 200:
            raise FileUnreadable(_NO_PIECES[0].format(self._name), _NO_PIECES[1])
        if piece.status in {403, 404, 410}:
            raise FileUnreadable(
                f"the Plex server does not hand out {self._name!r} (status {piece.status})",
                "it may have been deleted, or the token may not be that of the server's owner",
            )
        if piece.status == 401:
            raise self._client.offline("does not accept the token", "set a valid token in the configuration")
        raise self._client.offline(f"answers with status {piece.status}")
