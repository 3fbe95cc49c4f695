"""Writing BIF files, as a Plex server does."""

from __future__ import annotations

import io
import struct

MARK = b"\x89BIF\r\n\x1a\n"


def write_bif(pictures: list[tuple[int, bytes]], unit_ms: int = 1000) -> bytes:
    """A BIF file of JPEG pictures with their times in ms, multiples of `unit_ms`."""
    table = b""
    at = 64 + 8 * (len(pictures) + 1)
    for time_ms, picture in pictures:
        table += struct.pack("<II", time_ms // unit_ms, at)
        at += len(picture)
    head = MARK + struct.pack("<III", 0, len(pictures), unit_ms)
    end = struct.pack("<II", 0xFFFFFFFF, at)
    return head.ljust(64, b"\0") + table + end + b"".join(picture for _, picture in pictures)


def gray_jpeg(level: int, width: int = 320, height: int = 180) -> bytes:
    """A picture of one gray, 0 to 255."""
    from PIL import Image

    out = io.BytesIO()
    Image.new("L", (width, height), level).convert("RGB").save(out, "JPEG")
    return out.getvalue()


def gray_previews(count: int, every_ms: int = 2000) -> bytes:
    """Previews whose k-th picture is of gray 2k, at `k * every_ms`."""
    return write_bif([(k * every_ms, gray_jpeg(2 * k % 256)) for k in range(count)], every_ms)
