"""Program tables of a transport stream (ISO 13818-1, 2.4.4): PAT and PMT read and made, descriptors byte for byte."""

from __future__ import annotations

import zlib
from typing import NamedTuple

PACKET_BYTES = 188
PACKET_PAYLOAD_BYTES = 184


class Pat(NamedTuple):
    """A program association section: (program number, PMT PID) in order; number 0 is the NIT's."""

    transport_stream_id: int
    programs: list[tuple[int, int]]
    version: int = 0


class PmtStream(NamedTuple):
    """One elementary stream of a programme, with its descriptors as they stand."""

    stream_type: int
    pid: int
    descriptors: bytes


class Pmt(NamedTuple):
    """A program map section, whole: descriptors byte for byte. `_replace` drops streams or moves the PCR."""

    program_number: int
    pcr_pid: int
    program_descriptors: bytes
    streams: list[PmtStream]
    version: int = 0


_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def crc32_mpeg(data: bytes) -> int:
    """CRC-32 of sections (polynomial 0x04C11DB7, not reflected): zlib's, on mirrored bits. 0 over a whole section."""
    mirrored = zlib.crc32(data.translate(_MIRRORED)) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_MIRRORED), "big")


def parse_pat(section: bytes) -> Pat:
    """Read one PAT section.

    Raises:
        ValueError: it is damaged, incomplete, of another table, or not valid yet.
    """
    table_id_extension, version, body = _open_section(section, 0x00)
    if len(body) % 4:
        raise ValueError("PAT section with half an entry")
    entries = range(0, len(body), 4)
    return Pat(table_id_extension, [(_u16(body, at), _u16(body, at + 2) & 0x1FFF) for at in entries], version)


def parse_pmt(section: bytes) -> Pmt:
    """Read a PMT section.

    Raises:
        ValueError: it is damaged, incomplete, of another table, or not valid yet.
    """
    program_number, version, body = _open_section(section, 0x02)
    if len(body) < 4:
        raise ValueError("PMT section without a head")
    at = 4 + (_u16(body, 2) & 0xFFF)
    program_descriptors = body[4:at]
    streams = []
    while at + 5 <= len(body):
        end = at + 5 + (_u16(body, at + 3) & 0xFFF)
        streams.append(PmtStream(body[at], _u16(body, at + 1) & 0x1FFF, body[at + 5 : end]))
        at = end
    if at != len(body):
        raise ValueError("PMT section whose lengths do not add up")
    return Pmt(program_number, _u16(body, 0) & 0x1FFF, program_descriptors, streams, version)


def build_pat(pat: Pat) -> bytes:
    """Make the PAT section. Raises ValueError when it does not fit one section."""
    body = b"".join(_bytes16(number) + _bytes16(0xE000 | pid) for number, pid in pat.programs)
    return _close_section(0x00, pat.transport_stream_id, pat.version, body)


def build_pmt(pmt: Pmt) -> bytes:
    """Make the PMT section. Raises ValueError when it does not fit one section."""
    parts = [_bytes16(0xE000 | pmt.pcr_pid), _bytes16(0xF000 | len(pmt.program_descriptors)), pmt.program_descriptors]
    for stream in pmt.streams:
        parts += [bytes([stream.stream_type]), _bytes16(0xE000 | stream.pid)]
        parts += [_bytes16(0xF000 | len(stream.descriptors)), stream.descriptors]
    return _close_section(0x02, pmt.program_number, pmt.version, b"".join(parts))


def build_section_packets(pid: int, section: bytes) -> bytes:
    """Transport packets of one section that begins a packet; continuity counters run from 0."""
    data = b"\x00" + section
    packets = []
    for n, at in enumerate(range(0, len(data), PACKET_PAYLOAD_BYTES)):
        head = bytes([0x47, (0x00 if n else 0x40) | pid >> 8, pid & 0xFF, 0x10 | n & 15])
        packets.append(head + data[at : at + PACKET_PAYLOAD_BYTES].ljust(PACKET_PAYLOAD_BYTES, b"\xff"))
    return b"".join(packets)


def _open_section(section: bytes, table_id: int) -> tuple[int, int, bytes]:
    """(table id extension, version, body) of a section that holds together."""
    if len(section) < 12 or section[0] != table_id:
        raise ValueError(f"no section of table {table_id:#04x}")
    length = 3 + (_u16(section, 1) & 0xFFF)
    if length < 12 or length > len(section) or crc32_mpeg(section[:length]):
        raise ValueError(f"damaged section of table {table_id:#04x}")
    if not section[5] & 1:
        raise ValueError("the section is not valid yet")
    return _u16(section, 3), (section[5] >> 1) & 31, section[8 : length - 4]


def _close_section(table_id: int, table_id_extension: int, version: int, body: bytes) -> bytes:
    if len(body) > 1021 - 9:
        raise ValueError(f"{len(body)} bytes do not fit a section of table {table_id:#04x}")
    head = bytes([table_id]) + _bytes16(0xB000 | len(body) + 9) + _bytes16(table_id_extension)
    section = head + bytes([0xC1 | (version & 31) << 1, 0, 0]) + body
    return section + crc32_mpeg(section).to_bytes(4, "big")


def _u16(data: bytes, at: int) -> int:
    return data[at] << 8 | data[at + 1]


def _bytes16(value: int) -> bytes:
    return value.to_bytes(2, "big")
