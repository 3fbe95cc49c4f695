"""What a picture carries beside its samples, for the picture encoded in its place: captions, AFD, HDR data, fields.

In H.264 and HEVC these are SEI messages, in MPEG-2 user data and flags of the picture's coding extension. They are
taken as the source's own bytes: what a decoder does not know goes along too.
"""

from __future__ import annotations

from collections.abc import Sequence

from plexcut.media.bitstream import h264, hevc, mpeg2
from plexcut.media.bitstream.bits import escape, unescape
from plexcut.media.cutting.mpeg2_join import split_units

_USER_DATA = 0xB2
_FIRST_SLICE, _LAST_SLICE = 0x01, 0xAF
_PICTURE_DISPLAY = 7
_TOP_FIRST, _FRAME_DCT, _REPEAT, _CHROMA_IN_FRAMES = 0x80, 0x40, 0x02, 0x01
"""Bits of the fifth byte of a picture coding extension (6.2.3.1)."""
_PROGRESSIVE = 0x80
"""Of its sixth byte."""
_PREFIX = b"\x00\x00\x01"
_HEVC_SEI, _HEVC_DYNAMIC = 39, 62
_HEVC_FIRST_NOT_CODED = 32

_REGISTERED, _UNREGISTERED = 4, 5
_LASTING = frozenset({45, 47, 137, 144, 147, 148})
"""SEI messages that hold from a keyframe on: frame packing, orientation, mastering display, light level, transfer
characteristics, ambient light (ISO 14496-10 and 23008-2, D.1)."""
_ENCODER_NAMES = (
    bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef"),
    bytes.fromhex("2ca2de09b51747dbbb55a4fe7fc2fc4e"),
)
"""Identifiers of x264's and x265's own notes. They describe pictures that these made, and decoders go by them."""


def sei_messages(nal: bytes, header: int) -> list[tuple[int, bytes]]:
    """`(type, payload)` of each message of an SEI NAL unit behind `header` bytes; stops at damage."""
    data = unescape(nal)[header:]
    found: list[tuple[int, bytes]] = []
    at = 0
    while at + 2 < len(data):
        values = []
        for _ in range(2):
            value = 0
            while at < len(data) and data[at] == 0xFF:
                value += 0xFF
                at += 1
            if at >= len(data):
                return found
            values.append(value + data[at])
            at += 1
        kind, size = values
        if at + size > len(data):
            return found
        found.append((kind, data[at : at + size]))
        at += size
    return found


def carried_nals(nals: Sequence[bytes], keyframe: Sequence[bytes], codec: str) -> list[bytes]:
    """NAL units with what an H.264 or HEVC picture carries, one for each message.

    `keyframe`: NAL units of the keyframe whose lasting messages are to be told again, where the encoded picture is one
    to start at; empty for others.
    """
    kept = [message for message in _messages(nals, codec) if _belongs_to_picture(*message)]
    lasting = dict(message for message in _messages(keyframe, codec) if message[0] in _LASTING)
    lasting |= dict(message for message in _messages(nals, codec) if message[0] in _LASTING)
    header = bytes([h264.SEI]) if codec == "h264" else bytes([_HEVC_SEI << 1, 1])
    found = [header + escape(_message(*message)) for message in (*sorted(lasting.items()), *kept)]
    if codec == "hevc":
        found += [nal for nal in nals if nal and hevc.nal_type(nal) == _HEVC_DYNAMIC]
    return found


def _messages(nals: Sequence[bytes], codec: str) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    for nal in nals:
        if codec == "h264" and nal and nal[0] & 31 == h264.SEI:
            found += sei_messages(nal, 1)
        elif codec == "hevc" and len(nal) > 2 and hevc.nal_type(nal) == _HEVC_SEI:
            found += sei_messages(nal, 2)
    return found


def _belongs_to_picture(kind: int, payload: bytes) -> bool:
    return kind == _REGISTERED or (kind == _UNREGISTERED and payload[:16] not in _ENCODER_NAMES)


