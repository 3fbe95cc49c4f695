"""Splice messages (SCTE 35): the times that they tell are of the stream's clock, and move along with it."""

from __future__ import annotations

from plexcut.media.ts_tables import crc32_mpeg

_TABLE_ID = 0xFC
_LEAST_BYTES = 3 + 11 + 4
_ADJUSTMENT_AT = 4
"""Where the byte is whose lowest bit begins `pts_adjustment`, which whoever reads adds to each time in it (9.6)."""
_CLOCK_MASK = (1 << 33) - 1


def moved_cue(section: bytes, ticks: int) -> bytes:
    """A section whose times are `ticks` (90 kHz) later; any other section, and a damaged one, as it is."""
    if len(section) < _LEAST_BYTES or section[0] != _TABLE_ID or crc32_mpeg(section) != 0:
        return section
    field = int.from_bytes(section[_ADJUSTMENT_AT : _ADJUSTMENT_AT + 5], "big")
    field = field & ~_CLOCK_MASK | (field + ticks) & _CLOCK_MASK
    moved = section[:_ADJUSTMENT_AT] + field.to_bytes(5, "big") + section[_ADJUSTMENT_AT + 5 : -4]
    return moved + crc32_mpeg(moved).to_bytes(4, "big")
