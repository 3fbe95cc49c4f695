"""The Range header of a stream request (RFC 9110, section 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_RANGE = re.compile(r"^bytes\s*=\s*(?P<first>\d{0,19})\s*-\s*(?P<last>\d{0,19})$", re.IGNORECASE)


class RangeNotSatisfiable(Exception):
    """The range begins behind the end."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes `start <= n < end`."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """How many."""
        return self.end - self.start


def parse_range(header: str | None, total: int) -> ByteRange | None:
    """The one range that is asked for, or None to answer with everything.

    A header that cannot be read is ignored, and so is one with several ranges, as the RFC allows: players ask for one.

    Raises:
        RangeNotSatisfiable: no byte of the `total` is in it.
    """
    found = _RANGE.match(header.strip()) if header else None
    if found is None or not (found["first"] or found["last"]):
        return None
    if not found["first"]:
        length = min(int(found["last"]), total)
        if length == 0:
            raise RangeNotSatisfiable
        return ByteRange(total - length, total)
    start = int(found["first"])
    if found["last"] and int(found["last"]) < start:
        return None
    if start >= total:
        raise RangeNotSatisfiable
    return ByteRange(start, min(int(found["last"]) + 1, total) if found["last"] else total)
