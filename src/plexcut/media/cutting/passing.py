"""Writing the cut of a transport stream of which most goes along whole, as it lies in the file.

Only what is around the ends of a span is taken apart and laid out anew. Between goes a stretch of the recording's file:
copied by the kernel where the result's clock and counters can begin so that nothing in it has to change, else with
these changed.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from plexcut.domain.media import Source
from plexcut.media.cutting.companions import PesCompanion, SectionCompanion, SoundCompanion
from plexcut.media.cutting.ledger import Passed
from plexcut.media.cutting.output import BackgroundWriter
from plexcut.media.cutting.packet_change import Changing, PacketChange, add_to_counters, room_packet
from plexcut.media.cutting.passage_counters import PES_BYTES, PassageCounters
from plexcut.media.cutting.passage_region import Edge, Streams
from plexcut.media.cutting.passage_times import own_start, with_passages
from plexcut.media.cutting.passages import Passage, PassageFinder, packets_at
from plexcut.media.cutting.pictures import PictureSource
from plexcut.media.cutting.schedule import Schedule, SpanTimes
from plexcut.media.cutting.splice_ts import CHUNK_BYTES, VIDEO_LEAD, TransportSplice, layout_of, tables
from plexcut.media.index.blocks import Block, packet_blocks
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.packets import PACKET, PacketLayout, pid_of
from plexcut.media.index.rows import WRAP
from plexcut.media.sources import open_source
from plexcut.media.ts_writer import RawUnit, TransportStreamWriter

I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_POLL_S = 0.1
_SCREENS = 100
"""By so many PES packets before a place it is told what subtitles show there."""
_COPIED_BYTES = 32 << 20
_HELD_BYTES = 64 << 20
"""So much may wait in memory for the counters of what it leads up to."""
_MARGIN_TICKS = 90
_NEVER = 1 << 62


class PassingSplice(TransportSplice):
    """One cut of one transport stream; see the module."""

    def __init__(
        self,
        path: Source,
        index: MediaIndex,
        schedule: Schedule,
        pictures: PictureSource,
        ask: Callable[[], None] = lambda: None,
    ) -> None:
        """`ask` is called now and then, and raises where somebody gives up."""
        super().__init__(path, index, schedule, pictures)
        with open_source(path) as file:
            source = file, layout_of(file)
            finder = PassageFinder(source, index, self._clock, self._streams(), pictures.fitted_rows)
            passages: list[Passage | None] = []
            for number in range(len(schedule.spans)):
                ask()
                passages.append(finder.find(schedule, number) if self._may_pass(number) else None)
        self._schedule, self._passages = with_passages(schedule, index, self._clock, passages)
        self._clock.start = self._schedule.start

    def _streams(self) -> Streams:
        sections = {pid for pid, one in self._companions.items() if not isinstance(one, PesCompanion | SoundCompanion)}
        sound = {pid: one.codec for pid, one in self._companions.items() if isinstance(one, SoundCompanion)}
        pes = {pid for pid, one in self._companions.items() if isinstance(one, PesCompanion)}
        return Streams(self._program, self.video, sound, frozenset(pes), frozenset(sections))

    def _may_pass(self, number: int) -> bool:
        """Splice messages have times in them, which only go along as they are.

        And the proof reads what went along once more, which takes longer than the rest where it comes over a network.
        """
        if not isinstance(self._path, Path):
            return False
        plain = all(isinstance(c, PesCompanion | SoundCompanion | SectionCompanion) for c in self._companions.values())
        return plain or (number == 0 and own_start(self._index, self._clock, self._schedule) is not None)

    def write(self, out: BinaryIO) -> Iterator[float]:
        """As `TransportSplice.write`.

        Raises:
            Unpassable: something in the recording cannot go along whole.
        """
        pat = next((passage.pat for passage in self._passages if passage is not None), None)
        if pat is None:
            yield from super().write(out)
            return
        with (
            open_source(self._path) as file,
            BackgroundWriter(out) as background,
        ):
            sink = _Sink(background, held=self._held_back())
            with TransportStreamWriter(sink, tables(self._program, self.video, pat)) as writer:
                layout = layout_of(file)
                for number, span in enumerate(self._schedule.spans):
                    around = _Around(file, layout, writer, sink)
                    for done in self._one(number, span, around):
                        yield done / self._schedule.pts.size
                self._drain(writer, None)
            while not background.has_room(_POLL_S):
                yield 1.0
        self._note(background)

    def _held_back(self) -> bool:
        """Whether what is in front of the first stretch waits: its counters may be made to lead up to it."""
        first = self._passages[0]
        return first is not None and first.begin.at - self._stretch(self._schedule.spans[0])[0] <= _HELD_BYTES

    def _one(self, number: int, span: SpanTimes, around: _Around) -> Iterator[int]:
        """Write a span; gives the number of pictures done."""
        places, stretch = self._schedule.of_span(number), self._stretch(span)
        passage = self._passages[number]
        self._latest = self._latest_before(number)
        if passage is None:
            for pid in self._in_frames:
                self.ledger.joints.setdefault(pid, []).append(None)
            self._lead = VIDEO_LEAD
            yield from self._through(around, places, span)
            return
        begin, finish = passage.begin, passage.finish
        self._lead = int(self._index.dts[begin.row]) - begin.clock
        front = _Edge(begin.at, begin.open, at_end=False)
        last = max((*begin.open, begin.at - PACKET)) + PACKET
        yield from self._through(around, range(places.start, passage.first), span, ((stretch[0], last), front))
        self._drain(around.writer, None)
        self._latest = self._latest_before(number + 1)
        yield from self._pass(passage, span, around)
        self._lead = int(self._index.dts[finish.row]) - finish.clock
        back = _Edge(finish.at, finish.open, at_end=True)
        yield from self._through(around, range(passage.end, places.stop), span, ((finish.at, stretch[1]), back))

    def _latest_before(self, number: int) -> int:
        """When all that comes before the next stretch must have been sent, from a span on: there the clock is given."""
        following = zip(self._passages[number:], self._schedule.spans[number:], strict=True)
        clocks = [passage.begin.clock + span.shift for passage, span in following if passage is not None]
        return min(clocks) - 2 * _MARGIN_TICKS if clocks else _NEVER

    def _through(
        self, around: _Around, places: range, span: SpanTimes, edge: tuple[tuple[int, int], _Edge] | None = None
    ) -> Iterator[int]:
        """As `_apart`, which waits for the disk here, so that somebody can give up meanwhile."""
        for done in self._apart((around.file, around.layout), around.writer, places, span, edge):
            while not around.sink.out.has_room(_POLL_S):
                yield done
            yield done

    # ------------------------------------------------------------------------------------------------------ passing

    def _pass(self, passage: Passage, span: SpanTimes, around: _Around) -> Iterator[int]:
        """Let a stretch of the file go along, and what is open at its end."""
        begin, finish, writer = passage.begin, passage.finish, around.writer
        known = PassageCounters(around.file, self._index, passage)
        shift = span.shift + self._start
        counters = writer.pause(begin.clock + shift - _MARGIN_TICKS)
        change = self._change(passage, span, counters, around.file)
        counted = not (around.sink.held and change.is_plain)
        led_up: dict[int, int] = {}
        if not counted:
            wanted = yield from known.wanted(counters)
            led_up = {pid: (want - counters[pid]) & 15 for pid, want in wanted.items()}
            change = replace(change, counters={})
        if around.sink.held:
            around.sink.release(led_up)
        passed = Passed(
            source=self._path,
            at=begin.at,
            begin=writer.bytes_written,
            size_bytes=passage.size_bytes,
            first=passage.first,
            end=passage.end,
            change=change,
            counted=counted,
            span=int(self._schedule.span[passage.first]),
            carried={pid: len(found) for pid, found in self.ledger.carried.items()},
        )
        self.ledger.add_passed(self._index, range(begin.row, finish.row), passed)
        others = {stream.pid for stream in self._program.streams if stream.kind in ("subtitle", "data")}
        self.ledger.others += sum(known.pes_at(pid).size for pid in others)
        last = yield from (self._changed(passed, around) if counted else self._copied(passed, around, known))
        following = {pid: (counter + 1) & 15 for pid, counter in last.items()}
        writer.resume(finish.clock + shift, finish.pcr + shift, following, passage.size_bytes)
        for packet in packets_at(around.file, finish.open).data:
            data = packet.tobytes()
            writer.write(RawUnit((data[1] & 0x1F) << 8 | data[2], data), finish.clock + shift)
        yield from self._look_at_screens(known, around.file)
        yield passage.end

    def _change(self, passage: Passage, span: SpanTimes, counters: Mapping[int, int], file: BinaryIO) -> PacketChange:
        """What has to change in a stretch: its clocks, each track of sound by what it is off by."""
        begin, finish = passage.begin, passage.finish
        added = self._clock.added(begin.at) + self._start
        ticks = (span.shift + added) % WRAP
        stamps = {self.video: ticks}
        for pid, companion in self._companions.items():
            if isinstance(companion, PesCompanion):
                stamps[pid] = ticks
            elif isinstance(companion, SoundCompanion):
                joint = (begin.times[pid], finish.times[pid]) if pid in begin.times and pid in finish.times else None
                length = begin.lengths.get(pid, Fraction(0))
                moved = span.shift if joint is None else companion.passed(span, *joint, length)
                stamps[pid] = (moved + added) % WRAP
                self.ledger.joints.setdefault(pid, []).append(joint)
        return PacketChange(ticks, stamps, counters, _instead(file, begin))

    def _copied(self, passed: Passed, around: _Around, known: PassageCounters) -> Generator[int, None, dict[int, int]]:
        """Let the kernel copy a stretch; gives the last counters."""
        out, end = around.sink.out, passed.at + passed.size_bytes
        for at in range(passed.at, end, _COPIED_BYTES):
            while not out.has_room(_POLL_S):
                yield passed.picture_at(at)
            out.copy(around.file.fileno(), at, min(_COPIED_BYTES, end - at))
            yield passed.picture_at(at)
        for position, packet in passed.change.instead.items():
            out.write_over(passed.begin + position - passed.at, packet)
        return (yield from known.last(self._companions))

    def _changed(self, passed: Passed, around: _Around) -> Generator[int, None, dict[int, int]]:
        """Write a stretch with what has to change in it; gives the last counters."""
        out, changing = around.sink.out, Changing(passed.change)
        stretch = passed.at, passed.at + passed.size_bytes
        blocks = packet_blocks(around.file, around.layout, stretch, self._index.size_bytes, CHUNK_BYTES)
        with closing(blocks):
            for block in blocks:
                data = block.data[block.first : block.first + block.count * PACKET].copy()
                changing.apply(data, block.at)
                while not out.has_room(_POLL_S):
                    yield passed.picture_at(block.at)
                out.write_apart(data.data)
                yield passed.picture_at(block.at)
        return {pid: int(changing.last[pid]) for pid in np.flatnonzero(changing.last >= 0).tolist()}

    def _look_at_screens(self, known: PassageCounters, file: BinaryIO) -> Iterator[int]:
        """What subtitles have put on the screen where a passage ends, by the last PES packets of each stream."""
        for pid, companion in self._companions.items():
            if not isinstance(companion, PesCompanion) or not companion.shows:
                continue
            for at in known.pes_at(pid)[-_SCREENS:].tolist():
                yield 0
                file.seek(at)
                data = np.frombuffer(file.read(PES_BYTES), np.uint8)
                block = Block(data, 0, data.size // PACKET, PACKET, at)
                heads = block.heads()
                mine = np.flatnonzero(pid_of(heads) == pid)
                starts = np.flatnonzero(heads[mine] & 0x4000)
                companion.look(block.packets(mine[: int(starts[1])] if starts.size > 1 else mine))


@dataclass(frozen=True, slots=True)
class _Around:
    """What a span is read from and written to."""

    file: BinaryIO
    layout: PacketLayout
    writer: TransportStreamWriter
    sink: _Sink


@dataclass(frozen=True, slots=True)
class _Edge:
    """What is not for the pictures before an edge: all behind it but what is open there. Or, for those behind it, that.

    `at_end`: they are behind it, and with them the span ends.
    """

    at: int
    open: tuple[int, ...]
    at_end: bool

    def __call__(self, block: Block) -> Mask:
        positions = block.at + block.stride * np.arange(block.count)
        opened = np.isin(positions, np.asarray(self.open, np.int64))
        hidden: Mask = opened if self.at_end else (positions >= self.at) & ~opened
        return hidden


class _Sink:
    """Where the writer's data go: at first they may be held back, until it is known what their counters lead up to."""

    def __init__(self, out: BackgroundWriter, *, held: bool) -> None:
        self.out = out
        self.held = held
        self._data: list[memoryview] = []

    def write(self, data: memoryview) -> int:
        if not self.held:
            return self.out.write(data)
        self._data.append(data)
        return len(data)

    def flush(self) -> None:
        if self.held:
            self.release({})
        self.out.flush()

    def release(self, added: Mapping[int, int]) -> None:
        """Let go of what was held back, with so much added to the counters of each PID."""
        add = np.zeros(1 << 13, np.int64)
        for pid, ticks in added.items():
            add[pid] = ticks
        for data in self._data:
            heads = np.ndarray((len(data) // PACKET,), "<u4", data, 0, (PACKET,))
            add_to_counters(heads, add[pid_of(heads)])
            self.out.write(data)
        self.held = False
        self._data.clear()


def _instead(file: BinaryIO, edge: Edge) -> dict[int, bytes]:
    """What comes in the place of packets that are open at an edge."""
    heads = ((packet[1] & 0x1F) << 8 | packet[2] for packet in packets_at(file, edge.open).data.tolist())
    return {at: room_packet(pid, edge.first[pid] - 1) for at, pid in zip(edge.open, heads, strict=True)}
