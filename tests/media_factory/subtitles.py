"""Hand-made subtitle packets: DVB bitmaps (ETSI EN 300 743), teletext (ETSI EN 300 706, 300 472), SRT lines."""

from __future__ import annotations

from fractions import Fraction

from tests.media_factory.transport import AccessUnit

SHOWN_AFTER_S = Fraction(1, 5)
SHOWN_FOR_S = Fraction(3, 5)

_HAMMING_8_4 = (0x15, 0x02, 0x49, 0x5E, 0x64, 0x73, 0x38, 0x2F, 0xD0, 0xC7, 0x8C, 0x9B, 0xA1, 0xB6, 0xFD, 0xEA)
_REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
_PAGE_DIGITS = 0x50


def cue_times(duration_s: Fraction) -> list[tuple[Fraction, Fraction, str]]:
    """(start, end, text) of the line shown in each whole second."""
    return [
        (second + SHOWN_AFTER_S, second + SHOWN_AFTER_S + SHOWN_FOR_S, f"Second {second}")
        for second in range(int(duration_s))
    ]


def srt_cues(duration_s: Fraction) -> list[tuple[Fraction, Fraction, str]]:
    """The lines of a text subtitle track."""
    return cue_times(duration_s)


def teletext_units(duration_s: Fraction) -> list[AccessUnit]:
    """One PES payload per change of page 150: the line of each second, then the empty page."""
    units: list[AccessUnit] = []
    for start_s, end_s, text in cue_times(duration_s):
        for when, content in ((start_s, text), (end_s, "")):
            pts = round(when * 90_000)
            lines = [_teletext_header(_PAGE_DIGITS)]
            if content:
                lines.append(_teletext_row(22, content))
            # A page is whole for a decoder when the header of another one follows; broadcasters send page FF for that.
            lines.append(_teletext_header(0xFF))
            data = b"\x10" + b"".join(_teletext_data_unit(index, line) for index, line in enumerate(lines))
            # EN 300 472: with its 45 byte header the PES packet fills whole transport packets, 46 bytes a data unit.
            padding = -(len(data) + 45) % 184
            data += (b"\xff\x2c" + b"\xff" * 44) * (padding // 46)
            units.append(AccessUnit(data, pts, pts, 1800, key=True))
    return units


def _teletext_data_unit(index: int, line: bytes) -> bytes:
    return b"\x03\x2c" + bytes([0xE0 | 7 + index]) + b"\xe4" + line.translate(_REVERSED)


def _teletext_address(magazine: int, row: int) -> bytes:
    return bytes([_HAMMING_8_4[(row & 1) << 3 | magazine & 7], _HAMMING_8_4[row >> 1]])


def _teletext_header(page: int) -> bytes:
    """Row 0 of a page of magazine 1: erase page, subtitle."""
    nibbles = (page & 0xF, page >> 4, 0, 0x8, 0, 0x8, 0, 0)
    return _teletext_address(1, 0) + bytes(_HAMMING_8_4[nibble] for nibble in nibbles) + _odd_parity(" " * 32)


def _teletext_row(row: int, text: str) -> bytes:
    return _teletext_address(1, row) + _odd_parity(f"\x0b\x0b{text}\x0a\x0a".center(40))


def _odd_parity(text: str) -> bytes:
    return bytes(code | (0 if code.bit_count() % 2 else 0x80) for code in text.encode("ascii"))


def dvb_units(duration_s: Fraction) -> list[AccessUnit]:
    """Display sets: a white bar as long as the second's number in each second, then an empty page."""
    units: list[AccessUnit] = []
    for index, (start_s, end_s, _text) in enumerate(cue_times(duration_s)):
        for version, (when, shown) in enumerate(((start_s, True), (end_s, False))):
            pts = round(when * 90_000)
            data = _dvb_display_set((2 * index + version) % 16, width=16 + 8 * (index % 12), shown=shown)
            units.append(AccessUnit(data, pts, pts, 1800, key=True))
    return units


def _dvb_display_set(version: int, *, width: int, shown: bool) -> bytes:
    """A whole display set: page, region, colours, object, end."""
    height = 8
    region = b"\x00\xff" + (40).to_bytes(2, "big") + (150).to_bytes(2, "big") if shown else b""
    segments = [_segment(0x10, bytes([2, version << 4 | 0x08]) + region)]
    if shown:
        body = bytes([0, version << 4 | 0x0F]) + width.to_bytes(2, "big") + height.to_bytes(2, "big")
        body += bytes([0x4B, 0, 0, 0x03]) + b"\x00\x00" + b"\x00\x00" + b"\xf0\x00"
        segments.append(_segment(0x11, body))
        colours = bytes([1, 0x5F, 235, 128, 128, 0])
        segments.append(_segment(0x12, bytes([0, version << 4 | 0x0F]) + colours))
        field = _pixel_lines(width, height // 2)
        body = (0).to_bytes(2, "big") + bytes([version << 4 | 0x01])
        body += len(field).to_bytes(2, "big") * 2 + field + field
        segments.append(_segment(0x13, body + (b"\x00" if len(body) % 2 else b"")))
    segments.append(_segment(0x80, b""))
    return b"\x20\x00" + b"".join(segments) + b"\xff"


def _segment(kind: int, body: bytes) -> bytes:
    return b"\x0f" + bytes([kind]) + b"\x00\x01" + len(body).to_bytes(2, "big") + body


def _pixel_lines(width: int, lines: int) -> bytes:
    """Lines of colour 1 as 4-bit pixel codes (EN 300 743, 7.2.5.2)."""
    line = b"\x11" + b"\x11" * (width // 2) + b"\x00" + b"\xf0"
    return line * lines
