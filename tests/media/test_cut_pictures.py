"""Exactly the kept frames, in order, evenly spaced, decodable without a complaint: for every kind of clip."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.media.cut_checks import Cut, check_pictures, check_with_ffmpeg, make_cut
from tests.media_factory import CLIPS, AudioSpec, Clip, ClipCache, ClipSpec, decode_numbers

from plexcut.domain.media import CutMode
from plexcut.media.engine import Engine

_NO_CLEAN_PICTURES = {"audio_only", "ts_scrambled", "ts_damaged", "ts_mid_gop_start", "ts_truncated"}
_KINDS = [name for name in CLIPS if name not in _NO_CLEAN_PICTURES]
_EXACT_KINDS = [name for name in _KINDS if name != "webm_vp8"]
_MAIN_KINDS = [
    "broadcast",
    "h264_open_gop_50p",
    "h264_mbaff_tff",
    "mpeg2_interlaced_wrap",
    "hevc_cra_pyramid",
    "mp4_h264_open_gop",
    "mkv_h264",
]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(None)


def _spread(clip: Clip) -> list[tuple[int, int]]:
    """From inside the first group; a few frames around the middle; from just before a later group to the very end."""
    count, group = len(clip.numbers), clip.spec.gop
    middle = count // 2 + 9
    later = next((key for key in clip.keyframes if key > middle), count - 10)
    return [(3, max(8, group + 2)), (count // 2 - 1, middle), (max(middle + 1, later - 3), count)]


@pytest.mark.parametrize("name", _EXACT_KINDS)
def test_exactly_the_kept_frames(engine: Engine, clip_cache: ClipCache, tmp_path: Path, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    spans = _spread(clip)
    cut = make_cut(engine, clip, tmp_path, spans)
    assert cut.frames == sorted({n for start, end in spans for n in range(start, end)})
    assert cut.result.frames_copied > 0
    check_pictures(cut)


def test_mpeg1_in_a_transport_stream(engine: Engine, clip_cache: ClipCache, tmp_path: Path) -> None:
    spec = ClipSpec("mpeg1", "mpeg1video", frames=60, gop=12, bframes=2, audio=(AudioSpec("mp2"),))
    cut = make_cut(engine, clip_cache.get(spec), tmp_path, [(3, 14), (20, 21), (23, 50)])
    assert cut.result.frames_copied > 0
    check_pictures(cut)


@pytest.mark.parametrize("name", _KINDS)
def test_keyframe_mode_widens_and_encodes_next_to_nothing(
    engine: Engine, clip_cache: ClipCache, tmp_path: Path, name: str
) -> None:
    clip = clip_cache.get(CLIPS[name])
    spans = _spread(clip)
    cut = make_cut(engine, clip, tmp_path, spans, "keyframe")
    assert {n for start, end in spans for n in range(start, end)} <= set(cut.frames)
    if clip.spec.video_codec != "h264":
        assert cut.result.frames_reencoded == 0
    check_pictures(cut)


@pytest.mark.parametrize("name", ["h264_open_gop_50p", "ts_discontinuity", "mp4_hevc", "mkv_with_srt", "webm_vp8"])
def test_the_whole_recording_is_copied(engine: Engine, clip_cache: ClipCache, tmp_path: Path, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    cut = make_cut(engine, clip, tmp_path, [(0, len(clip.numbers))])
    assert (cut.result.frames_copied, cut.result.frames_reencoded) == (len(clip.numbers), 0)
    assert cut.result.seams == ()
    check_pictures(cut)


def _one(count: int) -> list[tuple[int, int]]:
    return [(count // 2, count // 2 + 1)]


def _first_and_last(count: int) -> list[tuple[int, int]]:
    return [(0, 1), (count - 1, count)]


def _touching_and_out_of_order(count: int) -> list[tuple[int, int]]:
    return [(count - 20, count - 3), (30, 45), (10, 30), (40, 48)]


def _single_frames(count: int) -> list[tuple[int, int]]:
    return [(n, n + 1) for n in range(20, 40, 2)]


def _twenty(count: int) -> list[tuple[int, int]]:
    return [(i * count // 20, i * count // 20 + max(1, count // 40)) for i in range(20)]


@pytest.mark.parametrize("spans", [_one, _first_and_last, _touching_and_out_of_order, _single_frames, _twenty])
@pytest.mark.parametrize("name", _MAIN_KINDS)
def test_unusual_keep_lists(engine: Engine, clip_cache: ClipCache, tmp_path: Path, name: str, spans) -> None:
    clip = clip_cache.get(CLIPS[name])
    wanted = spans(len(clip.numbers))
    cut = make_cut(engine, clip, tmp_path, wanted)
    assert cut.frames == sorted({n for start, end in wanted for n in range(start, end)})
    check_pictures(cut)


@pytest.mark.parametrize("name", ["broadcast", "h264_mbaff_tff", "mpeg2_interlaced_wrap", "hevc_cra_pyramid"])
def test_every_position_of_a_group(engine: Engine, clip_cache: ClipCache, tmp_path: Path, name: str) -> None:
    """A seam into each picture of a group, and out of each; now and then as the first of the result."""
    clip = clip_cache.get(CLIPS[name])
    count, group = len(clip.numbers), clip.spec.gop
    for i in range(0, group + 1, 2 if name == "hevc_cra_pyramid" else 1):
        spans = [(2, group // 2 + i), (group + group // 2 + i + 2, min(count, 3 * group + i // 2))]
        if i % 4 == 3:
            spans = spans[1:]
        cut = make_cut(engine, clip, tmp_path, spans)
        numbers = [picture.number for picture in decode_numbers(cut.path)]
        assert numbers == cut.frames, f"spans {spans}"
        if i % 4 == 3:
            check_with_ffmpeg(cut, cut.frames, sound=False)


@pytest.mark.parametrize("mode", ["exact", "keyframe"])
@pytest.mark.parametrize("start", [62, 94, 96, 100])
def test_a_result_that_begins_at_leading_pictures(
    engine: Engine, clip_cache: ClipCache, tmp_path: Path, start: int, mode: CutMode
) -> None:
    """Keyframes 64 and 96 have leading pictures in front that others refer to."""
    clip = clip_cache.get(CLIPS["broadcast"])
    check_pictures(make_cut(engine, clip, tmp_path, [(start, start + 39)], mode))
    check_pictures(make_cut(engine, clip, tmp_path, [(start, start + 1)], mode))


@pytest.mark.parametrize("name", ["h264_open_gop_50p", "h264_open_gop_pyramid", "h264_mbaff_tff", "hevc_cra"])
def test_a_result_that_begins_at_an_open_group(
    engine: Engine, clip_cache: ClipCache, tmp_path: Path, name: str
) -> None:
    clip = clip_cache.get(CLIPS[name])
    key = clip.keyframes[1]
    for length in (1, 5, 9, 30):
        check_pictures(make_cut(engine, clip, tmp_path, [(key, key + length)]))


@pytest.mark.parametrize("mode", ["exact", "keyframe"])
@pytest.mark.parametrize("name", ["ts_damaged", "ts_mid_gop_start", "ts_truncated"])
def test_a_flawed_recording_comes_out_as_it_is(
    engine: Engine, clip_cache: ClipCache, tmp_path: Path, name: str, mode: CutMode
) -> None:
    clip = clip_cache.get(CLIPS[name])
    shown = [picture.number for picture in decode_numbers(clip.path)]
    count = engine.probe(clip.path).frames
    assert count == len(shown)
    for spans in ([(0, count)], [(3, 20), (count - 24, count)], [(0, 1), (5, 12), (count - 1, count)]):
        cut = make_cut(engine, clip, tmp_path, spans, mode)
        assert [picture.number for picture in decode_numbers(cut.path)] == _taken(shown, cut)


def _taken(shown: list[int | None], cut: Cut) -> list[int | None]:
    return [shown[n] for n in cut.frames]


def test_seams_say_where_they_are(engine: Engine, clip_cache: ClipCache, tmp_path: Path) -> None:
    clip = clip_cache.get(CLIPS["ts_lost_frames"])
    cut = make_cut(engine, clip, tmp_path, [(10, 40), (60, 90), (100, 120)])
    numbers = clip.numbers
    first, second = cut.result.seams
    assert (first.source_end, first.source_start) == (39, 60)
    assert (second.source_end, second.source_start) == (89, 100)
    # Frames 30 and 31 were lost between the 10th and the 40th.
    assert first.at_s == pytest.approx((numbers[40] - numbers[10]) / 50)
    assert second.at_s == pytest.approx((numbers[40] - numbers[10] + numbers[90] - numbers[60]) / 50)
    assert sum(seam.frames_reencoded for seam in cut.result.seams) <= cut.result.frames_reencoded
    assert cut.result.duration_s == pytest.approx(
        sum(numbers[end] - numbers[start] for start, end in ((10, 40), (60, 90), (100, 120))) / 50
    )
