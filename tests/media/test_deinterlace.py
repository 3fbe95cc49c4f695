"""Interlaced pictures as they are shown: combs gone, what stands still untouched, and still the frame asked for."""

from __future__ import annotations

import io
from typing import Any

import av
import numpy as np
import pytest
from tests.media_factory import CLIPS, ClipCache, read_number

from plexcut.domain.timecode import FrameNumber
from plexcut.media.engine import Engine
from plexcut.media.viewing.deinterlace import deinterlaced

_INTERLACED = ["h264_mbaff_tff", "h264_mbaff_bff", "mpeg2_interlaced_wrap"]


def luma(frame: av.VideoFrame) -> Any:
    return frame.reformat(format="gray").to_ndarray().astype(np.int32)


def comb_energy(lines: Any) -> float:
    """How strongly lines differ from both their neighbours in the same direction."""
    above, below = lines[1:-1] - lines[:-2], lines[1:-1] - lines[2:]
    both = (above * below > 0) & (np.abs(above) > 8) & (np.abs(below) > 8)
    return float(np.where(both, above * below, 0).sum()) / lines.size


def frames_of(clip_cache: ClipCache, name: str, count: int) -> list[av.VideoFrame]:
    with av.open(str(clip_cache.get(CLIPS[name]).path)) as container:
        return [frame for frame, _ in zip(container.decode(video=0), range(count), strict=False)]


@pytest.mark.parametrize("name", _INTERLACED)
def test_what_moves_does_not_comb(clip_cache: ClipCache, name: str) -> None:
    for number, frame in enumerate(frames_of(clip_cache, name, 20)):
        assert frame.interlaced_frame
        shown = deinterlaced(frame)
        assert not shown.interlaced_frame
        before, after = comb_energy(luma(frame)), comb_energy(luma(shown))
        assert before > 20
        assert after < 0.1 * before, number
        assert read_number(luma(shown)) == number


@pytest.mark.parametrize("name", _INTERLACED)
def test_the_first_field_is_as_it_was_and_so_is_what_stands_still(clip_cache: ClipCache, name: str) -> None:
    first = 1 if name.endswith("bff") else 0
    for frame in frames_of(clip_cache, name, 8):
        before, after = luma(frame), luma(deinterlaced(frame))
        assert np.array_equal(before[first::2], after[first::2])
        assert not np.array_equal(before[1 - first :: 2], after[1 - first :: 2])
        barcode = before.shape[0] // 8 - 16
        assert np.array_equal(before[:barcode], after[:barcode])


@pytest.mark.parametrize("name", ["h264_open_gop_50p", "mpeg2_progressive", "hevc_10bit"])
def test_progressive_pictures_are_left_alone(clip_cache: ClipCache, name: str) -> None:
    for frame in frames_of(clip_cache, name, 3):
        assert deinterlaced(frame) is frame


@pytest.mark.parametrize("name", _INTERLACED)
def test_through_the_engine(clip_cache: ClipCache, name: str) -> None:
    """Whatever was looked at before: the same bytes, no comb, the right number."""
    path = clip_cache.get(CLIPS[name]).path
    engine, other = Engine(None), Engine(None)
    for number in (13, 14, 40, 39, 2):
        picture = engine.frame(path, FrameNumber(number))
        with av.open(io.BytesIO(picture.data)) as opened:
            lines = luma(next(opened.decode(video=0)))
        assert read_number(lines) == number
        assert comb_energy(lines) < 10
    assert other.frame(path, FrameNumber(2)).data == picture.data
