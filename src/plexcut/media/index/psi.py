"""Programme tables of a transport stream: PAT and PMT sections as they come by (ISO 13818-1, 2.4.4)."""

from __future__ import annotations

from dataclasses import dataclass

from plexcut.media import ts_tables
from plexcut.media.index.packets import Packets

_LANGUAGE, _REGISTRATION, _TELETEXT, _SUBTITLING = 0x0A, 0x05, 0x56, 0x59
_AC3, _EAC3, _DTS, _AAC, _EXTENSION = 0x6A, 0x7A, 0x7B, 0x7C, 0x7F

_VIDEO_TYPES = {
    0x01: "mpeg1video", 0x02: "mpeg2video", 0x10: "mpeg4", 0x1B: "h264", 0x24: "hevc", 0x33: "vvc", 0x42: "cavs",
    0xD1: "dirac", 0xD2: "avs2", 0xD4: "avs3", 0xEA: "vc1",
}  # fmt: skip
_AUDIO_TYPES = {
    0x03: "mp2", 0x04: "mp2", 0x0F: "aac", 0x11: "aac_latm", 0x81: "ac3", 0x87: "eac3", 0x82: "dts", 0x84: "eac3",
    0x85: "dts", 0x86: "scte_35", 0x8A: "dts",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ProgramStream:
    """An elementary stream that a PMT names. `kind` is video, audio, subtitle or data; `codec` FFmpeg's name of it."""

    pid: int
    stream_type: int
    descriptors: bytes
    kind: str
    codec: str
    language: str | None


@dataclass(frozen=True, slots=True)
class Program:
    """A programme: its PMT section, whole, and what that says."""

    number: int
    pmt_pid: int
    pcr_pid: int
    section: bytes
    streams: tuple[ProgramStream, ...]


class SectionReader:
    """Puts the sections of one PID together from its packets."""

    def __init__(self) -> None:
        self._partial = b""

    @property
    def idle(self) -> bool:
        """Whether no section has begun that is not whole yet."""
        return not self._partial

    def feed(self, packets: Packets) -> list[bytes]:
        """Whole sections, in order, repeated ones included."""
        sections: list[bytes] = []
        for row in packets.data:
            begin = 4 + (1 + int(row[4]) if row[3] & 0x20 else 0)
            if not row[3] & 0x10 or begin >= row.size:
                continue
            payload = row[begin:].tobytes()
            if row[1] & 0x40:
                pointer = payload[0]
                if self._partial:
                    self._collect(self._partial + payload[1 : 1 + pointer], sections)
                self._partial = payload[1 + pointer :]
            elif self._partial:
                self._partial += payload
            self._partial = self._collect(self._partial, sections)
        return sections

    @staticmethod
    def _collect(data: bytes, sections: list[bytes]) -> bytes:
        while len(data) >= 3 and data[0] != 0xFF:
            size = 3 + ((data[1] & 15) << 8 | data[2])
            if len(data) < size:
                return data
            sections.append(data[:size])
            data = data[size:]
        return b"" if data[:1] == b"\xff" else data


def parse_pat(section: bytes) -> dict[int, int]:
    """Programme number to PMT PID; empty where it is no PAT, or damaged."""
    try:
        found = dict(ts_tables.parse_pat(section).programs)
    except ValueError:
        return {}
    found.pop(0, None)
    return found


def parse_pmt(section: bytes, pmt_pid: int) -> Program | None:
    """None where it is no PMT, or damaged."""
    try:
        table = ts_tables.parse_pmt(section)
    except ValueError:
        return None
    streams = tuple(_stream(pid, stream_type, descriptors) for stream_type, pid, descriptors in table.streams)
    return Program(table.program_number, pmt_pid, table.pcr_pid, section, streams)


def split_descriptors(data: bytes) -> list[tuple[int, bytes]]:
    """`(tag, body)` of each descriptor."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at + 2 <= len(data):
        found.append((data[at], data[at + 2 : at + 2 + data[at + 1]]))
        at += 2 + data[at + 1]
    return found


def _stream(pid: int, stream_type: int, descriptors: bytes) -> ProgramStream:
    tags = split_descriptors(descriptors)
    language = _language(tags)
    if stream_type in _VIDEO_TYPES:
        return ProgramStream(pid, stream_type, descriptors, "video", _VIDEO_TYPES[stream_type], language)
    if stream_type in _AUDIO_TYPES:
        codec = _AUDIO_TYPES[stream_type]
        kind = "data" if codec == "scte_35" else "audio"
        return ProgramStream(pid, stream_type, descriptors, kind, codec, language)
    kind, codec = _private(stream_type, tags)
    return ProgramStream(pid, stream_type, descriptors, kind, codec, language)


def _private(stream_type: int, tags: list[tuple[int, bytes]]) -> tuple[str, str]:
    """What a stream of a private type is, from its descriptors (EN 300 468, annex D)."""
    by_tag = dict(tags)
    if _AC3 in by_tag:
        return "audio", "ac3"
    if _EAC3 in by_tag:
        return "audio", "eac3"
    if _DTS in by_tag:
        return "audio", "dts"
    if _AAC in by_tag:
        return "audio", "aac"
    if _TELETEXT in by_tag:
        return "subtitle", "dvb_teletext"
    if _SUBTITLING in by_tag:
        return "subtitle", "dvb_subtitle"
    registered = by_tag.get(_REGISTRATION, b"")[:4]
    if registered in (b"AC-3", b"EAC3"):
        return "audio", "ac3" if registered == b"AC-3" else "eac3"
    if registered == b"HEVC":
        return "video", "hevc"
    if registered == b"CUEI":
        return "data", "scte_35"
    if registered == b"Opus":
        return "audio", "opus"
    if stream_type == 0x15:
        return "data", "timed_id3"
    return "data", "bin_data"


def _language(tags: list[tuple[int, bytes]]) -> str | None:
    for tag, body in tags:
        if tag in (_LANGUAGE, _TELETEXT, _SUBTITLING) and len(body) >= 3:
            code = body[:3].decode("latin-1").lower()
            if code.isalpha() and code.isascii() and code != "und":
                return code
    return None
