"""Writing MPEG transport streams (ISO 13818-1): PES packets, program tables, clock references, continuity counters.

Made for cuts of recordings: payloads and tables go through byte for byte, foreign packets (sections of SCTE-35, EIT,
TDT) keep everything but their counters. The bit rate is variable, without null packets.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from plexcut.media.ts_tables import (
    PACKET_BYTES,
    PACKET_PAYLOAD_BYTES,
    Pat,
    Pmt,
    PmtStream,
    build_pat,
    build_pmt,
    build_section_packets,
    crc32_mpeg,
    parse_pat,
    parse_pmt,
)

__all__ = [
    "NO_PCR_PID",
    "Pat",
    "PesUnit",
    "Pmt",
    "PmtStream",
    "ProgramTables",
    "RawUnit",
    "TransportStreamWriter",
    "build_pat",
    "build_pmt",
    "build_section_packets",
    "crc32_mpeg",
    "parse_pat",
    "parse_pmt",
]

logger = logging.getLogger(__name__)

U8 = npt.NDArray[np.uint8]
Bytes = bytes | memoryview

NO_PCR_PID = 0x1FFF
_PAT_PID = 0
_CLOCK_MASK = (1 << 33) - 1

# Mux clock ticks of 90 kHz. DVB wants a PCR every 40 ms and PAT and PMT every 100 ms (TS 101 154). A reader tells time
# from the PCRs around a packet, thus up to 40 ms off: 60 keep the tables within 100 for it.
_PCR_INTERVAL = 3600
_PCR_LEAST = 1800
_TABLES_INTERVAL = 5400
_OTHER_INTERVAL = 135_000

_FLUSH_PACKETS = 8192
_COUNTED = 1024

_RANDOM_ACCESS, _PCR_FLAG = 0x40, 0x10
# Stream ids whose PES packets have no flags and timestamps (ISO 13818-1, 2.4.3.7).
_BARE_STREAM_IDS = frozenset({0xBC, 0xBE, 0xBF, 0xF0, 0xF1, 0xF2, 0xF8, 0xFF})


# ------------------------------------------------------------------------------------------------------------ units


@dataclass(frozen=True, slots=True)
class PesUnit:
    """One PES packet to write: a picture, one or more audio frames, a subtitle.

    `pts` and `dts` are 90 kHz ticks, unwrapped (written modulo 2**33); without `pts` no timestamp is written, with
    `dts` None or equal to it only the PTS. `random_access` sets the indicator. `header_tail` are the bytes after the
    timestamps in the header: extension fields as `header_flags` (the low six bits of the second flag byte) names them,
    then stuffing (teletext wants it). Unless `pes_length_known` the length field is 0, which only video may have.
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

    @property
    def decode_time(self) -> int | None:
        """When it is decoded: DTS, or else PTS."""
        return self.pts if self.dts is None else self.dts


@dataclass(frozen=True, slots=True)
class RawUnit:
    """Whole transport packets that go out as they are, with new continuity counters and the PID `pid`."""

    pid: int
    packets: bytes


