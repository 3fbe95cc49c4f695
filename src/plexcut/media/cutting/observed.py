"""What a result shows of how it was made: which kept pictures have the recording's own bytes, and which have not."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise

from plexcut.domain.media import Check, Seam
from plexcut.domain.spans import KeepList, Span
from plexcut.domain.timecode import us_to_s
from plexcut.media.cutting.plan import Part, Plan, SpanPlan
from plexcut.media.index.model import MediaIndex

_EDGE_FRAMES = 4
BODY_FRAMES = 14
"""So many frames at each end of what is copied are compared."""


def observed_plan(keep: KeepList, altered: Collection[int]) -> Plan:
    """A plan with a part for each stretch of kept frames that are all altered or all the recording's own.

    It is the same for whoever made the result and for whoever looks at it later. Copied parts name no rows.
    """
    spans: list[SpanPlan] = []
    for span in keep:
        edges = [n for n in range(span.start + 1, span.end) if (n in altered) != (n - 1 in altered)]
        parts = [
            Part("encode" if start in altered else "copy", Span(start, end))
            for start, end in pairwise((span.start, *edges, span.end))
        ]
        spans.append(SpanPlan(span, tuple(parts)))
    return Plan(tuple(spans))


def looked_at(plan: Plan) -> list[int]:
    """The frames that a proof compares: all around the ends of every part."""
    frames: set[int] = set()
    for part in plan.parts:
        edge = _EDGE_FRAMES if part.kind == "encode" else BODY_FRAMES
        frames.update(range(part.frames.start, min(part.frames.start + edge, part.frames.end)))
        frames.update(range(max(part.frames.start, part.frames.end - edge), part.frames.end))
    return sorted(frames)


def own_bytes_check(altered: int, frames: int) -> Check:
    """Of pictures that are altered where they may be."""
    return Check("bytes", True, f"{frames - altered} of {frames} coded pictures are the recording's, others at seams")


def seams_of(index: MediaIndex, plan: Plan, offsets_ms: tuple[tuple[float | None, ...], ...] = ()) -> tuple[Seam, ...]:
    """Where kept spans meet; `offsets_ms` of each audio track in each span."""
    seams: list[Seam] = []
    at_us = 0
    for i, (before, after) in enumerate(pairwise(plan.spans), 1):
        at_us += int(index.times_us[before.span.end] - index.times_us[before.span.start])
        encoded = sum(len(part.frames) for part in (before.parts[-1], after.parts[0]) if part.kind == "encode")
        offsets = tuple(track[i] for track in offsets_ms)
        seams.append(Seam(us_to_s(at_us), before.span.end - 1, after.span.start, encoded, offsets))
    return tuple(seams)
