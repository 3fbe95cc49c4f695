"""Writing MPEG transport streams (ISO 13818-1): PES packets, program tables, clock references, continuity counters.

Made for cuts of recordings: payloads and tables go through byte for byte, foreign packets (sections of SCTE-35, EIT,
TDT) keep everything but their counters. The bit rate is variable, without null packets.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from plexcut.media.ts_packets import PCR_FLAG, PidPackets, Room, empty_packets, pcr_field
from plexcut.media.ts_pictures import Laid, PictureRun, fill, packets_of
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
from plexcut.media.ts_units import PesUnit, RawUnit, pes_header, picture_unit

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
    "picture_unit",
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
        header = pes_header(unit) if isinstance(unit, PesUnit) else b""
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

    def pause(self, clock: int) -> dict[int, int]:
        """Write all that there is, because whole packets of another stream follow, whose clock goes on at `clock`.

        Gives the counter of each PID that its next packet would have.
        """
        clock = max(clock, self._clock or clock)
        self._keep_pace(clock)
        self._put_tables(clock)
        if self._last_pcr is not None and clock - self._last_pcr > _PCR_LEAST:
            self._put_pcr(clock)
        self._flush()
        self._laid = None
        return {pid: state.next_counter for pid, state in self._pids.items()}

    def resume(self, clock: int, pcr: int, counters: Mapping[int, int], nbytes: int) -> None:
        """Go on behind so many bytes of another stream: its clock, and what it said last; by PID the next counters."""
        self.bytes_written += nbytes
        self._clock, self._last_pcr = clock, pcr
        self._tables_at = clock - _TABLES_INTERVAL
        self._tables_just_written = False
        for pid, counter in counters.items():
            self._pid(pid).next_counter = counter

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