def _message(kind: int, payload: bytes) -> bytes:
    out = bytearray()
    for value in (kind, len(payload)):
        out += b"\xff" * (value // 0xFF) + bytes([value % 0xFF])
    return bytes(out) + payload + b"\x80"


def with_carried(nals: Sequence[bytes], carried: Sequence[bytes], codec: str) -> list[bytes]:
    """An access unit with carried messages in front of its first slice (Dolby Vision data behind the last)."""
    if not carried:
        return list(nals)
    behind = [nal for nal in carried if codec == "hevc" and hevc.nal_type(nal) == _HEVC_DYNAMIC]
    before = [nal for nal in carried if nal not in behind]
    at = next((i for i, nal in enumerate(nals) if nal and _is_coded(nal, codec)), len(nals))
    return [*nals[:at], *before, *nals[at:], *behind]


def _is_coded(nal: bytes, codec: str) -> bool:
    if codec == "hevc":
        return hevc.nal_type(nal) < _HEVC_FIRST_NOT_CODED
    return nal[0] & 31 in (h264.SLICE, h264.IDR)


def is_film(unit: bytes) -> bool:
    """Whether an MPEG-2 picture's two fields are of one moment (`progressive_frame`)."""
    return any(coding.progressive for _, coding in _codings(split_units(unit)))


def with_picture_data_of(unit: bytes, source: bytes) -> bytes:
    """An encoded MPEG-2 frame picture with the source picture's user data, pan-scan offsets and fields.

    Fields: which is first, whether it is shown again (2:3 pulldown), whether both are of one moment. `source` may be
    two field pictures.
    """
    theirs = split_units(source)
    pictures = [i for i, part in enumerate(theirs) if part[:1] == bytes([mpeg2.PICTURE])]
    codings = _codings(theirs)
    if not pictures or not codings:
        return unit
    data = [part for part in theirs[pictures[0] :] if _is_carried(part, frame=len(pictures) == 1)]
    parts: list[bytes] = []
    placed = False
    for part in split_units(unit):
        if not placed and part and _FIRST_SLICE <= part[0] <= _LAST_SLICE:
            parts += [other.rstrip(b"\x00") if other[0] == mpeg2.EXTENSION else other for other in data]
            placed = True
        if part[:1] == bytes([_USER_DATA]):
            continue
        is_coding = part[:1] == bytes([mpeg2.EXTENSION]) and mpeg2.coding_extension(part) is not None
        parts.append(_with_fields(part, codings[0]) if is_coding else part)
    return b"".join(_PREFIX + part for part in parts)


def _codings(units: Sequence[bytes]) -> list[tuple[bytes, mpeg2.CodingExtension]]:
    found = ((part, mpeg2.coding_extension(part)) for part in units if part[:1] == bytes([mpeg2.EXTENSION]))
    return [(part, coding) for part, coding in found if coding is not None]


def _is_carried(part: bytes, *, frame: bool) -> bool:
    if part[:1] == bytes([mpeg2.EXTENSION]):
        return frame and len(part) > 1 and part[1] >> 4 == _PICTURE_DISPLAY
    return part[:1] == bytes([_USER_DATA])


def _with_fields(part: bytes, source: tuple[bytes, mpeg2.CodingExtension]) -> bytes:
    """The coding extension with the source's field flags.

    A picture that was encoded in fields (`frame_pred_frame_dct` 0) cannot be called progressive (6.3.10).
    """
    data, coding = source
    frame = coding.structure == mpeg2.FRAME
    top_first = coding.top_field_first if frame else coding.structure == mpeg2.TOP_FIELD
    progressive = bool(part[4] & _FRAME_DCT) and coding.progressive and frame
    out = bytearray(part)
    out[4] &= 0xFF - _TOP_FIRST - _REPEAT - _CHROMA_IN_FRAMES
    out[4] |= _TOP_FIRST * top_first
    out[5] &= 0xFF - _PROGRESSIVE
    if progressive:
        out[4] |= data[4] & (_REPEAT | _CHROMA_IN_FRAMES)
        out[5] |= _PROGRESSIVE
    return bytes(out)
