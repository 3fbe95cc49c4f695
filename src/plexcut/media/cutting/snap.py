"""Where a cut costs nothing: the frames around a span's edges at which a copy can begin or end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from plexcut.domain.landmarks import CopyStart
from plexcut.domain.media import SnapEdge
from plexcut.domain.spans import KeepList, Span
from plexcut.domain.timecode import us_to_s
from plexcut.media.bitstream.pictures import PictureFlag
from plexcut.media.cutting.plan import LEAD_IN_PICTURES, copy_starts, counted_leading, plan_span
from plexcut.media.index.model import MediaIndex

I64 = npt.NDArray[np.int64]

_KEYS_LOOKED_AT = 8
"""At so many keyframes on each side of an edge a start is looked for."""


class Point(NamedTuple):
    """A frame that an edge can be moved to, and how many pictures are re-encoded there then."""

    frame: int
    reencoded: int


def snap_edges(index: MediaIndex, keep: KeepList) -> tuple[SnapEdge, ...]:
    """For both edges of every span the nearest frames, not after it and not before it, at which a copy fits.

    A start may move up to the span's end, an end down to its start. Nothing is re-encoded there, but in H.264 where a
    start's keyframe is no IDR picture: behind other pictures it needs two re-encoded ones in front, and its leading
    pictures if later ones count on them.
    """
    points = _Points(index)
    edges: list[SnapEdge] = []
    for i, span in enumerate(keep):
        edges += [points.start(span, inner=i > 0), points.end(span)]
    return tuple(edges)


def copy_points(index: MediaIndex, first: int, last: int) -> tuple[tuple[CopyStart, ...], tuple[int, ...]]:
    """Frames in `[first, last)` that a span can begin at with a copy, and frames in `[first, last]` it can end at.

    A start counts as one behind another span: what is re-encoded there besides is told with it.
    """
    points = _Points(index)
    starts = {point.frame: point.reencoded for point in points.between(first, last)}
    ends = _whole_ends(index)
    fitting = ends[np.searchsorted(ends, max(1, first)) : np.searchsorted(ends, last, side="right")]
    return (
        tuple(CopyStart(frame, cost) for frame, cost in sorted(starts.items()) if first <= frame < last),
        tuple(fitting.tolist()),
    )


class _Points:
    def __init__(self, index: MediaIndex) -> None:
        self._index = index
        self._keys = copy_starts(index, ())
        self._numbers = index.number_of[self._keys]
        self._ends = _whole_ends(index)

    def start(self, span: Span, *, inner: bool) -> SnapEdge:
        """`inner`: another span comes before."""
        at = int(np.searchsorted(self._numbers, span.start))
        below = range(at + _KEYS_LOOKED_AT, at - _KEYS_LOOKED_AT, -1)
        before = next((p for p in self._starts(below, span.end, inner) if p.frame <= span.start), None)
        above = range(at, at + _KEYS_LOOKED_AT)
        after = next((p for p in self._starts(above, span.end, inner) if p.frame >= span.start), None)
        return self._edge("start", span.start, before, after)

    def end(self, span: Span) -> SnapEdge:
        at = int(np.searchsorted(self._ends, span.end, side="right"))
        before = next(self._fitting_ends(self._ends[max(0, at - _KEYS_LOOKED_AT) : at][::-1], span.start), None)
        at = int(np.searchsorted(self._ends, span.end))
        after = next(self._fitting_ends(self._ends[at : at + _KEYS_LOOKED_AT], span.start), None)
        return self._edge("end", span.end, before, after)

    def between(self, first: int, last: int) -> Iterator[Point]:
        """Starts whose keyframe lies between two frames, or shortly behind."""
        low, high = (int(np.searchsorted(self._numbers, frame)) for frame in (first, last))
        yield from self._starts(range(low, min(high + 1, int(self._keys.size))), self._index.frames, inner=True)

    def _starts(self, places: range, end: int, inner: bool) -> Iterator[Point]:
        """Starts of copies at some keyframes (places in display order) for spans that end at `end`."""
        for place in places:
            if not 0 <= place < self._keys.size or self._numbers[place] >= end:
                continue
            key, number = int(self._keys[place]), int(self._numbers[place])
            stand_ins = len(counted_leading(self._index, key))
            start = max(0, number - stand_ins - 1) if stand_ins and not inner else number
            parts = plan_span(self._index, Span(start, end), self._keys, inner=inner).parts
            copied = next((part for part in parts if part.kind == "copy"), None)
            if copied is None or copied.frames.start != number:
                continue
            lent = 0
            if inner and self._index.video.codec == "h264" and not self._index.flags[key] & PictureFlag.CLOSED:
                lent = LEAD_IN_PICTURES + stand_ins
            yield Point(start, number - start + lent)

    def _fitting_ends(self, frames: I64, start: int) -> Iterator[Point]:
        for frame in frames.tolist():
            if frame > start and plan_span(self._index, Span(start, frame), self._keys).parts[-1].kind == "copy":
                yield Point(frame, 0)

    def _edge(self, side: Literal["start", "end"], frame: int, before: Point | None, after: Point | None) -> SnapEdge:
        return SnapEdge(
            side=side,
            edge_frame=frame,
            edge_s=self._seconds(frame),
            before_frame=before.frame if before else None,
            before_s=self._seconds(before.frame) if before else None,
            before_reencoded=before.reencoded if before else None,
            after_frame=after.frame if after else None,
            after_s=self._seconds(after.frame) if after else None,
            after_reencoded=after.reencoded if after else None,
        )

    def _seconds(self, frame: int) -> float:
        return us_to_s(int(self._index.times_us[frame]))


def _whole_ends(index: MediaIndex) -> I64:
    """Frames that are decoded behind all frames that are shown before them; the end of the recording too."""
    rows = index.display
    before = np.maximum.accumulate(rows)[:-1]
    behind = np.minimum.accumulate(rows[::-1])[::-1][1:]
    found: I64 = np.append(np.flatnonzero(before < behind) + 1, rows.size)
    return found
