"""Index of a transport stream: one sequential pass over the packets, no demuxer and no trust in flags."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from plexcut.domain.media import Source
from plexcut.errors import FormatUnsupported, UsageError
from plexcut.media import ts_tables
from plexcut.media.bitstream.bits import start_codes
from plexcut.media.bitstream.pictures import ASSEMBLERS, PictureAssembler
from plexcut.media.index.packets import (
    PacketLayout,
    PacketReader,
    Packets,
    PayloadReader,
    PesStart,
    discontinuities,
    find_layout,
)
from plexcut.media.index.psi import Program, SectionReader, parse_pat, parse_pmt
from plexcut.media.index.rows import PictureRows, Placed
from plexcut.media.sources import open_source, status_of

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]

OnFraction = Callable[[float], None]

_PSI_SEARCH_BYTES = 48 << 20
_SCRAMBLED_SHARE = 0.5
_SHORTEST_UNIT = 5
"""Bytes of a start code and the two behind it; damage puts start codes closer together."""
_HEAD_BYTES = 2048
"""How much of a unit a picture assembler may look at; parameter sets are far shorter."""


@dataclass(slots=True)
class StreamScan:
    """What the pass over a transport stream found; clocks raw."""

    program: Program
    video_pid: int
    rows: PictureRows
    pes: list[PesStart]
    clock_breaks: list[int]
    gaps: list[int]
    programs: tuple[Program, ...]
    es_bytes: int
    scrambled: bool = False


@dataclass(slots=True)
class _EsMap:
    """From offsets in the elementary stream to packets, for the stretch that may still be asked for."""

    base: list[int] = field(default_factory=list)
    starts: list[I64] = field(default_factory=list)
    at: list[I64] = field(default_factory=list)

    def add(self, base: int, starts: I64, at: I64) -> None:
        self.base.append(base)
        self.starts.append(starts + base)
        self.at.append(at)

    def place(self, offset: int) -> tuple[int, int]:
        """`(file position of the packet, bytes of its payload before offset)`."""
        for starts, at in zip(reversed(self.starts), reversed(self.at), strict=True):
            if starts.size and starts[0] <= offset:
                i = int(np.searchsorted(starts, offset, side="right")) - 1
                return int(at[i]), offset - int(starts[i])
        return int(self.at[0][0]), 0

    def forget_before(self, offset: int) -> None:
        while len(self.base) > 1 and self.base[1] <= offset:
            for rows in (self.base, self.starts, self.at):
                rows.pop(0)


class _VideoScan:
    """Feeds the units of the video stream to a picture assembler, block by block."""

    def __init__(self, assembler: PictureAssembler) -> None:
        self._assembler = assembler
        self._payload = PayloadReader()
        self._carry: U8 = np.empty(0, np.uint8)
        self._map = _EsMap()
        self._done = 0
        self._pes_seen = 0
        self.rows = PictureRows()
        self.pes: list[PesStart] = []
        self.es_bytes = 0
        self.gaps: list[int] = []

    def feed(self, packets: Packets) -> None:
        payload = self._payload.take(packets)
        base = self.es_bytes
        self.gaps += (payload.gaps + base).tolist()
        if payload.at.size:
            self._map.add(base, payload.starts, payload.at)
        self.pes += [replace(p, es=p.es + base) for p in payload.pes]
        self.es_bytes += int(payload.es.size)
        self._scan(np.concatenate((self._carry, payload.es)) if self._carry.size else payload.es, last=False)

    def finish(self) -> None:
        self._scan(self._carry, last=True)
        self._assembler.end()
        self._collect()

    def _scan(self, es: U8, *, last: bool) -> None:
        base = self.es_bytes - int(es.size)
        codes = start_codes(es)
        codes = codes[codes < es.size - 4]
        ends = np.append(codes[1:], es.size)
        used = max(0, int(es.size) - 4)
        if not last and codes.size and es.size - codes[-1] < _HEAD_BYTES:
            # The last unit waits until it is whole, or until enough of it is there to be judged.
            used = int(codes[-1])
            codes, ends = codes[:-1], ends[:-1]
        if codes.size:
            chosen = self._assembler.relevant(np.stack((es[codes + 3], es[codes + 4]), axis=1))
            chosen &= ends - codes >= _SHORTEST_UNIT
            for at, end in zip(codes[chosen].tolist(), ends[chosen].tolist(), strict=True):
                head = es[at + 3 : min(end, at + 3 + _HEAD_BYTES)].tobytes()
                self._assembler.unit(base + at, head, new_pes=self._pes_before(base + at))
        self._carry = es[used:].copy()
        self._collect()
        self._map.forget_before(self._assembler.pending(base + used))

    def _pes_before(self, offset: int) -> bool:
        seen = self._pes_seen
        while seen < len(self.pes) and self.pes[seen].es <= offset:
            seen += 1
        fresh, self._pes_seen = seen > self._pes_seen, seen
        return fresh

    def _collect(self) -> None:
        for picture in self._assembler.pictures:
            at, skip = self._map.place(picture.start)
            self.rows.add(picture, Placed(at, skip))
        self._assembler.pictures.clear()


def scan(path: Source, program: int | None, on_fraction: OnFraction) -> StreamScan | None:
    """One pass over a transport stream; None where its video is of a codec that only a demuxer can take apart.

    Raises:
        FormatUnsupported: no programme, no video, or scrambled.
    """
    with open_source(path) as file:
        size = status_of(path).size_bytes
        layout = find_layout(file.read(1 << 18))
        if layout is None:
            raise FormatUnsupported(f"{path.name} is no transport stream")
        choice = choose_program(file, layout, size, program, path.name)
        if choice.codec not in ASSEMBLERS:
            return None
        return _scan_packets(PacketReader(file, layout, size), choice, (0, size), on_fraction)


def scan_stretch(file: BinaryIO, layout: PacketLayout, choice: ProgramChoice, stretch: tuple[int, int]) -> StreamScan:
    """The same for the packets that begin in `[start, end)` bytes of a file; both may lie anywhere.

    Positions in the result are those in the file; `es` counts from the first video byte of the stretch. The last
    picture is as long as the stretch holds of it. `choice.codec` must be one of `ASSEMBLERS`.
    """
    size = file.seek(0, 2)
    return _scan_packets(PacketReader(file, layout, size), choice, stretch, lambda _fraction: None)


@dataclass(frozen=True, slots=True)
class ProgramChoice:
    """The programme that is indexed, its video, and all programmes that the file holds."""

    program: Program
    video_pid: int
    codec: str
    programs: tuple[Program, ...]


def choose_program(file: BinaryIO, layout: PacketLayout, size: int, program: int | None, name: str) -> ProgramChoice:
    """The programme with this number, or else the first one that has video; reads only the front of the file.

    Raises:
        FormatUnsupported: no programme, or no video.
        UsageError: it has no such programme.
    """
    programs = _programs(PacketReader(file, layout, size))
    seen, chosen = _choose(programs, program, name)
    video = next(s for s in chosen.streams if s.kind == "video" and s.pid in seen)
    return ProgramChoice(chosen, video.pid, video.codec, programs[1])


def _scan_packets(
    reader: PacketReader, choice: ProgramChoice, stretch: tuple[int, int], on_fraction: OnFraction
) -> StreamScan:
    video = _VideoScan(ASSEMBLERS[choice.codec]())
    breaks: list[int] = []
    scrambled = total = 0
    tables, program = SectionReader(), choice.program
    start, end = stretch
    for block in reader.blocks(start, end, synced=False):
        pid = block.pid
        mine = block.where(pid == choice.video_pid)
        if len(mine):
            scrambled += int(np.count_nonzero(mine.data[:, 3] & 0x80))
            total += len(mine)
            video.feed(mine)
        for section in tables.feed(block.where(pid == program.pmt_pid)):
            program = _grown(program, section)
        clock = mine if choice.program.pcr_pid == choice.video_pid else block.where(pid == choice.program.pcr_pid)
        breaks += discontinuities(clock).tolist()
        on_fraction(min(1.0, (int(block.at[-1]) - start) / max(end - start, 1)))
    video.finish()
    return StreamScan(
        program=program,
        video_pid=choice.video_pid,
        rows=video.rows,
        pes=video.pes,
        clock_breaks=breaks,
        gaps=video.gaps,
        programs=choice.programs,
        es_bytes=video.es_bytes,
        scrambled=total > 0 and scrambled / total > _SCRAMBLED_SHARE,
    )


def _grown(program: Program, section: bytes) -> Program:
    """The programme with the streams that a later PMT names besides; what an earlier one named stays."""
    if section == program.section:
        return program
    later = parse_pmt(section, program.pmt_pid)
    if later is None or later.number != program.number:
        return program
    known = {stream.pid for stream in program.streams}
    fresh = [stream for stream in later.streams if stream.pid not in known]
    if not fresh:
        return program
    table = ts_tables.parse_pmt(program.section)
    added = [ts_tables.PmtStream(s.stream_type, s.pid, s.descriptors) for s in fresh]
    grown = ts_tables.build_pmt(table._replace(streams=[*table.streams, *added]))
    return parse_pmt(grown, program.pmt_pid) or program


def _programs(reader: PacketReader) -> tuple[set[int], tuple[Program, ...]]:
    """PIDs that carry payload, and the programmes in the order of the PAT, from the front of the file."""
    pat, pmts = SectionReader(), dict[int, SectionReader]()
    numbers: dict[int, int] = {}
    found: dict[int, Program] = {}
    seen: set[int] = set()
    for block in reader.blocks(end=_PSI_SEARCH_BYTES, count=4096):
        pid = block.pid
        seen.update(np.unique(pid[(block.data[:, 3] & 0x10) != 0]).tolist())
        for section in pat.feed(block.where(pid == 0)):
            for number, pmt_pid in parse_pat(section).items():
                numbers.setdefault(number, pmt_pid)
        for pmt_pid in set(numbers.values()):
            sections = pmts.setdefault(pmt_pid, SectionReader())
            for section in sections.feed(block.where(pid == pmt_pid)):
                parsed = parse_pmt(section, pmt_pid)
                if parsed:
                    found.setdefault(parsed.number, parsed)
        if numbers and len(found) == len(numbers) and block.at[-1] > (8 << 20):
            break
    ordered = [found[n] for n in numbers if n in found]
    return seen, tuple(ordered)


def _choose(programs: tuple[set[int], tuple[Program, ...]], number: int | None, name: str) -> tuple[set[int], Program]:
    seen, found = programs
    if not found:
        raise FormatUnsupported(f"{name} has no programme table", "it may be cut too short, or damaged")
    if number is not None:
        found = tuple(p for p in found if p.number == number)
        if not found:
            listed = ", ".join(str(p.number) for p in programs[1])
            raise UsageError(f"{name} has no programme {number}", f"it has {listed}")
    for codecs in (set(ASSEMBLERS), None):
        for candidate in found:
            for stream in candidate.streams:
                if stream.kind == "video" and stream.pid in seen and (codecs is None or stream.codec in codecs):
                    return seen, candidate
    raise FormatUnsupported(f"{name} has no video", "plexcut cuts recordings with a picture")
