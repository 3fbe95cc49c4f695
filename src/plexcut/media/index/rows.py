"""From coded pictures to the rows of an index: fields joined to frames, clocks made continuous."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from plexcut.media.bitstream.pictures import CodedPicture, PictureFlag
from plexcut.media.index.packets import PesStart

I64 = npt.NDArray[np.int64]
Flags = npt.NDArray[np.uint16]

WRAP = 1 << 33
UNKNOWN = np.int64(-(1 << 62))
HOLE_TICKS = 10 * 90_000
"""A clock that runs ahead by more than this was set anew; by less, that much was not received."""
BACK_TICKS = 90_000 // 2
"""A clock that goes back by more than this was set anew; by less, decode times are merely unclean."""


class Placed(NamedTuple):
    """File position of the packet that a picture begins in; payload bytes of it that belong to the picture before."""

    at: int
    skip: int


class PictureRows:
    """Frames in decode order, growing. Two fields of opposite parity that belong together are one row."""

    def __init__(self) -> None:
        self.es: list[int] = []
        self.at: list[int] = []
        self.skip: list[int] = []
        self.flags: list[int] = []
        self.hint: list[int] = []
        self.hint_bits = 0
        self._open_field: CodedPicture | None = None

    def __len__(self) -> int:
        return len(self.es)

    def add(self, picture: CodedPicture, placed: Placed) -> None:
        """Take up the next picture in decode order."""
        self.hint_bits = max(self.hint_bits, picture.hint_bits)
        first = self._open_field
        if first is not None and self._pairs(first, picture):
            kept = PictureFlag(self.flags[-1]) & ~PictureFlag.LONE_FIELD
            self.flags[-1] = int(kept | PictureFlag.FIELDS | (picture.flags & PictureFlag.REF))
            self._open_field = None
            return
        flags = picture.flags
        self._open_field = None
        if picture.structure != 3:
            flags |= PictureFlag.LONE_FIELD | PictureFlag.INTERLACED
            self._open_field = picture
        self.es.append(picture.start)
        self.at.append(placed.at)
        self.skip.append(placed.skip)
        self.flags.append(int(flags))
        self.hint.append(picture.order_hint)

    @staticmethod
    def _pairs(first: CodedPicture, second: CodedPicture) -> bool:
        return {first.structure, second.structure} == {1, 2} and first.frame_num == second.frame_num


@dataclass(frozen=True, slots=True)
class Clocked:
    """Rows with their times on one continuous line; clock arrays as in `MediaIndex`."""

    pts: I64
    dts: I64
    clock_at: I64
    clock_add: I64
    discontinuities: int


def promote_keys(flags: Flags) -> Flags:
    """Where a stream has no flagged keyframe, its recovery points count, or else its intra pictures.

    Without any flag nothing promises that later pictures do not look behind an intra picture; broadcasts that send no
    recovery points do not.
    """
    if (flags & PictureFlag.KEY).any():
        return flags
    for fallback in (PictureFlag.RECOVERY, PictureFlag.INTRA):
        marked = (flags & fallback) != 0
        if marked.any():
            return np.where(marked, flags | PictureFlag.KEY, flags).astype(np.uint16)
    return flags


def signed_wrap(ticks: int) -> int:
    """The 33-bit difference nearest to zero."""
    return (ticks + WRAP // 2) % WRAP - WRAP // 2


def clock_rows(rows: PictureRows, pes: list[PesStart], breaks: list[int]) -> Clocked:
    """Times of all rows. `breaks` are file positions at which the stream itself announces a new clock."""
    raw_pts, raw_dts = _raw_clocks(rows, pes)
    n = len(rows)
    pts, dts = np.full(n, UNKNOWN), np.full(n, UNKNOWN)
    step = _usual_step(raw_dts)
    clock_at, clock_add = [0], [0]
    announced = np.asarray(sorted(breaks), np.int64)
    previous: int | None = None
    previous_row = 0
    for i in np.flatnonzero(raw_dts != UNKNOWN).tolist():
        raw = int(raw_dts[i])
        if previous is None:
            now = raw
        else:
            expected = previous + step * (i - previous_row)
            now = previous + signed_wrap(raw + clock_add[-1] - previous)
            told = _between(announced, rows.at[previous_row], rows.at[i])
            off = now - expected
            if now - previous > HOLE_TICKS or now - previous < -BACK_TICKS or (told and abs(off) > 4 * step):
                now = expected
                clock_at.append(_break_position(announced, rows, previous_row, i))
                clock_add.append(now - raw)
        dts[i] = now
        pts[i] = now + signed_wrap(int(raw_pts[i]) - raw)
        previous, previous_row = now, i
    _fill(pts, dts, rows, step)
    return Clocked(pts, dts, np.asarray(clock_at, np.int64), np.asarray(clock_add, np.int64), len(clock_at) - 1)


def _raw_clocks(rows: PictureRows, pes: list[PesStart]) -> tuple[I64, I64]:
    """The clocks of a PES packet belong to the first picture that begins in it (2.4.3.7)."""
    es = np.asarray(rows.es, np.int64)
    pts, dts = np.full(es.size, UNKNOWN), np.full(es.size, UNKNOWN)
    timed = [p for p in pes if p.pts is not None]
    if not timed or not es.size:
        return pts, dts
    starts = np.asarray([p.es for p in pes], np.int64)
    which = np.searchsorted(starts, es, side="right") - 1
    fresh = np.ones(es.size, np.bool_)
    fresh[1:] = which[1:] != which[:-1]
    for i in np.flatnonzero(fresh & (which >= 0)).tolist():
        packet = pes[int(which[i])]
        if packet.pts is not None:
            pts[i] = packet.pts
            dts[i] = packet.pts if packet.dts is None else packet.dts
    return pts, dts


def _usual_step(raw_dts: I64) -> int:
    known = np.flatnonzero(raw_dts != UNKNOWN)
    steps = np.diff(raw_dts[known]) // np.maximum(np.diff(known), 1)
    steps = steps[(steps > 0) & (steps < 90_000)]
    return int(np.median(steps)) if steps.size else 3600


def _between(positions: I64, after: int, until: int) -> bool:
    i = int(np.searchsorted(positions, after, side="right"))
    return i < positions.size and int(positions[i]) <= until


def _break_position(announced: I64, rows: PictureRows, before: int, row: int) -> int:
    i = int(np.searchsorted(announced, rows.at[before], side="right"))
    if i < announced.size and int(announced[i]) <= rows.at[row]:
        return int(announced[i])
    return rows.at[row]


def _fill(pts: I64, dts: I64, rows: PictureRows, step: int) -> None:
    """Times for pictures that came without, from their place in display order."""
    missing = np.flatnonzero(dts == UNKNOWN).tolist()
    if not missing:
        return
    if len(missing) == pts.size:
        dts[:] = pts[:] = step * np.arange(pts.size)
        return
    known = np.flatnonzero(dts != UNKNOWN)
    for i in missing:
        j = int(np.searchsorted(known, i))
        near = int(known[max(j - 1, 0)])
        dts[i] = dts[near] + step * (i - near)
    keys = np.flatnonzero(np.asarray(rows.flags) & PictureFlag.KEY)
    scale = _ticks_per_hint(pts, rows, known, step)
    for i in missing:
        pts[i] = _by_hint(i, (pts, dts), rows, keys, scale)


def _hint_difference(rows: PictureRows, a: int, b: int) -> int:
    span = 1 << rows.hint_bits
    return (rows.hint[a] - rows.hint[b] + span // 2) % span - span // 2


def _ticks_per_hint(pts: I64, rows: PictureRows, known: I64, step: int) -> float:
    if not rows.hint_bits:
        return float(step)
    found = []
    for a, b in zip(known[:-1].tolist(), known[1:].tolist(), strict=True):
        difference = _hint_difference(rows, b, a)
        if difference and 0 < (pts[b] - pts[a]) / difference < 90_000:
            found.append((pts[b] - pts[a]) / difference)
    return float(np.median(found)) if found else float(step)


def _by_hint(i: int, times: tuple[I64, I64], rows: PictureRows, keys: I64, scale: float) -> int:
    pts, dts = times
    if not rows.hint_bits:
        return int(dts[i])
    k = int(np.searchsorted(keys, i, side="right"))
    low = int(keys[k - 1]) if k else 0
    high = int(keys[k]) if k < keys.size else pts.size
    for distance in range(1, 64):
        for j in (i - distance, i + distance):
            if low <= j < high and pts[j] != UNKNOWN:
                return int(pts[j]) + round(_hint_difference(rows, i, j) * scale)
    return int(dts[i])
