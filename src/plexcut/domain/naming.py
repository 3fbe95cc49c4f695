"""What people call the spans of a keep list."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SpanName:
    """What somebody calls a span `[start, end)` (frames); `name` may be empty: then it was only divided there."""

    start: int
    end: int
    name: str
