"""The streams of a transport stream beside the video, as they go into the result: chosen, re-timed, ready to write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from plexcut.domain.media import Source
from plexcut.media.bitstream.audio import split_audio, splits
from plexcut.media.cutting.cues import moved_cue
from plexcut.media.cutting.ledger import TrackRecord
from plexcut.media.cutting.payloads import PayloadTap
from plexcut.media.cutting.schedule import SpanTimes
from plexcut.media.cutting.screens import screen_for
from plexcut.media.cutting.sound import PlacedRun, SoundCutter, SoundReader, plain
from plexcut.media.cutting.source_clock import TICKS, SourceClock
from plexcut.media.index.blocks import Block
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.packets import PacketReader, Packets, PayloadReader, PesStart, find_layout
from plexcut.media.index.psi import ProgramStream, SectionReader
from plexcut.media.sources import open_source
from plexcut.media.ts_writer import PesUnit, RawUnit, build_section_packets

I64 = npt.NDArray[np.int64]
U32 = npt.NDArray[np.uint32]

_SOUND_LEAD = 9_000
_SUBTITLE_LEAD = 18_000
_GROUP_BYTES = 2_600
_TRIED_BYTES = 64 << 20
_ENOUGH_BYTES = 16 << 10
_PLAIN_HEADER = 9
_PTS_BYTES = 5
_PRIVATE_STREAM = 0xBD
_LONGEST_FIELD = 183
_DAMAGED = 0x80
"""The transport error indicator, in the second byte of a packet."""
SI_PIDS = {0x10: "nit", 0x11: "sdt", 0x12: "eit", 0x14: "tdt"}

Timed = tuple[int, PesUnit | RawUnit]
"""`(mux clock in ticks of the result, unit)`."""


@dataclass(frozen=True, slots=True)
class Mine:
    """Those packets of a block that are of one PID: which, and their first four bytes."""

    block: Block
    which: I64
    heads: U32

    def packets(self) -> Packets:
        """Copied."""
        return self.block.packets(self.which)

    def stream_id(self, at: int) -> int:
        """Of the PES packet that begins in the packet at a file position."""
        data, off = self.block.data, self.block.first + at - self.block.at
        return int(data[off + 7 + (1 + int(data[off + 4]) if data[off + 3] & 0x20 else 0)])


@dataclass(slots=True)
class _Held:
    """A PES packet of which more may come."""

    start: PesStart
    data: bytes


class Companion:
    """One stream beside the video. `take` its packets in file order, `end` each span.

    Units have the times of the result, on its clock.
    """

    def __init__(self, pid: int, clock: SourceClock) -> None:
        self.pid = pid
        self.clock = clock
        self.written = 0

    def take(self, mine: Mine, span: SpanTimes) -> Iterator[Timed]:
        raise NotImplementedError

    def end(self, span: SpanTimes) -> Iterator[Timed]:
        """What is left when a span's stretch of the file is over; the next one begins elsewhere."""
        return self.pause(span)

    def pause(self, span: SpanTimes) -> Iterator[Timed]:
        """What is left in front of a stretch that is passed through, behind which the span goes on."""
        return iter(())


