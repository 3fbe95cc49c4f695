"""Reading and writing times.

Inside plexcut a time is a `Fraction` of seconds or an integer of ticks; a float is only ever for display.
Times that leave plexcut are whole microseconds, rounded down, and frame times are compared in whole microseconds:
a time read from one answer finds its frame again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from plexcut.errors import PositionInvalid

US_PER_S = 1_000_000

_SECONDS = r"(?:\d+(?:\.\d*)?|\.\d+)"
_TIMECODE = re.compile(rf"^(?:(?:(?P<h>\d+):)?(?P<m>\d+):)?(?P<s>{_SECONDS})$")
_FRAME = re.compile(r"^#(?P<n>\d+)$")
_MAX_DIGITS = 30


@dataclass(frozen=True, slots=True)
class FrameNumber:
    """The n-th displayable frame, counted from 0."""

    n: int


Position = Fraction | FrameNumber
"""A place in a recording: a time in seconds, or a frame number."""


def parse_position(text: str | float | Decimal | Fraction) -> Position:
    """Read any written form: `83.5`, `1:23.5`, `00:01:23.500`, `#4175`, or a number of seconds.

    Numbers are taken as the decimals that were written: the float 50.02 is 5002/100.

    Raises:
        PositionInvalid: it is none of these forms, negative, or not finite.
    """
    if isinstance(text, bool):
        raise PositionInvalid(f"{text!r} is not a time")
    if isinstance(text, Fraction):
        return _not_negative(text, text)
    if isinstance(text, (int, float, Decimal)):
        try:
            return _not_negative(Fraction(repr(text) if isinstance(text, float) else text), text)
        except (ValueError, OverflowError):
            raise PositionInvalid(f"{text} is not a time") from None
    written = text.strip()
    if len(written) <= _MAX_DIGITS and written.isascii():
        if found := _FRAME.match(written):
            return FrameNumber(int(found["n"]))
        if found := _TIMECODE.match(written):
            seconds = Fraction(found["s"] if not found["s"].startswith(".") else "0" + found["s"])
            minutes = int(found["m"] or 0)
            hours = int(found["h"] or 0)
            if found["m"] is not None and seconds >= 60:
                raise PositionInvalid(f"{written!r} has {found['s']} seconds in a minute")
            if found["h"] is not None and minutes >= 60:
                raise PositionInvalid(f"{written!r} has {minutes} minutes in an hour")
            return seconds + 60 * minutes + 3600 * hours
    raise PositionInvalid(
        f"{written[:40]!r} is not a time", "write 83.5, 1:23.5, 00:01:23.500, or #4175 for a frame number"
    )


def _not_negative(value: Fraction, written: object) -> Fraction:
    if value < 0:
        raise PositionInvalid(f"{written} is before the start of the recording")
    return value


def floor_us(seconds: Fraction) -> int:
    """Whole microseconds, rounded down."""
    return (seconds.numerator * US_PER_S) // seconds.denominator


def us_to_s(time_us: int) -> float:
    """Microseconds as the float of seconds that JSON carries; exact to the microsecond, shortest form."""
    return time_us / US_PER_S


def format_timecode(seconds: Fraction | int, *, millis: bool = True) -> str:
    """`HH:MM:SS.mmm`, rounded down; without the fraction when `millis` is false."""
    total_ms = floor_us(Fraction(seconds)) // 1000
    whole_s, ms = divmod(total_ms, 1000)
    text = f"{whole_s // 3600:02d}:{whole_s // 60 % 60:02d}:{whole_s % 60:02d}"
    return f"{text}.{ms:03d}" if millis else text
