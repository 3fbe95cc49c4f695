"""Reading `--keep A-B`."""

from __future__ import annotations

from plexcut.domain.timecode import Position, parse_position
from plexcut.errors import PositionInvalid, SpanInvalid


def parse_keep(written: str) -> tuple[Position, Position]:
    """`83.5-90`, `0:10-1:20.5` or `#100-#200` as two positions.

    Raises:
        SpanInvalid: it is not two positions with a hyphen between them.
    """
    start, hyphen, end = written.strip().replace("\N{EN DASH}", "-").partition("-")
    hint = "write A-B with times such as 83.5, 1:23.5 or 00:01:23.500, or with frame numbers such as #4175"
    if not hyphen or not start.strip() or not end.strip():
        raise SpanInvalid(f"--keep {written[:60]!r} is no span", hint)
    try:
        return parse_position(start), parse_position(end)
    except PositionInvalid as error:
        raise SpanInvalid(f"--keep {written[:60]!r}: {error.message}", hint) from None


def parse_keeps(written: list[str]) -> list[tuple[Position, Position]]:
    """All spans of a command.

    Raises:
        SpanInvalid: there is none, or one cannot be read.
    """
    if not written:
        raise SpanInvalid("nothing to keep is named", "give --keep A-B, as often as needed")
    return [parse_keep(one) for one in written]
