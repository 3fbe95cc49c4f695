"""How a result begins: with a keyframe that decoders take without a word, or re-encoded up to one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from plexcut.domain.media import CutMode, SnapEdge, Source
from plexcut.domain.spans import KeepList, Span
from plexcut.media.bitstream.pictures import PictureFlag
from plexcut.media.cutting.h264_marking import unclean_opening
from plexcut.media.cutting.h264_sets import source_sets
from plexcut.media.cutting.plan import Plan, plan_cut
from plexcut.media.cutting.snap import snap_edges
from plexcut.media.index.model import MediaIndex
from plexcut.media.units import open_units

_TRIES = 3


def settled_plan(path: Source, index: MediaIndex, keep: KeepList, mode: CutMode, banned: Collection[int] = ()) -> Plan:
    """The plan of a cut, as `plan_cut`, whose first copied keyframe nothing behind it looks past.

    An H.264 keyframe that is no IDR may be followed by pictures that unmark references from before it. At the very
    beginning of a result these are not there, which decoders report; an exact cut then re-encodes to the next keyframe.
    (In `keyframe` mode the report is put up with: nothing is to be re-encoded for it, and every picture is right.)

    Raises:
        SpanInvalid, FormatUnsupported: as `plan_cut`.
        FileUnreadable: the source is gone.
    """
    avoided = set(banned)
    plan = plan_cut(index, keep, mode, avoided)
    for _ in range(_TRIES):
        row = _opening_row(index, plan)
        if row is None or mode != "exact":
            break
        with open_units(path, index) as reader:
            if not unclean_opening(reader, index, row, source_sets(reader, index, row)):
                break
        avoided.add(row)
        plan = plan_cut(index, keep, mode, avoided)
    return plan


def settled_snap(path: Source, index: MediaIndex, keep: KeepList) -> tuple[SnapEdge, ...]:
    """`snap_edges`; what the result's first pictures cost is found out as `settled_plan` does.

    Raises:
        FileUnreadable: the source is gone.
    """
    edges = snap_edges(index, keep)
    first = edges[0]
    costs: dict[int, int] = {}
    for frame in {first.before_frame, first.after_frame} - {None}:
        assert frame is not None
        part = settled_plan(path, index, KeepList((Span(frame, keep.spans[0].end),)), "exact").parts[0]
        costs[frame] = len(part.frames) if part.kind == "encode" else 0
    before = None if first.before_frame is None else costs[first.before_frame]
    after = None if first.after_frame is None else costs[first.after_frame]
    return (replace(first, before_reencoded=before, after_reencoded=after), *edges[1:])


def _opening_row(index: MediaIndex, plan: Plan) -> int | None:
    """The H.264 keyframe, no IDR, that the result begins with, unless the recording itself begins there."""
    first = plan.parts[0]
    if index.video.codec != "h264" or first.rows is None or first.frames.start == 0:
        return None
    return None if index.flags[first.rows.start] & PictureFlag.CLOSED else first.rows.start
