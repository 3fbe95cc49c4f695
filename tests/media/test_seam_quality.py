"""Re-encoded pictures are as good as the source's, and take no more bits than the stream's level has room for."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from tests.media.cut_checks import keep_of, make_cut
from tests.media.test_plan_warnings import SHAPES
from tests.media_factory import CLIPS, ClipCache, read_number

from plexcut.media.cutting import room
from plexcut.media.cutting.encode import CodingNeeds, bring_in_range, encode_pictures
from plexcut.media.cutting.h264_sets import source_sets
from plexcut.media.cutting.levels import RateLimit, h264_limit, hevc_limit, mpeg2_limit
from plexcut.media.cutting.room import limit_at
from plexcut.media.engine import Engine
from plexcut.media.index.build import build_index
from plexcut.media.units import open_units

_LEAST_DB = 40.0


def _pictures(path: Path) -> dict[int, np.ndarray]:
    with av.open(str(path)) as container:
        frames = [frame for frame in container.decode(video=0) if isinstance(frame, av.VideoFrame)]
    numbered = {read_number(frame.to_ndarray(format="gray")): frame for frame in frames}
    return {number: frame.to_ndarray() for number, frame in numbered.items() if number is not None}


def _psnr(a: np.ndarray, b: np.ndarray) -> float:
    peak = 1023.0 if a.dtype == np.uint16 else 255.0
    error = float(np.mean((a.astype(np.float64) - b) ** 2))
    return math.inf if error == 0 else 10 * math.log10(peak * peak / error)


@pytest.mark.parametrize(
    "name",
    [
        "h264_grain",
        "h264_mbaff_grain",
        "h264_422_10bit",
        "hevc_grain",
        "mpeg2_grain",
        "broadcast",
        "h264_mbaff_bff",
        "mpeg2_interlaced_wrap",
        "mpeg2_pulldown",
        "hevc_10bit",
        "mp4_hevc",
    ],
)
def test_every_picture_is_as_good_as_the_source(clip_cache: ClipCache, tmp_path: Path, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    cut = make_cut(Engine(None), clip, tmp_path, [(3, clip.spec.gop + 2), (clip.spec.gop + 5, 49)])
    assert cut.result.frames_reencoded > 0
    source, result = _pictures(clip.path), _pictures(cut.path)
    assert sorted(result) == cut.frames
    found = {n: _psnr(source[n], picture) for n, picture in result.items()}
    assert min(found.values()) >= _LEAST_DB, found
    assert sum(db == math.inf for db in found.values()) >= cut.result.frames_copied


def _noise(count: int) -> list[av.VideoFrame]:
    frames = []
    for i in range(count):
        samples = np.random.default_rng(i).integers(16, 235, (192 * 3 // 2, 320)).astype(np.uint8)
        frames.append(av.VideoFrame.from_ndarray(samples, format="yuv420p"))
    return frames


@pytest.mark.parametrize("name", ["h264_closed", "hevc_closed", "mpeg2_closed"])
def test_pictures_get_coarser_until_they_fit(clip_cache: ClipCache, name: str) -> None:
    index = build_index(clip_cache.get(CLIPS[name]).path, None, lambda _: None)
    free = encode_pictures(_noise(4), index, CodingNeeds(interlaced=False))
    most = 8 * sum(map(len, free)) * 2 // 3
    fitting = encode_pictures(_noise(4), index, CodingNeeds(interlaced=False, most_bits=most))
    assert len(fitting) == 4
    assert most // 2 < 8 * sum(map(len, fitting)) <= most


def test_the_plan_says_where_the_level_leaves_no_room(clip_cache: ClipCache, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, clip = Engine(None), clip_cache.get(CLIPS["h264_open_gop_50p"])
    assert engine.plan(clip.path, keep_of([(3, 70)]), "exact").warnings == ()
    monkeypatch.setattr(room, "limit_at", lambda *_: RateLimit(10_000, 10_000))
    told = engine.plan(clip.path, keep_of([(3, 70)]), "exact")
    assert len(told.warnings) == 1
    assert told.warnings[0].startswith("the stream's level allows 0.0 Mbit/s: re-encoded pictures (frames 3-")
    assert SHAPES["tight"].fullmatch(told.warnings[0])
    assert engine.plan(clip.path, keep_of([(0, 150)]), "exact").warnings == ()


def test_what_the_levels_of_the_clips_allow(clip_cache: ClipCache) -> None:
    found = {}
    for name in ("h264_closed", "hevc_closed", "mpeg2_closed"):
        index = build_index(clip_cache.get(CLIPS[name]).path, None, lambda _: None)
        with open_units(clip_cache.get(CLIPS[name]).path, index) as reader:
            found[name] = limit_at(reader, index, int(index.keys[0]))
    assert found == {
        # Level 1.2 of the High profile, 2 of Main, Main at Main.
        "h264_closed": RateLimit(480_000, 1_250_000),
        "hevc_closed": RateLimit(1_500_000, 1_500_000),
        "mpeg2_closed": RateLimit(15_000_000, 1_835_008),
    }


def test_a_source_that_overruns_its_level_sets_no_limit(clip_cache: ClipCache) -> None:
    clip = clip_cache.get(CLIPS["hevc_grain"])
    index = build_index(clip.path, None, lambda _: None)
    with open_units(clip.path, index) as reader:
        assert limit_at(reader, index, int(index.keys[0])) is None


def test_headers_that_say_nothing_set_no_limit(clip_cache: ClipCache) -> None:
    clip = clip_cache.get(CLIPS["h264_closed"])
    index = build_index(clip.path, None, lambda _: None)
    with open_units(clip.path, index) as reader:
        sps = source_sets(reader, index, int(index.keys[0])).sps
    assert mpeg2_limit(b"") is None
    assert mpeg2_limit(b"\x00\x00\x01\xb5\x10\x00") is None
    assert hevc_limit([]) is None
    assert hevc_limit([b"\x42\x01\x01"]) is None
    assert h264_limit(replace(sps, level=99)) is None


def test_half_a_buffer_is_left_to_the_copied_pictures() -> None:
    assert RateLimit(25_000, 8000).most_bits(5, Fraction(25)) == 9000


@pytest.mark.parametrize("pixels", ["yuv420p10le", "yuv422p10le"])
def test_samples_beyond_their_bits_are_brought_back(pixels: str) -> None:
    """A damaged picture may have some, and x264 would end the process: what a decoder's memory held before."""
    frame = VideoFrame(64, 48, pixels)
    for plane in frame.planes:
        samples = np.frombuffer(memoryview(plane), np.uint16)
        samples[:] = np.arange(samples.size) * 257 % (1 << 16)
    bring_in_range(frame)
    for plane in frame.planes:
        samples = np.frombuffer(memoryview(plane), np.uint16)
        expected = np.minimum(np.arange(samples.size) * 257 % (1 << 16), 1023)
        assert np.array_equal(samples, expected)


def test_samples_of_eight_bits_stay() -> None:
    frame = VideoFrame(64, 48, "yuv420p")
    for plane in frame.planes:
        np.frombuffer(memoryview(plane), np.uint8)[:] = 255
    bring_in_range(frame)
    assert all(set(bytes(plane)) == {255} for plane in frame.planes)
