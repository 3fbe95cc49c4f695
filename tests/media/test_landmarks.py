"""What stands out in a recording: the clock of its frames, keyframes, places where a copy fits, chapters, silences."""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tests.media_factory import CLIPS, ClipCache

from plexcut.domain.spans import KeepList, Span
from plexcut.domain.timecode import FrameNumber
from plexcut.errors import SpanInvalid
from plexcut.media.engine import Engine
from plexcut.media.landmarks import clock_of, silences_of

MEDIA = Path(__file__).resolve().parents[3] / "shared" / "media"


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(tmp_path / "cache")


@pytest.mark.parametrize("name", ["h264_open_gop_50p", "h264_2997", "ts_lost_frames", "mp4_h264", "mkv_h264"])
def test_the_clock_tells_every_frame_within_a_millisecond(engine: Engine, clip_cache: ClipCache, name: str) -> None:
    path = clip_cache.get(CLIPS[name]).path
    times = engine.index(path).times_us
    clock = engine.landmarks(path).clock
    assert clock[0] == (0, 0)
    assert clock[-1] == (times.size - 1, int(times[-1]))
    told = np.interp(np.arange(times.size), [frame for frame, _ in clock], [at for _, at in clock])
    assert np.abs(told - times).max() <= 1000
    if name in ("h264_open_gop_50p", "h264_2997"):
        assert len(clock) == 2


def test_a_rate_that_changes_all_the_time_stays_bounded() -> None:
    steps = np.random.default_rng(3).integers(10_000, 90_000, 200_000)
    clock = clock_of(np.concatenate(([0], np.cumsum(steps))))
    assert 19_000 < len(clock) < 21_000


@pytest.mark.parametrize("name", ["h264_open_gop_50p", "mpeg2_interlaced_wrap", "mp4_hevc"])
def test_keyframes(engine: Engine, clip_cache: ClipCache, name: str) -> None:
    path = clip_cache.get(CLIPS[name]).path
    index = engine.index(path)
    shown = sorted(n for n in index.number_of[index.keys].tolist() if n >= 0)
    found = engine.keyframes(path, None, None, 1000)
    assert list(found.keyframes) == shown
    assert (found.start, found.end, found.total) == (0, index.frames, len(shown))
    assert engine.keyframes(path, None, None, 1).keyframes == tuple(shown[:1])
    low, high = shown[1], shown[-1]
    part = engine.keyframes(path, FrameNumber(low), FrameNumber(high), 1000)
    assert list(part.keyframes) == [n for n in shown if low <= n < high]
    at = Fraction(int(index.times_us[high]), 1_000_000)
    assert engine.keyframes(path, at, Fraction(10**6), 1000).keyframes == (high,)
    with pytest.raises(SpanInvalid):
        engine.keyframes(path, FrameNumber(50), FrameNumber(50), 1000)


@pytest.mark.parametrize("name", ["h264_open_gop_50p", "broadcast", "mpeg2_interlaced_wrap", "mp4_hevc"])
def test_at_a_copy_point_the_plan_costs_what_is_said(engine: Engine, clip_cache: ClipCache, name: str) -> None:
    path = clip_cache.get(CLIPS[name]).path
    total = engine.index(path).frames
    points = engine.copy_points(path, None, None)
    assert points.starts
    assert total in points.ends
    for end in points.ends:
        plan = engine.plan(path, KeepList((Span(0, end),)), "exact")
        assert plan.spans[0].tail == 0, end
    ends = [end for end in points.ends if end >= 4]
    first = KeepList((Span(0, ends[0]),))
    alone = engine.plan(path, first, "exact").frames_reencoded
    for start in points.starts:
        if start.frame <= ends[0] + 1:
            continue
        both = engine.plan(path, KeepList((*first.spans, Span(start.frame, total))), "exact")
        assert both.frames_reencoded - alone >= 0
        # What a start needs from the end of the span before is lent by whole mini-GOPs.
        assert both.spans[1].head <= start.reencoded, start


def test_silences(engine: Engine) -> None:
    peaks = np.full(1000, 0.3, np.float32)
    peaks[100:150] = 0.001
    peaks[400:405] = 0.0
    peaks[900:] = 0.003
    assert silences_of(peaks, 100, 10.0) == ((1_000_000, 1_500_000), (9_000_000, 10_000_000))
    assert silences_of(peaks, 100, 9.05) == ((1_000_000, 1_500_000),)


def test_silences_of_a_recording_come_with_its_sound(engine: Engine, clip_cache: ClipCache) -> None:
    path = clip_cache.get(CLIPS["h264_open_gop_50p"]).path
    until = time.monotonic() + 60
    while (found := engine.landmarks(path)).silences_known_us < int(engine.index(path).times_us[-1]):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert all(0 <= first < last <= found.silences_known_us + 10_000 for first, last in found.silences)


def test_chapters_of_a_container(engine: Engine) -> None:
    path = MEDIA / "androidx-sample_with_chapters.mkv"
    if not path.exists():
        pytest.skip("the shared recordings are not here")
    chapters = engine.landmarks(path).chapters
    assert chapters
    assert chapters[0].start_us < 1_000_000
    assert all(one.start_us < one.end_us for one in chapters)
