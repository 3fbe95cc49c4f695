"""What subtitles have put on the screen, to take it off where a span ends: DVB bitmaps and teletext pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

_HAMMING_8_4 = (0x15, 0x02, 0x49, 0x5E, 0x64, 0x73, 0x38, 0x2F, 0xD0, 0xC7, 0x8C, 0x9B, 0xA1, 0xB6, 0xFD, 0xEA)
_REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
_UNIT_BYTES, _LINE_AT = 46, 4
_TEXT_UNITS = (0x02, 0x03)
_PES_HEADER_BYTES = 45
"""Of a teletext PES packet (EN 300 472), which with its data units fills whole transport packets."""
_PACKET_PAYLOAD = 184
_STUFFING = b"\xff\x2c" + b"\xff" * 44
_LAST_ROW = 25
_BLANK = 0x20


class Screen(Protocol):
    """Follows one subtitle stream."""

    header_bytes: int | None
    """How long the header of its PES packets has to be, None for as long as it happens to be."""

    def show(self, payload: bytes) -> None:
        """Take up a PES packet."""

    def cleared(self) -> bytes | None:
        """A PES packet's payload that takes off all that is shown; None where nothing is."""


class DvbScreen:
    """DVB subtitles (EN 300 743)."""

    header_bytes: int | None = None
    _PAGE, _END = 0x10, 0x80

    def __init__(self) -> None:
        self._pages: dict[bytes, tuple[int, bool]] = {}

    def show(self, payload: bytes) -> None:
        at = 2
        while at + 6 <= len(payload) and payload[at] == 0x0F:
            size = int.from_bytes(payload[at + 4 : at + 6], "big")
            if payload[at + 1] == self._PAGE and size >= 2 and at + 8 <= len(payload):
                page = payload[at + 2 : at + 4]
                version = payload[at + 7] >> 4
                self._pages[page] = (version, size > 2)
            at += 6 + size

    def cleared(self) -> bytes | None:
        segments = b""
        for page, (version, shown) in self._pages.items():
            if shown:
                state = (version + 1 & 15) << 4 | 1 << 2
                segments += bytes([0x0F, self._PAGE]) + page + bytes([0, 2, 1, state])
                segments += bytes([0x0F, self._END]) + page + b"\x00\x00"
                self._pages[page] = (version + 1 & 15, False)
        return b"\x20\x00" + segments + b"\xff" if segments else None


@dataclass(slots=True)
class _Page:
    """A subtitle page: the data unit of its header, and whether it has text."""

    header: bytes
    shown: bool = False


class TeletextScreen:
    """Subtitle pages of teletext (EN 300 706); others are for those to see who call them up."""

    header_bytes: int | None = _PES_HEADER_BYTES

    def __init__(self) -> None:
        self._pages: dict[tuple[int, int], _Page] = {}
        self._open: dict[int, _Page | None] = {}
        self._identifier = 0x10

    def show(self, payload: bytes) -> None:
        if payload:
            self._identifier = payload[0]
        for at in range(1, len(payload) - _UNIT_BYTES + 1, _UNIT_BYTES):
            unit = payload[at : at + _UNIT_BYTES]
            if unit[0] in _TEXT_UNITS and unit[1] == _UNIT_BYTES - 2:
                self._line(unit, unit[_LINE_AT:].translate(_REVERSED))

    def _line(self, unit: bytes, line: bytes) -> None:
        low, high = (_nibble(byte) for byte in line[:2])
        if low is None or high is None:
            return
        magazine, row = low & 7, high << 1 | low >> 3
        if row == 0:
            self._open[magazine] = self._header(unit, line, magazine)
        elif row <= _LAST_ROW:
            page = self._open.get(magazine)
            if page is not None and any(byte & 0x7F > _BLANK for byte in line[2:]):
                page.shown = True

    def _header(self, unit: bytes, line: bytes, magazine: int) -> _Page | None:
        nibbles = [_nibble(byte) for byte in line[2:10]]
        units, tens, erase, subtitle = nibbles[0], nibbles[1], nibbles[3], nibbles[5]
        if units is None or tens is None or erase is None or subtitle is None or not subtitle & 8:
            return None
        number = tens << 4 | units
        if number == 0xFF:
            return None
        page = self._pages.setdefault((magazine, number), _Page(unit))
        page.header = unit
        if erase & 8:
            page.shown = False
        return page

    def cleared(self) -> bytes | None:
        units: list[bytes] = []
        for page in self._pages.values():
            if page.shown:
                line = bytearray(page.header[_LINE_AT:].translate(_REVERSED))
                erase = _nibble(line[5])
                line[5] = _HAMMING_8_4[(erase or 0) | 8]
                units.append(page.header[:_LINE_AT] + bytes(line).translate(_REVERSED))
                # The page is whole for a decoder when another one's header follows: FF, which nobody sees.
                line[2:4] = bytes([_HAMMING_8_4[15]]) * 2
                units.append(page.header[:_LINE_AT] + bytes(line).translate(_REVERSED))
                page.shown = False
        if not units:
            return None
        missing = -(_PES_HEADER_BYTES + 1 + _UNIT_BYTES * len(units)) % _PACKET_PAYLOAD
        return bytes([self._identifier]) + b"".join(units) + _STUFFING * (missing // _UNIT_BYTES)


def _decoding() -> tuple[int | None, ...]:
    """The nibble of each Hamming 8/4 byte, one wrong bit put right; None with two."""
    found: list[int | None] = [None] * 256
    for nibble, code in enumerate(_HAMMING_8_4):
        for byte in (code, *(code ^ 1 << bit for bit in range(8))):
            found[byte] = nibble
    return tuple(found)


_NIBBLES = _decoding()


def _nibble(byte: int) -> int | None:
    return _NIBBLES[byte]


def screen_for(codec: str) -> Screen | None:
    """A screen for a subtitle stream of a transport stream."""
    if codec == "dvb_subtitle":
        return DvbScreen()
    return TeletextScreen() if codec == "dvb_teletext" else None
