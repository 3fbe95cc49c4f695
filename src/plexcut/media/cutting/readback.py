"""What was seen in a finished transport stream, held against its source and its ledger; and its index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from plexcut.errors import FormatUnsupported
from plexcut.media.bitstream.bits import start_codes
from plexcut.media.bitstream.pictures import ASSEMBLERS
from plexcut.media.cutting.ledger import UNKNOWN_FLAGS, Due, HeardTrack, Ledger, heard_track
from plexcut.media.cutting.looking import TICKS, Look, Seen, Wanted
from plexcut.media.index import transport_stream
from plexcut.media.index.build import stream_index
from plexcut.media.index.companions import RawPes
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.parts import StreamParts, parts_index
from plexcut.media.index.pes import UNKNOWN, PesColumns
from plexcut.media.index.psi import Program, parse_pat, parse_pmt
from plexcut.media.index.rows import PictureRows, RawRows
from plexcut.media.sources import open_source, status_of

I64 = npt.NDArray[np.int64]

_HEAD_BYTES = 2048
"""How much of a unit a picture assembler may look at."""


@dataclass(frozen=True, slots=True)
class Readback:
    """What was found. `wrong` are places in the schedule of pictures with other bytes than were handed over.

    `faults`: what the transport stream itself has that it may not have, in words.
    """

    index: MediaIndex
    wrong: list[int]
    faults: list[str]
    heard: dict[int, HeardTrack]


def read_back(
    path: Path, source: MediaIndex, due: tuple[Due, MediaIndex | None], on_fraction: Callable[[float], None]
) -> Readback:
    """Read a result of `source`, given what it must hold, and the index that it must turn out to have (`foreseen`).

    Raises:
        FormatUnsupported: it is no such transport stream.
        FileUnreadable: it cannot be read.
    """
    size = status_of(path).size_bytes
    look = Look(Wanted.of(source), due[0])
    with open_source(path) as file:
        try:
            for at in look.blocks(file):
                on_fraction(min(1.0, at / max(size, 1)))
        except ValueError as error:
            raise FormatUnsupported(str(error)) from None
    return judged(path, source, due, look.seen())


def judged(path: Path, source: MediaIndex, due: tuple[Due, MediaIndex | None], seen: Seen) -> Readback:
    """What was seen of a result, held against what it must be.

    Raises:
        FormatUnsupported: it is no such transport stream.
        FileUnreadable: it cannot be read.
    """
    size = status_of(path).size_bytes
    program, ledger = _program(seen, source), due[0].ledger
    wrong = _wrong(ledger, seen)
    # A picture whose bytes are what was handed over is of the kind that this was.
    index = None if wrong else _index(source, due, seen.pes, program)
    if index is None:
        index = _scanned(path, source)
    faults = list(seen.faults)
    if seen.size_bytes != size or size != ledger.size_bytes or seen.digest != ledger.digest:
        faults.append("the file does not hold what was written")
    others = [pid for pid, carried in ledger.carried.items() if seen.carried[pid] != carried]
    if others:
        faults.append(f"PID {', '.join(f'{pid:#x}' for pid in sorted(others))} does not hold what went along")
    expected = parse_pmt(source.pmt, source.pmt_pid)
    missing = {s.pid for s in expected.streams} - {s.pid for s in program.streams} if expected else set[int]()
    if missing:
        faults.append(f"PID {', '.join(f'{pid:#x}' for pid in sorted(missing))} not in its tables")
    if seen.gaps or index.discontinuities:
        faults.append(f"{seen.gaps} gaps and {index.discontinuities} jumps of the clock in the video")
    if index is not due[1]:
        index = replace(index, video=source.video, tracks=source.tracks)
    first = int(index.pts[index.display[0]]) if index.frames else 0
    heard = {pid: heard_track(columns, first, TICKS) for pid, columns in seen.sound.items()}
    return Readback(index, wrong, faults, heard)


def _program(seen: Seen, source: MediaIndex) -> Program:
    """The one programme of a result. Raises FormatUnsupported: its tables name none, or others, or not its video."""
    numbers = {n: pid for section in seen.sections[0] for n, pid in parse_pat(section).items()}
    found = [parse_pmt(section, source.pmt_pid) for section in seen.sections[source.pmt_pid]]
    if len(found) != 1 or found[0] is None or numbers != {found[0].number: source.pmt_pid}:
        raise FormatUnsupported("the result's tables do not name its programme")
    if source.video.id not in {stream.pid for stream in found[0].streams if stream.kind == "video"}:
        raise FormatUnsupported("the result's tables do not name its video")
    return found[0]


def _scanned(path: Path, source: MediaIndex) -> MediaIndex:
    """The index of a result whose pictures are not where they were put."""
    scan = transport_stream.scan(path, None, lambda _fraction: None)
    if scan is None or scan.video_pid != source.video.id:
        raise FormatUnsupported("the result's tables do not name its video")
    return stream_index(scan, status_of(path).size_bytes)


def _wrong(ledger: Ledger, seen: Seen) -> list[int]:
    """Pictures that are not what was handed over, or lie elsewhere."""
    count = len(ledger.sizes)
    if seen.picture < count or seen.more:
        return sorted({*seen.wrong, *range(seen.picture, count), count - 1})
    return seen.wrong


def foreseen(source: MediaIndex, due: Due) -> MediaIndex | None:
    """The index that a result must turn out to have; None where it cannot be told."""
    program = parse_pmt(source.pmt, source.pmt_pid)
    index = None if program is None else _index(source, (due, None), None, program)
    return None if index is None else replace(index, video=source.video, tracks=source.tracks)


def _index(
    source: MediaIndex, due: tuple[Due, MediaIndex | None], pes: PesColumns | None, program: Program
) -> MediaIndex | None:
    """The index of a result with these PES packets (None: those that are due); None where it cannot be told."""
    ledger, known = due[0].ledger, due[1]
    if pes is None and known is not None and (known.program, known.pmt) == (program.number, program.section):
        return known
    parts = _parts(source, ledger, due[0].pes(0, len(ledger.sizes), 0) if pes is None else pes, program)
    return None if parts is None else parts_index(parts, ledger.size_bytes)


def _parts(source: MediaIndex, ledger: Ledger, pes: PesColumns, program: Program) -> StreamParts | None:
    """What the index is made from; None unless there is a PES packet with a clock for each picture, and only these."""
    sizes, flags = ledger.sizes.values(), ledger.flags.values()
    places = np.cumsum(sizes, dtype=np.int64) - sizes
    if not np.array_equal(pes.es, places) or bool((pes.pts == UNKNOWN).any()) or bool((flags == UNKNOWN_FLAGS).any()):
        return None
    lead = ledger.leads.values()
    # Zeros in front of a picture belong to the one before.
    between = sizes - lead
    between[:-1] += lead[1:]
    none = np.empty(0, np.int64)
    return StreamParts(
        program=program,
        video_pid=source.video.id,
        dropped=(),
        rows=RawRows(pes.pts, pes.dts, pes.at, flags.astype(np.uint16), np.zeros(sizes.size, np.uint16), 0),
        skip=lead.astype(np.int16),
        size=between,
        breaks=none,
        pes=RawPes.of(none.astype(np.int16), none, none),
    )


class PictureKinds:
    """Tells what kind of pictures those are that are not just as the source has them; give it all in order."""

    def __init__(self, codec: str) -> None:
        self._assembler = ASSEMBLERS[codec]() if codec in ASSEMBLERS else None

    def flags(self, data: bytes) -> int:
        """The `PictureFlag`s of a coded picture; `UNKNOWN_FLAGS` where it is not exactly one."""
        view = np.frombuffer(data, np.uint8)
        codes = start_codes(view)
        codes = codes[codes + 5 <= view.size]
        if not codes.size or self._assembler is None:
            return UNKNOWN_FLAGS
        assembler = self._assembler
        relevant = assembler.relevant(view[codes[:, None] + np.array([3, 4])])
        ends = np.append(codes[1:], view.size)
        for i in np.flatnonzero(relevant).tolist():
            begin = int(codes[i])
            assembler.unit(begin, data[begin + 3 : min(int(ends[i]), begin + 3 + _HEAD_BYTES)], new_pes=i == 0)
        assembler.end()
        rows = PictureRows()
        rows.extend(assembler.pictures, *([0] * len(assembler.pictures) for _ in range(2)))
        assembler.pictures.clear()
        return rows.flags[0] if len(rows) == 1 else UNKNOWN_FLAGS
