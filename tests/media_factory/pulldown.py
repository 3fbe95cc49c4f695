"""Film in 60 fields: the flags by which MPEG-2 shows 24 pictures as 2:3 fields."""

from __future__ import annotations

_SEQUENCE, _EXTENSION = b"\x00\x00\x01\xb3", b"\x00\x00\x01\xb5"
_RATE_29_97 = 4
_TOP_FIRST, _REPEAT, _PROGRESSIVE_SEQUENCE = 0x80, 0x02, 0x08


def with_pulldown(data: bytes, number: int) -> bytes:
    """The coded picture of film frame `number` as three fields (even numbers) or two."""
    out = bytearray(data)
    at = out.find(_SEQUENCE)
    if at >= 0:
        out[at + 7] = out[at + 7] & 0xF0 | _RATE_29_97
    at = out.find(_EXTENSION)
    while at >= 0:
        kind = out[at + 4] >> 4
        if kind == 1:
            out[at + 5] &= 0xFF - _PROGRESSIVE_SEQUENCE
        elif kind == 8:
            top_first, repeat = number % 4 in (0, 3), number % 2 == 0
            out[at + 7] = out[at + 7] & 0xFF - _TOP_FIRST - _REPEAT | top_first * _TOP_FIRST | repeat * _REPEAT
        at = out.find(_EXTENSION, at + 4)
    return bytes(out)
