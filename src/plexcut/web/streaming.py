"""Reading pieces of a recording's file for a player: in threads, a piece at a time, never the whole."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from werkzeug.datastructures import Headers
from werkzeug.http import parse_date

from plexcut.domain.media import Source
from plexcut.errors import FileUnreadable, RecordingChanged
from plexcut.web.ranges import ByteRange, parse_range
from plexcut.web.threads import Threads

PIECE_BYTES = 1 << 20
_HEAD_BYTES = 1024

_TS_SYNC = 0x47
_TS_PACKETS = (188, 192, 204)


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file as it was when the request came. `size` is what is sent, even if the recording still grows.

    `modified` is None where its host does not say when it was.
    """

    source: Source
    size: int
    identity: tuple[int, int]
    etag: str
    modified: datetime | None
    media_type: str


def inspect(source: Source) -> OpenedFile:
    """What a file is; its type is told from its content.

    Raises:
        FileUnreadable: it is no regular file, or cannot be read. LibraryOffline: its host does not answer.
    """
    if not isinstance(source, Path):
        status = source.status()
        head = source.read(0, min(_HEAD_BYTES, status.size_bytes))
        etag = f"{status.size_bytes:x}-{status.version:x}"
        return OpenedFile(source, status.size_bytes, (status.version, 0), etag, None, media_type_of(head))
    try:
        fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            facts = os.fstat(fd)
            if not stat.S_ISREG(facts.st_mode):
                raise FileUnreadable("the recording is not a regular file")
            head = os.pread(fd, _HEAD_BYTES, 0)
        finally:
            os.close(fd)
    except OSError as error:
        if isinstance(error, FileUnreadable):
            raise
        raise FileUnreadable(f"the recording's file cannot be read: {error.strerror}") from None
    modified = datetime.fromtimestamp(int(facts.st_mtime), UTC)
    etag = f"{facts.st_size:x}-{facts.st_mtime_ns:x}"
    return OpenedFile(source, facts.st_size, (facts.st_dev, facts.st_ino), etag, modified, media_type_of(head))


def media_type_of(head: bytes) -> str:
    """The media type of a file that begins with `head`."""
    if head[4:8] == b"ftyp":
        return "video/mp4"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "video/x-matroska"
    for packet in _TS_PACKETS:
        for first in range(packet):
            marks = head[first::packet]
            if len(marks) >= 4 and all(mark == _TS_SYNC for mark in marks):
                return "video/mp2t"
    return "application/octet-stream"


def wanted_range(headers: Headers, opened: OpenedFile) -> ByteRange | None:
    """The range of a request, None for everything: also where If-Range says that the file is another one by now.

    Raises:
        RangeNotSatisfiable: it begins behind the end.
    """
    condition = headers.get("If-Range")
    if condition is not None and condition.strip() != f'"{opened.etag}"':
        date = parse_date(condition)
        if date is None or date != opened.modified:
            return None
    return parse_range(headers.get("Range"), opened.size)


async def pieces(threads: Threads, opened: OpenedFile, start: int, end: int) -> AsyncGenerator[bytes, None]:
    """The bytes `start <= n < end`, a piece at a time. The file is opened when the first is asked for.

    Raises:
        RecordingChanged: the file was replaced or cut off meanwhile; the answer breaks off, as it must. So it does with
        LibraryOffline, where a host has gone.
    """
    if start >= end:
        return
    if not isinstance(opened.source, Path):
        async for piece in _remote_pieces(threads, opened, start, end):
            yield piece
        return
    fd = await threads.run("streams", _open_same, opened.source, opened.identity)
    try:
        while start < end:
            piece = await threads.run("streams", os.pread, fd, min(PIECE_BYTES, end - start), start)
            if not piece:
                raise RecordingChanged("the recording became shorter while it was sent")
            start += len(piece)
            yield piece
    finally:
        os.close(fd)


async def _remote_pieces(threads: Threads, opened: OpenedFile, start: int, end: int) -> AsyncGenerator[bytes, None]:
    """As `pieces`. Past the blocks that pictures are made from: a player that reads for hours would push them out."""
    source = opened.source
    assert not isinstance(source, Path)
    while start < end:
        status = await threads.run("streams", source.status)
        # A recording that is still being written changes too, but only grows.
        if status.version != opened.identity[0] and status.size_bytes <= opened.size:
            raise RecordingChanged("the recording was replaced while it was sent")
        piece = await threads.run("streams", source.read, start, min(PIECE_BYTES, end - start))
        if not piece:
            raise RecordingChanged("the recording became shorter while it was sent")
        start += len(piece)
        yield piece


def _open_same(path: Path, identity: tuple[int, int]) -> int:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    facts = os.fstat(fd)
    if (facts.st_dev, facts.st_ino) != identity:
        os.close(fd)
        raise RecordingChanged("the recording was replaced while it was sent")
    return fd
