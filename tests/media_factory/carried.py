"""What broadcasts send with a picture beside its samples: captions, AFD, HDR data; each tells the frame's number."""

from __future__ import annotations

import re

from tests.media_factory.spec import ClipSpec

AFD = 10
_ATSC = b"\xb5\x00\x31"
_HDR10_PLUS = b"\xb5\x00\x3c\x00\x01"
_PREFIX = b"\x00\x00\x01"
_FIRST_SLICE = {"h264": rb"\x00?\x00\x00\x01[\x01\x05\x21\x25\x41\x45\x61\x65]", "mpeg2video": rb"\x00\x00\x01\x01"}


def captions_of(number: int) -> bytes:
    """Three bytes of caption data (CEA-708 kind) that tell the frame's number."""
    return bytes([0xFE, 0x80 | number >> 7 & 0x7F, 0x80 | number & 0x7F])


def with_side_data(spec: ClipSpec, data: bytes, number: int, *, key: bool) -> bytes:
    """An access unit with the side data of frame `number` in front of its slices."""
    captions = b"GA94\x03\xc1\xff" + captions_of(number) + b"\xff"
    afd = b"DTG1\x41" + bytes([0xF0 | AFD])
    if spec.video_codec == "mpeg2video":
        return _before_slices(spec, data, b"".join(_PREFIX + b"\xb2" + user for user in (captions, afd)))
    messages = [(4, _ATSC + captions), (4, _ATSC + afd)]
    if spec.bit_depth == 10:
        messages.append((4, _HDR10_PLUS + _dynamic_hdr(number)))
        if key:
            messages += [(137, bytes(range(1, 25))), (144, b"\x03\xe8\x01\x90")]
    header = b"\x06" if spec.video_codec == "h264" else b"\x4e\x01"
    nals = [_PREFIX + header + _escaped(bytes([kind, len(body)]) + body + b"\x80") for kind, body in messages]
    return _before_slices(spec, data, b"".join(nals))


def _dynamic_hdr(number: int) -> bytes:
    """HDR10+ (ST 2094-40) of one window, whose brightest red is the frame's number."""
    bits = f"{4:08b}{1:08b}{1:02b}{1000:027b}0" + f"{number:017b}{0:017b}{0:017b}{number:017b}{0:04b}{0:010b}000"
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def _before_slices(spec: ClipSpec, data: bytes, more: bytes) -> bytes:
    if spec.video_codec == "hevc":
        units = re.finditer(rb"\x00?\x00\x00\x01(.)", data, re.DOTALL)
        at = next(unit.start() for unit in units if unit[1][0] >> 1 & 63 < 32)
    else:
        found = re.search(_FIRST_SLICE[str(spec.video_codec)], data)
        assert found is not None
        at = found.start()
    return data[:at] + more + data[at:]


def _escaped(data: bytes) -> bytes:
    return re.sub(rb"\x00\x00(?=[\x00-\x03])", b"\x00\x00\x03", data)
