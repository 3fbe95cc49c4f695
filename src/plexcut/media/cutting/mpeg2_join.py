"""Fitting re-encoded MPEG-2 pictures to the copied ones around them (ISO 13818-2)."""

from __future__ import annotations

import numpy as np

from plexcut.media.bitstream import mpeg2
from plexcut.media.bitstream.bits import BitWriter, start_codes

_BEFORE_MATRICES = 62
"""Bits of a sequence header in front of its quantiser matrices (6.2.2.1)."""
_SEQUENCE_EXTENSION, _DISPLAY_EXTENSION = 1, 2
_PREFIX = b"\x00\x00\x01"


def split_units(data: bytes) -> list[bytes]:
    """The start-code units of a stream, without their prefixes."""
    at = start_codes(np.frombuffer(data, np.uint8)).tolist()
    return [data[a + 3 : b] for a, b in zip(at, [*at[1:], len(data)], strict=False)]


def is_mpeg1(keyframe: bytes) -> bool:
    """Whether a keyframe begins a sequence of MPEG-1: one without extension."""
    units = split_units(keyframe)
    extended = any(_extension(unit) == _SEQUENCE_EXTENSION for unit in units)
    return not extended and any(unit[:1] == bytes([mpeg2.SEQUENCE]) for unit in units)


def is_progressive_sequence(keyframe: bytes) -> bool:
    """What the sequence extension in front of a keyframe says; MPEG-1 has none and is progressive."""
    for unit in split_units(keyframe):
        if _extension(unit) == _SEQUENCE_EXTENSION and len(unit) > 2:
            return bool(unit[2] & 0x08)
    return True


def with_sequence_of(unit: bytes, keyframe: bytes) -> bytes:
    """A re-encoded keyframe behind the source's own sequence header and extensions, less their quantiser matrices.

    A decoder begins anew, and loses the picture that it still holds, where these differ: another aspect, another delay.
    """
    head: list[bytes] = []
    for part in split_units(keyframe):
        if part[:1] == bytes([mpeg2.SEQUENCE]) and len(part) > 8:
            out = BitWriter()
            out.copy(part[1:], 0, _BEFORE_MATRICES)
            out.u(2, 0)
            head.append(part[:1] + out.bytes())
        elif _extension(part) in (_SEQUENCE_EXTENSION, _DISPLAY_EXTENSION):
            head.append(part.rstrip(b"\x00") if _extension(part) == _DISPLAY_EXTENSION else part[:7])
        elif part[:1] == bytes([mpeg2.PICTURE]):
            break
    if not head:
        return unit
    rest = [
        part
        for part in split_units(unit)
        if part[:1] != bytes([mpeg2.SEQUENCE]) and _extension(part) not in (_SEQUENCE_EXTENSION, _DISPLAY_EXTENSION)
    ]
    return b"".join(_PREFIX + part for part in (*head, *rest))


def without_sequence_end(unit: bytes) -> bytes:
    """An access unit less the sequence end code behind it."""
    end = _PREFIX + bytes([mpeg2.SEQUENCE_END])
    return unit.removesuffix(end)


def _extension(unit: bytes) -> int | None:
    """The identifier of an extension unit; None for other units."""
    return unit[1] >> 4 if unit[:1] == bytes([mpeg2.EXTENSION]) and len(unit) > 1 else None
