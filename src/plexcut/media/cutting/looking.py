"""Looking at a result block by block: its packets, its coded pictures, its sound, each byte once."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import xxhash

from plexcut.media.bitstream.audio import splits
from plexcut.media.cutting.companions import SI_PIDS
from plexcut.media.cutting.ledger import Carried, Due, Passed, TrackRecord
from plexcut.media.cutting.passed_look import PassedLook, part_of
from plexcut.media.cutting.payloads import PayloadTap
from plexcut.media.cutting.sound import SoundReader
from plexcut.media.cutting.transport_check import TransportCheck, pids_of
from plexcut.media.index.blocks import Block, packet_blocks
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.packets import PACKET, Packets, PayloadReader, find_layout
from plexcut.media.index.pes import UNKNOWN, GrowingColumn, PesColumns
from plexcut.media.index.psi import SectionReader, parse_pmt
from plexcut.media.index.rows import WRAP

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
F64 = npt.NDArray[np.float64]
I16 = npt.NDArray[np.int16]
U32 = npt.NDArray[np.uint32]

TICKS = 90_000
_CHUNK_BYTES = 8 << 20
_ANY_SIZE = 1 << 60
_PAYLOAD = np.dtype((np.void, PACKET - 4))
_NOT_PASSED = "what went along whole is not what the recording holds"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What there is to look at: the PIDs of video and PMT, and those of the audio tracks that split into frames, with
    their codecs; `others` that may be there.
    """

    video: int
    pmt: int
    sound: tuple[tuple[int, str], ...]
    others: frozenset[int] = frozenset()

    @classmethod
    def of(cls, source: MediaIndex) -> Wanted:
        """Of a recording's cut."""
        tracks = [track for track in source.tracks if track.kind == "audio" and splits(track.codec)]
        program = parse_pmt(source.pmt, source.pmt_pid)
        others = frozenset(SI_PIDS) | {stream.pid for stream in (program.streams if program is not None else ())}
        return cls(source.video.id, source.pmt_pid, tuple((track.id, track.codec) for track in tracks), others)


@dataclass(slots=True)
class Seen:
    """What was there. `faults`: of the stream as such, in words; `sections`: all different ones of PAT and PMT.

    `picture`: how many pictures were whole; `more`: whether anything is behind them; `wrong`: those whose bytes are
    others. `pes`: the PES packets of the video; None where they are just those that are due. `sound`: times, lengths
    and digests of the frames of each track, as `TrackRecord` has them, by PID. `carried`: the PES packets of streams
    that went along as they are.
    """

    size_bytes: int
    digest: int
    faults: list[str]
    gaps: int
    sections: dict[int, list[bytes]]
    pes: PesColumns | None
    picture: int
    more: bool
    wrong: list[int]
    sound: dict[int, tuple[F64, F64, U64]] = field(default_factory=dict)
    carried: dict[int, Carried] = field(default_factory=dict)


