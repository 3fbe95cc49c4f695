"""A part of a transport stream around a place where it may be taken apart: whether it can, and what is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from plexcut.media.bitstream.audio import split_audio
from plexcut.media.cutting.payloads import PayloadTap
from plexcut.media.cutting.schedule import SpanTimes
from plexcut.media.cutting.source_clock import SourceClock
from plexcut.media.cutting.transport_check import TABLES_MOST_TICKS, read_pcrs
from plexcut.media.index.apart import ADAPTED, CARRIES, STARTS, WRONG
from plexcut.media.index.blocks import Block
from plexcut.media.index.packets import PACKET, SYNC, pid_of
from plexcut.media.index.pes import UNKNOWN, parse_pes_heads, payload_begin
from plexcut.media.index.psi import Program, SectionReader, parse_pat

I64 = npt.NDArray[np.int64]
U32 = npt.NDArray[np.uint32]
U8 = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_SCRAMBLED = 0xC0000000
_TICKS = 90_000
_FEW = 8
_PCR_USUAL_TICKS = 3_690
"""Broadcasters send the clock every 40 ms (TS 101 154), and so do results: else it is sent anew."""


@dataclass(frozen=True, slots=True)
class Streams:
    """The streams of a programme beside its video: the audio tracks that split into frames, with their codecs, others
    in PES packets, and PIDs of sections. `program`, and the PID of its video.
    """

    program: Program
    video: int
    sound: Mapping[int, str]
    pes: frozenset[int]
    sections: frozenset[int]

    @property
    def pids(self) -> frozenset[int]:
        """All that may be in a stretch."""
        return frozenset({0, self.program.pmt_pid, self.video, *self.sound, *self.pes, *self.sections})


@dataclass(frozen=True, slots=True)
class Edge:
    """A place in front of a picture of the recording where the streams can be taken apart.

    `row` of the picture, and where its first packet is; `clock`: what the stream's clock says there, in ticks of the
    index. `open`: file positions of packets from there on that belong to what began before. By PID: `first`, the
    counter of the first packet with payload that does not; `last`, that of the last one before the place; `times`:
    when the first PES packet of a track from there on is due, in ticks of the index; `lengths`: of its frames.
    """

    row: int
    at: int
    clock: int
    pcr: int
    open: tuple[int, ...]
    first: Mapping[int, int]
    last: Mapping[int, int]
    times: Mapping[int, int]
    lengths: Mapping[int, Fraction]


@dataclass(slots=True)
class _Stream:
    """The packets of one PID in a region: which, those with payload, those in which something begins.

    Of PES packets also when each is due, and whether a frame of sound begins with it; `length` of all frames, if one.
    """

    which: I64
    carries: I64
    starts: I64
    times: I64 | None = None
    aligned: Mask | None = None
    length: Fraction | None = None


class Region:
    """A part of the file around an edge."""

    def __init__(self, data: U8, at: int, streams: Streams, clock: SourceClock) -> None:
        self._data = data
        self._at = at
        self._streams = streams
        self._block = Block(data, 0, data.size // PACKET, PACKET, at)
        self._heads = self._block.heads()
        self._pids = pid_of(self._heads)
        self._counters = self._heads >> 24 & 15
        self._clock = clock
        self._of: dict[int, _Stream] = {}
        self.pat = b""
        self._pcr: tuple[I64, I64] = (np.empty(0, np.int64), np.empty(0, np.int64))

    @classmethod
    def of(cls, data: bytes, at: int, streams: Streams, clock: SourceClock) -> Region | None:
        """None where it holds anything that must not go along, or cannot."""
        size = len(data) // PACKET * PACKET
        region = cls(np.frombuffer(data, np.uint8, size), at, streams, clock)
        return region if size and region._is_clean() else None

    def _is_clean(self) -> bool:
        heads = self._heads
        if bool((heads & 0xFF != SYNC).any()) or bool((heads & (WRONG | _SCRAMBLED)).any()):
            return False
        present = set(np.flatnonzero(np.bincount(self._pids, minlength=1 << 13)).tolist())
        if not present <= self._streams.pids or not self._has_own_tables():
            return False
        self._find_clocks()
        return self._is_in_time() and all(self._take_apart(pid) for pid in present)

    def _has_own_tables(self) -> bool:
        """Whether the tables there are those of the programme, and name nothing else."""
        program = self._streams.program
        sections = [
            set(SectionReader().feed(self._block.packets(np.flatnonzero(self._pids == pid))))
            for pid in (0, program.pmt_pid)
        ]
        if len(sections[0]) != 1 or sections[1] != {program.section}:
            return False
        self.pat = sections[0].pop()
        return parse_pat(self.pat) == {program.number: program.pmt_pid}

    def _find_clocks(self) -> None:
        which = np.flatnonzero((self._pids == self._streams.video) & (self._heads & ADAPTED != 0))
        off = which * PACKET
        told = (self._data[off + 4] > 6) & (self._data[off + 5] & 0x10 != 0)
        which, off = which[told], off[told]
        positions = self._at + PACKET * which
        self._pcr = positions, self._clock.all_ticks(read_pcrs(self._data, off), positions)

    def _is_in_time(self) -> bool:
        """Whether clock and tables come as often as they must."""
        positions, ticks = self._pcr
        if ticks.size < _FEW or not 0 < int(np.diff(ticks).min()) <= int(np.diff(ticks).max()) <= _PCR_USUAL_TICKS:
            return False
        for pid in (0, self._streams.program.pmt_pid):
            at = self._at + PACKET * np.flatnonzero(self._pids == pid)
            told = np.interp([positions[0], *at, positions[-1]], positions, ticks)
            if float(np.diff(told).max()) > TABLES_MOST_TICKS:
                return False
        return True

    def _take_apart(self, pid: int) -> bool:
        which = np.flatnonzero(self._pids == pid)
        heads = self._heads[which]
        carries = which[heads & CARRIES != 0]
        starts = which[heads & (CARRIES | STARTS) == CARRIES | STARTS]
        found = self._of[pid] = _Stream(which, carries, starts)
        if pid in self._streams.sound or pid in self._streams.pes or pid == self._streams.video:
            off = starts * PACKET
            pes = parse_pes_heads(self._data, payload_begin(self._data, off, self._heads[starts]), off + PACKET)
            if not pes.found.all():
                return False
            positions = self._at + off
            near = self._clock.all_near(positions)
            found.times = np.where(pes.pts == UNKNOWN, near, self._clock.all_ticks(pes.pts, positions))
            if pid in self._streams.sound:
                if bool((pes.pts == UNKNOWN).any()):
                    return False
                found.aligned, found.length = self._aligned(pid, which, heads, positions)
        return True

    def _aligned(self, pid: int, which: I64, heads: U32, positions: I64) -> tuple[Mask, Fraction | None]:
        """With which of the PES packets of a track, by where they are, a frame begins; how long all frames are."""
        stretch = PayloadTap().take(self._block, which, heads)
        frames = split_audio(self._streams.sound[pid], stretch.es.tobytes()).frames
        begun = np.array([frame.offset for frame in frames], np.int64)
        good = stretch.pes.at[np.isin(stretch.pes.es, begun)]
        lengths = {Fraction(frame.samples * _TICKS, frame.sample_rate) for frame in frames}
        return np.isin(positions, good), lengths.pop() if len(lengths) == 1 else None

    def edge(self, row: int, at: int, dts: int, span: SpanTimes) -> Edge | None:
        """The edge in front of a picture; None where there can be none."""
        here, aside = divmod(at - self._at, PACKET)
        if aside or not 0 <= here < self._block.count:
            return None
        video = self._of.get(self._streams.video)
        if video is None or here not in video.starts:
            return None
        clock = self._clock_at(at)
        if clock is None or not clock[0] < dts:
            return None
        opened: list[int] = []
        first: dict[int, int] = {}
        last: dict[int, int] = {}
        times: dict[int, int] = {}
        lengths: dict[int, Fraction] = {}
        for pid, stream in self._of.items():
            behind = int(np.searchsorted(stream.starts, here))
            begin = int(stream.starts[behind]) if behind < stream.starts.size else self._block.count
            belonging = stream.which[(stream.which >= here) & (stream.which < begin)]
            if belonging.size and behind == stream.starts.size:
                return None
            if stream.times is not None and pid != self._streams.video:
                if behind < stream.starts.size:
                    times[pid] = int(stream.times[behind])
                if not self._is_fit(pid, stream, behind, span):
                    return None
                if stream.length is not None:
                    lengths[pid] = stream.length
            opened += belonging.tolist()
            following = stream.carries[stream.carries >= begin]
            if following.size:
                first[pid] = int(self._counters[following[0]])
            before = stream.which[stream.which < here]
            if before.size:
                last[pid] = int(self._counters[before[-1]])
        positions = tuple(self._at + PACKET * i for i in sorted(opened))
        return Edge(row, at, *clock, positions, first, last, times, lengths)

    def _is_fit(self, pid: int, stream: _Stream, behind: int, span: SpanTimes) -> bool:
        """Whether a stream can be taken apart in front of PES packet number `behind`, and all is due in the span."""
        assert stream.times is not None
        if behind and not int(stream.times[:behind].max()) < span.end:
            return False
        if behind == stream.starts.size:
            # A track of sound goes on all the time; others may pause.
            return pid not in self._streams.sound
        if stream.aligned is None:
            return span.start <= int(stream.times[behind])
        return bool(stream.aligned[behind]) and span.start <= int(stream.times[behind]) <= span.end

    def _clock_at(self, at: int) -> tuple[int, int] | None:
        """What the clock says at a file position, and said last before it."""
        positions, ticks = self._pcr
        behind = int(np.searchsorted(positions, at))
        if not 0 < behind < positions.size:
            return None
        before = int(ticks[behind - 1])
        if int(positions[behind]) == at:
            return int(ticks[behind]), before
        passed = (at - int(positions[behind - 1])) / (int(positions[behind]) - int(positions[behind - 1]))
        return before + int(passed * (int(ticks[behind]) - before)), before
