"""What goes into a transport stream: PES packets, and packets that are passed on (ISO 13818-1, 2.4.3)."""

from __future__ import annotations

from dataclasses import dataclass

from plexcut.media.ts_packets import CLOCK_MASK, Bytes
from plexcut.media.ts_pictures import VIDEO_STREAM_ID, PictureRun

# Stream ids whose PES packets have no flags and timestamps (ISO 13818-1, 2.4.3.7).
_BARE_STREAM_IDS = frozenset({0xBC, 0xBE, 0xBF, 0xF0, 0xF1, 0xF2, 0xF8, 0xFF})


@dataclass(slots=True)
class PesUnit:
    """One PES packet to write: a picture, one or more audio frames, a subtitle. Not to be changed (but a frozen class
    takes three times as long to make, and there are a hundred thousand).

    `pts` and `dts` are 90 kHz ticks, unwrapped (written modulo 2**33); without `pts` no timestamp is written, with
    `dts` None or equal to it only the PTS. `random_access` sets the indicator. `header_tail` are the bytes after the
    timestamps in the header: extension fields as `header_flags` (the low six bits of the second flag byte) names them,
    then stuffing (teletext wants it). `lead` comes in front of the payload.
    Unless `pes_length_known` the length field is 0, which only video may have.
    """

    pid: int
    stream_id: int
    payload: Bytes
    pts: int | None
    dts: int | None = None
    random_access: bool = False
    data_alignment: bool = True
    header_tail: bytes = b""
    header_flags: int = 0
    pes_length_known: bool = True
    lead: bytes = b""

    @property
    def decode_time(self) -> int | None:
        """When it is decoded: DTS, or else PTS."""
        return self.pts if self.dts is None else self.dts


@dataclass(frozen=True, slots=True)
class RawUnit:
    """Whole transport packets that go out as they are, with new continuity counters and the PID `pid`."""

    pid: int
    packets: bytes


def pes_header(unit: PesUnit) -> bytes:
    """Everything before the payload. Raises ValueError when a length does not fit its field."""
    start = b"\x00\x00\x01" + bytes([unit.stream_id])
    if unit.stream_id in _BARE_STREAM_IDS:
        return start + _length_field(unit, len(unit.lead) + len(unit.payload)) + unit.lead
    if unit.pts is None:
        kind, stamps = 0, b""
    elif unit.dts is None or unit.dts == unit.pts:
        kind, stamps = 2, _timestamp(2, unit.pts)
    else:
        kind, stamps = 3, _timestamp(3, unit.pts) + _timestamp(1, unit.dts)
    tail = stamps + unit.header_tail
    if len(tail) > 255:
        raise ValueError(f"PES header of {len(tail)} bytes")
    flags = bytes([0x80 | unit.data_alignment << 2, kind << 6 | unit.header_flags & 0x3F, len(tail)])
    return start + _length_field(unit, 3 + len(tail) + len(unit.lead) + len(unit.payload)) + flags + tail + unit.lead


def _length_field(unit: PesUnit, length: int) -> bytes:
    if unit.pes_length_known and length <= 0xFFFF:
        return length.to_bytes(2, "big")
    # 0xFD: extended stream ids, video among them.
    if 0xE0 <= unit.stream_id <= 0xEF or unit.stream_id == 0xFD:
        return b"\x00\x00"
    raise ValueError(
        f"PES packet of stream id {unit.stream_id:#04x} with {length} bytes: only video may be longer than 65535"
    )


def _timestamp(prefix: int, ticks: int) -> bytes:
    value = ticks & CLOCK_MASK
    high, middle, low = value >> 30, (value >> 15) & 0x7FFF, value & 0x7FFF
    return bytes([prefix << 4 | high << 1 | 1]) + ((middle << 17 | 1 << 16) | low << 1 | 1).to_bytes(4, "big")


def picture_unit(pid: int, run: PictureRun, i: int) -> PesUnit:
    """Picture `i` of a run by itself."""
    lead, data = run.picture(i)
    pts, dts, key = int(run.pts[i]), int(run.dts[i]), bool(run.key[i])
    return PesUnit(pid, VIDEO_STREAM_ID, data, pts, dts, random_access=key, pes_length_known=False, lead=lead)
