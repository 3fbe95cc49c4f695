"""Writing the cut of a transport stream: pictures, copied and re-encoded, and all other streams, merged by clock."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from plexcut.domain.media import StreamResult
from plexcut.errors import FormatUnsupported
from plexcut.media import ts_tables
from plexcut.media.cutting.companions import TICKS, SourceClock, Timed, make_companions
from plexcut.media.cutting.pictures import PictureSource
from plexcut.media.cutting.schedule import Schedule, SpanTimes
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.packets import PacketReader, find_layout
from plexcut.media.index.psi import Program, parse_pmt
from plexcut.media.sources import open_source
from plexcut.media.ts_tables import Pat, build_pat, build_pmt
from plexcut.media.ts_writer import PesUnit, ProgramTables, TransportStreamWriter

START_TICKS = 2 * TICKS
"""Where the result's clock begins: room for decode times and the PCR ahead of the first picture."""

_VIDEO_LEAD = 63_000
_AROUND_TICKS = 4 * TICKS
"""How far from its picture, in the file, other streams are looked for."""
_VIDEO_STREAM_ID = 0xE0
_BLOCK_PACKETS = 8192


class TransportSplice:
    """One cut of one transport stream."""

    def __init__(self, path: Path, index: MediaIndex, schedule: Schedule, pictures: PictureSource) -> None:
        self._path = path
        self._index = index
        self._schedule = schedule
        self._pictures = pictures
        program = parse_pmt(index.pmt, index.pmt_pid)
        if program is None:
            raise FormatUnsupported(f"{path.name} has no programme table")
        self._program = program
        self._clock = SourceClock(index)
        self._companions = make_companions(path, index, program.streams, self._clock)
        self._heap: list[tuple[int, int, Timed]] = []
        self._order = itertools.count()

    def write(self, out: BinaryIO) -> Iterator[float]:
        """Write the result to `out`; gives the fraction done from time to time.

        Raises:
            OSError: `out` cannot be written.
            FileUnreadable: the source cannot be read.
        """
        with open_source(self._path) as file:
            layout = find_layout(file.read(1 << 18))
            assert layout is not None
            reader = PacketReader(file, layout, self._index.size_bytes)
            with TransportStreamWriter(out, _tables(self._program, self._index.video.id)) as writer:
                done = 0
                for number, span in enumerate(self._schedule.spans):
                    for done in self._span(number, span, reader):
                        self._drain(writer, self._video_clock(done) - _AROUND_TICKS)
                        yield done / self._schedule.pts.size
                self._drain(writer, None)

    def results(self) -> tuple[StreamResult, ...]:
        """What became of every stream of the source."""
        index = self._index
        found = [StreamResult(index.video.id, index.video.codec, True)]
        for track in index.tracks:
            companion = self._companions.get(track.id)
            found.append(
                StreamResult(track.id, track.codec, companion is not None, "" if companion else "unknown to its tables")
            )
        for name in index.dropped:
            number = int(name.rsplit(" ", 1)[-1])
            found.append(StreamResult(number, "programme", False, f"only programme {index.program} is cut"))
        return tuple(found)

    def _video_clock(self, picture: int) -> int:
        return int(self._schedule.dts[min(picture, self._schedule.dts.size - 1)])

    def _span(self, number: int, span: SpanTimes, reader: PacketReader) -> Iterator[int]:
        """Take one span's stretch of the file into the heap; gives the number of pictures done so far."""
        pictures = _pictures_of(self._schedule, number)
        todo = iter(pictures)
        upcoming = next(todo, None)
        done = pictures.start
        start, end = self._stretch(span)
        for block in reader.blocks(start, end, _BLOCK_PACKETS):
            reached = int(block.at[-1])
            while upcoming is not None and self._position(upcoming, pictures) <= reached:
                self._push_picture(upcoming)
                done = upcoming + 1
                upcoming = next(todo, None)
            pid = block.pid
            for this, companion in self._companions.items():
                mine = block.where(pid == this)
                if len(mine):
                    self._push(companion.take(mine, span))
            yield done
        while upcoming is not None:
            self._push_picture(upcoming)
            upcoming = next(todo, None)
        for companion in self._companions.values():
            self._push(companion.end(span))
        yield pictures.stop

    def _stretch(self, span: SpanTimes) -> tuple[int, int | None]:
        clock = np.maximum.accumulate(self._index.dts)
        first = int(np.searchsorted(clock, span.start - _AROUND_TICKS)) - 1
        last = int(np.searchsorted(clock, span.end + _AROUND_TICKS))
        start = int(self._index.at[first]) if first > 0 else -1
        return start, int(self._index.at[last]) if last < self._index.at.size else None

    def _position(self, picture: int, pictures: range) -> int:
        """Where in the file a picture's turn comes; a re-encoded one goes with the copied one that follows it."""
        row = int(self._schedule.row[picture])
        if row >= 0:
            return int(self._index.at[row])
        return int(self._index.at[self._index.display[int(self._schedule.frame[picture])]])

    def _push_picture(self, picture: int) -> None:
        coded = self._pictures.get(picture)
        pts, dts = int(self._schedule.pts[picture]), int(self._schedule.dts[picture])
        unit = PesUnit(
            self._index.video.id,
            _VIDEO_STREAM_ID,
            coded.data,
            pts,
            dts,
            random_access=coded.key,
            pes_length_known=False,
        )
        self._push(iter([(dts - _VIDEO_LEAD, unit)]))

    def _push(self, units: Iterator[Timed]) -> None:
        for at, unit in units:
            heapq.heappush(self._heap, (at, next(self._order), (at, unit)))

    def _drain(self, writer: TransportStreamWriter, until: int | None) -> None:
        while self._heap and (until is None or self._heap[0][0] < until):
            at, unit = heapq.heappop(self._heap)[2]
            if isinstance(unit, PesUnit):
                unit = replace(unit, pts=_shifted(unit.pts), dts=_shifted(unit.dts))
            writer.write(unit, at + START_TICKS)


def _shifted(ticks: int | None) -> int | None:
    return None if ticks is None else ticks + START_TICKS


def _pictures_of(schedule: Schedule, span: int) -> range:
    base, end = schedule.spans[span].base, schedule.spans[span].base_end
    inside = np.flatnonzero((schedule.pts >= base) & (schedule.pts < end))
    return range(int(inside[0]), int(inside[-1]) + 1)


def _tables(program: Program, video_pid: int) -> ProgramTables:
    """The programme's own tables; its PMT byte for byte unless the clock has to move to the video."""
    section = program.section
    if program.pcr_pid != video_pid:
        section = build_pmt(ts_tables.parse_pmt(section)._replace(pcr_pid=video_pid))
    pat = build_pat(Pat(1, [(program.number, program.pmt_pid)]))
    return ProgramTables(pat, program.pmt_pid, section, video_pid)
