"""Written times: every form is read as it was written, and what plexcut writes finds its frame again."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plexcut.domain.timecode import FrameNumber, floor_us, format_timecode, parse_position, us_to_s
from plexcut.errors import PositionInvalid, SpanInvalid
from plexcut.media.index.model import MediaIndex, VideoTrack

_RATES = (
    Fraction(24_000, 1001),
    Fraction(24),
    Fraction(25),
    Fraction(30_000, 1001),
    Fraction(50),
    Fraction(60_000, 1001),
    Fraction(60),
    Fraction(120_000, 1001),
)
_TIME_BASES = (Fraction(1, 90_000), Fraction(1, 1000), Fraction(1, 12_800), Fraction(1001, 30_000), Fraction(1, 10**9))


def index_with_times(pts: list[int], time_base: Fraction) -> MediaIndex:
    """An index of frames that are shown at `pts`, all of them keyframes."""
    n = len(pts)
    times = np.asarray(pts, np.int64)
    return MediaIndex(
        container="test",
        program=None,
        time_base=time_base,
        video=VideoTrack(0, "h264", 320, 192, False, Fraction(1), None, "yuv420p"),
        tracks=(),
        pts=times,
        dts=times,
        at=np.arange(n),
        skip=np.zeros(n, np.int16),
        size=np.ones(n, np.int32),
        flags=np.ones(n, np.uint16),
        display=np.arange(n),
        clock_at=np.zeros(1, np.int64),
        clock_add=np.zeros(1, np.int64),
        discontinuities=0,
        size_bytes=n,
    )


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("83.5", "83.5"),
        ("1:23.5", "83.5"),
        ("00:01:23.500", "83.5"),
        ("0", "0"),
        ("90", "90"),
        ("90:00", "5400"),
        ("100:00:00", "360000"),
        (".5", "0.5"),
        ("5.", "5"),
        (" 1:00 ", "60"),
        ("0:59.999999", "59.999999"),
        ("1:2:3", "3723"),
    ],
)
def test_every_written_form(written: str, seconds: str) -> None:
    assert parse_position(written) == Fraction(seconds)


@pytest.mark.parametrize(("written", "n"), [("#0", 0), ("#4175", 4175), (" #7 ", 7), ("#007", 7)])
def test_frame_numbers(written: str, n: int) -> None:
    assert parse_position(written) == FrameNumber(n)


@pytest.mark.parametrize(
    "written",
    ["", " ", "-1", "#-1", "#", "#1.5", "1:60", "1:60:00", "1:2:3:4", "abc", "1e3", "nan", "inf", "1,5", "1:", ":1",
     "1 2", "٣", "１", "#٣", "0x10", "1_0", "+1", "1" * 31, "--5", "00:00:-1", "\n", "1\n2", "\x00"],
)  # fmt: skip
def test_what_is_no_time_is_refused(written: str) -> None:
    with pytest.raises(PositionInvalid):
        parse_position(written)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -1, -0.001, Decimal(-1), True, Decimal("NaN")])
def test_what_is_no_number_of_seconds_is_refused(number: float) -> None:
    with pytest.raises(PositionInvalid):
        parse_position(number)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    refused: PositionInvalid | None = None
    try:
        position = parse_position(text)
    except PositionInvalid as error:
        refused = error
    else:
        assert position.n >= 0 if isinstance(position, FrameNumber) else position >= 0
    assert refused is None or len(refused.line.splitlines()) == 1


@given(st.decimals(0, 10**6, places=6))
def test_numbers_are_the_decimals_that_were_written(number: Decimal) -> None:
    assert parse_position(str(number)) == Fraction(number)
    assert parse_position(number) == Fraction(number)
    assert parse_position(float(number)) == Fraction(number)


@given(st.integers(0, 10**9))
def test_milliseconds_survive_writing_and_reading(ms: int) -> None:
    assert parse_position(format_timecode(Fraction(ms, 1000))) == Fraction(ms, 1000)


@given(st.fractions(0, 10**6))
def test_written_times_are_rounded_down(seconds: Fraction) -> None:
    written = parse_position(format_timecode(seconds))
    assert isinstance(written, Fraction)
    assert 0 <= seconds - written < Fraction(1, 1000)
    assert floor_us(seconds) <= seconds * 1_000_000 < floor_us(seconds) + 1
    whole = parse_position(format_timecode(seconds, millis=False))
    assert whole == int(seconds)


@given(st.integers(0, 200_000 * 10**6))
def test_microseconds_survive_json(time_us: int) -> None:
    read = parse_position(json.loads(json.dumps(us_to_s(time_us))))
    assert read == Fraction(time_us, 10**6)


@given(
    st.sampled_from(_RATES),
    st.sampled_from(_TIME_BASES),
    st.integers(0, 1 << 34),
    st.integers(0, 600_000),
    st.integers(2, 40),
)
def test_a_time_that_was_written_finds_its_frame(
    rate: Fraction, time_base: Fraction, start: int, first: int, count: int
) -> None:
    """In every rate and time base, hours into a recording too, whether it went through JSON or a timecode."""
    ticks = [start, *(start + round((first + k) / rate / time_base) for k in range(1, count))]
    index = index_with_times(sorted(set(ticks)), time_base)
    for frame in range(index.frames):
        time_us = int(index.times_us[frame])
        read = parse_position(json.loads(json.dumps(us_to_s(time_us))))
        assert isinstance(read, Fraction)
        assert index.frame_at(read) == frame
        assert index.first_frame_from(read) == frame
        assert parse_position(f"{time_us // 10**6}.{time_us % 10**6:06d}") == read


@given(st.sampled_from(_RATES), st.integers(2, 60))
def test_a_frame_is_shown_until_the_next_one(rate: Fraction, count: int) -> None:
    index = index_with_times([round(k / rate * 90_000) for k in range(count)], Fraction(1, 90_000))
    for frame in range(count):
        begin_us, end_us = int(index.times_us[frame]), int(index.times_us[frame + 1])
        assert index.frame_at(Fraction(begin_us, 10**6)) == frame
        assert index.frame_at(Fraction(begin_us + end_us, 2 * 10**6)) == frame
        assert index.frame_at(Fraction(2 * end_us - 1, 2 * 10**6)) == frame
        assert index.first_frame_from(Fraction(2 * begin_us + 1, 2 * 10**6)) == frame + 1
    with pytest.raises(PositionInvalid):
        index.frame_at(Fraction(int(index.times_us[-1]), 10**6))
    assert index.fps == rate


@given(st.lists(st.integers(1, 10**5), min_size=1, max_size=60), st.sampled_from(_TIME_BASES), st.data())
def test_uneven_frames_are_found_as_a_search_by_hand_finds_them(
    steps: list[int], time_base: Fraction, data: st.DataObject
) -> None:
    pts = [0]
    for step in steps:
        pts.append(pts[-1] + step)
    index = index_with_times(pts, time_base)
    end_us = int(index.times_us[-1])
    time_us = data.draw(st.integers(0, max(0, end_us - 1)))
    times = [floor_us(p * time_base) for p in pts]
    if end_us:
        assert index.frame_at(Fraction(time_us, 10**6)) == max(i for i, t in enumerate(times) if t <= time_us)
    at_or_after = [i for i, t in enumerate(times) if t >= time_us]
    assert index.first_frame_from(Fraction(time_us, 10**6)) == (at_or_after[0] if at_or_after else len(times))


def test_spans_keep_the_frames_from_a_up_to_but_not_b() -> None:
    """SPEC: `A-B` keeps the frames whose time t satisfies A <= t < B."""
    index = index_with_times([3600 * k for k in range(100)], Fraction(1, 90_000))
    assert index.first_frame_from(Fraction(1)) == 25
    assert index.first_frame_from(Fraction("1.000001")) == 26
    assert index.first_frame_from(Fraction("0.999999")) == 25
    assert index.first_frame_from(Fraction(1000)) == 100


@pytest.mark.parametrize("far", [Fraction(10) ** 30, Fraction(10) ** 400, Fraction(4)])
def test_a_time_beyond_the_end_is_refused_however_far(far: Fraction) -> None:
    index = index_with_times([3600 * k for k in range(100)], Fraction(1, 90_000))
    with pytest.raises(PositionInvalid):
        index.frame_at(far)
    assert index.first_frame_from(far) == 100


def test_a_wrong_span_is_no_wrong_position() -> None:
    assert not issubclass(SpanInvalid, PositionInvalid)
