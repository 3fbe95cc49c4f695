"""What HTTP says of a piece of a file (RFC 9110, section 14): which bytes, of how many, of which version. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from hashlib import blake2b

_CONTENT_RANGE = re.compile(r"bytes\s+(?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Extent:
    """Bytes `[start, end)` of a file of `total` bytes; `start == end` where there is none of those asked for."""

    start: int
    end: int
    total: int


def range_header(start: int, size: int) -> str:
    """The Range header that asks for `size` bytes from `start` on."""
    return f"bytes={start}-{start + size - 1}"


def extent_of(status: int, headers: Mapping[str, str], start: int, size: int) -> Extent | None:
    """What an answer with status 206 or 416 to the request for `size` bytes from `start` on holds.

    None where it is not an answer to that: other bytes, more of them, or it does not say which.
    """
    match = _CONTENT_RANGE.fullmatch((headers.get("Content-Range") or "").strip())
    if match is None or (status == 206) != (match[1] is not None):
        return None
    total = int(match[3])
    if status == 416:
        return Extent(start, start, total)
    first, last = int(match[1]), int(match[2])
    if status != 206 or first != start or not first <= last < min(first + size, total):
        return None
    return Extent(first, last + 1, total)


def version_of(headers: Mapping[str, str], otherwise: str) -> int:
    """A number that changes with the content: its time in ns, or a hash of its tag, or of `otherwise`."""
    modified = headers.get("Last-Modified")
    if modified:
        try:
            return int(parsedate_to_datetime(modified).timestamp()) * 1_000_000_000
        except (ValueError, TypeError, OverflowError):
            pass
    return hashed(headers.get("ETag") or otherwise)


def hashed(text: str) -> int:
    """A number below 2**56 for a text."""
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=7).digest())
