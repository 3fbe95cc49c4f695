"""The index of every clip says what was made."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from tests.media_factory import CLIPS, Clip, ClipCache

from plexcut.domain.media import RecordingFacts
from plexcut.media.engine import Engine
from plexcut.media.index.model import MediaIndex

_UNUSABLE = {"ts_scrambled", "audio_only"}
_INCOMPLETE = {"ts_damaged", "ts_mid_gop_start"}
_USABLE = sorted(set(CLIPS) - _UNUSABLE)
_WHOLE = sorted(set(CLIPS) - _UNUSABLE - _INCOMPLETE)
_CODECS = {"mpeg1video": "mpeg1video", "mpeg2video": "mpeg2video", "h264": "h264", "hevc": "hevc", "vp8": "vp8"}
_SUBTITLES = {"teletext": "dvb_teletext", "dvb": "dvb_subtitle", "srt": "subrip"}


def _indexed(clip_cache: ClipCache, name: str) -> tuple[Clip, MediaIndex, RecordingFacts]:
    clip = clip_cache.get(CLIPS[name])
    index = Engine(None).index(clip.path)
    return clip, index, index.facts()


@pytest.mark.parametrize("name", _WHOLE)
def test_frames_and_times_are_as_made(clip_cache: ClipCache, name: str) -> None:
    clip, index, facts = _indexed(clip_cache, name)
    assert facts.frames == len(clip.numbers)
    assert facts.fps == pytest.approx(float(clip.fps), rel=1e-6)
    assert facts.keyframes == len(clip.keyframes)
    assert [clip.numbers.index(k) for k in clip.keyframes] == index.number_of[index.keys].tolist()
    length_s = clip.spec.time_s(clip.numbers[-1]) + 1 / clip.fps
    assert facts.duration_s == pytest.approx(float(length_s), abs=0.002)
    tolerance_us = 1001 if index.time_base == Fraction(1, 1000) else 12
    for number, time_us in zip(clip.numbers, index.times_us.tolist(), strict=False):
        assert time_us == pytest.approx(float(clip.spec.time_s(number) * 1_000_000), abs=tolerance_us)


@pytest.mark.parametrize("name", _USABLE)
def test_facts_are_as_made(clip_cache: ClipCache, name: str) -> None:
    clip, index, facts = _indexed(clip_cache, name)
    spec = clip.spec
    assert facts.video.codec == _CODECS[spec.video_codec or ""]
    assert (facts.video.width, facts.video.height) == (spec.width, spec.height)
    assert facts.video.interlaced == (spec.interlaced is not None)
    assert facts.video.sample_aspect == f"{spec.sample_aspect.numerator}:{spec.sample_aspect.denominator}"
    assert facts.video.pixel_format == f"yuv{spec.chroma}p{'10le' if spec.bit_depth == 10 else ''}"
    # Those that only a later programme table names too.
    assert [(a.codec, a.language, a.channels) for a in facts.audio] == [
        (a.codec, a.language, a.channels) for a in spec.audio
    ]
    assert all(a.sample_rate == 48_000 for a in facts.audio)
    assert [(s.codec, s.language) for s in facts.subtitles] == [
        (_SUBTITLES[s.kind], s.language) for s in spec.subtitles
    ]
    assert facts.other == ()
    assert facts.discontinuities == (1 if spec.discontinuity else 0)
    assert facts.size_bytes == clip.path.stat().st_size
    assert index.dropped == (("programme 2",) if spec.radio else ())


@pytest.mark.parametrize("name", _USABLE)
def test_the_index_holds_together(clip_cache: ClipCache, name: str) -> None:
    _, index, _ = _indexed(clip_cache, name)
    shown = index.shown_pts
    assert bool((np.diff(shown) > 0).all())
    assert bool((np.diff(index.dts) >= 0).all())
    assert index.times_us[0] == 0
    assert index.times_us.size == index.frames + 1
    assert int(index.number_of[index.keys[0]]) == 0
    assert sorted(set(index.display.tolist())) == sorted(index.display.tolist())
    for row, size in enumerate(index.size.tolist()):
        assert size > 0, row
    if index.container == "mpegts":
        assert bool((np.diff(index.at) >= 0).all())
    for row in index.display.tolist():
        key = index.key_before(row)
        assert key <= row and key in set(index.keys.tolist())


def test_open_gops_need_the_keyframe_before(clip_cache: ClipCache) -> None:
    clip, index, _ = _indexed(clip_cache, "h264_open_gop_50p")
    keys = index.keys.tolist()
    row_of = {int(n): row for row, n in enumerate(index.number_of)}
    for before, key in pairwise(clip.keyframes):
        for leading in clip.leading_frames(key):
            assert index.key_before(row_of[leading]) == row_of[before]
        assert index.key_before(row_of[key]) == row_of[key]
        assert row_of[key] in keys


def test_lost_frames_leave_a_longer_frame_before_them(clip_cache: ClipCache) -> None:
    """A frame is shown until the next one: frame number is not time x fps."""
    clip, index, _ = _indexed(clip_cache, "ts_lost_frames")
    assert clip.spec.lost_frames == (30, 31, 57, 102)
    assert index.frame_at(Fraction(31, 50) + Fraction(1, 100)) == 29
    assert index.frame_at(Fraction(32, 50)) == 30
    assert clip.numbers[30] == 32
    assert index.frames == 146
    assert index.times_us[-1] == 3_000_000


def test_a_stream_that_begins_inside_a_group_starts_at_its_first_keyframe(clip_cache: ClipCache) -> None:
    clip, index, _ = _indexed(clip_cache, "ts_mid_gop_start")
    first = min(k for k in clip.keyframes if len(clip.numbers) - k == index.frames)
    assert first > 0
    assert index.times_us[-1] == pytest.approx((150 - first) * 20_000, abs=1)


def test_damage_costs_at_most_the_frames_it_hits(clip_cache: ClipCache) -> None:
    """Four packets are gone: a frame whose beginning was in one of them cannot be told, every other is there."""
    clip, index, facts = _indexed(clip_cache, "ts_damaged")
    assert len(clip.numbers) - 4 <= facts.frames <= len(clip.numbers)
    numbers = [round(t * 50 / 1_000_000) for t in index.times_us[:-1].tolist()]
    assert set(numbers) <= set(clip.numbers)
    assert facts.duration_s == pytest.approx(3.0)
    assert len(set(numbers)) == len(numbers)
