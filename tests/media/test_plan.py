"""Plans and schedules of cuts, on made-up indexes: every kept frame once, in its place, at its time."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plexcut.domain.spans import KeepList, Span
from plexcut.errors import FormatUnsupported, SpanInvalid
from plexcut.media.bitstream.pictures import PictureFlag
from plexcut.media.cutting.plan import Part, Plan, copied_rows, counted_leading, describe, plan_cut
from plexcut.media.cutting.schedule import decode_times, make_schedule
from plexcut.media.cutting.snap import snap_edges
from plexcut.media.index.model import MediaIndex, VideoTrack, display_order

TICKS = 1800


@dataclass(frozen=True)
class Group:
    """A group of pictures to make up: its leading pictures, and how many B pictures each anchor behind it has.

    `counted`: leading pictures may be references. `closed`: the keyframe is one that resets everything.
    """

    leading: int
    counted: bool
    closed: bool
    minis: tuple[int, ...]
    pyramid: bool


def make_index(codec: str, groups: list[Group], lost: frozenset[int] = frozenset()) -> MediaIndex:
    """An index of these groups; `lost` are display slots of pictures that the broadcast lost (never keyframes)."""
    rows: list[tuple[int, PictureFlag]] = []
    slot = 0
    for number, group in enumerate(groups):
        leading = 0 if group.closed and codec != "hevc" else group.leading
        key = PictureFlag.KEY | PictureFlag.REF | PictureFlag.INTRA
        if group.closed or number == 0:
            key |= PictureFlag.CLOSED
        if number == 0:
            leading = 0
        radl = PictureFlag.RADL if group.closed else PictureFlag(0)
        rows.append((slot + leading, key))
        rows += [(at, flags | radl) for at, flags in _between(slot, leading, group.counted and codec == "h264")]
        slot += leading + 1
        for count in group.minis:
            rows.append((slot + count, PictureFlag.REF))
            rows += _between(slot, count, group.pyramid)
            slot += count + 1
    rows = [(at, flags) for at, flags in rows if at not in lost or flags & PictureFlag.REF]
    pts = np.array([90_000 + at * TICKS for at, _ in rows], np.int64)
    flags = np.array([int(flag) for _, flag in rows], np.uint16)
    count = len(rows)
    return MediaIndex(
        container="mpegts",
        program=1,
        time_base=Fraction(1, 90_000),
        video=VideoTrack(0x101, codec, 320, 192, False, Fraction(1), None, "yuv420p"),
        tracks=(),
        pts=pts,
        dts=np.arange(count, dtype=np.int64) * TICKS,
        at=np.arange(count, dtype=np.int64) * 1880,
        skip=np.zeros(count, np.int16),
        size=np.full(count, 1000, np.int32),
        flags=flags,
        display=display_order(pts, flags),
        clock_at=np.zeros(1, np.int64),
        clock_add=np.zeros(1, np.int64),
        discontinuities=0,
        size_bytes=count * 1880,
    )


def _between(slot: int, count: int, references: bool) -> list[tuple[int, PictureFlag]]:
    """B pictures of the slots from `slot` on, in decode order; with `references` the middle one comes first."""
    slots = list(range(slot, slot + count))
    if references and count > 1:
        middle = slots.pop(count // 2)
        return [(middle, PictureFlag.REF), *((at, PictureFlag(0)) for at in slots)]
    return [(at, PictureFlag(0)) for at in slots]


@st.composite
def _indexes(draw: st.DrawFn) -> MediaIndex:
    codec = draw(st.sampled_from(["h264", "hevc", "mpeg2video"]))
    group = st.builds(
        Group,
        leading=st.integers(0, 5),
        counted=st.booleans(),
        closed=st.booleans(),
        minis=st.lists(st.integers(0, 5), max_size=4).map(tuple),
        pyramid=st.booleans(),
    )
    groups = draw(st.lists(group, min_size=1, max_size=6))
    lost = draw(st.frozensets(st.integers(0, 60), max_size=4))
    return make_index(codec, groups, lost)


@st.composite
def _cuts(draw: st.DrawFn) -> tuple[MediaIndex, KeepList]:
    index = draw(_indexes())
    edges = draw(st.lists(st.tuples(st.integers(0, index.frames - 1), st.integers(1, 40)), min_size=1, max_size=6))
    return index, KeepList.of(Span(start, min(index.frames, start + length)) for start, length in edges)


def _frames(keep: KeepList) -> list[int]:
    return [n for span in keep for n in range(span.start, span.end)]


def check_plan(index: MediaIndex, plan: Plan) -> None:
    """What must hold for any plan, in any mode."""
    assert [n for part in plan.parts for n in range(part.frames.start, part.frames.end)] == _frames(plan.keep)
    assert plan.copied + plan.reencoded == plan.keep.frames
    for span in plan.spans:
        assert span.parts[0].frames.start == span.span.start
        assert span.parts[-1].frames.end == span.span.end
        for before, after in zip(span.parts, span.parts[1:], strict=False):
            assert before.frames.end == after.frames.start
    for number, part in enumerate(plan.parts):
        if part.kind == "encode":
            assert part.rows is None
            assert part.stand_ins == ()
        else:
            _check_copied(index, part, plan.parts[:number])


def _check_copied(index: MediaIndex, part: Part, before: tuple[Part, ...]) -> None:
    assert part.rows is not None
    key = part.rows.start
    assert index.flags[key] & PictureFlag.KEY
    assert int(index.number_of[key]) == part.frames.start
    rows = np.arange(part.rows.start, part.rows.end)
    numbers = index.number_of[rows]
    inside = (numbers >= part.frames.start) & (numbers < part.frames.end)
    assert sorted(numbers[inside].tolist()) == list(range(part.frames.start, part.frames.end))
    # What is left out between the first and the last copied row is nothing but leading pictures of the first.
    assert (index.pts[rows[~inside]] < index.pts[key]).all()
    left_out_references = [r for r in rows[~inside].tolist() if index.flags[r] & PictureFlag.REF]
    if index.video.codec == "h264":
        assert set(left_out_references) <= set(part.stand_ins)
        assert part.stand_ins == counted_leading(index, key)
    else:
        assert part.stand_ins == ()
    right_before = itertools.takewhile(lambda other: other.kind == "encode", reversed(before))
    encoded = sum(len(other.frames) for other in right_before)
    # The first re-encoded picture is an IDR, behind which nothing may be decoded that is shown before it.
    assert not part.stand_ins or encoded > len(part.stand_ins)
    if index.video.codec == "h264" and before and not index.flags[key] & PictureFlag.CLOSED:
        assert encoded > len(part.stand_ins)
    copied = copied_rows(index, part).tolist()
    assert copied == sorted({*rows[inside].tolist(), *part.stand_ins})
    assert copied[0] == key


def check_schedule(index: MediaIndex, plan: Plan) -> None:
    """What must hold for the times of any plan."""
    schedule = make_schedule(index, plan)
    frames = _frames(plan.keep)
    assert sorted(schedule.frame.tolist()) == frames
    assert (np.diff(schedule.dts) > 0).all()
    assert (schedule.dts <= schedule.pts).all()
    shown = np.argsort(schedule.pts)
    assert schedule.frame[shown].tolist() == frames
    expected: list[int] = []
    base = 0
    for span, times in zip(plan.keep, schedule.spans, strict=True):
        first = int(index.shown_pts[span.start])
        assert (times.start, times.base) == (first, base)
        expected += [base + int(pts) - first for pts in index.shown_pts[span.start : span.end]]
        end = int(index.shown_pts[span.end]) if span.end < index.frames else index.end_pts
        base += end - first
    assert schedule.pts[shown].tolist() == expected
    assert schedule.end == base
    assert (np.diff(schedule.part) >= 0).all()
    assert (np.diff(schedule.span) >= 0).all()
    for number, part in enumerate(plan.parts):
        mine = np.flatnonzero(schedule.part == number)
        rows, numbers = schedule.row[mine], schedule.frame[mine]
        if part.kind == "encode":
            assert (rows == -1).all()
            continue
        stand_ins = set(part.stand_ins)
        copied = copied_rows(index, part).tolist()
        assert rows[rows >= 0].tolist() == [r for r in copied if r not in stand_ins]
        for row, frame in zip(rows.tolist(), numbers.tolist(), strict=True):
            assert row < 0 or index.number_of[row] == frame
        # Stand-ins are shown right before the keyframe, in the order in which those are shown that they stand for.
        places = mine[rows < 0]
        shown_before = shown[: int(np.flatnonzero(shown == mine[0])[0])]
        assert sorted(places.tolist()) == sorted(shown_before[shown_before.size - len(stand_ins) :].tolist())
        assert (np.argsort(schedule.pts[places]) == np.argsort(index.pts[sorted(stand_ins)])).all()


_relaxed = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@_relaxed
@given(_cuts())
def test_an_exact_plan_keeps_every_frame_once(cut: tuple[MediaIndex, KeepList]) -> None:
    index, keep = cut
    plan = plan_cut(index, keep, "exact")
    assert plan.keep == keep
    check_plan(index, plan)
    check_schedule(index, plan)


@_relaxed
@given(_cuts())
def test_keyframe_mode_only_widens(cut: tuple[MediaIndex, KeepList]) -> None:
    index, keep = cut
    plan = plan_cut(index, keep, "keyframe")
    check_plan(index, plan)
    check_schedule(index, plan)
    assert set(_frames(keep)) <= set(_frames(plan.keep))
    assert plan.reencoded <= plan_cut(index, plan.keep, "exact").reencoded
    if index.video.codec != "h264":
        assert plan.reencoded == 0


@_relaxed
@given(_cuts(), st.data())
def test_banned_keyframes_begin_no_copy(cut: tuple[MediaIndex, KeepList], data: st.DataObject) -> None:
    index, keep = cut
    banned = data.draw(st.sets(st.sampled_from(index.keys[1:].tolist()))) if index.keys.size > 1 else set()
    plan = plan_cut(index, keep, "exact", banned)
    assert plan.keep == keep
    check_plan(index, plan)
    check_schedule(index, plan)
    assert banned.isdisjoint(part.rows.start for part in plan.parts if part.rows is not None)


@_relaxed
@given(_cuts())
def test_the_description_tells_what_the_plan_holds(cut: tuple[MediaIndex, KeepList]) -> None:
    index, keep = cut
    plan = plan_cut(index, keep, "exact")
    told = describe(index, plan)
    assert told.frames == told.frames_copied + told.frames_reencoded == keep.frames
    assert told.keep == tuple((span.start, span.end) for span in keep)
    assert 0 < told.bytes <= index.size_bytes
    for (start, end), (start_s, end_s) in zip(told.keep, told.keep_s, strict=True):
        assert start_s * 1e6 == pytest.approx(int(index.times_us[start]), abs=0.5)
        assert end_s * 1e6 == pytest.approx(int(index.times_us[end]), abs=0.5)
    assert told.duration_s == pytest.approx(sum(b - a for a, b in told.keep_s), abs=1e-5)


@given(st.permutations(range(24)))
def test_decode_times_rise_and_come_before_the_show_times(order: list[int]) -> None:
    pts = np.array([n * TICKS for n in order], np.int64)
    dts = decode_times(pts, TICKS)
    assert (np.diff(dts) == TICKS).all()
    assert (dts <= pts).all()
    assert (dts == pts).any()


_OPEN = Group(leading=3, counted=False, closed=False, minis=(3,) * 7, pyramid=False)
_FIRST = replace(_OPEN, leading=0, closed=True)


def _parts(index: MediaIndex, start: int, end: int) -> list[tuple[str, int, int]]:
    plan = plan_cut(index, KeepList.of([Span(start, end)]), "exact")
    check_plan(index, plan)
    return [(part.kind, part.frames.start, part.frames.end) for part in plan.parts]


def test_the_body_is_copied_and_only_the_edges_are_encoded() -> None:
    # Shown keyframes: 0, 32, 64 (29 frames of the first group, then 3 leading ones before each key).
    index = make_index("h264", [_FIRST, _OPEN, _OPEN])
    assert index.frames == 29 + 32 + 32
    assert index.number_of[index.keys].tolist() == [0, 32, 64]
    assert _parts(index, 0, 93) == [("copy", 0, 93)]
    assert _parts(index, 32, 61) == [("copy", 32, 61)]
    assert _parts(index, 30, 61) == [("encode", 30, 32), ("copy", 32, 61)]
    # The tail is what is left of one group of B pictures, not a whole group of pictures.
    assert _parts(index, 32, 55) == [("copy", 32, 53), ("encode", 53, 55)]
    assert _parts(index, 1, 31) == [("encode", 1, 31)]
    assert _parts(index, 63, 93) == [("encode", 63, 64), ("copy", 64, 93)]


@pytest.mark.parametrize(("codec", "copied"), [("h264", 0), ("hevc", 13), ("mpeg2video", 13)])
def test_too_few_pictures_of_an_open_h264_group_are_encoded(codec: str, copied: int) -> None:
    index = make_index(codec, [_FIRST, _OPEN, _OPEN])
    assert plan_cut(index, KeepList.of([Span(32, 46)]), "exact").copied == copied


def test_a_beginning_without_pictures_to_stand_in_takes_the_next_keyframe() -> None:
    index = make_index("h264", [_FIRST, replace(_OPEN, counted=True), _OPEN])
    (stood_in,) = counted_leading(index, int(index.keys[1]))
    frame = int(index.number_of[stood_in])
    assert (frame, int(index.number_of[index.keys[1]])) == (30, 32)
    # One picture stands in, and the first is an IDR picture, decoded before the keyframe and shown before the rest.
    assert _parts(index, frame - 1, 93) == [("encode", 29, 32), ("copy", 32, 93)]
    assert _parts(index, frame, 93) == [("encode", 30, 32), ("copy", 32, 93)]
    assert _parts(index, frame + 1, 93) == [("encode", 31, 64), ("copy", 64, 93)]
    # Behind another span its last pictures stand in.
    plan = plan_cut(index, KeepList.of([Span(0, 20), Span(32, 93)]), "exact")
    check_plan(index, plan)
    check_schedule(index, plan)
    assert [part.kind for part in plan.spans[1].parts] == ["copy"]
    assert len(plan.spans[0].parts[-1].frames) >= 3
    # But where there are too few, the next keyframe is taken here too.
    plan = plan_cut(index, KeepList.of([Span(0, 1), Span(32, 93)]), "exact")
    check_plan(index, plan)
    assert plan.spans[1].parts[-1].frames == Span(64, 93)


def test_a_short_head_of_h264_borrows_from_the_span_before() -> None:
    """Two re-encoded pictures lead into a keyframe that is no IDR, wherever they come from."""
    for codec, tail in (("h264", True), ("hevc", False), ("mpeg2video", False)):
        index = make_index(codec, [_FIRST, _OPEN, _OPEN])
        plan = plan_cut(index, KeepList.of([Span(0, 9), Span(32, 61)]), "exact")
        check_plan(index, plan)
        assert (plan.spans[0].parts[-1].kind == "encode") is tail
    index = make_index("h264", [_FIRST, replace(_OPEN, closed=True), _OPEN])
    plan = plan_cut(index, KeepList.of([Span(0, 9), Span(29, 58)]), "exact")
    assert plan.reencoded == 0


def test_what_cannot_be_planned() -> None:
    index = make_index("h264", [_FIRST, _OPEN])
    for spans in ([], [Span(0, 62)], [Span(60, 62)], [Span(70, 80)]):
        with pytest.raises(SpanInvalid):
            plan_cut(index, KeepList.of(spans), "exact")
    for mode in ("exact", "keyframe"):
        assert plan_cut(index, KeepList.of([Span(0, 61)]), mode).copied == 61
    other = replace(index, video=replace(index.video, codec="vp8"))
    with pytest.raises(FormatUnsupported):
        plan_cut(other, KeepList.of([Span(3, 50)]), "exact")
    assert plan_cut(other, KeepList.of([Span(0, 61)]), "exact").reencoded == 0


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(_cuts())
def test_the_counts_of_the_spans_are_those_of_the_plan(cut: tuple[MediaIndex, KeepList]) -> None:
    index, keep = cut
    plan = describe(index, plan_cut(index, keep, "exact"))
    assert [(span.start_frame, span.end_frame) for span in plan.spans] == [(s.start, s.end) for s in keep]
    assert all(span.head + span.body + span.tail == span.end_frame - span.start_frame for span in plan.spans)
    assert sum(span.body for span in plan.spans) == plan.frames_copied
    assert sum(span.head + span.tail for span in plan.spans) == plan.frames_reencoded


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(_cuts())
def test_at_a_snapped_edge_no_more_is_encoded_than_is_said(cut: tuple[MediaIndex, KeepList]) -> None:
    """Moved alone, an edge costs nothing at an end, and at a start the pictures that are told."""
    index, keep = cut
    edges = snap_edges(index, keep)
    assert [(edge.side, edge.edge_frame) for edge in edges] == [
        found for span in keep for found in (("start", span.start), ("end", span.end))
    ]
    for i, edge in enumerate(edges):
        span = keep.spans[i // 2]
        for frame, told in ((edge.before_frame, edge.before_reencoded), (edge.after_frame, edge.after_reencoded)):
            assert (frame is None) == (told is None)
            if frame is None or told is None:
                continue
            moved = Span(frame, span.end) if edge.side == "start" else Span(span.start, frame)
            found = describe(index, plan_cut(index, KeepList((moved,)), "exact")).spans[0]
            assert found.body > 0
            if edge.side == "end":
                assert told == found.tail == 0
            else:
                assert found.head <= told <= found.head + 2
                assert told == found.head or index.video.codec == "h264"
        assert edge.before_frame is None or edge.before_frame <= edge.edge_frame
        assert edge.after_frame is None or edge.after_frame >= edge.edge_frame


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(_cuts())
def test_an_edge_that_costs_nothing_stays_where_it_is(cut: tuple[MediaIndex, KeepList]) -> None:
    index, keep = cut
    spans = describe(index, plan_cut(index, keep, "exact")).spans
    if index.video.codec == "h264":
        return
    for i, edge in enumerate(snap_edges(index, keep)):
        span = spans[i // 2]
        free = span.body > 0 and (span.head if edge.side == "start" else span.tail) == 0
        assert free == (edge.before_frame == edge.edge_frame == edge.after_frame)


def test_snapping_everywhere_leaves_nothing_to_encode() -> None:
    index = make_index("mpeg2video", [Group(2, False, False, (2, 2, 2), False)] * 12)
    keep = KeepList((Span(3, 41), Span(50, 77), Span(90, 101)))
    edges = snap_edges(index, keep)
    starts = [edge.after_frame for edge in edges if edge.side == "start"]
    ends = [edge.before_frame for edge in edges if edge.side == "end"]
    assert None not in starts
    assert None not in ends
    snapped = KeepList(tuple(Span(a or 0, b or 0) for a, b in zip(starts, ends, strict=True)))
    assert plan_cut(index, snapped, "exact").reencoded == 0