class SoundCompanion(Companion):
    """An audio track, cut at its own frames; `record` is of all that came by."""

    def __init__(self, pid: int, codec: str, clock: SourceClock) -> None:
        super().__init__(pid, clock)
        self.record = TrackRecord()
        self.codec = codec
        self._cutter = SoundCutter()
        self._reader = SoundReader(codec, TICKS)
        self._tap = PayloadTap()
        self._group: list[bytes] = []
        self._group_bytes = 0
        self._group_time: int | Fraction = 0
        self._stream_id = 0xC0

    def take(self, mine: Mine, span: SpanTimes) -> Iterator[Timed]:
        stretch = self._tap.take(mine.block, mine.which, mine.heads)
        if len(stretch.pes):
            self._stream_id = mine.stream_id(int(stretch.pes.at[-1]))
        for run in self._reader.feed_runs(stretch.es.tobytes(), self.clock.marks(stretch.pes)):
            self.record.add(run)
            placed = self._cutter.place_run(run, span)
            if placed is not None:
                yield from self._grouped(placed)

    def pause(self, span: SpanTimes) -> Iterator[Timed]:
        yield from self._flush()
        self._reader = SoundReader(self.codec, TICKS)
        self._tap = PayloadTap()
        self.record.begin_anew()

    def passed(self, span: SpanTimes, begin: int, until: int, length: Fraction) -> int:
        """All from one time of the source to another goes along by itself, frames of one length, all in ticks.

        Gives what has to be added to their times.
        """
        return self._cutter.passed(span, begin, until, length)

    def _grouped(self, placed: PlacedRun) -> Iterator[Timed]:
        """As many frames to a PES packet as fit."""
        run, at = placed.run, placed.first
        edges, time, step = run.edges, plain(placed.time), plain(run.length)
        self.written += placed.end - placed.first
        if not placed.joins:
            yield from self._flush()
        while at < placed.end:
            room = _GROUP_BYTES - self._group_bytes + edges[at]
            end = at
            while end < placed.end and edges[end + 1] <= room:
                end += 1
            if end == at and self._group:
                yield from self._flush()
                continue
            end = max(end, at + 1)
            if not self._group:
                self._group_time = time + (at - placed.first) * step
            self._group.append(run.data[edges[at] : edges[end]])
            self._group_bytes += edges[end] - edges[at]
            at = end

    def _flush(self) -> Iterator[Timed]:
        if self._group:
            pts = round(self._group_time)
            data = b"".join(self._group)
            self._group, self._group_bytes = [], 0
            yield pts - _SOUND_LEAD, PesUnit(self.pid, self._stream_id, data, pts + self.clock.start)


class PesCompanion(Companion):
    """Subtitles, teletext, and sound whose frames are not known: whole PES packets."""

    def __init__(self, pid: int, codec: str, clock: SourceClock) -> None:
        super().__init__(pid, clock)
        self._payload = PayloadReader()
        self._held: _Held | None = None
        self._on_screen = screen_for(codec)

    def take(self, mine: Mine, span: SpanTimes) -> Iterator[Timed]:
        payload = self._payload.take(mine.packets())
        es = payload.es.tobytes()
        edges = [start.es for start in payload.pes]
        if self._held is not None:
            self._held.data += es[: edges[0]] if edges else es
        for start, end in zip(payload.pes, [*edges[1:], len(es)], strict=False):
            yield from self._flush(span)
            self._held = _Held(start, es[start.es : end])

    def pause(self, span: SpanTimes) -> Iterator[Timed]:
        yield from self._flush(span)
        self._payload = PayloadReader()

    @property
    def shows(self) -> bool:
        """Whether it puts anything on the screen that is taken off at the end of a span."""
        return self._on_screen is not None

    def look(self, packets: Packets) -> None:
        """Take up the packets of a PES packet that goes along by itself: what it puts on the screen."""
        if self._on_screen is not None:
            self._on_screen.show(PayloadReader().take(packets).es.tobytes())

    def end(self, span: SpanTimes) -> Iterator[Timed]:
        yield from self.pause(span)
        if self._on_screen is not None and (cleared := self._on_screen.cleared()):
            pts = span.base_end
            stuffing = max(0, (self._on_screen.header_bytes or 0) - _PLAIN_HEADER - _PTS_BYTES)
            tail = b"\xff" * stuffing
            cleaner = PesUnit(self.pid, _PRIVATE_STREAM, cleared, pts + self.clock.start, header_tail=tail)
            yield pts - _SUBTITLE_LEAD, cleaner

    def _flush(self, span: SpanTimes) -> Iterator[Timed]:
        held, self._held = self._held, None
        if held is None:
            return
        start = held.start
        raw = start.pts
        time = self.clock.near(start.at) if raw is None else self.clock.ticks(raw, start.at)
        if not span.start <= time < span.end:
            return
        at = time + span.shift
        stuffing = max(0, start.header - _PLAIN_HEADER - (_PTS_BYTES if raw is not None else 0))
        self.written += 1
        if self._on_screen is not None:
            self._on_screen.show(held.data)
        unit = PesUnit(
            self.pid,
            start.stream_id,
            held.data,
            None if raw is None else at + self.clock.start,
            header_tail=b"\xff" * stuffing,
        )
        yield at - _SUBTITLE_LEAD, unit


