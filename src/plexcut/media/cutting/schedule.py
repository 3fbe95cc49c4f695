"""When every picture of the result is decoded and shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plexcut.media.cutting.plan import Plan, copied_rows
from plexcut.media.index.model import MediaIndex

I64 = npt.NDArray[np.int64]


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

    `part` is the number of the part in `Plan.parts`; `row` the index row that is copied, -1 for a re-encoded picture (a
    stand-in too, though it counts to the copied part); `frame` the source frame; `pts` and `dts` ticks of the result (0
    is where its first picture is shown).
    """

    part: I64
    row: I64
    frame: I64
    pts: I64
    dts: I64
    spans: tuple[SpanTimes, ...]

    @property
    def end(self) -> int:
        """Where the result ends."""
        return self.spans[-1].base_end


def make_schedule(index: MediaIndex, plan: Plan) -> Schedule:
    """Lay out a plan on the result's time line.

    Decode times are the show times, sorted, put back by as many pictures as reordering needs: so they rise strictly
    and no picture is decoded after it is shown, whatever stood at a seam.
    """
    part: list[int] = []
    row: list[int] = []
    frame: list[int] = []
    shift: list[int] = []
    spans: list[SpanTimes] = []
    base = number = 0
    for span in plan.spans:
        times = SpanTimes(index.pts_of(span.span.start), index.pts_of(span.span.end), base)
        spans.append(times)
        stood_in = {row for piece in span.parts for row in piece.stand_ins}
        elsewhere = {int(index.number_of[row]) for row in stood_in}
        for piece in span.parts:
            if piece.kind == "copy":
                source = copied_rows(index, piece)
                frames = index.number_of[source].tolist()
                rows = [-1 if r in stood_in else r for r in source]
            else:
                frames = [n for n in range(piece.frames.start, piece.frames.end) if n not in elsewhere]
                rows = [-1] * len(frames)
            part += [number] * len(frames)
            row += rows
            frame += frames
            shift += [times.shift] * len(frames)
            number += 1
        base = times.base_end
    shown = np.asarray(frame, np.int64)
    pts: I64 = index.shown_pts[shown] + np.asarray(shift, np.int64)
    return Schedule(
        part=np.asarray(part, np.int64),
        row=np.asarray(row, np.int64),
        frame=shown,
        pts=pts,
        dts=decode_times(pts, index.frame_ticks),
        spans=tuple(spans),
    )


def decode_times(pts: I64, frame_ticks: int) -> I64:
    """Decode times for pictures in decode order with these show times (all different)."""
    order = np.argsort(pts, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    depth = int((np.arange(order.size) - rank).max()) if order.size else 0
    ahead = pts[order[0]] - frame_ticks * np.arange(depth, 0, -1)
    times: I64 = np.concatenate((ahead, pts[order]))[: pts.size]
    return times
