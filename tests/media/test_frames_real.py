"""Real recordings: the picture of every frame is the one that a decoder of the whole file gives for its timestamp."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from plexcut.errors import FormatUnsupported
from plexcut.media.engine import Engine
from plexcut.media.frames import FrameCache, exact_frame
from plexcut.media.index.model import MediaIndex

_WRAP = 1 << 33
_DECODED = 70
"""Frames of each file that are decoded as a whole; the rest is checked by count."""


@dataclass(frozen=True)
class _Real:
    """A file, how many frames plexcut finds in it, and what is special about it.

    `early`: pictures that FFmpeg gives for the damaged start, before the first one that can be decoded whole.
    `loose_end`: the file ends inside its last picture, of which decoders make different things.
    """

    name: str
    frames: int
    fps: float
    interlaced: bool = False
    early: int = 0
    loose_end: bool = False


_FILES = [
    _Real("androidx-bbb_2500ms.ts", 58, 24),
    _Real("androidx-long_1080p_lowbitrate.mp4", 10_883, 30),
    _Real("androidx-preroll-5s.mp4", 125, 25),
    _Real("androidx-sample_h264.ts", 30, 30),
    _Real("androidx-sample_h265.ts", 30, 30),
    _Real("androidx-sample_scte35.ts", 3, 29.97),
    _Real("androidx-sample_with_chapters.mkv", 150, 30),
    _Real("androidx-sample_with_srt.mkv", 30, 30),
    _Real("androidx-silent-black-10s.mp4", 300, 30),
    _Real("autoeditor-example_42s.mp4", 1272, 30),
    _Real("bbb_100s_848x480p60_h264_aac.ts", 6000, 60),
    _Real("bbb_62s_720p_h264_aac.ts", 1866, 29.97),
    _Real("bbb_full_596s_424x240_h264.ts", 14_315, 24),
    _Real("fate-attachment631-small.mp4", 163, 15, early=1),
    _Real("fate-h264_intra_first-small.ts", 17, 25, interlaced=True, early=9),
    _Real("fate-interlaced_crop.mp4", 126, 25, interlaced=True),
    _Real("fate-mpeg2_field_encoding.ts", 31, 25, interlaced=True, loose_end=True),
    _Real("fate-scte20.ts", 202, 29.97, interlaced=True),
    _Real("fate-t_mpeg2_fieldpics.ts", 353, 25, interlaced=True, loose_end=True),
    _Real("hls_60s_640x360_id3.ts", 1440, 24),
    _Real("introskipper-rainbow.mp4", 250, 25),
    _Real("mediaelement-echo_44s.webm", 836, 30),
    _Real("psd-counter.mp4", 30, 10),
    _Real("psd-fades.mp4", 250, 25),
    _Real("psd-testvideo.mp4", 720, 29.97),
    _Real("tsduck-035_fr_1080i_2ac3.ts", 31, 25, interlaced=True, early=29),
    _Real("tsduck-206.1_bbcnews_mpeg2_576i_opengop36.ts", 116, 25, interlaced=True),
    _Real("tsduck-test-025.ts", 61, 25, interlaced=True, loose_end=True),
    _Real("tsduck-test-064.ts", 299, 30),
    _Real("tsduck-test-072.ts", 300, 25),
    _Real("tsduck-test-108.ts", 25, 25, interlaced=True),
]


def _whole(path: Path, index: MediaIndex, limit: int) -> dict[int, Any]:
    """Picture of each timestamp, from one decoder for the whole file and FFmpeg's own demuxer."""
    pictures: dict[int, Any] = {}
    with av.open(str(path)) as container:
        stream = next(
            s for s in container.streams.video if index.video.id == (s.id if index.container == "mpegts" else s.index)
        )
        stream.thread_count = 1
        stream.codec_context.flags |= 8
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue
            for frame in frames:
                if frame.pts is not None:
                    pictures.setdefault(_clock(index, frame.pts), frame.to_ndarray())
            if len(pictures) >= limit:
                break
    return pictures


def _clock(index: MediaIndex, pts: int) -> int:
    return pts % _WRAP if index.container == "mpegts" else pts


def _open(folder: Path, name: str) -> tuple[Path, MediaIndex]:
    path = folder / name
    if not path.is_file():
        pytest.skip(f"{name} is not there")
    return path, Engine(None).index(path)


