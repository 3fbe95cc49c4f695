"""From coded pictures to the rows of an index: fields joined to frames, clocks made continuous."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from plexcut.media.bitstream.pictures import CodedPicture, PictureFlag
from plexcut.media.index import pes as pes_columns
from plexcut.media.index import sent as sent_clocks
from plexcut.media.index.packets import PesStart
from plexcut.media.index.pes import GrowingColumn, PesColumns
from plexcut.media.index.sent import KeptClocks, SentClocks, is_jump, signed_wraps
from plexcut.media.index.torn_clocks import forget_torn

I64 = npt.NDArray[np.int64]
Flags = npt.NDArray[np.uint16]

WRAP = sent_clocks.WRAP
_LOW = 1 << 32
_LONGEST_STEP = 90_000
UNKNOWN = pes_columns.UNKNOWN

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
        self._low = GrowingColumn("u4")
        self._at = GrowingColumn("i8")
        self._skip = GrowingColumn("i2")
        self._flags = GrowingColumn("u2")
        self._hint = GrowingColumn("u2")
        self.hint_bits = 0
        self._open_field: CodedPicture | None = None

    def __len__(self) -> int:
        return len(self._low)

    @property
    def at(self) -> I64:
        """The file position of each, as in `Placed`."""
        return self._at.values()

    @property
    def skip(self) -> npt.NDArray[np.int16]:
        """As in `Placed`."""
        return self._skip.values()

    @property
    def flags(self) -> Flags:
        """`PictureFlag`s."""
        return self._flags.values()

    @property
    def hint(self) -> npt.NDArray[np.uint16]:
        """Counts in display order, modulo `2**hint_bits`."""
        return self._hint.values()

    @property
    def es(self) -> I64:
        """Where each begins in the elementary stream, from their lowest 32 bits: none is larger than that."""
        low = self._low.values().astype(np.int64)
        if low.size:
            low[1:] = low[0] + np.cumsum(np.diff(low) % _LOW)
        return low

    def es_from(self, row: int, es_bytes: int) -> I64:
        """The same for the last ones, from a row on; `es_bytes` of the stream have been seen."""
        found: I64 = es_bytes - (es_bytes - self._low.since(row).astype(np.int64)) % _LOW
        return found

    def sizes(self, es_bytes: int) -> npt.NDArray[np.int32]:
        """Bytes of each, up to the next one; `es_bytes` are those of the stream."""
        return np.diff(self._low.values(), append=np.uint32(es_bytes % _LOW)).view(np.int32)

    def add(self, picture: CodedPicture, placed: Placed) -> None:
        """Take up the next picture in decode order."""
        self.hint_bits = max(self.hint_bits, picture.hint_bits)
        first = self._open_field
        flags = picture.flags
        if first is not None:
            self._open_field = None
            if self._pairs(first, picture):
                self._flags.last = self._flags.last & ~_LONE_FIELD | _FIELDS | flags & _REF
                return
        if picture.structure != 3:
            flags |= _LONE_FIELD | _INTERLACED
            self._open_field = picture
        self._low.append(picture.start % _LOW)
        self._at.append(placed.at)
        self._skip.append(placed.skip)
        self._flags.append(flags)
        self._hint.append(picture.order_hint)

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
        grown = (
            (self._low, start % _LOW),
            (self._at, at),
            (self._skip, skip),
            (self._flags, flags),
            (self._hint, hint),
        )
        for column, values in grown:
            column.extend(values)

    @staticmethod
    def _pairs(first: CodedPicture, second: CodedPicture) -> bool:
        return {first.structure, second.structure} == {1, 2} and first.frame_num == second.frame_num


@dataclass(frozen=True, slots=True)
class Clocked:
    """Rows with their times on one continuous line; clock arrays as in `MediaIndex`; the clocks that were sent."""

    pts: I64
    dts: I64
    clock_at: I64
    clock_add: I64
    discontinuities: int
    sent: SentClocks


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
    clocks = PictureClocks()
    clocks.begun(columns.es, columns.pts, columns.dts)
    timed = RawRows(
        *clocks.of(rows.es),
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
    hint: npt.NDArray[np.uint16]
    hint_bits: int


def clock_raw_rows(rows: RawRows, announced: I64) -> Clocked:
    """As `clock_rows`; `announced` is sorted. The columns of raw clocks become those of times."""
    pts, dts = rows.pts, rows.dts
    torn = forget_torn(pts, dts, rows.at, announced)
    step = _usual_step(dts)
    clock_at, clock_add = np.zeros(1, np.int64), np.zeros(1, np.int64)
    kept = KeptClocks(pts, dts, rows.at)
    kept.torn(*torn)
    last: tuple[I64, I64, np.int64] | None = None
    for begin in range(0, pts.size, _PIECE_ROWS):
        piece = begin + np.flatnonzero(dts[begin : begin + _PIECE_ROWS] != UNKNOWN)
        if not piece.size:
            continue
        raw_pts, raw_dts = pts[piece], dts[piece]
        which, raw, now_before = piece, raw_dts, raw_dts[0]
        if last is not None:
            which, raw = np.concatenate((last[0], piece)), np.concatenate((last[1], raw_dts))
            now_before = last[2]
        at = rows.at[which]
        moved = signed_wraps(np.diff(raw))
        expected = step * np.diff(which)
        following = np.append(announced, np.int64(1 << 62))[np.searchsorted(announced, at[:-1], side="right")]
        told = following <= at[1:]
        anew = is_jump(moved) | (told & (np.abs(moved - expected) > 4 * step))
        now = now_before + np.append(np.int64(0), np.cumsum(np.where(anew, expected, moved)))
        dts[piece] = now[-piece.size :]
        pts[piece] = dts[piece] + signed_wraps(raw_pts - raw_dts)
        changes = np.flatnonzero(anew)
        clock_at = np.append(clock_at, np.where(told[changes], following[changes], at[1:][changes]))
        clock_add = np.append(clock_add, now[changes + 1] - raw[changes + 1])
        last = which[-1:], raw[-1:], now[-1]
        kept.check(clock_at, clock_add)
        kept.next(piece, raw_pts, raw_dts)
    kept.check(clock_at, clock_add)
    _fill(pts, dts, rows, step)
    return Clocked(pts, dts, clock_at, clock_add, clock_at.size - 1, kept.clocks())


class PictureClocks:
    """The clocks of a PES packet belong to the first picture that begins in it (2.4.3.7); both come in order."""

    def __init__(self) -> None:
        self._es = self._pts = self._dts = np.empty(0, np.int64)
        self._last = -1

    def begun(self, es: I64, pts: I64, dts: I64) -> None:
        """Take up PES packets."""
        self._es, self._pts = np.concatenate((self._es, es)), np.concatenate((self._pts, pts))
        self._dts = np.concatenate((self._dts, dts))

    def of(self, es: I64) -> tuple[I64, I64]:
        """The clocks of the next pictures, which begin here; all PES packets up to the last of them are there."""
        pts, dts = np.full(es.size, UNKNOWN), np.full(es.size, UNKNOWN)
        if es.size:
            which = np.searchsorted(self._es, es, side="right") - 1
            fresh = (which >= 0) & (np.diff(which, prepend=self._last) != 0)
            pts[fresh], dts[fresh] = self._pts[which[fresh]], self._dts[which[fresh]]
            begin = max(int(which[-1]), 0)
            self._es, self._pts, self._dts = self._es[begin:], self._pts[begin:], self._dts[begin:]
            self._last = int(which[-1]) - begin
        return pts, dts


def _usual_step(raw_dts: I64) -> int:
    """The median of the steps from one row to the next."""
    counts = np.zeros(_LONGEST_STEP, np.int64)
    last = np.empty(0, np.int64)
    for begin in range(0, raw_dts.size, _PIECE_ROWS):
        known = np.concatenate((last, begin + np.flatnonzero(raw_dts[begin : begin + _PIECE_ROWS] != UNKNOWN)))
        steps = np.diff(raw_dts[known]) // np.maximum(np.diff(known), 1)
        counts += np.bincount(steps[(steps > 0) & (steps < _LONGEST_STEP)], minlength=_LONGEST_STEP)
        last = known[-1:]
    total = np.cumsum(counts)
    count = int(total[-1])
    middle = np.searchsorted(total, ((count - 1) // 2, count // 2), side="right")
    return int(middle.sum()) // 2 if count else 3600


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
