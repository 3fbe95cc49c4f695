"""From coded pictures to the rows of an index: fields joined to frames, clocks made continuous."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from plexcut.media.bitstream.pictures import CodedPicture, PictureFlag
from plexcut.media.index import pes as pes_columns
from plexcut.media.index.packets import PesStart
from plexcut.media.index.pes import PesColumns

I64 = npt.NDArray[np.int64]
Flags = npt.NDArray[np.uint16]

WRAP = 1 << 33
UNKNOWN = pes_columns.UNKNOWN
HOLE_TICKS = 10 * 90_000
"""A clock that runs ahead by more than this was set anew; by less, that much was not received."""
BACK_TICKS = 90_000 // 2
"""A clock that goes back by more than this was set anew; by less, decode times are merely unclean."""

_PIECE_ROWS = 1 << 16
"""So many rows are looked at together, so that the memory for that does not grow with the recording."""

_LONE_FIELD, _FIELDS, _REF, _INTERLACED = (
    int(flag) for flag in (PictureFlag.LONE_FIELD, PictureFlag.FIELDS, PictureFlag.REF, PictureFlag.INTERLACED)
)


class Placed(NamedTuple):
    """File position of the packet that a picture begins in; payload bytes of it that belong to the picture before."""

    at: int
    skip: int


class PictureRows:
    """Frames in decode order, growing. Two fields of opposite parity that belong together are one row."""

    def __init__(self) -> None:
        self.es = array("q")
        self.at = array("q")
        self.skip = array("i")
        self.flags = array("H")
        self.hint = array("i")
        self.hint_bits = 0
        self._open_field: CodedPicture | None = None

    def __len__(self) -> int:
        return len(self.es)

    def add(self, picture: CodedPicture, placed: Placed) -> None:
        """Take up the next picture in decode order."""
        self.hint_bits = max(self.hint_bits, picture.hint_bits)
        first = self._open_field
        flags = picture.flags
        if first is not None:
            self._open_field = None
            if self._pairs(first, picture):
                self.flags[-1] = self.flags[-1] & ~_LONE_FIELD | _FIELDS | flags & _REF
                return
        if picture.structure != 3:
            flags |= _LONE_FIELD | _INTERLACED
            self._open_field = picture
        self.es.append(picture.start)
        self.at.append(placed.at)
        self.skip.append(placed.skip)
        self.flags.append(flags)
        self.hint.append(picture.order_hint)

    def extend(self, pictures: list[CodedPicture], at: list[int], skip: list[int]) -> None:
        """Take up the next pictures in decode order, each with its place."""
        for picture, *placed in zip(pictures, at, skip, strict=True):
            self.add(picture, Placed(*placed))

    def extend_columns(self, pictures: I64, at: I64, skip: I64) -> None:
        """The same for pictures that are the columns of a `PictureRun`."""
        start, flags, hint, hint_bits, structure, _ = pictures
        if self._open_field is not None or bool((structure != 3).any()):
            for columns, *placed in zip(pictures.T.tolist(), at.tolist(), skip.tolist(), strict=True):
                self.add(CodedPicture(*columns), Placed(*placed))
            return
        self.hint_bits = max(self.hint_bits, int(hint_bits.max(initial=0)))
        grown = ((self.es, start), (self.at, at), (self.skip, skip), (self.flags, flags), (self.hint, hint))
        for column, values in grown:
            column.frombytes(values.astype(column.typecode).tobytes())

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


def clock_rows(rows: PictureRows, pes: PesColumns | Sequence[PesStart], breaks: Sequence[int]) -> Clocked:
    """Times of all rows. `breaks` are file positions at which the stream itself announces a new clock."""
    columns = pes if isinstance(pes, PesColumns) else PesColumns.of(pes)
    timed = RawRows(
        *raw_clocks(np.asarray(rows.es), columns),
        at=np.asarray(rows.at),
        flags=np.asarray(rows.flags),
        hint=np.asarray(rows.hint),
        hint_bits=rows.hint_bits,
    )
    return clock_raw_rows(timed, np.asarray(sorted(breaks), np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class RawRows:
    """What the times of rows are made from: clocks as they were sent (`UNKNOWN` for none), and the order of pictures.

    `hint` counts in display order modulo `2**hint_bits`.
    """

    pts: I64
    dts: I64
    at: I64
    flags: Flags
    hint: npt.NDArray[np.int32]
    hint_bits: int


def clock_raw_rows(rows: RawRows, announced: I64) -> Clocked:
    """As `clock_rows`; `announced` is sorted."""
    n = rows.pts.size
    pts, dts = np.full(n, UNKNOWN), np.full(n, UNKNOWN)
    step = _usual_step(rows.dts)
    known = np.flatnonzero(rows.dts != UNKNOWN)
    clock_at, clock_add = np.zeros(1, np.int64), np.zeros(1, np.int64)
    for begin in range(0, known.size, _PIECE_ROWS):
        piece = known[max(begin - 1, 0) : begin + _PIECE_ROWS]
        raw, at = rows.dts[piece], rows.at[piece]
        moved = _signed_wraps(np.diff(raw))
        expected = step * np.diff(piece)
        following = np.append(announced, np.int64(1 << 62))[np.searchsorted(announced, at[:-1], side="right")]
        told = following <= at[1:]
        anew = (moved > HOLE_TICKS) | (moved < -BACK_TICKS) | (told & (np.abs(moved - expected) > 4 * step))
        now = (dts[piece[0]] if begin else raw[0]) + np.append(np.int64(0), np.cumsum(np.where(anew, expected, moved)))
        dts[piece] = now
        pts[piece] = now + _signed_wraps(rows.pts[piece] - raw)
        which = np.flatnonzero(anew)
        clock_at = np.append(clock_at, np.where(told[which], following[which], at[1:][which]))
        clock_add = np.append(clock_add, now[which + 1] - raw[which + 1])
    _fill(pts, dts, rows, step)
    return Clocked(pts, dts, clock_at, clock_add, clock_at.size - 1)


def _signed_wraps(ticks: I64) -> I64:
    found: I64 = (ticks + WRAP // 2) % WRAP - WRAP // 2
    return found


def raw_clocks(es: I64, pes: PesColumns) -> tuple[I64, I64]:
    """The clocks of a PES packet belong to the first picture that begins in it (2.4.3.7)."""
    pts, dts = np.full(es.size, UNKNOWN), np.full(es.size, UNKNOWN)
    if not len(pes) or not es.size:
        return pts, dts
    before = -1
    for begin in range(0, es.size, _PIECE_ROWS):
        rows = slice(begin, begin + _PIECE_ROWS)
        which = np.searchsorted(pes.es, es[rows], side="right") - 1
        fresh = (which >= 0) & (np.diff(which, prepend=before) != 0)
        pts[rows][fresh], dts[rows][fresh] = pes.pts[which[fresh]], pes.dts[which[fresh]]
        before = int(which[-1])
    return pts, dts


def _usual_step(raw_dts: I64) -> int:
    known = np.flatnonzero(raw_dts != UNKNOWN)
    steps = np.diff(raw_dts[known]) // np.maximum(np.diff(known), 1)
    steps = steps[(steps > 0) & (steps < 90_000)]
    return int(np.median(steps)) if steps.size else 3600


def _fill(pts: I64, dts: I64, rows: RawRows, step: int) -> None:
    """Times for pictures that came without, from their place in display order."""
    missing = np.flatnonzero(dts == UNKNOWN)
    if not missing.size:
        return
    if missing.size == pts.size:
        dts[:] = pts[:] = step * np.arange(pts.size)
        return
    known = np.flatnonzero(dts != UNKNOWN)
    near = known[np.maximum(np.searchsorted(known, missing) - 1, 0)]
    dts[missing] = dts[near] + step * (missing - near)
    if not rows.hint_bits:
        pts[missing] = dts[missing]
        return
    scale = _ticks_per_hint(pts, rows, known, step)
    keys = np.flatnonzero(rows.flags & PictureFlag.KEY)
    behind = np.searchsorted(keys, missing, side="right")
    low = np.where(behind > 0, np.append(keys, 0)[behind - 1], 0)
    # Of the first of a group no neighbour before it says anything; every other one goes by the picture before it.
    for i in missing[missing == low].tolist():
        pts[i] = _by_following(i, (pts, dts), rows, keys, scale)
    on = np.rint(_hint_differences(rows, missing, missing - 1) * scale).astype(np.int64)
    on[missing == low] = 0
    _follow_on(pts, missing, np.where(missing == low, missing, missing - 1), on)


def _follow_on(pts: I64, missing: I64, source: I64, on: I64) -> None:
    """`pts[missing] = pts[source] + on`, one after the other: a source may be missing itself."""
    total = np.cumsum(on)
    begins = np.ones(missing.size, np.bool_)
    begins[1:] = (missing[1:] != missing[:-1] + 1) | (source[1:] == missing[1:])
    first = np.maximum.accumulate(np.where(begins, np.arange(missing.size), 0))
    pts[missing] = pts[source[first]] + total - (total[first] - on[first])


def _hint_differences(rows: RawRows, a: I64, b: I64) -> I64:
    span = 1 << rows.hint_bits
    found: I64 = (rows.hint[a].astype(np.int64) - rows.hint[b] + span // 2) % span - span // 2
    return found


def _ticks_per_hint(pts: I64, rows: RawRows, known: I64, step: int) -> float:
    differences = _hint_differences(rows, known[1:], known[:-1])
    ahead = differences != 0
    scales = np.diff(pts[known])[ahead] / differences[ahead]
    scales = scales[(scales > 0) & (scales < 90_000)]
    return float(np.median(scales)) if scales.size else float(step)


def _by_following(i: int, times: tuple[I64, I64], rows: RawRows, keys: I64, scale: float) -> int:
    """The time of the first of a group, by the next one that has a time of its own."""
    pts, dts = times
    k = int(np.searchsorted(keys, i, side="right"))
    high = int(keys[k]) if k < keys.size else pts.size
    near = np.flatnonzero(pts[i + 1 : min(high, i + 64)] != UNKNOWN)
    if not near.size:
        return int(dts[i])
    j = i + 1 + int(near[0])
    difference = int(_hint_differences(rows, np.array([i]), np.array([j]))[0])
    return int(pts[j]) + round(difference * scale)
