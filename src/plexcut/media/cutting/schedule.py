"""When every picture of the result is decoded and shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from plexcut.media.cutting.plan import Plan, copied_rows
from plexcut.media.index.model import MediaIndex

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
_T = TypeVar("_T", bound=np.generic)

START_TICKS = 2 * 90_000
"""Where the clock of a transport stream begins: room for decode times and the PCR ahead of the first picture."""


@dataclass(frozen=True, slots=True)
class SpanTimes:
    """A kept span on the source's time line and in the result, in ticks: source `[start, end)` begins at `base`."""

    start: int
    end: int
    base: int

    @property
    def shift(self) -> int:
        """What is added to a source time."""
        return self.base - self.start

    @property
    def base_end(self) -> int:
        return self.base + self.end - self.start


@dataclass(frozen=True, slots=True)
class Schedule:
    """The pictures of the result in decode order.

    `part` is the number of the part in `Plan.parts`, `span` that of the kept span; `row` the index row that is copied,
    -1 for a re-encoded picture (a stand-in too, though it counts to the copied part); `frame` the source frame; `pts`
    and `dts` ticks of the result (0 is where its first picture is shown), which begins at `start` of its clock, where
    it has one.
    """

    part: I32
    span: I32
    row: I32
    frame: I32
    pts: I64
    dts: I64
    spans: tuple[SpanTimes, ...]
    start: int = START_TICKS

    @property
    def end(self) -> int:
        """Where the result ends."""
        return self.spans[-1].base_end

    def of_span(self, span: int) -> range:
        """Places of what is written with a span: its pictures, but for those that the next one begins with."""
        first, end = np.searchsorted(self.span, (span, span + 1)).tolist()
        return range(first, end)


def make_schedule(index: MediaIndex, plan: Plan) -> Schedule:
    """Lay out a plan on the result's time line.

    Decode times are the show times, sorted, put back by as many pictures as reordering needs: so they rise strictly
    and no picture is decoded after it is shown, whatever stood at a seam.
    """
    # Rows: the part's number, the span's, the index row, the frame; and times.
    columns: list[I32] = [np.empty((4, 0), np.int32)]
    shown: list[I64] = [np.empty((1, 0), np.int64)]
    spans: list[SpanTimes] = []
    base = number = 0
    for at, span in enumerate(plan.spans):
        times = SpanTimes(index.pts_of(span.span.start), index.pts_of(span.span.end), base)
        spans.append(times)
        for piece in span.parts:
            if piece.kind == "copy":
                rows = copied_rows(index, piece)
                frames = index.number_of[rows]
            else:
                frames = np.arange(piece.frames.start, piece.frames.end, dtype=np.int32)
                rows = np.full(frames.size, -1)
            laid = np.empty((4, rows.size), np.int32)
            laid[0], laid[1], laid[2], laid[3] = number, at, rows, frames
            pts = index.shown_pts[frames][None] + times.shift
            if piece.kind == "copy" and piece.stand_ins:
                # The last ones that are shown before the keyframe, whatever span they are of.
                count = len(piece.stand_ins)
                places = np.searchsorted(rows, sorted(piece.stand_ins, key=lambda r: int(index.pts[r])))
                laid[2, places] = -1
                laid[3, places] = _taken(columns, count)[3]
                pts[:, places] = _taken(shown, count)
            columns.append(laid)
            shown.append(pts)
            number += 1
        base = times.base_end
    part, span_of, row, frame = np.concatenate(columns, axis=1)
    columns.clear()
    pts = np.concatenate(shown, axis=1)[0]
    return Schedule(
        part=part,
        span=span_of,
        row=row,
        frame=frame,
        pts=pts,
        dts=decode_times(pts, index.frame_ticks),
        spans=tuple(spans),
    )


def _taken(columns: list[npt.NDArray[_T]], count: int) -> npt.NDArray[_T]:
    """The last `count` pictures of some columns, and takes them away."""
    taken: list[npt.NDArray[_T]] = []
    while count:
        last = columns.pop()
        if last.shape[1] > count:
            columns.append(last[:, :-count])
            last = last[:, -count:]
        taken.append(last)
        count -= last.shape[1]
    return np.concatenate(taken[::-1], axis=1)


def decode_times(pts: I64, frame_ticks: int) -> I64:
    """Decode times for pictures in decode order with these show times (all different)."""
    order = np.argsort(pts, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    depth = int((np.arange(order.size) - rank).max()) if order.size else 0
    ahead = pts[order[0]] - frame_ticks * np.arange(depth, 0, -1)
    times: I64 = np.concatenate((ahead, pts[order]))[: pts.size]
    return times
