"""The exact frame: the frame shown is the frame asked for."""

from __future__ import annotations

import io
import random
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from tests.media_factory import CLIPS, ClipCache, ClipSpec, decode_numbers, read_number

from plexcut.domain.media import Picture
from plexcut.domain.timecode import FrameNumber, parse_position
from plexcut.errors import FormatUnsupported, PositionInvalid, UsageError
from plexcut.media.engine import Engine
from plexcut.media.frames import FrameCache, exact_frame
from plexcut.media.pictures import shown_size

_UNUSABLE = {"ts_scrambled", "audio_only"}
_WHOLE = sorted(set(CLIPS) - _UNUSABLE - {"ts_damaged", "ts_mid_gop_start"})
_HARD = [
    "h264_open_gop_50p", "h264_open_gop_pyramid", "h264_mbaff_tff", "h264_no_rai", "mpeg2_interlaced_wrap", "hevc_cra",
    "hevc_cra_pyramid", "mp4_h264_open_gop", "ts_discontinuity", "ts_lost_frames", "ts_truncated", "broadcast",
]  # fmt: skip


def number_in(picture: Picture) -> int | None:
    """The number that a JPEG or PNG shows."""
    with av.open(io.BytesIO(picture.data)) as opened:
        frame = next(opened.decode(video=0))
        assert (frame.width, frame.height) == (picture.width, picture.height)
        return read_number(frame.reformat(format="gray").to_ndarray())


def numbers_of(path: Path, order: list[int], engine: Engine | None = None) -> list[int | None]:
    """The numbers that the frames in `order` show, without the detour over a picture file."""
    index = (engine or Engine(None)).index(path)
    cache = FrameCache()
    found: list[int | None] = []
    for number in order:
        frame = exact_frame(path, index, number, cache, "clip")
        found.append(read_number(frame.reformat(format="gray").to_ndarray()))
    return found


