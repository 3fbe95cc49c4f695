"""Index of a transport stream: one sequential pass over the packets, no demuxer and no trust in flags."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from plexcut.domain.media import Source
from plexcut.errors import FormatUnsupported, UsageError
from plexcut.media import ts_tables
from plexcut.media.bitstream.pictures import ASSEMBLERS
from plexcut.media.index.apart import ADAPTED, SCRAMBLED, Apart, told_apart
from plexcut.media.index.blocks import Block, coded_blocks
from plexcut.media.index.companions import CompanionScan, RawPes
from plexcut.media.index.glance import Sought
from plexcut.media.index.packets import PID_BITS, PacketLayout, PacketReader, Packets, find_layout, head_of_pid
from plexcut.media.index.psi import Program, SectionReader, parse_pat, parse_pmt
from plexcut.media.index.rows import PictureRows
from plexcut.media.index.video import VideoScan
from plexcut.media.sources import open_source, status_of

I64 = npt.NDArray[np.int64]

OnFraction = Callable[[float], None]

_PSI_SEARCH_BYTES = 48 << 20
_SCRAMBLED_SHARE = 0.5


@dataclass(slots=True)
class StreamScan:
    """What the pass over a transport stream found; clocks raw, those of rows `UNKNOWN` where there were none."""

    program: Program
    video_pid: int
    rows: PictureRows
    pts: I64
    dts: I64
    clock_breaks: list[int]
    gaps: list[int]
    programs: tuple[Program, ...]
    es_bytes: int
    companions: RawPes
    scrambled: bool = False


def scan(path: Source, program: int | None, on_fraction: OnFraction, size_bytes: int = 0) -> StreamScan | None:
    """One pass over a transport stream; None where its video is of a codec that only a demuxer can take apart.

    `size_bytes`: how much of the file counts, if not all that is there now.

    Raises:
        FormatUnsupported: no programme, no video, or scrambled.
    """
    with open_source(path) as file:
        size = size_bytes or status_of(path).size_bytes
        layout = find_layout(file.read(1 << 18))
        if layout is None:
            raise FormatUnsupported(f"{path.name} is no transport stream")
        choice = choose_program(file, layout, size, program, path.name)
        if choice.codec not in ASSEMBLERS:
            return None
        return _scan_blocks(_blocks_of((file, layout), choice, (0, size), size), choice, (0, size), on_fraction)


def scan_stretch(
    file: BinaryIO,
    layout: PacketLayout,
    choice: ProgramChoice,
    stretch: tuple[int, int],
    on_fraction: OnFraction = lambda _fraction: None,
) -> StreamScan:
    """The same for the packets that begin in `[start, end)` bytes of a file; both may lie anywhere.

    Positions in the result are those in the file; `es` counts from the first video byte of the stretch. The last
    picture is as long as the stretch holds of it. `choice.codec` must be one of `ASSEMBLERS`.
    """
    size = file.seek(0, 2)
    return _scan_blocks(_blocks_of((file, layout), choice, stretch, size), choice, stretch, on_fraction)


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


class _Tables:
    """The programme as its tables tell it, growing."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._sections = SectionReader()
        self._seen: set[bytes] = set()
        self._again: npt.NDArray[np.uint8] | None = None

    def feed(self, packets: Packets) -> None:
        """Take up packets of the PMT's PID."""
        data = packets.data.copy()
        data[:, 3] &= 0xF0
        if self._again is not None and bool((data == self._again).all()):
            return
        for section in self._sections.feed(packets):
            if section not in self._seen:
                self._seen.add(section)
                self.program = _grown(self.program, section)
        # One that begins a section and leaves nothing open says the same again whenever it comes.
        self._again = data[-1] if data[-1, 1] & 0x40 and self._sections.idle else None


def _blocks_of(
    source: tuple[BinaryIO, PacketLayout], choice: ProgramChoice, stretch: tuple[int, int], size_bytes: int
) -> Generator[Block]:
    """The packets of a stretch, with the start codes that the programme's video is made of."""
    sought = Sought(head_of_pid(choice.video_pid), ASSEMBLERS[choice.codec]().relevant)
    return coded_blocks(source, sought, stretch, size_bytes)


def _scan_blocks(
    blocks: Generator[Block], choice: ProgramChoice, stretch: tuple[int, int], on_fraction: OnFraction
) -> StreamScan:
    video, companions = VideoScan(ASSEMBLERS[choice.codec]()), CompanionScan(_not_companions(choice))
    breaks: list[int] = []
    scrambled = total = 0
    tables = _Tables(choice.program)
    start, end = stretch
    with closing(blocks):
        for block in blocks:
            apart = told_apart(block.heads(), choice.video_pid)
            scrambled += int(np.count_nonzero(apart.heads[apart.mine] & SCRAMBLED))
            total += block.count - int(np.count_nonzero(~apart.mine))
            video.feed(block, apart.video)
            companions.feed(block, apart)
            sections = apart.special[apart.heads & PID_BITS == head_of_pid(choice.program.pmt_pid)]
            if sections.size:
                tables.feed(block.packets(sections))
            breaks += _announced(block, apart, choice.program.pcr_pid)
            on_fraction(min(1.0, (block.at + block.count * block.stride - start) / max(end - start, 1)))
            del block
    video.finish()
    pts, dts = video.raw_clocks()
    return StreamScan(
        program=tables.program,
        video_pid=choice.video_pid,
        rows=video.rows,
        pts=pts,
        dts=dts,
        clock_breaks=breaks,
        gaps=video.gaps,
        programs=choice.programs,
        es_bytes=video.es_bytes,
        companions=companions.result(),
        scrambled=total > 0 and scrambled / total > _SCRAMBLED_SHARE,
    )


def _not_companions(choice: ProgramChoice) -> set[int]:
    """The PIDs of the video, and of other programmes alone."""
    mine = {stream.pid for stream in choice.program.streams}
    others = {stream.pid for program in choice.programs for stream in program.streams}
    return others - mine | {choice.video_pid}


def _announced(block: Block, apart: Apart, pid: int) -> list[int]:
    """File positions at which packets announce a new clock: by a PCR and the discontinuity indicator."""
    adapted = apart.special[apart.heads & (PID_BITS | ADAPTED) == head_of_pid(pid) | ADAPTED]
    off = block.first + block.stride * adapted
    flagged = (block.data[off + 5] & 0x90 == 0x90) & (block.data[off + 4] > 0)
    found: list[int] = (block.at + block.stride * adapted[flagged]).tolist()
    return found


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
