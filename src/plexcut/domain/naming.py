"""What people call the spans of a keep list."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from plexcut.errors import SpanInvalid

MAX_NAME = 80
MAX_NAMES = 1000


@dataclass(frozen=True, slots=True)
class SpanName:
    """What somebody calls a span `[start, end)` (frames); `name` may be empty: then it was only divided there."""

    start: int
    end: int
    name: str


def checked(names: Iterable[SpanName]) -> tuple[SpanName, ...]:
    """Names as they are kept: without blanks around them, and not too long. Raises `SpanInvalid`."""
    found = tuple(SpanName(one.start, one.end, one.name.strip()[:MAX_NAME]) for one in names)
    if len(found) > MAX_NAMES:
        raise SpanInvalid(f"there are {len(found)} names, possible is {MAX_NAMES}")
    for one in found:
        if not 0 <= one.start < one.end:
            raise SpanInvalid(f"the span {one.start}-{one.end} is empty or reversed")
    return found