@pytest.mark.parametrize("real", _FILES, ids=lambda real: real.name)
def test_frames_are_those_of_a_whole_decode(real_media_dir: Path, real: _Real) -> None:
    path, index = _open(real_media_dir, real.name)
    assert index.frames == real.frames
    assert float(index.fps) == pytest.approx(real.fps, rel=1e-3)
    assert index.video.interlaced == real.interlaced
    assert all(a < b for a, b in pairwise(index.shown_pts.tolist()))
    pictures = _whole(path, index, min(_DECODED + real.early, index.frames + real.early))
    # The decoder holds the last pictures back where it is stopped half-way, and gives them in another order.
    numbers = [n for n, pts in enumerate(index.shown_pts.tolist()) if _clock(index, pts) in pictures]
    assert numbers[0] == 0
    assert len(numbers) >= min(index.frames, _DECODED) - (2 if real.loose_end else 0)
    chance = random.Random(real.name)
    order = [0, numbers[-1], *chance.sample(numbers, min(6, len(numbers)))]
    cache = FrameCache()
    for number in order:
        if real.loose_end and number == index.frames - 1:
            exact_frame(path, index, number, cache, "real")
            continue
        frame = exact_frame(path, index, number, cache, "real")
        assert np.array_equal(frame.to_ndarray(), pictures[_clock(index, int(index.shown_pts[number]))]), number


@pytest.mark.parametrize("name", ["fate-interlaced_crop.mp4", "fate-t_mpeg2_fieldpics.ts", "fate-scte20.ts"])
def test_every_frame_in_any_order(real_media_dir: Path, name: str) -> None:
    path, index = _open(real_media_dir, name)
    pictures = _whole(path, index, index.frames)
    order = [n for n in range(index.frames - 1) if _clock(index, int(index.shown_pts[n])) in pictures]
    assert len(order) == index.frames - 1
    random.Random(1).shuffle(order)
    cache = FrameCache()
    for number in order:
        frame = exact_frame(path, index, number, cache, "real")
        assert np.array_equal(frame.to_ndarray(), pictures[_clock(index, int(index.shown_pts[number]))]), number


def test_a_capture_with_reception_loss_differs_only_in_what_decoders_make_of_the_damage(real_media_dir: Path) -> None:
    path, index = _open(real_media_dir, "dvb_fr_1080i_h264_opengop_4eac3_17s_lossy.ts")
    assert (index.frames, index.video.interlaced, float(index.fps)) == (388, True, 25)
    assert [track.codec for track in index.tracks if track.kind == "audio"] == ["eac3"] * 4
    pictures = _whole(path, index, 60)
    numbers = [n for n, pts in enumerate(index.shown_pts.tolist()) if _clock(index, pts) in pictures]
    assert numbers[0] == 0
    same = 0
    cache = FrameCache()
    some = numbers[:32:2]
    for number in some:
        frame = exact_frame(path, index, number, cache, "real").to_ndarray()
        whole = pictures[_clock(index, int(index.shown_pts[number]))]
        away = float(np.abs(frame[::4].astype(np.int16) - whole[::4]).mean())
        same += away == 0
        assert away < 4, number
    assert same >= len(some) // 4


def test_a_stream_that_ends_in_its_first_group(real_media_dir: Path) -> None:
    """One keyframe, its leading pictures cannot be decoded, and the last picture is cut off so that none comes out."""
    path, index = _open(real_media_dir, "tsduck-test-026.ts")
    assert index.frames == 4
    for number in range(4):
        exact_frame(path, index, number, FrameCache(), "real")


def test_another_programme_is_taken_when_asked_for(real_media_dir: Path) -> None:
    path, first = _open(real_media_dir, "tsduck-test-108.ts")
    assert len(first.dropped) == 7
    engine = Engine(None)
    hevc = next(
        index
        for index in (_try(engine, path, int(dropped.split()[1])) for dropped in first.dropped)
        if index is not None and index.video.codec == "hevc"
    )
    assert (hevc.video.width, hevc.video.height, hevc.video.pixel_format) == (1280, 720, "yuv420p10le")
    assert float(hevc.fps) == 50
    exact_frame(path, hevc, hevc.frames // 2, FrameCache(), "real")


def _try(engine: Engine, path: Path, program: int) -> MediaIndex | None:
    try:
        return engine.index(path, program)
    except FormatUnsupported:
        return None


@pytest.mark.parametrize("name", ["fate-pmtchange.ts", "fate-dvbsubtest_filter.ts"])
def test_what_has_no_picture_is_refused_in_one_line(real_media_dir: Path, name: str) -> None:
    path = real_media_dir / name
    if not path.is_file():
        pytest.skip(f"{name} is not there")
    with pytest.raises(FormatUnsupported) as refused:
        Engine(None).probe(path)
    assert len(refused.value.line.splitlines()) == 1
    assert name in refused.value.line
