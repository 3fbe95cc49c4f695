"""Many asking at once, as a server's threads do."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.media.test_frames import number_in
from tests.media_factory import CLIPS, ClipCache

from plexcut.domain.timecode import FrameNumber
from plexcut.media import indexes
from plexcut.media.engine import Engine
from plexcut.media.frames import FrameCache


@pytest.mark.parametrize("names", [("h264_open_gop_50p", "mpeg2_interlaced_wrap", "mp4_h264_open_gop")])
def test_eight_threads_get_the_right_pictures_of_three_clips(clip_cache: ClipCache, names: tuple[str, ...]) -> None:
    clips = [clip_cache.get(CLIPS[name]) for name in names]
    engine = Engine(None)
    start = threading.Barrier(8)

    def look(seed: int) -> list[tuple[int | None, int]]:
        chance = random.Random(seed)
        start.wait()
        found = []
        for _ in range(12):
            clip = chance.choice(clips)
            # Few frames, so that several threads are given the same one.
            number = chance.choice([0, 1, 20, 21, 22, 23, 24, 25, 60, 99])
            width, fmt = chance.choice([(160, "jpg"), (320, "jpg"), (None, "png")])
            picture = engine.frame(clip.path, FrameNumber(number), width, fmt)  # type: ignore[arg-type]
            found.append((number_in(picture), number))
        return found

    with ThreadPoolExecutor(8) as pool:
        for shown in pool.map(look, range(8)):
            assert all(found == asked for found, asked in shown), shown


def test_an_index_is_built_once_however_many_ask(
    clip_cache: ClipCache, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clip = clip_cache.get(CLIPS["h264_closed"])
    built = []
    build = indexes.build_index

    def count(*args: object) -> object:
        built.append(args[0])
        return build(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(indexes, "build_index", count)
    engine = Engine(tmp_path / "data")
    start = threading.Barrier(8)

    def ask(_: int) -> int:
        start.wait()
        return engine.probe(clip.path).frames

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {100}
    assert len(built) == 1


def test_several_processes_may_keep_the_same_index(clip_cache: ClipCache, tmp_path: Path) -> None:
    clip = clip_cache.get(CLIPS["h264_closed"])
    engines = [Engine(tmp_path / "data") for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(lambda engine: engine.probe(clip.path).frames, engines)) == {100}
    assert [path.suffix for path in (tmp_path / "data" / "index").iterdir()] == [".index"]


def test_the_frame_cache_stays_within_its_bounds(clip_cache: ClipCache) -> None:
    import av

    with av.open(str(clip_cache.get(CLIPS["h264_closed"]).path)) as container:
        frames = list(container.decode(video=0))
    size = sum(plane.buffer_size for plane in frames[0].planes)
    cache = FrameCache(limit_bytes=5 * size)
    for row, frame in enumerate(frames):
        cache.put("clip", row, frame)
        assert cache.get("clip", row) is frame
    kept = [row for row in range(len(frames)) if cache.get("clip", row) is not None]
    assert kept == [95, 96, 97, 98, 99]
    assert cache.get("other", 99) is None
    cache.put("clip", 99, frames[0])
    assert cache.get("clip", 99) is frames[0]
    assert cache.get("clip", 95) is not None
