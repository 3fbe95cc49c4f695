"""How a result begins: with a keyframe that decoders take without a word, or re-encoded up to one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from plexcut.domain.media import CutMode, SnapEdge, Source
from plexcut.domain.spans import KeepList, Span
from plexcut.media.bitstream.pictures import PictureFlag
from plexcut.media.cutting.h264_references import unclean_opening
from plexcut.media.cutting.h264_sets import source_sets
from plexcut.media.cutting.plan import Plan, plan_cut
from plexcut.media.cutting.snap import snap_edges
from plexcut.media.index.model import MediaIndex
from plexcut.media.units import open_units

_TRIES = 3


@dataclass(slots=True)
class Avoided:
    """Keyframes (rows) that a proof found wanting: `banned` do not stand alone, `led` not as the first of a result."""

    banned: set[int] = field(default_factory=set)
    led: set[int] = field(default_factory=set)

    def add(self, rows: set[int], plan: Plan, mode: CutMode) -> bool:
        """Take up rows with which a plan failed; whether that makes another plan."""
        before = len(self.banned) + len(self.led)
        first = plan.parts[0]
        # Before the very first picture there is none that could lead into it.
        leads = mode == "keyframe" and first.rows is not None and first.frames.start > 0
        opening = {first.rows.start} if leads and first.rows is not None else set()
        opening = (opening & rows) - self.led
        self.led |= opening
        self.banned |= rows - opening
        return len(self.banned) + len(self.led) > before


def settled_plan(
    path: Source, index: MediaIndex, keep: KeepList, mode: CutMode, avoided: Avoided | None = None
) -> Plan:
    """The plan of a cut, as `plan_cut`, whose first copied keyframe nothing behind it looks past.

    An H.264 keyframe that is no IDR may be followed by pictures that unmark references from before it. At the very
    beginning of a result these are not there, which decoders report; an exact cut then re-encodes to the next keyframe,
    and in `keyframe` mode the result begins with a few re-encoded pictures that lead into it.

    Raises:
        SpanInvalid, FormatUnsupported: as `plan_cut`.
        FileUnreadable: the source is gone.
    """
    avoided = Avoided() if avoided is None else Avoided(set(avoided.banned), set(avoided.led))
    plan = plan_cut(index, keep, mode, avoided.banned, avoided.led)
    for _ in range(_TRIES):
        row = _opening_row(index, plan)
        if row is None:
            break
        with open_units(path, index) as reader:
            if not unclean_opening(reader, index, row, source_sets(reader, index, row)):
                break
        avoided.add({row}, plan, mode)
        plan = plan_cut(index, keep, mode, avoided.banned, avoided.led)
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
    """The H.264 keyframe, no IDR, that the result begins with.

    None where the recording itself begins there and has no reference pictures behind it that are never shown, for
    lack of what they refer to: those are left out.
    """
    first = plan.parts[0]
    if index.video.codec != "h264" or first.rows is None or index.flags[first.rows.start] & PictureFlag.CLOSED:
        return None
    row = first.rows.start
    if first.frames.start == 0:
        behind = index.keys[index.keys > row]
        rows = np.arange(row, int(behind[0]) if behind.size else index.pts.size)
        if not np.any((index.number_of[rows] < 0) & (index.flags[rows] & PictureFlag.REF != 0)):
            return None
    return row
