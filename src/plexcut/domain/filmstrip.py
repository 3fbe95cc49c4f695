"""What can be asked of a filmstrip."""

from __future__ import annotations

from fractions import Fraction

from plexcut.domain.media import FilmstripOrder
from plexcut.domain.timecode import FrameNumber, Position, format_timecode
from plexcut.errors import SpanInvalid, UsageError

MAX_COUNT = 1000
MIN_HEIGHT_PX, MAX_HEIGHT_PX = 16, 1080


def check_order(order: FilmstripOrder) -> None:
    """Raise `UsageError` for a count, height or step that is not possible, `SpanInvalid` for a reversed range."""
    if not 1 <= order.count <= MAX_COUNT:
        raise UsageError(f"a filmstrip cannot have {order.count} pictures", f"1 to {MAX_COUNT}")
    if not MIN_HEIGHT_PX <= order.height <= MAX_HEIGHT_PX:
        raise UsageError(f"a filmstrip cannot be {order.height} pixels high", f"{MIN_HEIGHT_PX} to {MAX_HEIGHT_PX}")
    if order.step is not None and order.step < 1:
        raise UsageError(f"a picture each {order.step} frames is not possible", "1 or more")
    start, end = order.start, order.end
    if start is None or end is None:
        return
    if isinstance(start, FrameNumber) and isinstance(end, FrameNumber):
        start, end = Fraction(start.n), Fraction(end.n)
    if isinstance(start, Fraction) and isinstance(end, Fraction) and start >= end:
        raise reversed_range(order)


def reversed_range(order: FilmstripOrder) -> SpanInvalid:
    """The failure of a range that does not begin before its end."""
    return SpanInvalid(
        f"the range {_said(order.start)} to {_said(order.end)} is empty or reversed", "say from before to"
    )


def _said(place: Position | None) -> str:
    if isinstance(place, FrameNumber):
        return f"#{place.n}"
    if place is None:
        return "the beginning"
    return f"-{format_timecode(-place)}" if place < 0 else format_timecode(place)
