"""Writing the cut of a transport stream: pictures, copied and re-encoded, and all other streams, merged by clock."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

import numpy as np
import numpy.typing as npt

from plexcut.domain.media import Source, StreamResult
from plexcut.errors import FileUnreadable, FormatUnsupported
from plexcut.media import ts_tables
from plexcut.media.bitstream.pictures import PictureFlag
from plexcut.media.cutting.companions import Mine, PesCompanion, SoundCompanion, Timed, make_companions
from plexcut.media.cutting.ledger import Ledger
from plexcut.media.cutting.output import BackgroundWriter
from plexcut.media.cutting.payloads import CodedPictures
from plexcut.media.cutting.pictures import TRIMMED, PictureSource
from plexcut.media.cutting.readback import PictureKinds
from plexcut.media.cutting.schedule import Schedule, SpanTimes
from plexcut.media.cutting.source_clock import TICKS, SourceClock
from plexcut.media.index.blocks import Block, packet_blocks
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.packets import PacketLayout, find_layout, pid_of
from plexcut.media.index.psi import Program, parse_pmt
from plexcut.media.sources import open_source
from plexcut.media.ts_pictures import VIDEO_STREAM_ID, PictureRun
from plexcut.media.ts_tables import Pat, build_pat, build_pmt
from plexcut.media.ts_writer import PesUnit, ProgramTables, RawUnit, TransportStreamWriter

VIDEO_LEAD = 63_000
"""How long before its decoding a picture is sent."""
AROUND_TICKS = 4 * TICKS
"""How far from its picture, in the file, other streams are looked for."""
_AT_ONCE = 1024
_ROWS_AT_ONCE = 1 << 16
_NEVER = 1 << 62
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

CHUNK_BYTES = 4 << 20
NO_PID = (1 << 13) - 1


class UnitWriter(Protocol):
    """Takes what goes into the result, in order; `at` is its clock. Gives the place of its first byte, if any."""

    def write(self, unit: PesUnit | RawUnit, at: int) -> int: ...

    def write_pictures(self, run: PictureRun, first: int, end: int) -> list[int]:
        """The same for pictures of a run, whose clock is in it."""


class _Hidden(Protocol):
    """Tells which packets of a block are left out; `at_end`: whether the span ends with the stretch."""

    @property
    def at_end(self) -> bool: ...

    def __call__(self, block: Block) -> Mask: ...


@dataclass(slots=True)
class _Waiting:
    """Pictures that wait for their turn; those before `done` had it. `order`: how many units came before the first."""

    run: PictureRun
    order: int
    done: int = 0
    at: list[int] = field(default_factory=list)

    def before(self, at: int, order: int) -> int:
        """The first one that does not come before a unit that is sent at `at`."""
        place = bisect_left(self.at, at, self.done)
        while place < len(self.at) and self.at[place] == at and self.order + place < order:
            place += 1
        return place


class TransportSplice:
    """One cut of one transport stream, of which everything is taken apart and laid out anew."""

    def __init__(self, path: Source, index: MediaIndex, schedule: Schedule, pictures: PictureSource) -> None:
        self._path = path
        self._index = index
        self._schedule = schedule
        self._pictures = pictures
        program = parse_pmt(index.pmt, index.pmt_pid)
        if program is None:
            raise FormatUnsupported(f"{path.name} has no programme table")
        self._program = program
        self.video = index.video.id
        self._lead, self._latest = VIDEO_LEAD, _NEVER
        self._sent = -_NEVER
        self._clock = SourceClock(index, schedule.start)
        self._companions = make_companions(path, index, program.streams, self._clock)
        self._in_frames = {pid for pid, one in self._companions.items() if isinstance(one, SoundCompanion)}
        self._heap: list[tuple[int, int, PesUnit | RawUnit]] = []
        self._runs: deque[_Waiting] = deque()
        self._pushed = 0
        self.ledger = Ledger()
        self._kinds = PictureKinds(index.video.codec)
        one_by_one = (schedule.row < 0) | np.isin(schedule.row, pictures.fitted_rows)
        self._one_by_one = np.append(np.flatnonzero(one_by_one), schedule.row.size)

    def write(self, out: BinaryIO) -> Iterator[float]:
        """Write the result to `out`; gives the fraction done from time to time.

        Raises:
            OSError: `out` cannot be written.
            FileUnreadable: the source cannot be read.
        """
        with (
            open_source(self._path) as file,
            BackgroundWriter(out) as background,
            TransportStreamWriter(background, tables(self._program, self._index.video.id)) as writer,
        ):
            layout = layout_of(file)
            for number, span in enumerate(self._schedule.spans):
                for done in self._apart((file, layout), writer, self._schedule.of_span(number), span):
                    yield done / self._schedule.pts.size
            self._drain(writer, None)
        self._note(background)

    def _apart(
        self,
        source: tuple[BinaryIO, PacketLayout],
        writer: UnitWriter,
        pictures: range,
        span: SpanTimes,
        edge: tuple[tuple[int, int], _Hidden] | None = None,
    ) -> Iterator[int]:
        """Take pictures of a span, and what else there is for it, apart and write them; gives how many are done.

        `edge`: another stretch of the file than all of the span's, and what of it is hidden.
        """
        stretch, hidden = (self._stretch(span), None) if edge is None else edge
        blocks = packet_blocks(*source, stretch, self._index.size_bytes, CHUNK_BYTES)
        with closing(blocks):
            for done in self._span(pictures, span, blocks, hidden):
                self._drain(writer, self._video_clock(done) - AROUND_TICKS)
                yield done

    def _note(self, background: BackgroundWriter) -> None:
        """What the ledger says of the whole file."""
        self.ledger.digest, self.ledger.size_bytes = background.digest, background.size_bytes
        others = {stream.pid for stream in self._program.streams if stream.kind in ("subtitle", "data")}
        for pid, companion in self._companions.items():
            if isinstance(companion, SoundCompanion):
                self.ledger.sound[pid] = companion.record
            elif isinstance(companion, PesCompanion) and pid in others:
                self.ledger.others += companion.written

    @property
    def schedule(self) -> Schedule:
        """When each picture is decoded and shown, as it is written."""
        return self._schedule

    @property
    def _start(self) -> int:
        return self._schedule.start

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

    def _span(
        self, pictures: range, span: SpanTimes, blocks: Iterator[Block], hidden: _Hidden | None = None
    ) -> Iterator[int]:
        """Take a stretch of the file into the heap: pictures of a span, and what else there is for it.

        Gives the number of pictures done so far. `hidden`: which packets are not for it.
        """
        rows = self._schedule.row[pictures.start : pictures.stop]
        copied = pictures.start + np.flatnonzero(rows >= 0)
        coded = CodedPictures(self._index)
        done = pictures.start
        for block in blocks:
            heads = block.heads()
            pids = pid_of(heads)
            if hidden is not None:
                pids[hidden(block)] = NO_PID
            mine = np.flatnonzero(pids == self._index.video.id)
            following = int(np.searchsorted(copied, done))
            needed = int(self._schedule.row[copied[following]]) if following < copied.size else None
            coded.feed(block, mine, heads[mine], needed)
            reached = block.at + (block.count - 1) * block.stride
            done = self._push_pictures(coded, done, self._reached(done, pictures.stop, reached))
            present = np.flatnonzero(np.bincount(pids, minlength=1 << 13)).tolist()
            for pid in present:
                companion = self._companions.get(pid)
                if companion is not None:
                    which = np.flatnonzero(pids == pid)
                    self._push(companion.take(Mine(block, which, heads[which]), span))
            yield done
        for picture in range(done, pictures.stop):
            self._push_picture(picture, None)
        for companion in self._companions.values():
            self._push(companion.end(span) if hidden is None or hidden.at_end else companion.pause(span))
        yield pictures.stop

    def _stretch(self, span: SpanTimes) -> tuple[int, int]:
        first = _first_from(self._index.dts, span.start - AROUND_TICKS) - 1
        last = _first_from(self._index.dts, span.end + AROUND_TICKS)
        start = int(self._index.at[first]) if first > 0 else 0
        return start, int(self._index.at[last]) if last < self._index.at.size else self._index.size_bytes

    def _reached(self, done: int, end: int, position: int) -> int:
        """The first picture, of those from `done` on, whose turn does not come up to a position of the file."""
        while done < end:
            places = self._places(done, min(done + _AT_ONCE, end))
            behind = places > position
            if behind.any():
                return done + int(np.argmax(behind))
            done += places.size
        return done

    def _places(self, first: int, end: int) -> I64:
        """Where in the file the turns of pictures come: of one that is encoded anew it is where it lies there."""
        rows, frames = self._schedule.row[first:end], self._schedule.frame[first:end]
        found: I64 = self._index.at[np.where(rows >= 0, rows, self._index.display[frames])]
        return found

    def _push_pictures(self, coded: CodedPictures, done: int, end: int) -> int:
        """Take pictures from `done` on, up to one that is not there yet; gives that one, or `end`."""
        while done < end:
            single = int(self._one_by_one[np.searchsorted(self._one_by_one, done)])
            if single > done:
                rows = self._schedule.row[done : min(single, end)].astype(np.int64)
                begin = coded.whole(rows)
                if begin.size:
                    self._push_run(done, coded.es, begin)
                    done += begin.size
                if begin.size < rows.size:
                    break
                continue
            row = int(self._schedule.row[done])
            source = coded.take(row) if row >= 0 else None
            if row >= 0 and source is None:
                break
            self._push_picture(done, source)
            done += 1
        return done

    def _push_run(self, first: int, es: npt.NDArray[np.uint8], begin: I64) -> None:
        """Pictures that are copied as they are, as `PictureSource.plain` says it of one."""
        end = first + begin.size
        rows = self._schedule.row[first:end].astype(np.int64)
        size = self._index.size[rows].astype(np.int64)
        lead = np.zeros(begin.size, np.bool_)
        if self._index.video.codec in TRIMMED:
            size -= es[begin + size - 1] == 0
            for i in np.flatnonzero((es[begin + size - 1] == 0) | (size == 0)).tolist():
                at = int(begin[i])
                size[i] = len(es[at : at + int(size[i])].tobytes().rstrip(b"\x00"))
            lead = (es[begin] == 0) & (es[begin + 1] == 0) & (es[begin + 2] == 1)
        pts, dts = self._schedule.pts[first:end] + self._start, self._schedule.dts[first:end] + self._start
        key = self._index.flags[rows] & PictureFlag.KEY != 0
        sent = np.maximum(np.minimum(dts - self._start - self._lead, self._latest), self._sent)
        self._sent = int(sent[-1])
        run = PictureRun(es, begin, size, lead, key, sent + self._start, pts, dts)
        own = np.where(_are_pictures(es, begin, rows, self._index.size), rows, -1)
        self.ledger.add_run(run, own, self._index.flags[rows] & ~np.uint16(PictureFlag.DAMAGED))
        self._runs.append(_Waiting(run, self._pushed, at=sent.tolist()))
        self._pushed += len(run)

    def _push_picture(self, picture: int, source: memoryview | None) -> None:
        row = int(self._schedule.row[picture])
        if source is None and row >= 0:
            source = memoryview(self._pictures.read(row))
        plain = None if source is None else self._pictures.plain(row, source)
        if plain is not None:
            lead, data = plain
            flags = int(self._index.flags[row])
            key, flags = bool(flags & PictureFlag.KEY), flags & ~PictureFlag.DAMAGED
        else:
            coded = self._pictures.get(picture, None if source is None else bytes(source))
            lead, data, key = b"", memoryview(coded.data), coded.key
            flags = self._kinds.flags(coded.data)
        same = plain is None and source is not None and bytes(data).strip(b"\x00") == bytes(source).strip(b"\x00")
        copied = (row, source) if plain is not None and source is not None else None
        self.ledger.add(lead, data, flags, copied, same=row if same else -1)
        pts, dts = int(self._schedule.pts[picture]), int(self._schedule.dts[picture])
        unit = PesUnit(
            self._index.video.id,
            VIDEO_STREAM_ID,
            data,
            pts + self._start,
            dts + self._start,
            random_access=key,
            pes_length_known=False,
            lead=lead,
        )
        self._sent = max(min(dts - self._lead, self._latest), self._sent)
        self._push_unit(self._sent, unit)

    def _push(self, units: Iterator[Timed]) -> None:
        for at, unit in units:
            self._push_unit(at, unit)

    def _push_unit(self, at: int, unit: PesUnit | RawUnit) -> None:
        heapq.heappush(self._heap, (min(at, self._latest), self._pushed, unit))
        self._pushed += 1

    def _drain(self, writer: UnitWriter, until: int | None) -> None:
        until = _NEVER if until is None else until
        while self._heap and self._heap[0][0] < until:
            at, order, unit = heapq.heappop(self._heap)
            self._drain_pictures(writer, at, order)
            place = writer.write(unit, at + self._start)
            if unit.pid == self.video:
                self.ledger.at.append(place)
            elif isinstance(unit, PesUnit) and unit.pid not in self._in_frames:
                self.ledger.carried[unit.pid].add(unit.pts, unit.payload)
        self._drain_pictures(writer, until, 0)

    def _drain_pictures(self, writer: UnitWriter, at: int, order: int) -> None:
        """Write the pictures of runs that come before a unit."""
        while self._runs:
            waiting = self._runs[0]
            end = waiting.before(at, order)
            if end > waiting.done:
                self.ledger.at.extend(np.array(writer.write_pictures(waiting.run, waiting.done, end), np.int64))
                waiting.done = end
            if end < len(waiting.at):
                return
            self._runs.popleft()


def layout_of(file: BinaryIO) -> PacketLayout:
    """How packets lie in a recording that is a transport stream.

    Raises:
        FileUnreadable: it is none any more.
    """
    layout = find_layout(file.read(1 << 18))
    if layout is None:
        raise FileUnreadable("this is no transport stream any more", "it may have changed; open it again")
    return layout


def _first_from(clock: I64, ticks: int) -> int:
    """The first place at which a clock that may also step back is at or behind a time."""
    for begin in range(0, clock.size, _ROWS_AT_ONCE):
        found = clock[begin : begin + _ROWS_AT_ONCE] >= ticks
        if found.any():
            return begin + int(np.argmax(found))
    return int(clock.size)


def _are_pictures(es: npt.NDArray[np.uint8], begin: I64, rows: I64, sizes: npt.NDArray[np.int32]) -> Mask:
    """Which of the pictures begin with a start code, and where the one before ends: the others were not where the index
    has them, and what was taken in their place is no picture.
    """
    head = es[np.minimum(begin[:, None] + np.arange(4), es.size - 1)]
    found: Mask = (head[:, :2] == 0).all(axis=1) & ((head[:, 2] == 1) | ((head[:, 2] == 0) & (head[:, 3] == 1)))
    torn = (np.diff(rows) == 1) & (np.diff(begin) != sizes[rows[:-1]])
    found[1:] &= ~torn
    found[:-1] &= ~torn
    return found


def tables(program: Program, video_pid: int, pat: bytes = b"") -> ProgramTables:
    """The programme's own tables; its PMT byte for byte unless the clock has to move to the video, its PAT if given."""
    section = program.section
    if program.pcr_pid != video_pid:
        section = build_pmt(ts_tables.parse_pmt(section)._replace(pcr_pid=video_pid))
    return ProgramTables(
        pat or build_pat(Pat(1, [(program.number, program.pmt_pid)])), program.pmt_pid, section, video_pid
    )