class Look:
    """One look at a result."""

    def __init__(self, wanted: Wanted, due: Due) -> None:
        self._video = wanted.video
        self._hash = xxhash.xxh3_64()
        self._looked = 0
        self._form = TransportCheck(wanted.video, (0, wanted.pmt))
        self._tables = _Tables((0, wanted.pmt))
        self._pictures = _Pictures(due)
        self._ears = {pid: _Ear(codec) for pid, codec in wanted.sound}
        self._carried = {pid: _Whole() for pid in due.ledger.carried}
        self._passed = deque(due.ledger.passed)
        self._passing: PassedLook | None = None
        self._due = due
        self._pids = frozenset({0, wanted.pmt, wanted.video, *wanted.others, *self._ears, *self._carried})
        self._strange = 0

    def blocks(self, file: BinaryIO) -> Generator[int]:
        """Read to the end of the file; gives how many bytes are behind it, from time to time.

        Raises:
            ValueError: it is no transport stream as plexcut writes them.
        """
        layout = find_layout(file.read(1 << 18))
        if layout is None or layout.stride != PACKET:
            raise ValueError("the result is no transport stream")
        blocks = packet_blocks(file, layout, (0, _ANY_SIZE), _ANY_SIZE, _CHUNK_BYTES)
        with closing(blocks):
            try:
                for block in blocks:
                    for piece in self._pieces(block):
                        self._look(piece)
                    yield block.at + block.count * PACKET
            finally:
                if self._passing is not None:
                    self._passing.close()

    def _pieces(self, block: Block) -> Iterator[Block]:
        """A block, apart where a stretch that went along whole begins or ends."""
        edges = [
            edge
            for passed in self._passed
            for edge in (passed.begin, passed.begin + passed.edge_bytes, passed.stop - passed.edge_bytes, passed.stop)
        ]
        within = sorted({(edge - block.at) // PACKET for edge in edges if block.at < edge})
        places = [0, *(n for n in within if n < block.count), block.count]
        for first, end in pairwise(places):
            yield part_of(block, first, end)

    def _look(self, block: Block) -> None:
        self._looked += block.count * PACKET
        heads = block.heads()
        pids = pids_of(heads)
        self._form.feed(block, heads, pids)
        self._tables.feed(block, pids)
        if self._passed and block.at >= self._passed[0].begin:
            self._pass(block, heads, pids)
            return
        self._hash.update(block.data[block.first : block.first + block.count * PACKET].data)
        mine = np.flatnonzero(pids == self._video)
        self._pictures.take(block, mine, heads[mine])
        self._hear(block, heads, pids)

    def _hear(self, block: Block, heads: U32, pids: I16) -> None:
        """Take up the other streams."""
        for pid, ear in self._ears.items():
            which = np.flatnonzero(pids == pid)
            if which.size:
                ear.take(block, which, heads[which])
        for pid, whole in self._carried.items():
            which = np.flatnonzero(pids == pid)
            if which.size:
                whole.take(block.packets(which))

    def _pass(self, block: Block, heads: U32, pids: I16) -> None:
        """Look at a part of a stretch that went along whole."""
        passed = self._passed[0]
        if self._passing is None:
            self._passing = PassedLook(passed, self._video, self._due, frozenset(self._ears))
        self._passing.take(block, heads, pids)
        # Across its edges the other streams are held together, between them they are what the recording holds.
        if block.at == passed.stop - passed.edge_bytes:
            for ear in self._ears.values():
                ear.begin_anew()
            for whole in self._carried.values():
                whole.begin_anew(passed.begin)
        if block.at < passed.begin + passed.edge_bytes or block.at >= passed.stop - passed.edge_bytes:
            self._hear(block, heads, pids)
        self._strange += sum(pid not in self._pids for pid in np.flatnonzero(np.bincount(pids)).tolist())
        if block.at + block.count * PACKET >= passed.stop:
            self._pictures.passed(passed, whole=self._passing.ended())
            self._strange += self._passing.faults
            self._passing = None
            self._passed.popleft()

    def seen(self) -> Seen:
        """What was there, when all is read."""
        pictures = self._pictures
        found = {pid: ear.record.columns() for pid, ear in self._ears.items()}
        return Seen(
            size_bytes=self._looked,
            digest=self._hash.intdigest(),
            faults=self._form.faults() + ([_NOT_PASSED] if self._strange or self._passed else []),
            gaps=pictures.gaps,
            sections=self._tables.sections(),
            pes=pictures.pes,
            picture=pictures.picture,
            more=pictures.more,
            wrong=pictures.wrong,
            sound={pid: columns for pid, columns in found.items() if columns is not None},
            carried={pid: whole.end() for pid, whole in self._carried.items()},
        )


class _Tables:
    """The sections of some PIDs: they are the same again and again."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._readers = {pid: SectionReader() for pid in pids}
        self._sections = {pid: dict[bytes, None]() for pid in pids}
        self._known = {pid: set[bytes]() for pid in pids}

    def feed(self, block: Block, pids: I16) -> None:
        """Take up a block and the PID of each packet."""
        for pid, reader in self._readers.items():
            which = np.flatnonzero(pids == pid)
            if not which.size:
                continue
            packets = block.packets(which)
            payloads = set(packets.data[:, 4:].copy().view(_PAYLOAD)[:, 0].tolist())
            if not payloads <= self._known[pid]:
                self._known[pid] |= payloads
                self._sections[pid].update(dict.fromkeys(reader.feed(packets)))

    def sections(self) -> dict[int, list[bytes]]:
        """All different ones, by PID."""
        return {pid: list(found) for pid, found in self._sections.items()}


class _Pictures:
    """The coded pictures, one after the other, each held against what was handed over in its place."""

    def __init__(self, due: Due) -> None:
        self._due = due
        self._tap = PayloadTap()
        self._left = np.empty(0, np.uint8)
        self._es_bytes = 0
        self._pes = _PesPackets(due)
        self.picture = 0
        self.wrong: list[int] = []

    @property
    def gaps(self) -> int:
        """Places at which packets are missing."""
        return self._tap.gaps

    @property
    def more(self) -> bool:
        """Whether there is anything behind the last picture."""
        return self._left.size > 0

    @property
    def pes(self) -> PesColumns | None:
        """All PES packets; None where they are those that are due."""
        return self._pes.others()

    def passed(self, passed: Passed, *, whole: bool) -> None:
        """Some pictures went along with all that lies among them; `whole`: they are what they were."""
        if self.picture != passed.first or self._left.size or not whole:
            self.wrong.append(passed.first)
        self._left = np.empty(0, np.uint8)
        gaps, self._tap = self._tap.gaps, PayloadTap()
        self._tap.gaps = gaps
        self._es_bytes += self._pes.passed(passed.first, passed.end)
        self.picture = passed.end

    def take(self, block: Block, which: I64, heads: U32) -> None:
        """Take up packets of the video: compare every picture that is whole now."""
        before = self._left.size
        stretch = self._tap.take(block, which, heads, self._left)
        pes, es = stretch.pes, stretch.es
        self._pes.take(PesColumns(self._es_bytes + pes.es, pes.at, pes.pts, pes.dts))
        self._es_bytes += es.size - before
        ledger = self._due.ledger
        # One number at a time is taken out of these.
        sizes, leads, digests = (c.values().data for c in (ledger.sizes, ledger.leads, ledger.digests))
        data, at, picture, count = es.data, 0, self.picture, len(digests)
        digest = xxhash.xxh3_64_intdigest
        while picture < count and (end := at + sizes[picture]) <= len(data):
            if digest(data[at + leads[picture] : end]) != digests[picture]:
                self.wrong.append(picture)
            at, picture = end, picture + 1
        # What is behind the last picture is noted; how much it is does not matter.
        self._left = es[at : at + 1 if picture == count else None].copy()
        self.picture = picture


class _PesPackets:
    """PES packets of the video, which are kept only if they are others than are due: there is one for each picture."""

    def __init__(self, due: Due) -> None:
        self._due = due
        self._count = self._es = 0
        self._kept: tuple[GrowingColumn, ...] | None = None

    def take(self, pes: PesColumns) -> None:
        """Take up the next ones."""
        due = self._due.pes(self._count, self._count + len(pes), self._es)
        found = pes.es, pes.at, pes.pts, pes.dts
        if self._kept is None:
            wanted = due.es, due.at, due.pts, due.dts
            if all(map(np.array_equal, found, wanted)):
                sizes = self._due.ledger.sizes.values()[self._count : self._count + len(pes)]
                self._count += len(pes)
                self._es += int(sizes.sum(dtype=np.int64))
                return
            before = self._due.pes(0, self._count, 0)
            self._kept = tuple(GrowingColumn() for _ in range(4))
            for column, values in zip(self._kept, (before.es, before.at, before.pts, before.dts), strict=True):
                column.extend(values)
        for column, values in zip(self._kept, found, strict=True):
            column.extend(values)

    def passed(self, first: int, end: int) -> int:
        """The packets of pictures are those that are due; gives their bytes."""
        sizes = self._due.ledger.sizes.values()[first:end]
        nbytes = int(sizes.sum(dtype=np.int64))
        if self._kept is not None:
            due = self._due.pes(first, end, self._es)
            for column, values in zip(self._kept, (due.es, due.at, due.pts, due.dts), strict=True):
                column.extend(values)
        self._count += end - first
        self._es += nbytes
        return nbytes

    def others(self) -> PesColumns | None:
        """All of them, when all are there; None where they are those that are due."""
        if self._kept is None and self._count < len(self._due.ledger.sizes):
            return self._due.pes(0, self._count, 0)
        return None if self._kept is None else PesColumns(*(column.values() for column in self._kept))


class _Ear:
    """One audio track of the result."""

    def __init__(self, codec: str) -> None:
        self._payload = PayloadTap()
        self._reader = SoundReader(codec, TICKS)
        self._codec = codec
        self._last: int | None = None
        self.record = TrackRecord()

    def begin_anew(self) -> None:
        """What follows is another place of the track."""
        self._payload = PayloadTap()
        self._reader = SoundReader(self._codec, TICKS)
        self.record.begin_anew()

    def take(self, block: Block, which: I64, heads: U32) -> None:
        stretch = self._payload.take(block, which, heads)
        timed = stretch.pes.pts != UNKNOWN
        marks: list[tuple[int, int]] = []
        if timed.any():
            pts = stretch.pes.pts[timed]
            last = int(pts[0]) if self._last is None else self._last
            before = np.concatenate(([last], pts[:-1]))
            pts = last + np.cumsum((pts - before + WRAP // 2) % WRAP - WRAP // 2)
            self._last = int(pts[-1])
            marks = list(zip(stretch.pes.es[timed].tolist(), pts.tolist(), strict=True))
        for run in self._reader.feed_runs(stretch.es.tobytes(), marks):
            self.record.add(run)


class _Whole:
    """The PES packets of one stream of the result."""

    def __init__(self) -> None:
        self._payload = PayloadReader()
        self._held: tuple[int | None, bytes] | None = None
        self._held_at = 0
        self._found = Carried()

    def take(self, packets: Packets) -> None:
        payload = self._payload.take(packets)
        es = payload.es.tobytes()
        edges = [*(start.es for start in payload.pes), len(es)]
        if self._held is not None:
            self._held = self._held[0], self._held[1] + es[: edges[0]]
        for start, end in zip(payload.pes, edges[1:], strict=True):
            self.end()
            self._held, self._held_at = (start.pts, es[start.es : end]), start.at

    def begin_anew(self, since: int) -> None:
        """What follows is another place of the stream; what began from `since` on and has not ended is left out."""
        if self._held_at >= since:
            self._held = None
        self.end()
        self._payload = PayloadReader()

    def end(self) -> Carried:
        """All of them."""
        if self._held is not None:
            self._found.add(*self._held)
            self._held = None
        return self._found
