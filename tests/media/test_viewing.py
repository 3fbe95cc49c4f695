"""Looking at frames as people do: jumps, steps, many at once; and nothing is kept for longer than it is of use."""

from __future__ import annotations

import contextlib
import gc
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.media_factory import CLIPS, Clip, ClipCache, read_number

from plexcut.domain.timecode import FrameNumber
from plexcut.errors import Cancelled
from plexcut.media import frames as frames_module
from plexcut.media.decoding import ONE_THREAD, Threads, threads_for, top_sub_layer
from plexcut.media.engine import Engine
from plexcut.media.frames import FrameCache, Place, Viewer
from plexcut.media.index.model import MediaIndex
from plexcut.media.units import open_units
from plexcut.media.viewing import idle
from plexcut.media.viewing.idle import IdleStore
from plexcut.media.viewing.run import Run

_CLIPS = [
    "h264_open_gop_50p", "h264_open_gop_pyramid", "h264_closed", "h264_mbaff_tff", "h264_no_bframes", "h264_no_rai",
    "mpeg2_interlaced_wrap", "mpeg2_closed", "hevc_cra", "hevc_cra_pyramid", "hevc_10bit", "mp4_h264_open_gop",
    "mp4_hevc", "mkv_h264", "webm_vp8", "ts_192", "ts_204", "ts_discontinuity", "ts_lost_frames", "broadcast",
]  # fmt: skip
_MANY = 100


_READING = threading.Lock()
"""PyAV changes a frame while it is converted, and threads share frames."""


def read(frame: Any) -> int | None:
    with _READING:
        return read_number(frame.reformat(format="gray").to_ndarray())


class Looking:
    """A viewer and the numbers that it shows of one clip."""

    def __init__(self, clip: Clip, cache: FrameCache | None = None) -> None:
        self.clip = clip
        self.index: MediaIndex = Engine(None).index(clip.path)
        self.viewer = Viewer(cache)

    def at(self, number: int, should_cancel: Callable[[], bool] = lambda: False) -> int | None:
        frame = self.viewer.frame(Place(self.clip.path, self.index, number, "clip"), should_cancel)
        return read(frame)


