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

from plexcut.media.ts_packets import CLOCK_MASK, PCR_FLAG, Bytes, PidPackets, Room, empty_packets, pcr_field
from plexcut.media.ts_pictures import VIDEO_STREAM_ID, Laid, PictureRun, fill, packets_of
from plexcut.media.ts_tables import (
    PACKET_BYTES,
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


NO_PCR_PID = 0x1FFF
_PAT_PID = 0

# Mux clock ticks of 90 kHz. DVB wants a PCR every 40 ms and PAT and PMT every 100 ms (TS 101 154). A reader tells time
# from the PCRs around a packet, thus up to 40 ms off: 60 keep the tables within 100 for it.
_PCR_INTERVAL = 3600
_PCR_LEAST = 1800
_TABLES_INTERVAL = 5400
_OTHER_INTERVAL = 135_000

_FLUSH_PACKETS = 32768

_RANDOM_ACCESS = 0x40
# Stream ids whose PES packets have no flags and timestamps (ISO 13818-1, 2.4.3.7).
_BARE_STREAM_IDS = frozenset({0xBC, 0xBE, 0xBF, 0xF0, 0xF1, 0xF2, 0xF8, 0xFF})


# ------------------------------------------------------------------------------------------------------------ units


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
        self._pids: dict[int, PidPackets] = {}
        self._table_packets = [
            (_PAT_PID, build_section_packets(_PAT_PID, tables.pat_section)),
            (tables.pmt_pid, build_section_packets(tables.pmt_pid, tables.pmt_section)),
        ]
        self._other_packets = [(pid, build_section_packets(pid, section)) for pid, section in tables.other]
        self._clock: int | None = None
        self._last_pcr: int | None = None
        self._tables_at = self._other_at = 0
        self._tables_just_written = False
        self._table_pids = self._pid(_PAT_PID), self._pid(tables.pmt_pid)
        self._laid_tables: dict[tuple[int, int], tuple[bytes, int, int]] = {}
        self._buffer = empty_packets(_FLUSH_PACKETS)
        self._buffered = 0
        self._laid: Laid | None = None
        self.bytes_written = 0  # those still in the buffer included
        self.late_units = 0  # units whose decoding time had passed on the PCR's clock

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()

    def write(self, unit: PesUnit | RawUnit, at: int | None = None) -> int:
        """Write a unit that is sent at `at` (90 kHz, unwrapped), not before what was written earlier.

        None: `mux_delay` before its decoding time; at once if it has none. Gives the place of its first packet.

        Raises:
            ValueError: the unit does not fit the syntax (see `PesUnit`, `RawUnit`). Nothing of it is written then.
            OSError: `out` cannot be written.
        """
        header = _pes_header(unit) if isinstance(unit, PesUnit) else b""
        clock = self._moment(unit, at)
        self._keep_pace(clock)
        if isinstance(unit, PesUnit):
            place = self._write_pes(unit, header, clock)
        else:
            place = self.bytes_written
            self._put(self._pid(unit.pid).renumbered(unit.pid, unit.packets))
        self._tables_just_written = False
        return place

    def write_pictures(self, run: PictureRun, first: int, end: int) -> list[int]:
        """Write pictures `first` up to before `end` of a run, on the PID that carries the PCR, as `write` does one.

        Gives the place of the first packet of each. The run's bytes must not change until all is written.

        Raises:
            OSError: `out` cannot be written.
        """
        pid = self._tables.pcr_pid
        state = self._pid(pid)
        if self._laid is None or self._laid.run is not run:
            self._fill()
            self._laid = Laid(run)
        laid, places = self._laid, list[int]()
        for i in range(first, end):
            at, time, size, key = run.one_by_one[i]
            last = self._last_pcr
            if not size or self._clock is None or last is None:
                places.append(self.write(picture_unit(pid, run, i), at))
                continue
            clock = max(at, self._clock)
            self._keep_pace(clock)
            if key and not self._tables_just_written:
                self._put_tables(clock)
            ticks = min(clock, time)
            flags = self._picture_flags(ticks, random_access=key)
            if time < (self._last_pcr or 0):
                self._late(pid, time)
            count = packets_of(size, flags)
            places.append(self.bytes_written)
            room = self._reserve(count)
            laid.pictures.append((i, room, count, state.next_counter, flags, ticks))
            state.next_counter = (state.next_counter + count) & 15
            self._tables_just_written = False
        return places

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
        last = self._last_pcr
        if last is not None and clock < self._tables_at + _TABLES_INTERVAL and clock <= last + _PCR_INTERVAL:
            self._clock = clock
            return
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

    def _write_pes(self, unit: PesUnit, header: bytes, clock: int) -> int:
        if unit.random_access and 0xE0 <= unit.stream_id <= 0xEF and not self._tables_just_written:
            self._put_tables(clock)
        time = unit.decode_time
        flags, pcr = _RANDOM_ACCESS if unit.random_access else 0, b""
        if unit.pid == self._tables.pcr_pid:
            ticks = clock if time is None else min(clock, time)
            flags = self._picture_flags(ticks, random_access=unit.random_access)
            if flags & PCR_FLAG:
                pcr = pcr_field(ticks)
        elif self._last_pcr is None and self._tables.pcr_pid != NO_PCR_PID:
            self._put_pcr(clock if time is None else min(clock, time))
        if time is not None and self._last_pcr is not None and time < self._last_pcr:
            self._late(unit.pid, time)
        pid, fields = self._pid(unit.pid), bytes([flags]) + pcr if flags else b""
        place = self.bytes_written
        room = self._room(pid.count(len(header) + len(unit.payload), fields))
        pid.pack(room, (header, unit.payload), fields)
        return place

    def _picture_flags(self, ticks: int, *, random_access: bool) -> int:
        """The flags of an adaptation field of the PID that carries the PCR; with one if it is time for it."""
        flags = _RANDOM_ACCESS if random_access else 0
        passed = _PCR_LEAST if self._last_pcr is None else ticks - self._last_pcr
        if passed >= _PCR_LEAST or (passed > 0 and random_access):
            flags |= PCR_FLAG
            self._last_pcr = ticks
        return flags

    def _late(self, pid: int, time: int) -> None:
        self.late_units += 1
        logger.debug("PID %#x: decoding time %d, PCR %d", pid, time, self._last_pcr)

    def _put_tables(self, clock: int) -> None:
        pat, pmt = self._table_pids
        counters = pat.next_counter, pmt.next_counter
        known = self._laid_tables.get(counters)
        if known is None:
            data = b"".join(self._pid(pid).renumbered(pid, data) for pid, data in self._table_packets)
            known = self._laid_tables[counters] = data, pat.next_counter, pmt.next_counter
        data, pat.next_counter, pmt.next_counter = known
        self._put(data)
        if clock - self._other_at >= _OTHER_INTERVAL:
            for pid, data in self._other_packets:
                self._put(self._pid(pid).renumbered(pid, data))
            self._other_at = clock
        self._tables_at = clock
        self._tables_just_written = True

    def _put_pcr(self, ticks: int) -> None:
        self._put(self._pid(self._tables.pcr_pid).pcr_packet(ticks))
        self._last_pcr = ticks

    def _pid(self, pid: int) -> PidPackets:
        state = self._pids.get(pid)
        if state is None:
            state = self._pids[pid] = PidPackets(pid)
        return state

    def _put(self, data: bytes) -> None:
        self._room(len(data) // PACKET_BYTES)[2][:] = data

    def _room(self, packets: int) -> Room:
        """The next so many packets of what is written, to be filled in at once."""
        first = self._reserve(packets)
        end = first + packets
        heads, payloads, flat = self._buffer
        return heads[first:end], payloads[first:end], flat[first * PACKET_BYTES : end * PACKET_BYTES]

    def _reserve(self, packets: int) -> int:
        """Where in the buffer the next so many packets of what is written go, to be filled in before it is flushed."""
        if self._buffered + packets > len(self._buffer[0]):
            self._flush()
            if packets > len(self._buffer[0]):
                self._buffer = empty_packets(packets)
        first = self._buffered
        self._buffered += packets
        self.bytes_written += packets * PACKET_BYTES
        return first

    def _fill(self) -> None:
        """Fill in the pictures that have their places."""
        if self._laid is not None:
            fill(self._buffer, self._tables.pcr_pid, self._laid)
            self._laid.pictures.clear()

    def _flush(self) -> None:
        self._fill()
        data = self._buffer[2][: self._buffered * PACKET_BYTES]
        # Whoever takes it may keep it.
        self._buffer, self._buffered = empty_packets(_FLUSH_PACKETS), 0
        # An unbuffered file may take less than it is given.
        while data:
            data = data[self._out.write(data) :]
