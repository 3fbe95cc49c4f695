"""MPEG-1 and MPEG-2 video (ISO 11172-2, 13818-2): the headers that finding pictures needs."""

from __future__ import annotations

from typing import NamedTuple

PICTURE, SEQUENCE, EXTENSION, SEQUENCE_END, GROUP = 0x00, 0xB3, 0xB5, 0xB7, 0xB8
CODING_EXTENSION = 8

I_PICTURE, P_PICTURE, B_PICTURE = 1, 2, 3
TOP_FIELD, BOTTOM_FIELD, FRAME = 1, 2, 3


class PictureHead(NamedTuple):
    """`temporal_reference` counts pictures of a group in display order, modulo 1024."""

    temporal_reference: int
    coding_type: int


class CodingExtension(NamedTuple):
    """The picture coding extension; `structure` is TOP_FIELD, BOTTOM_FIELD or FRAME."""

    intra_dc_precision: int
    structure: int
    top_field_first: bool
    repeat_first_field: bool
    progressive: bool
    alternate_scan: bool
    q_scale_type: bool
    intra_vlc_format: bool


def picture_head(unit: bytes) -> PictureHead:
    """From the bytes behind `00 00 01` of a picture start code."""
    word = int.from_bytes(unit[1:3].ljust(2, b"\x00"), "big")
    return PictureHead(word >> 6, word >> 3 & 7)


def coding_extension(unit: bytes) -> CodingExtension | None:
    """From the bytes behind `00 00 01` of an extension start code; None where it is another extension."""
    if len(unit) < 6 or unit[1] >> 4 != CODING_EXTENSION:
        return None
    return CodingExtension(
        intra_dc_precision=unit[3] >> 2 & 3,
        structure=unit[3] & 3,
        top_field_first=bool(unit[4] & 0x80),
        repeat_first_field=bool(unit[4] & 0x02),
        progressive=bool(unit[5] & 0x80),
        alternate_scan=bool(unit[4] & 0x04),
        q_scale_type=bool(unit[4] & 0x10),
        intra_vlc_format=bool(unit[4] & 0x08),
    )


def group_is_closed(unit: bytes) -> bool:
    """`closed_gop` of a group of pictures header, from the bytes behind `00 00 01`."""
    return len(unit) >= 5 and bool(unit[4] & 0x40)
