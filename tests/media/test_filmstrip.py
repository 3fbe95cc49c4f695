"""Filmstrips: every tile shows the frame that it names, from whatever range, at whatever density."""

from __future__ import annotations

import io
import random
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from tests.media_factory import CLIPS, ClipCache, read_number

from plexcut.domain.media import Filmstrip, FilmstripOrder
from plexcut.domain.ports import never
from plexcut.domain.timecode import FrameNumber
from plexcut.errors import Cancelled, SpanInvalid, UsageError
from plexcut.media.engine import Engine
from plexcut.media.filmstrip import thumbs
from plexcut.media.filmstrip.scaling import tile_size
from plexcut.media.filmstrip.sprite import MAX_PX, make_grid
from plexcut.media.filmstrip.store import PictureStore
from plexcut.media.index.model import MediaIndex

_UNUSABLE = {"ts_scrambled", "audio_only"}
_WHOLE = sorted(set(CLIPS) - _UNUSABLE - {"ts_damaged", "ts_mid_gop_start"})
_HARD = [
    "h264_open_gop_50p", "h264_open_gop_pyramid", "h264_mbaff_tff", "mpeg2_interlaced_wrap", "hevc_cra_pyramid",
    "mp4_h264_open_gop", "mkv_h264", "ts_discontinuity", "ts_lost_frames", "webm_vp8",
]  # fmt: skip


def gray(strip: Filmstrip) -> Any:
    """The image as rows of gray samples."""
    with av.open(io.BytesIO(strip.data)) as opened:
        frame = next(opened.decode(video=0))
        assert (frame.width, frame.height) == (strip.width, strip.height)
        return frame.reformat(format="gray").to_ndarray()


def numbers_in(strip: Filmstrip) -> list[int | None]:
    """The numbers that the tiles show."""
    image = gray(strip)
    return [read_number(np.ascontiguousarray(image[t.y : t.y + t.h, t.x : t.x + t.w])) for t in strip.tiles]


def frames_of(strip: Filmstrip) -> list[int]:
    return [tile.frame for tile in strip.tiles if tile.frame is not None]


def check(strip: Filmstrip, index: MediaIndex, numbers: list[int]) -> None:
    """The tiles show what they say, in order, inside of range and image."""
    frames = frames_of(strip)
    assert len(frames) == len(strip.tiles)
    assert numbers_in(strip) == [numbers[frame] for frame in frames]
    assert [tile.time_us for tile in strip.tiles] == [int(index.times_us[frame]) for frame in frames]
    assert frames == sorted(frames)
    sizes = {(tile.w, tile.h) for tile in strip.tiles}
    assert len(sizes) == 1
    assert all(side % 2 == 0 for side in sizes.pop())
    places = {(tile.x, tile.y) for tile in strip.tiles}
    assert len(places) == len(strip.tiles)
    assert all(t.x + t.w <= strip.width and t.y + t.h <= strip.height for t in strip.tiles)


