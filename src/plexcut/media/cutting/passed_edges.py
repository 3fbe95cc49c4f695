"""What the recording holds around both edges of what goes along whole, for the proof: read once more, by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing

import numpy as np

from plexcut.media.cutting.ledger import Carried, Ledger, Passed
from plexcut.media.cutting.payloads import PayloadTap
from plexcut.media.cutting.sound import SoundReader
from plexcut.media.cutting.source_clock import TICKS, SourceClock
from plexcut.media.index.blocks import Block, packet_blocks
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.packets import PACKET, PacketLayout, Packets, PayloadReader, pid_of
from plexcut.media.sources import open_source

_BEHIND_BYTES = (3 << 20) // PACKET * PACKET
"""What is open at an edge ends within so much."""
_CHUNK_BYTES = 2 << 20


def hear_edges(ledger: Ledger, index: MediaIndex) -> None:
    """Note in a ledger what the recording holds at the ends of what went along whole, as its result must hold it.

    The sound across each edge; of streams that go along as they are the PES packets that begin near the ends.

    Raises:
        FileUnreadable: the recording is gone.
    """
    codecs = {track.id: track.codec for track in index.tracks}
    carried = {pid: Carried() for passed in ledger.passed for pid in passed.change.stamps}
    done = dict.fromkeys(carried, 0)
    clock = SourceClock(index)
    for passed in ledger.passed:
        _hear(passed, codecs, (ledger, index, clock))
        others = set(passed.change.stamps) - set(ledger.sound) - {index.video.id}
        first = _pes_packets(passed, index, others, (passed.at, passed.at + passed.edge_bytes))
        start = max(passed.at - passed.edge_bytes, passed.at % PACKET)
        crossing = _pes_packets(passed, index, others, (start, passed.at))
        end = passed.at + passed.size_bytes
        last = _pes_packets(passed, index, others, (end - passed.edge_bytes, end))
        for pid in others:
            before = passed.carried.get(pid, 0)
            carried[pid].extend(ledger.carried[pid], done[pid], before)
            _put_crossing(carried[pid], crossing[pid])
            carried[pid].extend(first[pid])
            carried[pid].extend(last[pid])
            done[pid] = before
    for pid, found in carried.items():
        if pid in ledger.carried:
            found.extend(ledger.carried[pid], done[pid])
            ledger.carried[pid] = found


def _put_crossing(carried: Carried, around: Carried) -> None:
    """The last PES packet that was written in front of an edge is the recording's, whole, if it is this one."""
    if len(carried) and len(around) and carried.clocks[-1] == around.clocks[-1]:
        carried.digests[-1] = around.digests[-1]


def _hear(passed: Passed, codecs: Mapping[int, str], where: tuple[Ledger, MediaIndex, SourceClock]) -> None:
    """Add the frames of all tracks around both edges to their records, and say between which there are none."""
    ledger, index, clock = where
    end = passed.at + passed.size_bytes
    stretches = (
        (max(passed.at - passed.edge_bytes, passed.at % PACKET), passed.at + passed.edge_bytes),
        (end - passed.edge_bytes, end + _BEHIND_BYTES),
    )
    joints = {pid: ledger.joints[pid][passed.span] for pid in ledger.sound}
    heard: list[dict[int, list[float]]] = []
    for stretch in stretches:
        ears = {pid: (PayloadTap(), SoundReader(codecs[pid], TICKS)) for pid, joint in joints.items() if joint}
        found: dict[int, list[float]] = {pid: [] for pid in ears}
        for pid in ears:
            ledger.sound[pid].begin_anew()
        for block in _blocks(passed, index, stretch) if ears else ():
            for pid, (tap, reader) in ears.items():
                which, heads = _mine(block, pid)
                if which.size:
                    taken = tap.take(block, which, heads)
                    for run in reader.feed_runs(taken.es.tobytes(), clock.marks(taken.pes)):
                        ledger.sound[pid].add(run)
                        found[pid] += (float(run.time), float(run.time + (len(run) - 1) * run.length))
        heard.append(found)
    for pid, joint in joints.items():
        if joint:
            ledger.sound[pid].begin_anew()
            last, again = max(heard[0][pid], default=joint[0]), min(heard[1][pid], default=joint[1])
            ledger.joints[pid][passed.span] = round(last), round(again)


def _pes_packets(passed: Passed, index: MediaIndex, pids: set[int], stretch: tuple[int, int]) -> dict[int, Carried]:
    """The whole PES packets of some streams that begin in a stretch; at an edge also those that end behind it."""
    found = {pid: Carried() for pid in pids}
    behind = stretch[1] in (passed.at, passed.at + passed.size_bytes)
    end = stretch[1] + (_BEHIND_BYTES if behind else 0)
    pieces: dict[int, list[Packets]] = {pid: [] for pid in pids}
    for block in _blocks(passed, index, (stretch[0], end)) if pids else ():
        for pid, mine in pieces.items():
            which, _ = _mine(block, pid)
            if which.size:
                mine.append(block.packets(which))
    for pid, mine in pieces.items():
        if not mine:
            continue
        data, at = (np.concatenate([getattr(piece, name) for piece in mine]) for name in ("data", "at"))
        payload = PayloadReader().take(Packets(data, at))
        es = payload.es.tobytes()
        edges = [start.es for start in payload.pes]
        for i, start in enumerate(payload.pes):
            # What begins behind is written by itself; what has no end in the first stretch is left out.
            if start.at >= stretch[1] or (not behind and i + 1 == len(edges)):
                break
            moved = None if start.pts is None else start.pts + passed.change.stamps[pid]
            found[pid].add(moved, es[start.es : edges[i + 1] if i + 1 < len(edges) else len(es)])
    return found


def _blocks(passed: Passed, index: MediaIndex, stretch: tuple[int, int]) -> Iterator[Block]:
    with open_source(passed.source) as file:
        layout = PacketLayout(PACKET, passed.at % PACKET)
        blocks = packet_blocks(file, layout, stretch, index.size_bytes, _CHUNK_BYTES)
        with closing(blocks):
            yield from blocks


def _mine(block: Block, pid: int) -> tuple[np.ndarray, np.ndarray]:
    heads = block.heads()
    which = np.flatnonzero(pid_of(heads) == pid)
    return which, heads[which]
