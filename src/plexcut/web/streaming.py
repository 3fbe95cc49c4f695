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

from plexcut.errors import FileUnreadable, RecordingChanged
from plexcut.web.ranges import ByteRange, parse_range
from plexcut.web.threads import Threads

PIECE_BYTES = 1 << 20

_TS_SYNC = 0x47
_TS_PACKETS = (188, 192, 204)


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file as it was when the request came. `size` is what is sent, even if the recording still grows."""

    path: Path
    size: int
    identity: tuple[int, int]
    etag: str
    modified: datetime
    media_type: str


def inspect(path: Path) -> OpenedFile:
    """What a file is; its type is told from its content.

    Raises:
        FileUnreadable: it is no regular file, or cannot be read.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            facts = os.fstat(fd)
            if not stat.S_ISREG(facts.st_mode):
                raise FileUnreadable("the recording is not a regular file")
            head = os.pread(fd, 1024, 0)
        finally:
            os.close(fd)
    except OSError as error:
        if isinstance(error, FileUnreadable):
            raise
        raise FileUnreadable(f"the recording's file cannot be read: {error.strerror}") from None
    modified = datetime.fromtimestamp(int(facts.st_mtime), UTC)
    etag = f"{facts.st_size:x}-{facts.st_mtime_ns:x}"
    return OpenedFile(path, facts.st_size, (facts.st_dev, facts.st_ino), etag, modified, media_type_of(head))


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
    if condition is not None and condition.strip() != f'"{opened.etag}"' and parse_date(condition) != opened.modified:
        return None
    return parse_range(headers.get("Range"), opened.size)


async def pieces(threads: Threads, opened: OpenedFile, start: int, end: int) -> AsyncGenerator[bytes, None]:
    """The bytes `start <= n < end`, a piece at a time. The file is opened when the first is asked for.

    Raises:
        RecordingChanged: the file was replaced or cut off meanwhile; the answer breaks off, as it must.
    """
    if start >= end:
        return
    fd = await threads.run("streams", _open_same, opened)
    try:
        while start < end:
            piece = await threads.run("streams", os.pread, fd, min(PIECE_BYTES, end - start), start)
            if not piece:
                raise RecordingChanged("the recording became shorter while it was sent")
            start += len(piece)
            yield piece
    finally:
        os.close(fd)


def _open_same(opened: OpenedFile) -> int:
    fd = os.open(opened.path, os.O_RDONLY | os.O_CLOEXEC)
    facts = os.fstat(fd)
    if (facts.st_dev, facts.st_ino) != opened.identity:
        os.close(fd)
        raise RecordingChanged("the recording was replaced while it was sent")
    return fd