@pytest.fixture
def fed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows that decoders were fed."""
    rows: list[int] = []
    feed = Run._feed

    def counted(run: Run, row: int, unit: Any) -> Any:
        rows.append(row)
        return feed(run, row, unit)

    monkeypatch.setattr(Run, "_feed", counted)
    return rows


def walk(chance: random.Random, frames: int, count: int) -> list[int]:
    """Jumps, steps to both sides, strides, and looks at the same frame again."""
    order, at = [], 0
    while len(order) < count:
        if chance.random() < 0.3:
            at = chance.randrange(frames)
        step = chance.choice([-1, -1, 1, 1, 2, -3, 10, 0])
        for _ in range(chance.randrange(1, 7)):
            at = min(max(at + step, 0), frames - 1)
            order.append(at)
    return order[:count]


@pytest.mark.parametrize("name", _CLIPS)
@pytest.mark.parametrize("threads", [None, Threads(2, "frame"), Threads(2, "slice")])
def test_many_looks(clip_cache: ClipCache, monkeypatch: pytest.MonkeyPatch, name: str, threads: Threads | None) -> None:
    """With the threads that suit the stream, and with any others."""
    if threads is not None:
        monkeypatch.setattr(frames_module, "threads_for", lambda *_: threads)
    # Little is kept, so that most are decoded.
    clip = clip_cache.get(CLIPS[name])
    looking = Looking(clip, FrameCache(1 << 20))
    order = walk(random.Random(f"{name} {threads}"), len(clip.numbers), _MANY)
    assert [looking.at(n) for n in order] == [clip.numbers[n] for n in order]


@pytest.mark.parametrize("name", ["h264_open_gop_pyramid", "mpeg2_interlaced_wrap", "hevc_cra_pyramid"])
def test_a_decoder_that_holds_back_more_than_was_thought(
    clip_cache: ClipCache, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(frames_module, "_reordering_depth", lambda _: -2)
    clip = clip_cache.get(CLIPS[name])
    looking = Looking(clip, FrameCache(1 << 20))
    order = walk(random.Random(name), len(clip.numbers), _MANY)
    assert [looking.at(n) for n in order] == [clip.numbers[n] for n in order]


@pytest.mark.parametrize("name", ["h264_open_gop_50p", "mpeg2_interlaced_wrap", "hevc_cra", "mp4_h264_open_gop"])
def test_steps_decode_hardly_more_than_what_they_show(clip_cache: ClipCache, fed: list[int], name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    frames = len(clip.numbers)
    looking = Looking(clip)
    assert [looking.at(n) for n in range(frames)] == clip.numbers
    assert len(fed) <= 1.3 * frames
    fed.clear()
    looking = Looking(clip)
    assert [looking.at(n) for n in reversed(range(frames))] == clip.numbers[::-1]
    assert len(fed) <= 3 * frames


def test_what_nothing_refers_to_is_not_decoded(clip_cache: ClipCache, fed: list[int]) -> None:
    """Of a group of 24 with three B pictures between two others, the last is reached over 6 of them."""
    looking = Looking(clip_cache.get(CLIPS["h264_open_gop_50p"]))
    row = max(range(24, 48), key=lambda row: row)
    number = int(looking.index.number_of[row])
    first = looking.index.key_before(row)
    assert looking.at(number) == number
    assert len([fed_row for fed_row in fed if fed_row < row]) <= (row - first) / 2


@pytest.mark.parametrize("name", ["h264_open_gop_pyramid", "mpeg2_interlaced_wrap", "mp4_h264_open_gop"])
def test_many_for_one_group_decode_it_once(clip_cache: ClipCache, fed: list[int], name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    looking = Looking(clip)
    key = int(looking.index.keys[2])
    rows = [row for row in range(key, int(looking.index.keys[3])) if looking.index.key_before(row) == key]
    numbers = [int(looking.index.number_of[row]) for row in rows]
    random.Random(name).shuffle(numbers)
    start = threading.Barrier(len(numbers))

    def look(number: int) -> int | None:
        start.wait(60)
        return looking.at(number)

    with ThreadPoolExecutor(len(numbers)) as pool:
        assert list(pool.map(look, numbers)) == [clip.numbers[n] for n in numbers]
    assert len(fed) <= 3 * len(rows)


def test_threads_that_look_at_several_clips(clip_cache: ClipCache) -> None:
    clips = [clip_cache.get(CLIPS[name]) for name in ("h264_open_gop_50p", "hevc_cra", "mp4_h264_open_gop")]
    indexes = [Engine(None).index(clip.path) for clip in clips]
    viewer = Viewer(FrameCache(4 << 20))

    def look(seed: int) -> None:
        chance = random.Random(seed)
        for n in walk(chance, 75, 40):
            which = chance.randrange(len(clips))
            frame = viewer.frame(Place(clips[which].path, indexes[which], n, str(which)))
            assert read(frame) == clips[which].numbers[n]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(look, range(8)))


@pytest.mark.parametrize("name", ["h264_open_gop_pyramid", "mp4_h264_open_gop"])
def test_a_look_that_is_given_up_anywhere_spoils_nothing(clip_cache: ClipCache, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    looking = Looking(clip, FrameCache(1 << 20))
    chance = random.Random(name)
    given_up = 0
    for _ in range(40):
        left = chance.randrange(0, 30)

        def enough() -> bool:
            nonlocal left
            left -= 1
            return left < 0

        number = chance.randrange(len(clip.numbers))
        try:
            assert looking.at(number, enough) == clip.numbers[number]
        except Cancelled:
            given_up += 1
        number = chance.randrange(len(clip.numbers))
        assert looking.at(number) == clip.numbers[number]
    assert given_up > 5


def test_one_who_waits_for_others_can_give_up(clip_cache: ClipCache) -> None:
    looking = Looking(clip_cache.get(CLIPS["h264_open_gop_50p"]))
    held, gone = threading.Event(), threading.Event()

    def hold() -> bool:
        held.set()
        gone.wait(60)
        return False

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(looking.at, 60, hold)
        assert held.wait(60)
        with pytest.raises(Cancelled):
            looking.at(61, lambda: True)
        gone.set()
        assert first.result() == 60


def test_a_stream_with_slices_is_decoded_by_threads_on_them(clip_cache: ClipCache) -> None:
    slices = b"\x00\x00\x01\x67ab" + b"\x00\x00\x01\x41cd" * 3
    assert threads_for("mpeg2video", (slices,)) == ONE_THREAD
    assert threads_for("h264", (slices,)).kind == "slice"
    assert threads_for("h264", (b"\x00\x00\x01\x65ab",)).kind == "frame"
    sized = b"".join(len(nal).to_bytes(4, "big") + nal for nal in (b"\x06a", b"\x41bcd", b"\x41ef"))
    assert threads_for("h264", (sized,), b"\x01\x64\x00\x28\xff\xe1\x00\x00").kind == "slice"


def test_sub_layers_of_hevc(clip_cache: ClipCache) -> None:
    for name in ("hevc_cra", "mp4_hevc"):
        clip = clip_cache.get(CLIPS[name])
        index = Engine(None).index(clip.path)
        with open_units(clip.path, index) as reader:
            assert top_sub_layer(next(iter(reader.read(0, 1))), index.video) == 0
    with_two = b"\x00\x00\x01\x42\x01\x03"
    assert top_sub_layer((with_two,), Engine(None).index(clip_cache.get(CLIPS["hevc_cra"]).path).video) == 1


def test_what_nobody_asks_for_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "IDLE_S", 0.2)
    monkeypatch.setattr(idle, "_LOOK_EVERY_S", 0.05)
    dropped: list[str] = []
    store: IdleStore[int, str] = IdleStore(10, dropped.append)
    store.put(1, "one", 4)
    store.put(2, "two", 4)
    assert store.get(1) == "one"
    store.put(3, "three", 4)
    assert dropped == ["two"]
    assert store.take(3) == "three"
    store.put(1, "uno", 20)
    assert dropped == ["two", "one"]
    assert store.get(1) == "uno"
    for _ in range(100):
        if not store.items():
            break
        time.sleep(0.05)
    assert dropped == ["two", "one", "uno"]
    assert store.get(1) is None


def test_memory_is_given_back_though_something_else_is_kept_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "_LOOK_EVERY_S", 0.05)
    given_back = threading.Event()
    monkeypatch.setattr(idle.heap, "give_back", given_back.set)
    longer: IdleStore[int, str] = IdleStore(10, idle_s=300)
    longer.put(1, "played", 1)
    pictures: IdleStore[int, str] = IdleStore(10, idle_s=0.1)
    pictures.put(1, "shown", 1)
    given_back.clear()
    assert given_back.wait(30)
    assert longer.get(1) == "played"
    longer.take(1)


def test_files_are_closed_after_a_while(clip_cache: ClipCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "IDLE_S", 0.2)
    monkeypatch.setattr(idle, "_LOOK_EVERY_S", 0.05)
    # Not the runs themselves: the last reference to one would go while the class gets its own `close` back.
    closed: list[int] = []
    close = Run.close
    monkeypatch.setattr(Run, "close", lambda run: (closed.append(id(run)), close(run))[1])
    looking = Looking(clip_cache.get(CLIPS["h264_open_gop_50p"]))
    assert looking.at(70) == 70
    for _ in range(100):
        if closed:
            break
        time.sleep(0.05)
    assert closed
    assert looking.at(71) == 71


def test_a_store_that_goes_lets_go_what_it_kept() -> None:
    gone: list[str] = []
    store: IdleStore[int, str] = IdleStore(100, gone.append)
    store.put(1, "one", 4)
    store.put(2, "two", 4)
    del store
    for _ in range(100):  # the thread that sweeps may look at it just now
        gc.collect()
        if gone:
            break
        time.sleep(0.05)
    assert sorted(gone) == ["one", "two"]


def test_an_engine_that_is_closed_leaves_no_file_open(clip_cache: ClipCache) -> None:
    path = clip_cache.get(CLIPS["h264_open_gop_50p"]).path
    engine = Engine(None)
    engine.frame(path, FrameNumber(5))
    engine.close()
    opened = set()
    for found in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # that of the listing itself
            opened.add(str(found.readlink()))
    assert str(path) not in opened
