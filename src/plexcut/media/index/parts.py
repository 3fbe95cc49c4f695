"""From what a pass over a transport stream found to its index, and an index made longer by a further pass."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from plexcut.domain.media import Source
from plexcut.media.bitstream.pictures import ASSEMBLERS, PictureFlag
from plexcut.media.index.companions import RawPes
from plexcut.media.index.model import MediaIndex, RawScan, VideoTrack, display_order
from plexcut.media.index.packets import find_layout
from plexcut.media.index.psi import Program, parse_pmt
from plexcut.media.index.rows import WRAP, RawRows, clock_raw_rows, promote_keys
from plexcut.media.index.transport_stream import OnFraction, StreamScan, choose_program, scan_stretch
from plexcut.media.sources import open_source

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]

_T = TypeVar("_T", bound=np.generic)

TIME_BASE = Fraction(1, 90_000)
_KEYS_BACK = 3
_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class StreamParts:
    """What the index of a transport stream is made from. `skip` and `size` of each row as in `MediaIndex`."""

    program: Program
    video_pid: int
    dropped: tuple[str, ...]
    rows: RawRows
    skip: npt.NDArray[np.int16]
    size: I32
    breaks: I64
    pes: RawPes


def parts_of_scan(scan: StreamScan) -> StreamParts:
    """The parts of a scan."""
    rows = scan.rows
    flags = np.array(rows.flags, np.uint16)
    if scan.gaps:
        damaged = np.searchsorted(rows.es, np.asarray(scan.gaps, np.int64), side="right") - 1
        flags[damaged[damaged >= 0]] |= np.uint16(PictureFlag.DAMAGED)
    return StreamParts(
        program=scan.program,
        video_pid=scan.video_pid,
        dropped=tuple(f"programme {p.number}" for p in scan.programs if p.number != scan.program.number),
        rows=RawRows(scan.pts, scan.dts, np.asarray(rows.at), flags, np.asarray(rows.hint), rows.hint_bits),
        skip=rows.skip,
        size=rows.sizes(scan.es_bytes),
        breaks=np.asarray(sorted(scan.clock_breaks), np.int64),
        pes=scan.companions,
    )


def parts_index(parts: StreamParts, size_bytes: int) -> MediaIndex:
    """The index; no tracks, the video's facts still open. The parts' raw clocks are made times, and are gone then."""
    rows = parts.rows
    clocked = clock_raw_rows(rows, parts.breaks)
    flags = promote_keys(rows.flags)
    display = display_order(clocked.pts, flags)
    moved = too_close(clocked.pts, display)
    sent = clocked.sent
    if moved.size:
        added = added_at(rows.at[moved], clocked.clock_at, clocked.clock_add)
        sent = sent.with_moved(moved, (clocked.pts[moved] - added) % WRAP, (clocked.dts[moved] - added) % WRAP)
        unique_times(clocked.pts, display)
    video = next(s for s in parts.program.streams if s.pid == parts.video_pid)
    return MediaIndex(
        container="mpegts",
        program=parts.program.number,
        time_base=TIME_BASE,
        video=VideoTrack(video.pid, video.codec, 0, 0, False, Fraction(1), None, ""),
        tracks=(),
        pts=clocked.pts,
        dts=clocked.dts,
        at=rows.at,
        skip=parts.skip,
        size=parts.size,
        flags=flags,
        display=display,
        clock_at=clocked.clock_at,
        clock_add=clocked.clock_add,
        discontinuities=clocked.discontinuities,
        size_bytes=size_bytes,
        dropped=parts.dropped,
        pmt=parts.program.section,
        pmt_pid=parts.program.pmt_pid,
        raw=RawScan(
            clocks=sent,
            hint=rows.hint,
            hint_bits=rows.hint_bits,
            breaks=parts.breaks,
            promoted=not np.array_equal(flags, rows.flags),
            pes=parts.pes,
        ),
    )


def too_close(pts: I64, display: I32) -> I64:
    """Rows of shown frames whose times `unique_times` changes."""
    if not any(bool((np.diff(pts[display[i : i + _PIECE]]) <= 0).any()) for i in range(0, display.size, _PIECE - 1)):
        return np.empty(0, np.int64)
    shown = pts[display]
    found: I64 = display[_rising(shown) != shown].astype(np.int64)
    return found


def unique_times(pts: I64, display: I32) -> I32:
    """Make the times of shown frames rise strictly: of two at the same time the second moves on by one tick."""
    if too_close(pts, display).size:
        pts[display] = _rising(pts[display])
    return display


def _rising(shown: I64) -> I64:
    steps = np.arange(shown.size)
    rising: I64 = np.maximum.accumulate(shown - steps) + steps
    return rising


def added_at(at: I64, clock_at: I64, clock_add: I64) -> I64:
    """What makes clocks that were sent at file positions ticks of the time line."""
    added: I64 = clock_add[np.searchsorted(clock_at, at, side="right") - 1]
    return added


def parts_of_index(index: MediaIndex) -> StreamParts | None:
    """The parts that an index was made from; None where it does not hold them."""
    raw, program = index.raw, parse_pmt(index.pmt, index.pmt_pid) if index.pmt else None
    if raw is None or program is None:
        return None
    flags = index.flags & ~np.uint16(PictureFlag.KEY) if raw.promoted else index.flags
    return StreamParts(
        program=program,
        video_pid=index.video.id,
        dropped=index.dropped,
        rows=RawRows(
            *raw.clocks.raw(index.pts, index.dts, added_at(index.at, index.clock_at, index.clock_add)),
            index.at,
            flags,
            raw.hint,
            raw.hint_bits,
        ),
        skip=index.skip,
        size=index.size,
        breaks=raw.breaks,
        pes=raw.pes,
    )


def longer_index(source: Source, index: MediaIndex, size_bytes: int, on_fraction: OnFraction) -> MediaIndex | None:
    """The index of a file that has grown to `size_bytes` since, as a pass over all of it would make it.

    Read on from the last keyframes but one or two; what was known from there to the end must be found again. None where
    it is not, or where there are too few keyframes: then only a pass over the whole file tells.
    """
    before = parts_of_index(index)
    if before is None or index.keys.size < _KEYS_BACK + 1:
        return None
    first, joint = int(index.keys[-_KEYS_BACK - 1]), int(index.keys[-_KEYS_BACK])
    start = int(before.rows.at[first])
    with open_source(source) as file:
        layout = find_layout(file.read(1 << 18))
        if layout is None:
            return None
        choice = choose_program(file, layout, size_bytes, before.program.number, source.name)
        if choice.video_pid != before.video_pid or choice.codec not in ASSEMBLERS:
            return None
        scan = scan_stretch(file, layout, replace(choice, program=before.program), (start, size_bytes), on_fraction)
    parts = None if scan.scrambled else _joined(before, parts_of_scan(scan), joint, start)
    return None if parts is None else parts_index(parts, size_bytes)


def _joined(before: StreamParts, after: StreamParts, joint: int, start: int) -> StreamParts | None:
    """`before` up to row `joint`, `after` from there on; None where they do not agree on what both hold.

    `start` is where `after` begins in the file.
    """
    at, skip = int(before.rows.at[joint]), int(before.skip[joint])
    found = np.flatnonzero((after.rows.at == at) & (after.skip == skip))
    if found.size != 1:
        return None
    here = int(found[0])
    known = before.size.size - joint - 1
    ours, theirs = slice(joint, joint + known), slice(here, here + known)
    columns = [
        (getattr(before.rows, name), getattr(after.rows, name)) for name in ("pts", "dts", "at", "flags", "hint")
    ]
    columns += [(before.skip, after.skip), (before.size, after.size)]
    if any(not np.array_equal(a[ours], b[theirs]) for a, b in columns):
        return None

    def join(a: npt.NDArray[_T], b: npt.NDArray[_T]) -> npt.NDArray[_T]:
        return np.concatenate((a[:joint], b[here:]))

    return replace(
        after,
        rows=RawRows(
            pts=join(before.rows.pts, after.rows.pts),
            dts=join(before.rows.dts, after.rows.dts),
            at=join(before.rows.at, after.rows.at),
            flags=join(before.rows.flags, after.rows.flags),
            hint=join(before.rows.hint, after.rows.hint),
            hint_bits=max(before.rows.hint_bits, after.rows.hint_bits),
        ),
        skip=join(before.skip, after.skip),
        size=join(before.size, after.size),
        breaks=np.concatenate((before.breaks[before.breaks < start], after.breaks)),
        pes=before.pes.before(start).and_then(after.pes),
    )