@pytest.mark.parametrize("name", _WHOLE)
def test_single_frames_and_few_of_many(clip_cache: ClipCache, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    engine = Engine(None)
    index = engine.index(clip.path)
    # Narrow pictures that are made smaller do not show their number any more.
    height = 64 if index.video.width > 64 else 96
    whole = engine.filmstrip(clip.path, FilmstripOrder(count=1000, height=height))
    check(whole, index, clip.numbers)
    assert frames_of(whole) == list(range(len(clip.numbers)))
    for count in (1, 4, 9, 40):
        strip = engine.filmstrip(clip.path, FilmstripOrder(count=count, height=96))
        check(strip, index, clip.numbers)
        assert len(strip.tiles) == min(count, index.frames)


@pytest.mark.parametrize("name", _HARD)
def test_any_range_at_any_density(clip_cache: ClipCache, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    engine = Engine(None)
    index = engine.index(clip.path)
    chance = random.Random(name)
    end_us = int(index.times_us[-1])
    for _ in range(12):
        start, end = sorted(chance.sample(range(end_us), 2))
        order = FilmstripOrder(Fraction(start, 10**6), Fraction(end, 10**6), chance.randint(1, 30), 64)
        strip = engine.filmstrip(clip.path, order)
        check(strip, index, clip.numbers)
        inside = int(((index.times_us[:-1] >= start) & (index.times_us[:-1] < end)).sum())
        assert len(strip.tiles) == max(1, min(order.count, inside))
        if inside:
            assert all(start <= tile.time_us < end for tile in strip.tiles)
        slot_us = (end - start) / len(strip.tiles)
        if inside > order.count and name != "ts_lost_frames":
            for number, tile in enumerate(strip.tiles):
                assert number - 0.01 <= (tile.time_us + 1000 - start) / slot_us, "before its slot"
                assert (tile.time_us - start) / slot_us < number + 1, "behind its slot"


@pytest.mark.parametrize("name", [*_HARD, "h264_mbaff_bff", "hevc_10bit", "mpeg2_closed"])
def test_keyframes_alone_are_the_pictures_that_a_whole_decoding_gives(clip_cache: ClipCache, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    index = Engine(None).index(clip.path)
    size = (96, 64)
    scaler = thumbs.Scaler(size)
    with av.open(str(clip.path)) as container:
        whole = [scaler.planes(frame) for frame in container.decode(video=0)]
    numbers = [int(n) for n in index.number_of[index.keys] if n >= 0]
    recording = thumbs.Recording(clip.path, index, "clip")
    found = thumbs.Thumbnails(PictureStore(None)).get(recording, numbers, size, never)
    assert set(found) == set(numbers)
    if len(whole) == index.frames:
        assert all(found[number] == whole[number] for number in numbers)
    else:
        assert name == "ts_discontinuity", "where FFmpeg drops frames"


def test_keyframes_when_zoomed_out_and_every_frame_when_zoomed_in(clip_cache: ClipCache) -> None:
    clip = clip_cache.get(CLIPS["h264_open_gop_50p"])
    engine = Engine(None)
    index = engine.index(clip.path)
    keys = {int(n) for n in index.number_of[index.keys]}
    assert set(frames_of(engine.filmstrip(clip.path, FilmstripOrder(count=6)))) <= keys
    near = engine.filmstrip(clip.path, FilmstripOrder(FrameNumber(40), FrameNumber(60), 20))
    assert frames_of(near) == list(range(40, 60))
    assert frames_of(engine.filmstrip(clip.path, FilmstripOrder(FrameNumber(40), FrameNumber(60), 10))) == list(
        range(40, 60, 2)
    )


def test_sheets_of_one_level_meet_and_those_of_the_next_are_among_them(clip_cache: ClipCache) -> None:
    clip = clip_cache.get(CLIPS["h264_open_gop_50p"])
    engine = Engine(None)

    def level(step: int) -> list[int]:
        frames: list[int] = []
        for sheet in range(-(-150 // (step * 8))):
            first, last = FrameNumber(sheet * step * 8), FrameNumber((sheet + 1) * step * 8)
            strip = engine.filmstrip(clip.path, FilmstripOrder(first, last, 8, 64, step=step))
            assert strip.step == step
            frames += frames_of(strip)
        return frames

    assert level(1) == list(range(150))
    assert level(2) == list(range(0, 150, 2))
    assert level(4) == list(range(0, 150, 4))
    assert len(level(32)) == 5
    with pytest.raises(UsageError):
        engine.filmstrip(clip.path, FilmstripOrder(count=10, step=2))


def test_the_same_answer_whatever_was_asked_before(clip_cache: ClipCache, tmp_path: Path) -> None:
    clip = clip_cache.get(CLIPS["h264_open_gop_pyramid"])
    order = FilmstripOrder(Fraction(1, 2), Fraction(2), 11, 64)
    fresh = Engine(None).filmstrip(clip.path, order)
    engine = Engine(tmp_path)
    for count in (5, 60, 11):
        engine.filmstrip(clip.path, FilmstripOrder(count=count, height=64))
    assert engine.filmstrip(clip.path, order) == fresh
    assert engine.filmstrip(clip.path, order) == fresh
    assert Engine(tmp_path).filmstrip(clip.path, order) == fresh


def test_ranges_are_clamped_and_reversed_ones_refused(clip_cache: ClipCache) -> None:
    clip = clip_cache.get(CLIPS["mpeg2_progressive"])
    engine = Engine(None)
    last = len(clip.numbers) - 1

    def frames(start: Any, end: Any, count: int = 5) -> list[int]:
        return frames_of(engine.filmstrip(clip.path, FilmstripOrder(start, end, count)))

    assert frames(Fraction(999), Fraction(1000)) == [last]
    assert frames(FrameNumber(10**9), None) == [last]
    assert frames(Fraction(-5), Fraction(1, 100)) == [0]
    assert frames(FrameNumber(last - 1), Fraction(10**6)) == [last - 1, last]
    assert frames(Fraction("1.005"), Fraction("1.01")) == [25]
    assert frames(None, None) == frames(Fraction(0), Fraction(10**9))
    two: list[tuple[Any, Any]] = [
        (Fraction(2), Fraction(1)),
        (Fraction(1), Fraction(1)),
        (FrameNumber(7), FrameNumber(7)),
        (FrameNumber(50), Fraction(1)),
    ]
    for start, end in two:
        with pytest.raises(SpanInvalid):
            frames(start, end)
    for bad in ({"count": 0}, {"count": 1001}, {"height": 15}, {"height": 1081}, {"step": 0}):
        with pytest.raises(UsageError):
            engine.filmstrip(clip.path, FilmstripOrder(**bad))


def test_sizes() -> None:
    assert tile_size(1280, 720, Fraction(1), 90) == (160, 90)
    assert tile_size(720, 576, Fraction(64, 45), 91) == (160, 90)
    assert tile_size(720, 576, Fraction(0), 90) == (112, 90)
    assert tile_size(4, 1080, Fraction(1), 16) == (2, 16)
    for count in range(1, 400):
        grid = make_grid(count, (160, 90))
        assert grid.columns * grid.rows - count < grid.columns
        assert max(grid.width, grid.height) <= MAX_PX
    with pytest.raises(UsageError) as refused:
        make_grid(9, (1778, 1000))
    assert "at most 8" in refused.value.line


def test_pictures_keep_their_shape(clip_cache: ClipCache) -> None:
    clip = clip_cache.get(CLIPS["mpeg2_interlaced_wrap"])
    tile = Engine(None).filmstrip(clip.path, FilmstripOrder(count=2, height=90)).tiles[0]
    assert (tile.w, tile.h) == (2 * round(352 / 288 * 16 / 11 * 45), 90)


def test_a_damaged_frame_is_stood_for_by_one_that_is_named(clip_cache: ClipCache) -> None:
    clip = clip_cache.get(CLIPS["ts_damaged"])
    engine = Engine(None)
    strip = engine.filmstrip(clip.path, FilmstripOrder(count=1000, height=64))
    index = engine.index(clip.path)
    assert len(strip.tiles) == index.frames
    shown = numbers_in(strip)
    sound = [n for n, tile in enumerate(strip.tiles) if tile.frame not in index.uncertain and shown[n] is not None]
    assert len(sound) > index.frames // 3
    assert [shown[n] for n in sound] == sorted(shown[n] for n in sound)  # type: ignore[type-var]


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many pictures were scaled since it was asked last."""
    count = 0
    planes = thumbs.Scaler.planes

    def counted(self: Any, frame: Any) -> bytes:
        nonlocal count
        count += 1
        return planes(self, frame)

    def since() -> int:
        nonlocal count
        before, count = count, 0
        return before

    monkeypatch.setattr(thumbs.Scaler, "planes", counted)
    return since


def test_pictures_are_made_once(clip_cache: ClipCache, tmp_path: Path, decoded: Callable[[], int]) -> None:
    path = clip_cache.get(CLIPS["h264_open_gop_50p"]).path
    engine = Engine(tmp_path)
    engine.filmstrip(path, FilmstripOrder(FrameNumber(0), FrameNumber(30), 30))
    assert decoded() == 30
    engine.filmstrip(path, FilmstripOrder(FrameNumber(0), FrameNumber(30), 30))
    engine.filmstrip(path, FilmstripOrder(FrameNumber(5), FrameNumber(20), 30), "png")
    assert decoded() == 0
    engine.filmstrip(path, FilmstripOrder(FrameNumber(20), FrameNumber(40), 20))
    assert decoded() == 10
    another = Engine(tmp_path)
    another.filmstrip(path, FilmstripOrder(FrameNumber(0), FrameNumber(40), 40))
    assert decoded() == 0, "another process finds them on disk"
    another.filmstrip(path, FilmstripOrder(FrameNumber(0), FrameNumber(40), 40, 64))
    assert decoded() == 40


def test_damaged_pictures_on_disk_are_made_again(
    clip_cache: ClipCache, tmp_path: Path, decoded: Callable[[], int]
) -> None:
    path = clip_cache.get(CLIPS["h264_closed"]).path
    order = FilmstripOrder(count=12)
    good = Engine(tmp_path).filmstrip(path, order)
    assert decoded() == 12
    for number, file in enumerate(file for file in (tmp_path / "filmstrip").rglob("*") if file.is_file()):
        data = bytearray(file.read_bytes())
        if number % 3 == 0:
            data[len(data) // 2] ^= 1
        file.write_bytes(data[: len(data) * (number % 3) // 2] if number % 3 < 2 else b"")
    assert Engine(tmp_path).filmstrip(path, order) == good
    assert decoded() == 12
    assert Engine(tmp_path).filmstrip(path, order) == good
    assert decoded() == 0


def test_one_strip_however_many_ask(clip_cache: ClipCache, decoded: Callable[[], int]) -> None:
    path = clip_cache.get(CLIPS["h264_open_gop_50p"]).path
    engine = Engine(None)
    engine.index(path)
    found: list[Filmstrip] = []
    order = FilmstripOrder(count=50)
    threads = [threading.Thread(target=lambda: found.append(engine.filmstrip(path, order))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(strip == found[0] for strip in found)
    assert decoded() == 50


def settled(decoded: Callable[[], int]) -> int:
    """How many pictures were made until no more are."""
    made = 0
    while True:
        time.sleep(0.3)
        more = decoded()
        made += more
        if not more:
            return made


def test_giving_up_stops_the_work_and_nobody_elses(
    clip_cache: ClipCache, monkeypatch: pytest.MonkeyPatch, decoded: Callable[[], int]
) -> None:
    path = clip_cache.get(CLIPS["h264_open_gop_50p"]).path
    engine = Engine(None)
    engine.index(path)
    planes = thumbs.Scaler.planes
    begun = threading.Event()

    def slow(self: Any, frame: Any) -> bytes:
        begun.set()
        time.sleep(0.02)
        return planes(self, frame)

    monkeypatch.setattr(thumbs.Scaler, "planes", slow)
    order = FilmstripOrder(count=150)
    others: list[Filmstrip] = []
    with pytest.raises(Cancelled):
        engine.filmstrip(path, order, should_cancel=begun.is_set)
    made = settled(decoded)
    assert 0 < made < 150, "nothing goes on behind the back"
    begun.clear()
    waiting = threading.Thread(target=lambda: others.append(engine.filmstrip(path, order, should_cancel=never)))
    with pytest.raises(Cancelled):
        engine.filmstrip(path, order, should_cancel=lambda: begun.is_set() and (waiting.start() or True))
    waiting.join()
    assert frames_of(others[0]) == list(range(150))
    assert made + decoded() < 160, "what was made before is kept"


def test_without_a_place_to_keep_them(clip_cache: ClipCache, tmp_path: Path) -> None:
    path = clip_cache.get(CLIPS["h264_closed"]).path
    (tmp_path / "filmstrip").write_text("in the way")
    order = FilmstripOrder(count=8)
    assert Engine(tmp_path).filmstrip(path, order) == Engine(None).filmstrip(path, order)
