"""What a cut copies and what it re-encodes; decided from the index alone, before anything runs.

For a kept span `[a, b)`:

    ... K ....... K==========================K ....... K ...
          ^a      ^first copyable keyframe   ^last     ^b
         |-head--|----------- body -----------|--tail--|
         re-encode       copied bytes          re-encode

The body begins at a keyframe and leaves out its leading pictures (they refer to the group before). It ends, in decode
order, before the first picture that is shown at or after `b`, so that of a tail only what is left of one mini-GOP is
re-encoded.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from plexcut.domain.media import CutMode, CutPlan, PlannedSpan
from plexcut.domain.spans import KeepList, Span
from plexcut.domain.timecode import us_to_s
from plexcut.errors import FormatUnsupported, SpanInvalid
from plexcut.media.bitstream.pictures import PictureFlag
from plexcut.media.cutting.damage import damage_warnings
from plexcut.media.index.model import MediaIndex

I64 = npt.NDArray[np.int64]

ENCODABLE = ("h264", "hevc", "mpeg2video", "mpeg1video")
"""Codecs whose seams can be re-encoded so that they fit the source."""


LEAD_IN_PICTURES = 2
"""How many re-encoded pictures lead into an H.264 keyframe that is no IDR."""

_LEAST_COPIED = 16
"""A span that begins with fewer pictures of a keyframe that is no IDR is re-encoded: decoders do not show them all."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the result that is copied or re-encoded as a whole.

    `frames` are source frames. `rows` `[start, end)` are the index rows that are copied, less those that are shown
    outside `frames`; None for a re-encoded part. `stand_ins` are rows within them of leading pictures that later
    pictures' decoding counts on (H.264 reference pictures): pictures of the re-encoded part before it, which take their
    place in decode order.
    """

    kind: Literal["copy", "encode"]
    frames: Span
    rows: Span | None = None
    stand_ins: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SpanPlan:
    """A kept span (in `keyframe` mode as widened) and its parts in order."""

    span: Span
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """All kept spans in order."""

    spans: tuple[SpanPlan, ...]

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(part for span in self.spans for part in span.parts)

    @property
    def keep(self) -> KeepList:
        return KeepList(tuple(span.span for span in self.spans))

    @property
    def copied(self) -> int:
        """Frames whose bytes are copied."""
        return sum(len(part.frames) for part in self.parts if part.kind == "copy")

    @property
    def reencoded(self) -> int:
        return sum(len(part.frames) for part in self.parts if part.kind == "encode")


def plan_cut(
    index: MediaIndex, keep: KeepList, mode: CutMode, banned: Collection[int] = (), led: Collection[int] = ()
) -> Plan:
    """Plan a cut. `banned` are rows of keyframes that turned out not to stand alone.

    `led`: those in front of which a result in `keyframe` mode needs other pictures.

    Raises:
        SpanInvalid: a span reaches beyond the recording, or nothing is kept.
        FormatUnsupported: an exact seam would be needed in a codec that cannot be re-encoded to fit.
    """
    if not keep.spans:
        raise SpanInvalid("there is nothing to keep", "give at least one span")
    if keep.spans[-1].end > index.frames:
        raise SpanInvalid(
            f"the span {keep.spans[-1].start}-{keep.spans[-1].end} reaches beyond the recording",
            f"it has {index.frames} frames",
        )
    starts = copy_starts(index, banned)
    if mode == "keyframe":
        first = _widened(index, keep.spans[0], starts, lambda key: _led_start(index, key, key in led))
        others = (_widened(index, span, starts, lambda key: int(index.number_of[key])) for span in keep.spans[1:])
        keep = KeepList.of((first, *others))
    spans = [plan_span(index, span, starts, inner=i > 0) for i, span in enumerate(keep)]
    plan = Plan(tuple(_linked(index, spans, starts)))
    if plan.reencoded and index.video.codec not in ENCODABLE:
        raise FormatUnsupported(
            f"{index.video.codec} video cannot be cut at these frames", "use --mode keyframe, or cut at keyframes"
        )
    return plan


def copy_starts(index: MediaIndex, banned: Collection[int]) -> I64:
    """Rows of shown keyframes, in display order."""
    rows = [row for row in index.keys.tolist() if index.number_of[row] >= 0 and row not in banned]
    starts: I64 = np.asarray(sorted(rows, key=lambda row: int(index.number_of[row])), np.int64)
    return starts


def _is_leading(index: MediaIndex, rows: I64, key: int) -> npt.NDArray[np.bool_]:
    """Which rows after `key` are shown before it."""
    leading: npt.NDArray[np.bool_] = index.pts[rows] < index.pts[key]
    return leading


def _whole_ends(index: MediaIndex, key: int, stop: int) -> list[tuple[int, int]]:
    """Where a copy that begins at `key` can end without a hole: `(row, frame)` pairs, both exclusive, in order.

    Rows beyond the first one that is shown at or after frame `stop` are not looked at.
    """
    # What is there to decode others from cannot go along: it would be shown.
    hidden = np.flatnonzero(index.flags[key:] & PictureFlag.HIDDEN)
    rows = np.arange(key, key + int(hidden[0]) if hidden.size else index.pts.size)
    rows = rows[~_is_leading(index, rows, key) & (index.number_of[rows] >= 0)]
    numbers = index.number_of[rows]
    beyond = np.flatnonzero(numbers >= stop)
    if beyond.size:
        rows, numbers = rows[: int(beyond[0])], numbers[: int(beyond[0])]
    highest = np.maximum.accumulate(numbers)
    if not numbers.size:
        return []
    whole = np.flatnonzero(highest - numbers[0] == np.arange(numbers.size))
    return [(int(rows[i]) + 1, int(highest[i]) + 1) for i in whole]


def plan_span(index: MediaIndex, span: Span, starts: I64, *, inner: bool = False) -> SpanPlan:
    """The parts of one span by itself; `starts`: rows of keyframes that copies may begin at, in display order.

    `inner`: another span comes before, whose last pictures can be re-encoded to lead into this one.
    """
    numbers = index.number_of[starts]
    at = int(np.searchsorted(numbers, span.start, side="left"))
    while (
        at < starts.size
        and int(numbers[at]) < span.end
        and not (inner or _can_open(index, int(starts[at]), span.start))
    ):
        at += 1
    if at >= starts.size or int(numbers[at]) >= span.end:
        return SpanPlan(span, (Part("encode", span),))
    key, first = int(starts[at]), int(numbers[at])
    ends = _whole_ends(index, key, span.end)
    if not ends:
        return SpanPlan(span, (Part("encode", span),))
    row_end, frame_end = ends[-1]
    if _opens_late(index, key) and frame_end - first < _LEAST_COPIED and first == span.start > 0:
        return SpanPlan(span, (Part("encode", span),))
    parts = []
    if first > span.start:
        parts.append(Part("encode", Span(span.start, first)))
    parts.append(Part("copy", Span(first, frame_end), Span(key, row_end), counted_leading(index, key)))
    if frame_end < span.end:
        parts.append(Part("encode", Span(frame_end, span.end)))
    return SpanPlan(span, tuple(parts))


def counted_leading(index: MediaIndex, key: int) -> tuple[int, ...]:
    """Leading pictures of an H.264 keyframe that are reference pictures.

    Nothing behind the keyframe looks at them, but everything counts on them: without them frame numbers have a gap,
    which decoders fill with pictures of their own, and the reference lists of what follows shift (8.2.5.2).
    """
    if index.video.codec != "h264":
        return ()
    position = int(np.searchsorted(index.keys, key, side="right"))
    until = int(index.keys[position]) if position < index.keys.size else index.pts.size
    rows = np.arange(key + 1, until)
    counted = rows[
        _is_leading(index, rows, key) & ((index.flags[rows] & PictureFlag.REF) != 0) & (index.number_of[rows] >= 0)
    ]
    return tuple(counted.tolist())


def _can_open(index: MediaIndex, key: int, start: int) -> bool:
    """Whether a copy can begin at `key` when frames from `start` on are shown, and none before.

    The stand-ins show those right before it, and one more is an IDR picture: nothing that is decoded behind it can be
    shown before it.
    """
    stand_ins = len(counted_leading(index, key))
    return not stand_ins or int(index.number_of[key]) - start > stand_ins


def _led_start(index: MediaIndex, key: int, led: bool) -> int:
    """The frame that a result must begin with so that a copy can begin at `key`."""
    stand_ins = len(counted_leading(index, key))
    return max(0, int(index.number_of[key]) - (stand_ins + 1 if stand_ins else 0) - (LEAD_IN_PICTURES if led else 0))


def _opens_late(index: MediaIndex, key: int) -> bool:
    """Whether decoders need some pictures from `key` on before they show all of them (no IDR, ISO 14496-10 D.2.8)."""
    return index.video.codec == "h264" and not index.flags[key] & PictureFlag.CLOSED


def _widened(index: MediaIndex, span: Span, starts: I64, begin: Callable[[int], int]) -> Span:
    """The span from the keyframe at or before it to the first place at or after its end where a copy can stop.

    `begin`: the frame that it must begin with for a copy from a keyframe.
    """
    numbers = index.number_of[starts]
    if not starts.size:
        return span
    at = max(0, int(np.searchsorted(numbers, span.start, side="right")) - 1)
    while at > 0 and _opens_late(index, int(starts[at])) and index.frames - int(numbers[at]) < _LEAST_COPIED:
        at -= 1
    key = int(starts[at])
    start = min(begin(key), span.start)
    least = min(int(numbers[at]) + _LEAST_COPIED, index.frames) if _opens_late(index, key) else span.end
    end = max(span.end, least)
    for stop in (end + 64, end + 512, index.frames + 1):
        later = [frame for _, frame in _whole_ends(index, key, stop) if frame >= end]
        if later:
            end = later[0]
            break
    return Span(start, end)


def _linked(index: MediaIndex, spans: list[SpanPlan], starts: I64) -> list[SpanPlan]:
    """Have enough re-encoded pictures in front of every copied one that would follow pictures of another place.

    An H.264 keyframe that is no IDR resets neither picture order count nor frame number: right behind the pictures of
    another place decoders drop or misplace what follows. Two re-encoded pictures can lead into it: an IDR that resets,
    and one that takes up the keyframe's counts; and each stand-in is one more. Where a span's head has fewer, the end
    of the span before lends some. Where all before is too little, the keyframe is re-encoded.
    """
    if index.video.codec != "h264":
        return spans
    linked = list(spans)
    for i in range(1, len(linked)):
        usable = starts
        while (key := _led_key(index, linked[i])) is not None and not _lend(index, linked, i):
            usable = usable[usable != key]
            linked[i] = plan_span(index, linked[i].span, usable, inner=True)
    return linked


def _led_key(index: MediaIndex, span: SpanPlan) -> int | None:
    """The row of the keyframe that other pictures must lead into; None where a span needs none."""
    copied = next((part for part in span.parts if part.rows is not None), None)
    if copied is None or copied.rows is None or index.flags[copied.rows.start] & PictureFlag.CLOSED:
        return None
    return copied.rows.start


def _lend(index: MediaIndex, linked: list[SpanPlan], at: int) -> bool:
    """Have enough pictures in front of span `at` re-encoded; whether there are enough."""
    copied = next(part for part in linked[at].parts if part.kind == "copy")
    need = LEAD_IN_PICTURES + len(copied.stand_ins) - (copied.frames.start - linked[at].span.start)
    j = at - 1
    while need > 0 and j >= 0:
        if all(part.kind == "encode" for part in linked[j].parts):
            need -= len(linked[j].span)
            j -= 1
        elif _encoded_end(linked[j]) >= need:
            return True
        else:
            linked[j] = _with_longer_tail(index, linked[j])
    # At the very beginning one is enough: nothing is before it.
    return need < LEAD_IN_PICTURES


def _encoded_end(span: SpanPlan) -> int:
    """How many pictures at the end of a span are re-encoded."""
    return len(span.parts[-1].frames) if span.parts[-1].kind == "encode" else 0


def _with_longer_tail(index: MediaIndex, span: SpanPlan) -> SpanPlan:
    """`span` with one mini-GOP less copied and more re-encoded at its end."""
    at = max(i for i, part in enumerate(span.parts) if part.kind == "copy")
    copied = span.parts[at]
    assert copied.rows is not None
    before, end = span.parts[:at], span.span.end
    ends = [stop for stop in _whole_ends(index, copied.rows.start, copied.frames.end) if stop[1] < copied.frames.end]
    if not ends:
        start = before[-1].frames.start if before else copied.frames.start
        return replace(span, parts=(*before[:-1], Part("encode", Span(start, end))))
    row_end, frame_end = ends[-1]
    shorter = replace(copied, frames=Span(copied.frames.start, frame_end), rows=Span(copied.rows.start, row_end))
    return replace(span, parts=(*before, shorter, Part("encode", Span(frame_end, end))))


def copied_rows(index: MediaIndex, part: Part) -> npt.NDArray[np.int64]:
    """The rows of a copied part and of its stand-ins, in decode order."""
    assert part.rows is not None
    rows = np.arange(part.rows.start, part.rows.end)
    numbers = index.number_of[rows]
    inside = rows[(numbers >= part.frames.start) & (numbers < part.frames.end)]
    return np.union1d(inside, np.array(part.stand_ins, np.int64))


def describe(index: MediaIndex, plan: Plan) -> CutPlan:
    """The plan in the words of the interface."""
    duration_us = sum(int(index.times_us[s.span.end] - index.times_us[s.span.start]) for s in plan.spans)
    whole_us = max(1, index.time_us(index.frames))
    return CutPlan(
        frames=plan.keep.frames,
        frames_copied=plan.copied,
        frames_reencoded=plan.reencoded,
        duration_s=us_to_s(duration_us),
        bytes=index.size_bytes * duration_us // whole_us,
        warnings=plan_warnings(index, plan),
        keep=tuple((s.start, s.end) for s in plan.keep),
        keep_s=tuple((us_to_s(index.time_us(s.start)), us_to_s(index.time_us(s.end))) for s in plan.keep),
        spans=tuple(_counted(index, span) for span in plan.spans),
    )


def plan_warnings(index: MediaIndex, plan: Plan) -> tuple[str, ...]:
    """What whoever cuts should know: what is left out, jumps of the clock, damage in what is kept."""
    warnings = [f"{name} is left out" for name in index.dropped]
    if index.discontinuities:
        warnings.append(f"the clock jumps {index.discontinuities} times; the result runs on evenly")
    return (*warnings, *damage_warnings(index, plan.keep))


def _counted(index: MediaIndex, plan: SpanPlan) -> PlannedSpan:
    at = next((i for i, part in enumerate(plan.parts) if part.kind == "copy"), len(plan.parts))
    return PlannedSpan(
        start_frame=plan.span.start,
        end_frame=plan.span.end,
        start_s=us_to_s(index.time_us(plan.span.start)),
        end_s=us_to_s(index.time_us(plan.span.end)),
        head=sum(len(part.frames) for part in plan.parts[:at]),
        body=sum(len(part.frames) for part in plan.parts if part.kind == "copy"),
        tail=sum(len(part.frames) for part in plan.parts[at:] if part.kind == "encode"),
    )
