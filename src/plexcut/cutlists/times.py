"""Times as other programs write them."""

from __future__ import annotations

import re
from fractions import Fraction

from plexcut.errors import FormatUnsupported

_LEAST_S, _MOST_S = Fraction(1, 1000), Fraction(1, 200)
_TIME = re.compile(r"^(?:(?:(\d{1,4}):)?(\d{1,2}):)?(\d{1,9})(?:[.,](\d{0,20}))?$")


def loose_time(text: str) -> Fraction:
    """Seconds out of `83.5` or `[H:]MM:SS.mmm`, less what may have been added in rounding.

    A frame that is shown at 12.4866 s is written 12.49 by a program that rounds to hundredths; a span from 12.49 on
    would begin with the next frame. So half a unit of the last decimal is taken off, at least a millisecond and at
    most five: frames are further apart than that.

    Raises:
        FormatUnsupported: it is no time.
    """
    found = _TIME.match(text.strip())
    if found is None:
        raise FormatUnsupported(f"{text.strip()[:40]!r} is not a time", "is it a cut list that plexcut knows?")
    hours, minutes, seconds, decimals = found.groups()
    digits = decimals or ""
    value = Fraction(int(seconds)) + 60 * int(minutes or 0) + 3600 * int(hours or 0)
    if digits:
        value += Fraction(int(digits), 10 ** len(digits))
    return loosened(value, len(digits))


def loosened(seconds: Fraction, decimals: int) -> Fraction:
    """A time that was written with so many decimals, less what may have been added in rounding; never negative."""
    slack = min(max(Fraction(1, 2 * 10**decimals), _LEAST_S), _MOST_S)
    return max(seconds - slack, Fraction(0))
