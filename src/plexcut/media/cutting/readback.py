"""The finished transport stream, read once from beginning to end: indexed, and all that the ledger says looked for."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xxhash

from plexcut.errors import FormatUnsupported
from plexcut.media.bitstream.audio import splits
from plexcut.media.bitstream.pictures import ASSEMBLERS
from plexcut.media.cutting.companions import TICKS
from plexcut.media.cutting.ledger import HeardTrack, Ledger, TrackRecord
from plexcut.media.cutting.payloads import PayloadTap
from plexcut.media.cutting.sound import SoundReader
from plexcut.media.cutting.transport_check import TransportCheck
from plexcut.media.index import transport_stream
from plexcut.media.index.blocks import Block, packet_blocks
from plexcut.media.index.build import stream_index
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.packets import PACKET, PayloadReader, find_layout
from plexcut.media.index.psi import parse_pmt
from plexcut.media.index.rows import signed_wrap
from plexcut.media.sources import open_source, status_of

I64 = npt.NDArray[np.int64]

_CHUNK_BYTES = 4 << 20
_ZEROS = 4
"""Bytes in front of a picture that may belong to it or to the one before: zeros of a start code."""


@dataclass(frozen=True, slots=True)
class Readback:
    """What was found. `wrong` are places in the schedule of pictures with other bytes than were handed over.

    `faults`: what the transport stream itself has that it may not have, in words.
    """

    index: MediaIndex
    wrong: list[int]
    faults: list[str]
    heard: dict[int, HeardTrack]


def read_back(path: Path, source: MediaIndex, ledger: Ledger, on_fraction: Callable[[float], None]) -> Readback:
    """Read a result of `source`, for which `ledger` was kept.

    Raises:
        FormatUnsupported: it is no such transport stream.
        FileUnreadable: it cannot be read.
    """
    size = status_of(path).size_bytes
    with open_source(path) as file:
        layout = find_layout(file.read(1 << 18))
        if layout is None or layout.stride != PACKET:
            raise FormatUnsupported("the result is no transport stream")
        choice = transport_stream.choose_program(file, layout, size, None, path.name)
        if choice.video_pid != source.video.id or choice.codec not in ASSEMBLERS:
            raise FormatUnsupported("the result's tables do not name its video")
        look = _Look(source, ledger)
        blocks = look.along(packet_blocks(file, layout, (0, size), size, _CHUNK_BYTES))
        scan = transport_stream.scan_blocks(blocks, choice, (0, size), on_fraction)
    index = stream_index(scan, size)
    faults = look.faults(size)
    missing = _streams(source) - {stream.pid for stream in scan.program.streams}
    if missing:
        faults.append(f"PID {', '.join(f'{pid:#x}' for pid in sorted(missing))} not in its tables")
    if scan.gaps or index.discontinuities:
        faults.append(f"{len(scan.gaps)} gaps and {index.discontinuities} jumps of the clock in the video")
    wrong = look.wrong_pictures(np.array(scan.rows.es, np.int64))
    return Readback(replace(index, video=source.video, tracks=source.tracks), wrong, faults, look.heard(index))


def _streams(index: MediaIndex) -> set[int]:
    """PIDs that the programme's table names."""
    program = parse_pmt(index.pmt, index.pmt_pid)
    return set() if program is None else {stream.pid for stream in program.streams}


class _Look:
    """Looks at block after block, beside the index scan."""

    def __init__(self, source: MediaIndex, ledger: Ledger) -> None:
        self._ledger = ledger
        self._video = source.video.id
        self._tap = PayloadTap()
        self._left = np.empty(0, np.uint8)
        self._picture = 0
        self._wrong: list[int] = []
        self._es_bytes = 0
        self._hash = xxhash.xxh3_64()
        self._hashed = 0
        self._form = TransportCheck(source.video.id)
        self._ears = {t.id: _Ear(t.codec) for t in source.tracks if t.kind == "audio" and splits(t.codec)}

    def along(self, blocks: Generator[Block]) -> Generator[Block]:
        """The same blocks, each looked at while whoever takes it is at work."""
        with closing(blocks), ThreadPoolExecutor(1, "cut-look") as pool:
            for block in blocks:
                looked = pool.submit(self._look, block)
                try:
                    yield block
                finally:
                    looked.result()

    def _look(self, block: Block) -> None:
        raw = block.data[block.first : block.first + block.count * PACKET]
        self._hash.update(raw.data)
        self._hashed += raw.size
        heads = block.heads()
        pids = ((heads & 0x1F00) | (heads >> 16 & 0xFF)).astype(np.int16)
        self._form.feed(block, heads, pids)
        mine = np.flatnonzero(pids == self._video)
        self._pictures(self._tap.take(block, mine, heads[mine]).es)
        for pid, ear in self._ears.items():
            which = np.flatnonzero(pids == pid)
            if which.size:
                ear.take(block, which)

    def _pictures(self, es: npt.NDArray[np.uint8]) -> None:
        """Compare every picture that is whole now with what was handed over in its place."""
        self._es_bytes += es.size
        es = np.concatenate((self._left, es)) if self._left.size else es
        sizes, leads, digests = self._ledger.sizes, self._ledger.leads, self._ledger.digests
        data, at, picture = es.data, 0, self._picture
        while picture < len(sizes) and at + sizes[picture] <= len(data):
            end = at + sizes[picture]
            if xxhash.xxh3_64_intdigest(data[at + leads[picture] : end]) != digests[picture]:
                self._wrong.append(picture)
            at, picture = end, picture + 1
        # What is behind the last picture is noted; how much it is does not matter.
        self._left = es[at : at + 1 if picture == len(sizes) else None].copy()
        self._picture = picture

    def wrong_pictures(self, begins: I64) -> list[int]:
        """Pictures that are not what was handed over, or lie elsewhere; `begins`: where the index has each."""
        sizes = np.array(self._ledger.sizes, np.int64)
        if self._picture < sizes.size or self._left.size:
            return sorted({*self._wrong, *range(self._picture, sizes.size), sizes.size - 1})
        places = np.cumsum(sizes) - sizes
        if begins.size == places.size:
            aside = np.flatnonzero((begins < places) | (begins > places + _ZEROS))
            return sorted({*self._wrong, *aside.tolist()})
        return self._wrong

    def faults(self, size: int) -> list[str]:
        """What is wrong with the stream as such."""
        faults = self._form.faults()
        if self._hashed != size or size != self._ledger.size_bytes or self._hash.intdigest() != self._ledger.digest:
            faults.append("the file does not hold what was written")
        return faults

    def heard(self, index: MediaIndex) -> dict[int, HeardTrack]:
        """The frames of each track that has any, by PID."""
        first = int(index.shown_pts[0]) if index.frames else 0
        found = {pid: ear.record.heard(first, TICKS) for pid, ear in self._ears.items()}
        return {pid: track for pid, track in found.items() if track is not None}


class _Ear:
    """One audio track of the result."""

    def __init__(self, codec: str) -> None:
        self._payload = PayloadReader()
        self._reader = SoundReader(codec, TICKS)
        self._last: int | None = None
        self.record = TrackRecord()

    def take(self, block: Block, which: I64) -> None:
        payload = self._payload.take(block.packets(which))
        marks = []
        for start in payload.pes:
            if start.pts is not None:
                last = start.pts if self._last is None else self._last
                self._last = last + signed_wrap(start.pts - last)
                marks.append((start.es, self._last))
        for run in self._reader.feed_runs(payload.es.tobytes(), marks):
            self.record.add(run)