class Sink(Protocol):
    """What a stream is written to. Data that it was given do not change afterwards."""

    def write(self, data: memoryview, /) -> int: ...

    def flush(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ProgramTables:
    """The tables that are repeated: PAT, PMT (every 60 ms), and `other` sections as (PID, section), every 1.5 s."""

    pat_section: bytes
    pmt_pid: int
    pmt_section: bytes
    pcr_pid: int
    other: Sequence[tuple[int, bytes]] = ()


def _pes_header(unit: PesUnit) -> bytes:
    """Everything before the payload. Raises ValueError when a length does not fit its field."""
    start = b"\x00\x00\x01" + bytes([unit.stream_id])
    if unit.stream_id in _BARE_STREAM_IDS:
        return start + _length_field(unit, len(unit.payload))
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
    return start + _length_field(unit, 3 + len(tail) + len(unit.payload)) + flags + tail


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
    value = ticks & _CLOCK_MASK
    high, middle, low = value >> 30, (value >> 15) & 0x7FFF, value & 0x7FFF
    return bytes([prefix << 4 | high << 1 | 1]) + ((middle << 17 | 1 << 16) | low << 1 | 1).to_bytes(4, "big")


def _pcr_field(ticks: int) -> bytes:
    """The six bytes of a PCR at a moment given in 90 kHz ticks: 33 bits base, 6 reserved, 9 bits extension (0)."""
    return ((ticks & _CLOCK_MASK) << 15 | 0x7E00).to_bytes(6, "big")


def _adaptation(size: int, body: bytes) -> bytes:
    """An adaptation field of `size` bytes in all (0: none), with its flags and fields in `body`, stuffed."""
    if size < 2:
        return b"\x00" * size
    return (bytes([size - 1]) + (body or b"\x00")).ljust(size, b"\xff")


class _Pid:
    """The continuity of one PID."""

    def __init__(self, pid: int) -> None:
        self.next_counter = 0
        self._start = bytes([0x47, pid >> 8, pid & 0xFF])
        heads = b"".join(self._start + bytes([0x10 | n]) for n in range(16))
        self._counted = np.tile(np.frombuffer(heads, np.uint8).reshape(16, 4), (_COUNTED // 16 + 1, 1))

    def count(self, size: int, fields: bytes) -> int:
        """How many transport packets a PES packet of `size` bytes takes."""
        return max(1, -(-(size + (len(fields) + 1 if fields else 0)) // PACKET_PAYLOAD_BYTES))

    def pack(self, out: U8, pieces: tuple[bytes, Bytes], fields: bytes) -> None:
        """One PES packet, header and payload, as the transport packets `out`, `(count, 188)`.

        `fields` go into the adaptation field of the first one.
        """
        header, payload = pieces
        count = len(out)
        out[:, :4] = (
            self._counted[self.next_counter : self.next_counter + count]
            if count <= _COUNTED
            else (self._counted[(np.arange(count) + self.next_counter) & 15])
        )
        out[0, 1] |= 0x40
        self.next_counter = (self.next_counter + count) & 15
        size = len(header) + len(payload)
        if count == 1:
            out[0, 3] |= 0x20 if fields or size < PACKET_PAYLOAD_BYTES else 0
            whole = _adaptation(PACKET_PAYLOAD_BYTES - size, fields) + header + bytes(payload)
            out[0, 4:] = np.frombuffer(whole, np.uint8)
            return
        at = PACKET_PAYLOAD_BYTES - (len(fields) + 1 if fields else 0) - len(header)
        if at < 0:
            # Only a header with half a packet of extensions is as long.
            header, payload, at = header[:at], header[at:] + bytes(payload), 0
        first = (_adaptation(len(fields) + 1, fields) if fields else b"") + header + bytes(payload[:at])
        out[0, 3] |= 0x20 if fields else 0
        out[0, 4:] = np.frombuffer(first, np.uint8)
        middle = (count - 2) * PACKET_PAYLOAD_BYTES
        if middle:
            out[1:-1, 4:] = np.frombuffer(payload, np.uint8, middle, at).reshape(count - 2, PACKET_PAYLOAD_BYTES)
        rest = bytes(payload[at + middle :])
        if len(rest) < PACKET_PAYLOAD_BYTES:
            out[-1, 3] |= 0x20
            rest = _adaptation(PACKET_PAYLOAD_BYTES - len(rest), b"") + rest
        out[-1, 4:] = np.frombuffer(rest, np.uint8)

    def pcr_packet(self, ticks: int) -> bytes:
        """A packet that holds a PCR and no payload: its counter is the last one again."""
        head = self._start + bytes([0x20 | (self.next_counter - 1) & 15])
        return head + _adaptation(PACKET_PAYLOAD_BYTES, bytes([_PCR_FLAG]) + _pcr_field(ticks))

    def renumbered(self, pid: int, packets: bytes) -> bytes:
        """Foreign packets with this PID and its counters; one that was sent twice goes out once."""
        count, rest = divmod(len(packets), PACKET_BYTES)
        if rest or packets[::PACKET_BYTES] != b"\x47" * count:
            raise ValueError("not whole transport packets")
        out: list[bytes] = []
        previous = b""
        for at in range(0, len(packets), PACKET_BYTES):
            packet = packets[at : at + PACKET_BYTES]
            has_payload = packet[3] & 0x10
            if has_payload and packet == previous:
                continue
            previous = packet
            counter = self.next_counter if has_payload else (self.next_counter - 1) & 15
            out.append(bytes([0x47, packet[1] & 0xE0 | pid >> 8, pid & 0xFF, packet[3] & 0xF0 | counter]) + packet[4:])
            self.next_counter = (self.next_counter + bool(has_payload)) & 15
        return b"".join(out)


# ----------------------------------------------------------------------------------------------------------- writer


class TransportStreamWriter:
    """Writes one programme. The caller hands over the units in the order of the mux clock, which the PCR follows.

    `mux_delay` (90 kHz ticks) is how long before its decoding time a unit is sent when `write` is not told a moment.
    `out` stays the caller's; an OSError from it goes through as it is, and what was buffered then is lost.
    """

    def __init__(self, out: Sink, tables: ProgramTables, *, mux_delay: int = 63_000) -> None:
        self._out = out
        self._tables = tables
        self._mux_delay = mux_delay
        self._pids: dict[int, _Pid] = {}
        self._table_packets = [
            (_PAT_PID, build_section_packets(_PAT_PID, tables.pat_section)),
            (tables.pmt_pid, build_section_packets(tables.pmt_pid, tables.pmt_section)),
        ]
        self._other_packets = [(pid, build_section_packets(pid, section)) for pid, section in tables.other]
        self._clock: int | None = None
        self._last_pcr: int | None = None
        self._tables_at = self._other_at = 0
        self._tables_just_written = False
        self._buffer = np.empty((_FLUSH_PACKETS, PACKET_BYTES), np.uint8)
        self._buffered = 0
        self.bytes_written = 0  # those still in the buffer included
        self.late_units = 0  # units whose decoding time had passed on the PCR's clock

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()

    def write(self, unit: PesUnit | RawUnit, at: int | None = None) -> None:
        """Write a unit that is sent at `at` (90 kHz, unwrapped), not before what was written earlier.

        None: `mux_delay` before its decoding time; at once if it has none.

        Raises:
            ValueError: the unit does not fit the syntax (see `PesUnit`, `RawUnit`). Nothing of it is written then.
            OSError: `out` cannot be written.
        """
        header = _pes_header(unit) if isinstance(unit, PesUnit) else b""
        clock = self._moment(unit, at)
        self._keep_pace(clock)
        if isinstance(unit, PesUnit):
            self._write_pes(unit, header, clock)
        else:
            self._put(self._pid(unit.pid).renumbered(unit.pid, unit.packets))
        self._tables_just_written = False

    def close(self) -> None:
        """Write what is buffered. `out` stays open."""
        self._flush()
        self._out.flush()

    def _moment(self, unit: PesUnit | RawUnit, at: int | None) -> int:
        if at is None:
            time = unit.decode_time if isinstance(unit, PesUnit) else None
            at = time - self._mux_delay if time is not None else self._clock or 0
        return at if self._clock is None else max(at, self._clock)

    def _keep_pace(self, clock: int) -> None:
        """Write the tables and PCRs that were due before `clock`, at the very beginning those at it."""
        if self._clock is None:
            self._other_at = clock - _OTHER_INTERVAL
            self._put_tables(clock)
        self._clock = clock
        no_pcr = self._tables.pcr_pid == NO_PCR_PID
        while True:
            tables_due = self._tables_at + _TABLES_INTERVAL
            pcr_due = tables_due if no_pcr or self._last_pcr is None else self._last_pcr + _PCR_INTERVAL
            if tables_due <= min(clock, pcr_due):
                self._put_tables(tables_due)
            elif pcr_due < clock:
                self._put_pcr(pcr_due)
            else:  # a PCR that is due now may ride on the unit
                return

    def _write_pes(self, unit: PesUnit, header: bytes, clock: int) -> None:
        if unit.random_access and 0xE0 <= unit.stream_id <= 0xEF and not self._tables_just_written:
            self._put_tables(clock)
        time = unit.decode_time
        flags, pcr = _RANDOM_ACCESS if unit.random_access else 0, b""
        if unit.pid == self._tables.pcr_pid:
            ticks = clock if time is None else min(clock, time)
            passed = _PCR_LEAST if self._last_pcr is None else ticks - self._last_pcr
            if passed >= _PCR_LEAST or (passed > 0 and unit.random_access):
                flags, pcr = flags | _PCR_FLAG, _pcr_field(ticks)
                self._last_pcr = ticks
        elif self._last_pcr is None and self._tables.pcr_pid != NO_PCR_PID:
            self._put_pcr(clock if time is None else min(clock, time))
        if time is not None and self._last_pcr is not None and time < self._last_pcr:
            self.late_units += 1
            logger.debug("PID %#x: decoding time %d, PCR %d", unit.pid, time, self._last_pcr)
        pid, fields = self._pid(unit.pid), bytes([flags]) + pcr if flags else b""
        out = self._room(pid.count(len(header) + len(unit.payload), fields))
        pid.pack(out, (header, unit.payload), fields)

    def _put_tables(self, clock: int) -> None:
        packets = self._table_packets
        if clock - self._other_at >= _OTHER_INTERVAL:
            packets = packets + self._other_packets
            self._other_at = clock
        for pid, data in packets:
            self._put(self._pid(pid).renumbered(pid, data))
        self._tables_at = clock
        self._tables_just_written = True

    def _put_pcr(self, ticks: int) -> None:
        self._put(self._pid(self._tables.pcr_pid).pcr_packet(ticks))
        self._last_pcr = ticks

    def _pid(self, pid: int) -> _Pid:
        state = self._pids.get(pid)
        if state is None:
            state = self._pids[pid] = _Pid(pid)
        return state

    def _put(self, data: bytes) -> None:
        self._room(len(data) // PACKET_BYTES)[:] = np.frombuffer(data, np.uint8).reshape(-1, PACKET_BYTES)

    def _room(self, packets: int) -> U8:
        """The next so many packets of what is written, to be filled in at once."""
        if self._buffered + packets > len(self._buffer):
            self._flush()
            if packets > len(self._buffer):
                self._buffer = np.empty((packets, PACKET_BYTES), np.uint8)
        room = self._buffer[self._buffered : self._buffered + packets]
        self._buffered += packets
        self.bytes_written += packets * PACKET_BYTES
        return room

    def _flush(self) -> None:
        data = self._buffer[: self._buffered].reshape(-1).data
        # Whoever takes it may keep it.
        self._buffer, self._buffered = np.empty((_FLUSH_PACKETS, PACKET_BYTES), np.uint8), 0
        # An unbuffered file may take less than it is given.
        while data:
            data = data[self._out.write(data) :]
