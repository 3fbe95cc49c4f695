"""The proof that subtitles and data of a transport stream went along, each packet at its place."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import xxhash

from plexcut.domain.media import Check, Source
from plexcut.media.cutting.cues import moved_cue
from plexcut.media.cutting.sound_proof import Kept
from plexcut.media.cutting.source_clock import TICKS, SourceClock
from plexcut.media.index.blocks import packet_blocks
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.packets import Packets, PayloadReader, PesStart, find_layout, pid_of
from plexcut.media.index.psi import ProgramStream, SectionReader, parse_pmt
from plexcut.media.sources import open_source

_CHUNK_BYTES = 4 << 20
_SLACK_S = 0.005
_SECTION_SLACK_S = 0.75
"""Sections have no clock of their own: their place is that of the pictures around them."""
_PES_TYPES = (0x06, 0x15)


@dataclass(slots=True)
class _Carried:
    """The packets of one stream, in order: when each is due, in seconds from the first picture, and a hash of it."""

    stream: ProgramStream
    sections: bool
    times_s: list[float] = field(default_factory=list)
    digests: list[int] = field(default_factory=list)


def other_streams(index: MediaIndex) -> list[ProgramStream]:
    """What the programme has beside video and sound, and is looked into: not carousels of data."""
    program = parse_pmt(index.pmt, index.pmt_pid)
    streams = () if program is None else program.streams
    return [s for s in streams if s.kind == "subtitle" or (s.kind == "data" and _looked_into(s))]


def _looked_into(stream: ProgramStream) -> bool:
    return stream.codec == "scte_35" or stream.stream_type in _PES_TYPES


def streams_check(source: tuple[Source, MediaIndex], result: tuple[Path, MediaIndex], kept: Sequence[Kept]) -> Check:
    """Every stream that the recording's tables name is there, and carries what it carried in the kept spans.

    Raises:
        FileUnreadable: one of the files is gone.
    """
    theirs, ours = parse_pmt(source[1].pmt, source[1].pmt_pid), parse_pmt(result[1].pmt, result[1].pmt_pid)
    if theirs is None or ours is None:
        return Check("streams", False, "there is no programme table")
    named = {s.pid: s for s in ours.streams}
    changed = [s for s in theirs.streams if s.pid not in named or named[s.pid].descriptors != s.descriptors]
    if changed:
        return Check("streams", False, ", ".join(f"{s.codec} {s.pid:#x} is not in the tables" for s in changed))
    wanted, found = _carried(*source), _carried(*result)
    count = 0
    for pid, carried in wanted.items():
        expected = _expected(carried, kept)
        lost = _lost(expected, found.get(pid), carried.sections)
        if lost:
            said = f"{carried.stream.codec} {pid:#x}: {lost} of {len(expected)} packets are missing or misplaced"
            return Check("streams", False, said)
        count += 0 if carried.sections else len(expected)
    return Check("streams", True, kept_streams(len(theirs.streams), count))


def kept_streams(streams: int, packets: int) -> str:
    """What is said of streams that all went along; `packets` of subtitles and data."""
    return f"all {streams} streams are kept, {packets} packets of subtitles and data at their places"


def _expected(carried: _Carried, kept: Sequence[Kept]) -> list[tuple[float, int]]:
    slack = _SECTION_SLACK_S if carried.sections else 0.0
    return [
        (base + time - start, digest)
        for start, end, base in kept
        for time, digest in zip(carried.times_s, carried.digests, strict=True)
        if start + slack <= time < end - slack
    ]


def _lost(expected: Sequence[tuple[float, int]], found: _Carried | None, sections: bool) -> int:
    """How many of the packets that must be there are not."""
    if found is None:
        return len(expected)
    slack = _SECTION_SLACK_S if sections else _SLACK_S
    places: dict[int, deque[float]] = {}
    for time, digest in sorted(zip(found.times_s, found.digests, strict=True)):
        places.setdefault(digest, deque()).append(time)
    lost = 0
    for time, digest in sorted(expected):
        there = places.get(digest, deque())
        while there and there[0] < time - slack:
            there.popleft()
        if not there or there[0] > time + slack:
            lost += 1
        elif not sections:
            there.popleft()
    return lost


def _carried(path: Source, index: MediaIndex) -> dict[int, _Carried]:
    """What each stream beside video and sound carries."""
    found = {s.pid: _Carried(s, s.codec == "scte_35") for s in other_streams(index)}
    readers = {pid: _SectionTap(c) if c.sections else _PesTap(c) for pid, c in found.items()}
    if not readers:
        return {}
    clock, first = SourceClock(index), int(index.shown_pts[0])
    with open_source(path) as file:
        layout = find_layout(file.read(1 << 18))
        if layout is None:
            return {}
        for block in packet_blocks(file, layout, (0, index.size_bytes), index.size_bytes, _CHUNK_BYTES):
            heads = block.heads()
            pids = pid_of(heads)
            for pid, reader in readers.items():
                which = np.flatnonzero(pids == pid)
                if which.size:
                    reader.take(block.packets(which), clock, first)
    for reader in readers.values():
        reader.end(clock, first)
    return found


class _PesTap:
    def __init__(self, carried: _Carried) -> None:
        self._carried = carried
        self._payload = PayloadReader()
        self._held: tuple[PesStart, bytes] | None = None

    def take(self, packets: Packets, clock: SourceClock, first: int) -> None:
        payload = self._payload.take(packets)
        es = payload.es.tobytes()
        edges = [start.es for start in payload.pes]
        if self._held is not None:
            self._held = self._held[0], self._held[1] + (es[: edges[0]] if edges else es)
        for start, end in zip(payload.pes, [*edges[1:], len(es)], strict=False):
            self.end(clock, first)
            self._held = start, es[start.es : end]

    def end(self, clock: SourceClock, first: int) -> None:
        held, self._held = self._held, None
        if held is None:
            return
        start, data = held
        ticks = clock.near(start.at) if start.pts is None else clock.ticks(start.pts, start.at)
        self._carried.times_s.append((ticks - first) / TICKS)
        self._carried.digests.append(xxhash.xxh3_64_intdigest(data))


class _SectionTap:
    def __init__(self, carried: _Carried) -> None:
        self._carried = carried
        self._sections = SectionReader()

    def take(self, packets: Packets, clock: SourceClock, first: int) -> None:
        for i in range(len(packets)):
            for section in self._sections.feed(Packets(packets.data[i : i + 1], packets.at[i : i + 1])):
                self._carried.times_s.append((clock.near(int(packets.at[i])) - first) / TICKS)
                self._carried.digests.append(xxhash.xxh3_64_intdigest(_timeless(section)))

    def end(self, clock: SourceClock, first: int) -> None:
        """What is not whole by then does not count."""


def _timeless(section: bytes) -> bytes:
    """A splice message at the clock's zero: its times are of another clock in the result."""
    adjustment = int.from_bytes(section[4:9], "big") & (1 << 33) - 1
    return moved_cue(section, -adjustment)