class SectionCompanion(Companion):
    """Sections (service information, data carousels): packets as they are, while their place is kept.

    One that is damaged, or that the receiver marked as such, is left out, and what is left of its section.
    """

    def __init__(self, pid: int, clock: SourceClock) -> None:
        super().__init__(pid, clock)
        self._begun = False

    def take(self, mine: Mine, span: SpanTimes) -> Iterator[Timed]:
        packets = mine.packets()
        for i in range(len(packets)):
            time = self.clock.near(int(packets.at[i]))
            if not span.start <= time < span.end or _is_damaged(packets.data[i].tobytes()):
                self._begun = False
                continue
            self._begun = self._begun or bool(packets.data[i, 1] & 0x40)
            if self._begun:
                self.written += 1
                yield time + span.shift, RawUnit(self.pid, packets.data[i].tobytes())


def _is_damaged(packet: bytes) -> bool:
    """Whether a packet is marked as damaged, or its adaptation field is none, or its stuffing is not (2.4.3.4)."""
    if packet[1] & _DAMAGED or not packet[3] & 0x30:
        return True
    length = packet[4] if packet[3] & 0x20 else 0
    if length > _LONGEST_FIELD:
        return True
    return bool(length) and packet[5] == 0 and bool(packet[6 : 5 + length].strip(b"\xff"))


class CueCompanion(Companion):
    """Splice messages (SCTE 35): section by section, their times moved with the clock."""

    def __init__(self, pid: int, clock: SourceClock) -> None:
        super().__init__(pid, clock)
        self._sections = SectionReader()

    def take(self, mine: Mine, span: SpanTimes) -> Iterator[Timed]:
        packets = mine.packets()
        for i in range(len(packets)):
            position = int(packets.at[i])
            time = self.clock.near(position)
            for section in self._sections.feed(Packets(packets.data[i : i + 1], packets.at[i : i + 1])):
                if span.start <= time < span.end:
                    self.written += 1
                    moved = moved_cue(section, self.clock.added(position) + span.shift + self.clock.start)
                    yield time + span.shift, RawUnit(self.pid, build_section_packets(self.pid, moved))

    def pause(self, span: SpanTimes) -> Iterator[Timed]:
        self._sections = SectionReader()
        return iter(())


def make_companions(
    path: Source, index: MediaIndex, streams: tuple[ProgramStream, ...], clock: SourceClock
) -> dict[int, Companion]:
    """A companion for every stream of the programme but the video, and for the service information, by PID."""
    found: dict[int, Companion] = {pid: SectionCompanion(pid, clock) for pid in SI_PIDS}
    codecs = {track.id: track.codec for track in index.tracks}
    sounds = {s.pid: codecs.get(s.pid, s.codec) for s in streams if s.kind == "audio"}
    split = _that_split(path, index, sounds)
    for stream in streams:
        if stream.pid == index.video.id:
            continue
        if stream.pid in split:
            found[stream.pid] = SoundCompanion(stream.pid, sounds[stream.pid], clock)
        elif stream.codec == "scte_35":
            found[stream.pid] = CueCompanion(stream.pid, clock)
        elif stream.kind == "data" and stream.stream_type not in (0x06, 0x15):
            found[stream.pid] = SectionCompanion(stream.pid, clock)
        else:
            found[stream.pid] = PesCompanion(stream.pid, stream.codec, clock)
    return found


def _that_split(path: Source, index: MediaIndex, sounds: dict[int, str]) -> set[int]:
    """Which audio streams can be taken apart into frames: of those that carry anything near the front, by trying."""
    todo = {pid: codec for pid, codec in sounds.items() if splits(codec)}
    readers = {pid: PayloadReader() for pid in todo}
    es = dict.fromkeys(todo, b"")
    with open_source(path) as file:
        layout = find_layout(file.read(1 << 18))
        if layout is None:
            return set()
        for block in PacketReader(file, layout, index.size_bytes).blocks(end=_TRIED_BYTES, count=4096):
            pid = block.pid
            for this in todo:
                mine = block.where(pid == this)
                if len(mine) and len(es[this]) < _ENOUGH_BYTES:
                    es[this] += readers[this].take(mine).es.tobytes()
            if all(len(data) >= _ENOUGH_BYTES for data in es.values()):
                break
    return {pid for pid, codec in todo.items() if not es[pid] or split_audio(codec, es[pid]).frames}