@pytest.mark.parametrize("name", _WHOLE)
def test_random_frames_in_random_order(clip_cache: ClipCache, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    order = [*random.Random(name).sample(range(len(clip.numbers)), 10), 0, len(clip.numbers) - 1]
    assert numbers_of(clip.path, order) == [clip.numbers[n] for n in order]


@pytest.mark.parametrize("name", _HARD)
@pytest.mark.parametrize("backwards", [False, True])
def test_every_frame_whatever_was_looked_at_before(clip_cache: ClipCache, name: str, backwards: bool) -> None:
    clip = clip_cache.get(CLIPS[name])
    order = list(range(len(clip.numbers)))
    if backwards:
        order.reverse()
    assert numbers_of(clip.path, order) == [clip.numbers[n] for n in order]


@pytest.mark.parametrize("name", ["h264_open_gop_50p", "mpeg2_interlaced_wrap", "hevc_cra_pyramid", "h264_mbaff_bff"])
def test_pictures_are_the_decoders_own_whatever_was_looked_at_before(clip_cache: ClipCache, name: str) -> None:
    """Leading pictures come out of a decoder that started too late as well, and look nearly right."""
    clip = clip_cache.get(CLIPS[name])
    with av.open(str(clip.path)) as container:
        whole = [frame.to_ndarray() for frame in container.decode(video=0)]
    index = Engine(None).index(clip.path)
    assert len(whole) == index.frames
    order = list(range(index.frames))
    for seed in range(2):
        random.Random(seed).shuffle(order)
        cache = FrameCache()
        for number in order:
            frame = exact_frame(clip.path, index, number, cache, "clip")
            assert np.array_equal(frame.to_ndarray(), whole[number]), number


@pytest.mark.parametrize(
    "name", ["h264_2997", "ts_lost_frames", "ts_discontinuity", "mkv_h264", "webm_vp8", "hevc_10bit"]
)
def test_the_frame_shown_at_a_time(clip_cache: ClipCache, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    engine = Engine(None)
    times_us = engine.frame_times_us(clip.path, list(range(len(clip.numbers) + 1)))
    chance = random.Random(name)
    for frame in chance.sample(range(len(clip.numbers)), 6):
        begin_us, end_us = times_us[frame], times_us[frame + 1]
        # Exactly at its time, as printed, in between, and up to the last moment before the next one.
        for time_us in (begin_us, chance.randrange(begin_us, end_us), end_us - 1):
            picture = engine.frame(clip.path, Fraction(time_us, 1_000_000), width=160)
            assert (picture.frame, picture.time_us) == (frame, begin_us)
            assert number_in(picture) == clip.numbers[frame]
    with pytest.raises(PositionInvalid):
        engine.frame(clip.path, Fraction(times_us[-1], 1_000_000))


@pytest.mark.parametrize("at", ["1", "0:01", "00:00:01.000", "1.019999", "#50"])
def test_written_forms(clip_cache: ClipCache, at: str) -> None:
    clip = clip_cache.get(CLIPS["h264_open_gop_50p"])
    picture = Engine(None).frame(clip.path, parse_position(at), width=320)
    assert (picture.frame, picture.time_us, number_in(picture)) == (50, 1_000_000, 50)


@pytest.mark.parametrize("at", [FrameNumber(150), FrameNumber(10**25), Fraction(3), Fraction(10**30)])
def test_places_outside_are_refused(clip_cache: ClipCache, at: Fraction | FrameNumber) -> None:
    clip = clip_cache.get(CLIPS["h264_open_gop_50p"])
    with pytest.raises(PositionInvalid):
        Engine(None).frame(clip.path, at)


@pytest.mark.parametrize("fmt", ["jpg", "png"])
def test_pictures_have_square_pixels_and_the_width_asked_for(clip_cache: ClipCache, fmt: str) -> None:
    clip = clip_cache.get(CLIPS["mpeg2_interlaced_wrap"])
    engine = Engine(None)
    full = engine.frame(clip.path, FrameNumber(3), fmt=fmt)  # type: ignore[arg-type]
    assert (full.width, full.height) == (512, 288)
    assert full.data.startswith(b"\xff\xd8" if fmt == "jpg" else b"\x89PNG")
    assert full.media_type == {"jpg": "image/jpeg", "png": "image/png"}[fmt]
    assert number_in(full) == 3
    small = engine.frame(clip.path, FrameNumber(3), width=200, fmt=fmt)  # type: ignore[arg-type]
    assert small.width == 200
    assert number_in(small) == 3


@pytest.mark.parametrize("width", [*range(314, 331), 64, 100, 333, 641])
@pytest.mark.parametrize("fmt", ["jpg", "webp", "png"])
def test_pictures_of_any_width_are_whole(clip_cache: ClipCache, width: int, fmt: str) -> None:
    """Up to the last column: white there, as the clip's pictures are."""
    clip = clip_cache.get(CLIPS["h264_open_gop_50p"])
    picture = Engine(None).frame(clip.path, FrameNumber(1), width, fmt)  # type: ignore[arg-type]
    with av.open(io.BytesIO(picture.data)) as opened:
        pixels = next(opened.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    assert pixels.shape[1] == width
    assert (pixels[2 : picture.height // 12, -3:] > 200).all()
    assert (pixels[-picture.height // 12 : -2, : width // 20] < 60).all()


@pytest.mark.parametrize("width", [0, -5, 15, 4097, 10**9])
def test_absurd_widths_are_refused(clip_cache: ClipCache, width: int) -> None:
    with pytest.raises(UsageError):
        Engine(None).frame(clip_cache.get(CLIPS["h264_open_gop_50p"]).path, FrameNumber(0), width=width)


@pytest.mark.parametrize(
    ("coded", "aspect", "wanted", "shown"),
    [
        ((1920, 1080), Fraction(1), None, (1920, 1080)),
        ((720, 576), Fraction(64, 45), None, (1024, 576)),
        ((720, 576), Fraction(16, 15), 384, (384, 288)),
        ((8192, 4096), Fraction(1), None, (4096, 2048)),
        ((64, 8192), Fraction(1), None, (32, 4096)),
        ((720, 576), Fraction(1000), None, (720, 576)),
        ((4000, 2), Fraction(1), 16, (16, 2)),
    ],
)
def test_shown_size(coded: tuple[int, int], aspect: Fraction, wanted: int | None, shown: tuple[int, int]) -> None:
    assert shown_size(*coded, aspect, wanted) == shown


def test_jpegs_keep_their_brightness(clip_cache: ClipCache) -> None:
    """Video levels are 16-235, JPEG's 0-255: PNG and JPEG of one frame look the same."""
    clip = clip_cache.get(CLIPS["h264_open_gop_50p"])
    engine = Engine(None)
    pixels = []
    for fmt in ("jpg", "png"):
        with av.open(io.BytesIO(engine.frame(clip.path, FrameNumber(7), fmt=fmt).data)) as opened:  # type: ignore[arg-type]
            pixels.append(next(opened.decode(video=0)).to_ndarray(format="rgb24").astype(int))
    assert abs(pixels[0] - pixels[1]).mean() < 3
    assert pixels[1].max() > 240
    assert pixels[1].min() < 15


def test_a_damaged_stretch_shows_what_a_plain_decoder_shows(clip_cache: ClipCache) -> None:
    """Outside the damage the very frame; in it a picture or an honest refusal, never the end of the program."""
    clip = clip_cache.get(CLIPS["ts_damaged"])
    readable = {picture.number for picture in decode_numbers(clip.path)}
    index = Engine(None).index(clip.path)
    cache = FrameCache()
    seen: set[int] = set()
    for frame, time_us in enumerate(index.times_us[:-1].tolist()):
        number = round(time_us * 50 / 1_000_000)
        try:
            shown = exact_frame(clip.path, index, frame, cache, "clip")
        except FormatUnsupported:
            continue
        found = read_number(shown.reformat(format="gray").to_ndarray())
        if found == number:
            seen.add(number)
        else:
            assert 60 <= number < 100, number
    assert len(readable - {None} - seen) <= 2


def test_frames_of_a_long_gop_far_from_any_keyframe(clip_cache: ClipCache) -> None:
    clip = clip_cache.get(ClipSpec("one_gop", frames=320, gop=1000, open_gop=False, width=96, height=64, audio=()))
    order = [319, 5, 200, 0, 318]
    assert numbers_of(clip.path, order) == order


@pytest.mark.parametrize("container", ["mkv", "mp4"])
def test_frames_with_one_timestamp_are_told_apart(clip_cache: ClipCache, container: str) -> None:
    """Matroska counts in milliseconds: of 1500 frames a second many share one."""
    spec = ClipSpec(
        f"fast_{container}", fps=Fraction(1500), frames=60, gop=20, bframes=0, container=container, audio=()
    )  # type: ignore[arg-type]
    clip = clip_cache.get(spec)
    order = [59, 0, 31, 30, 32, 21, 20, 19]
    assert Engine(None).index(clip.path).frames == 60
    assert numbers_of(clip.path, order) == order
