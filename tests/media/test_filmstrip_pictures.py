"""The small pictures themselves: shape, fields, colours; and recordings that are read over a network."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.filter import Graph
from av.video.frame import VideoFrame
from tests.media.ranges import MemoryRanges
from tests.media.test_filmstrip import check, gray
from tests.media_factory import CLIPS, ClipCache

from plexcut.domain.media import FilmstripOrder
from plexcut.domain.timecode import FrameNumber
from plexcut.errors import LibraryOffline
from plexcut.media.engine import Engine
from plexcut.media.filmstrip.scaling import Scaler
from plexcut.media.filmstrip.sprite import compose, make_grid
from plexcut.media.pictures import encode_picture


def rgb_of(data: bytes) -> np.ndarray:
    with av.open(io.BytesIO(data)) as opened:
        return next(opened.decode(video=0)).to_ndarray(format="rgb24").astype(int)


def flat(fmt: str, y: int, u: int, v: int, **marks: int) -> VideoFrame:
    """A picture of one colour, 320 x 180."""
    bits = 10 if "10" in fmt else 8
    kind = np.uint16 if bits == 10 else np.uint8
    planes = [np.full((180, 320), y, kind), np.full((90, 160), u, kind), np.full((90, 160), v, kind)]
    whole = np.concatenate([plane.ravel() for plane in planes]).reshape(270, 320)
    frame = VideoFrame.from_ndarray(whole, format=fmt)
    for name, value in marks.items():
        setattr(frame, name, value)
    return frame


@pytest.mark.parametrize(
    "frame",
    [
        flat("yuv420p", 120, 100, 160, colorspace=1, color_range=1),
        flat("yuv420p", 120, 100, 160, colorspace=5, color_range=1),
        flat("yuvj420p", 60, 150, 90, colorspace=5, color_range=2),
        flat("yuv420p10le", 600, 480, 560, colorspace=9, color_range=1, color_trc=16, color_primaries=9),
        flat("yuv420p10le", 700, 500, 530, colorspace=9, color_range=1, color_trc=18, color_primaries=9),
    ],
    ids=["709", "601", "full range", "pq", "hlg"],
)
@pytest.mark.parametrize("height", [18, 90, 180])
def test_colours_are_those_of_single_pictures(frame: VideoFrame, height: int) -> None:
    size = (height * 16 // 9, height)
    whole = rgb_of(encode_picture(frame, Fraction(1), None, "png").data)
    image = compose(make_grid(2, size), [Scaler(size).planes(frame)] * 2)
    strip = rgb_of(encode_picture(image, Fraction(1), None, "png").data)
    assert strip.shape == (height, 2 * size[0], 3)
    assert np.abs(strip - whole[0, 0]).max() <= 5, "but for the rounding of 8 bits"


def test_fields_are_mixed_in_small_pictures_and_do_not_comb_in_large_ones() -> None:
    """A bar that moved between the fields: two half-bright bars where it is small, one bar where it is large."""
    luma = np.full((288, 352), 40, np.uint8)
    luma[0::2, 100:160] = 220
    luma[1::2, 200:260] = 220
    chroma = np.full((144, 352), 128, np.uint8)
    frame = VideoFrame.from_ndarray(np.concatenate((luma, chroma)), format="yuv420p")
    graph = Graph()
    source = graph.add_buffer(width=352, height=288, format=frame.format, time_base=Fraction(1, 25))
    graph.link_nodes(source, graph.add("setfield", "tff"), graph.add("buffersink")).configure()
    graph.push(frame)
    frame = graph.pull()
    assert frame.interlaced_frame
    small = np.frombuffer(Scaler((176, 144)).planes(frame), np.uint8)[: 176 * 144].reshape(144, 176).astype(int)
    assert np.abs(np.diff(small, axis=0)).max() <= 4, "no lines"
    assert abs(small[70, 65] - small[70, 115]) <= 4
    large = np.frombuffer(Scaler((352, 288)).planes(frame), np.uint8)[: 352 * 288].reshape(288, 352).astype(int)
    assert np.abs(np.diff(large[20:-20], axis=0)).max() <= 40, "no comb"


@pytest.mark.parametrize("name", ["h264_open_gop_50p", "mpeg2_interlaced_wrap", "mp4_h264_open_gop", "hevc_cra"])
def test_over_a_network(clip_cache: ClipCache, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    engine = Engine(None)
    ranges = MemoryRanges.of(clip.path)
    index = engine.index(ranges)
    for order in (FilmstripOrder(count=6, height=64), FilmstripOrder(FrameNumber(20), FrameNumber(50), 30, 64)):
        strip = engine.filmstrip(ranges, order)
        check(strip, index, clip.numbers)
        assert np.array_equal(gray(strip), gray(Engine(None).filmstrip(clip.path, order)))


def test_a_host_that_goes_is_an_outage(clip_cache: ClipCache, tmp_path: Path) -> None:
    path = clip_cache.get(CLIPS["h264_open_gop_50p"]).path
    engine = Engine(tmp_path)
    ranges = MemoryRanges.of(path)
    engine.index(ranges)
    fresh = MemoryRanges.of(path)
    fresh.name, fresh.key = "other.ts", "memory/other"
    engine.index(fresh)
    engine.filmstrip(ranges, FilmstripOrder(count=4))
    ranges.offline = True
    with pytest.raises(LibraryOffline):
        engine.filmstrip(ranges, FilmstripOrder(count=40))
    ranges.offline = False
    assert len(engine.filmstrip(ranges, FilmstripOrder(count=40)).tiles) == 40
