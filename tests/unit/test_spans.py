"""Keep lists behave as sets of frames."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plexcut.domain.spans import KeepList, Span, merge
from plexcut.errors import SpanInvalid

_TOTAL = 40


@st.composite
def _spans(draw: st.DrawFn) -> Span:
    start = draw(st.integers(0, _TOTAL + 5))
    return Span(start, draw(st.integers(start + 1, _TOTAL + 10)))


_lists = st.lists(_spans(), max_size=8)


def _frames(spans: list[Span] | KeepList) -> set[int]:
    return {frame for span in spans for frame in range(span.start, span.end)}


def _is_normal(keep: KeepList) -> bool:
    return all(a.end < b.start for a, b in pairwise(keep.spans))


@given(_lists)
def test_of_keeps_every_frame_and_no_other(spans: list[Span]) -> None:
    keep = KeepList.of(spans)
    assert _frames(keep) == _frames(spans)
    assert keep.frames == len(_frames(spans))
    assert _is_normal(keep)
    assert KeepList.of(reversed(spans)) == keep


@given(_lists, st.integers(0, _TOTAL + 10))
def test_contains_says_what_is_kept(spans: list[Span], frame: int) -> None:
    assert (frame in KeepList.of(spans)) == (frame in _frames(spans))


@given(_lists, _lists)
def test_union_is_the_union(one: list[Span], other: list[Span]) -> None:
    both = KeepList.of(one).union(KeepList.of(other))
    assert _frames(both) == _frames(one) | _frames(other)
    assert _is_normal(both)


@given(_lists, st.integers(0, _TOTAL + 10))
def test_clip_and_invert_part_the_recording_in_two(spans: list[Span], total: int) -> None:
    keep = KeepList.of(spans)
    kept, removed = _frames(keep.clip(total)), _frames(keep.invert(total))
    assert kept == _frames(keep) & set(range(total))
    assert removed == set(range(total)) - kept
    assert _is_normal(keep.clip(total))
    assert _is_normal(keep.invert(total))
    assert keep.invert(total).invert(total) == keep.clip(total)


def test_touching_spans_become_one() -> None:
    assert KeepList.of([Span(5, 9), Span(0, 5)]).spans == (Span(0, 9),)


def test_a_span_inside_another_does_not_shorten_it() -> None:
    assert KeepList.of([Span(0, 100), Span(10, 20)]).spans == (Span(0, 100),)


@pytest.mark.parametrize(("start", "end"), [(-1, 5), (5, 5), (6, 5), (-3, -1)])
def test_empty_reversed_and_negative_spans_are_refused(start: int, end: int) -> None:
    with pytest.raises(SpanInvalid):
        Span(start, end)


def test_a_span_is_half_open() -> None:
    span = Span(3, 5)
    assert [frame in span for frame in (2, 3, 4, 5)] == [False, True, True, False]
    assert len(span) == 2


@given(_lists, _lists)
def test_intersection(a: list[Span], b: list[Span]) -> None:
    both = KeepList.of(a).intersection(KeepList.of(b))
    assert _frames(both) == _frames(a) & _frames(b)
    assert _is_normal(both)


@given(_lists, _lists, _lists)
def test_a_merge_has_the_changes_of_both(base: list[Span], mine: list[Span], theirs: list[Span]) -> None:
    merged = merge(KeepList.of(base), KeepList.of(mine), KeepList.of(theirs))
    was, i_have, they_have = _frames(base), _frames(mine), _frames(theirs)
    assert _frames(merged) == {
        n for n in was | i_have | they_have if (n in i_have if (n in i_have) != (n in was) else n in they_have)
    }
    assert _is_normal(merged)
