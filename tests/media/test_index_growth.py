"""Recordings that are still being written: what is there counts, and the index grows with the file."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from tests.media_factory import CLIPS, ClipCache

from plexcut import errors
from plexcut.domain.media import Source
from plexcut.media import indexes as indexes_module
from plexcut.media.engine import Engine
from plexcut.media.index import build
from plexcut.media.index.build import build_index, extend_index
from plexcut.media.index.model import MediaIndex
from plexcut.media.indexes import Indexes

_GROWING = ["h264_open_gop_50p", "broadcast", "mpeg2_interlaced_wrap", "hevc_cra_pyramid", "ts_discontinuity", "ts_204"]
_LONG = ["h264_open_gop_50p", "ts_damaged", "ts_pmt_change"]


def _tell_nobody(_fraction: float) -> None:
    pass


def _differences(a: MediaIndex, b: MediaIndex) -> list[str]:
    found = []
    for field in fields(MediaIndex):
        one, two = getattr(a, field.name), getattr(b, field.name)
        same = np.array_equal(one, two) if isinstance(one, np.ndarray) else one == two
        if not same:
            found.append(field.name)
    return found if a.companions == b.companions else [*found, "companions"]


@pytest.fixture
def small_files_are_extended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "ALL_AGAIN_BYTES", 0)


class _Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, _seconds: float) -> None:
        pass


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    found = _Clock()
    monkeypatch.setattr(indexes_module, "time", found)
    return found


@pytest.mark.parametrize("name", _GROWING)
@pytest.mark.usefixtures("small_files_are_extended")
def test_an_extended_index_is_a_fresh_one(clip_cache: ClipCache, tmp_path: Path, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    data = clip.path.read_bytes()
    # Twice the clip: enough keyframes to go on from, and the clock is set anew in between.
    data += data
    path = tmp_path / f"clip{clip.path.suffix}"
    chance = random.Random(name)
    sizes = [*sorted(chance.sample(range(len(data) // 3, len(data)), 7)), len(data)]
    path.write_bytes(data[: sizes[0]])
    index = build_index(path, None, _tell_nobody)
    extended = 0
    for size in sizes[1:]:
        path.write_bytes(data[:size])
        fresh = build_index(path, None, _tell_nobody)
        longer = extend_index(path, index, _tell_nobody, size)
        if longer is not None:
            assert _differences(longer, fresh) == [], size
            extended += 1
        index = longer or fresh
    assert extended >= 5


@pytest.mark.usefixtures("small_files_are_extended")
def test_what_is_not_the_same_file_is_read_again(clip_cache: ClipCache, tmp_path: Path) -> None:
    one = clip_cache.get(CLIPS["h264_open_gop_50p"]).path.read_bytes()
    other = clip_cache.get(CLIPS["h264_open_gop_pyramid"]).path.read_bytes()
    path = tmp_path / "clip.ts"
    path.write_bytes(one)
    index = build_index(path, None, _tell_nobody)
    path.write_bytes(other + other)
    assert extend_index(path, index, _tell_nobody, 2 * len(other)) is None


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is built from now on: `whole` or `longer`."""
    done: list[str] = []

    def whole(
        path: Source, program: int | None, on_fraction: Callable[[float], None], size_bytes: int = 0
    ) -> MediaIndex:
        done.append("whole")
        return build_index(path, program, on_fraction, size_bytes)

    def longer(
        path: Source, index: MediaIndex, on_fraction: Callable[[float], None], size_bytes: int
    ) -> MediaIndex | None:
        done.append("longer")
        return extend_index(path, index, on_fraction, size_bytes)

    monkeypatch.setattr(indexes_module, "build_index", whole)
    monkeypatch.setattr(indexes_module, "extend_index", longer)
    return done


@pytest.mark.usefixtures("small_files_are_extended")
def test_while_a_file_grows_its_index_is_made_longer_now_and_then(
    clip_cache: ClipCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: _Clock
) -> None:
    data = clip_cache.get(CLIPS["h264_open_gop_50p"]).path.read_bytes()
    path = tmp_path / "clip.ts"
    done = _counted(monkeypatch)
    indexes = Indexes(tmp_path / "index")
    path.write_bytes(data[: len(data) // 2])
    first = indexes.get(path)
    assert done == ["whole"]
    for share in (0.55, 0.6, 0.65):
        path.write_bytes(data[: int(len(data) * share)])
        clock.now += 1.5
        assert indexes.get(path) is first
        assert indexes.state(path).state == "ready"
        assert indexes.soon(path) is first
    assert done == ["whole"]
    clock.now += 1.5
    second = indexes.get(path)
    assert done == ["whole", "longer"]
    assert second.frames > first.frames
    assert second.size_bytes == path.stat().st_size
    assert indexes.get(path) is second
    # Another process finds what was kept, and goes on from there.
    path.write_bytes(data)
    third = Indexes(tmp_path / "index").get(path)
    assert done == ["whole", "longer", "longer"]
    assert _differences(third, build_index(path, None, _tell_nobody)) == []
    assert len(list((tmp_path / "index").iterdir())) == 1


def _growing_while_built(path: Path, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next build finds that the file has become `data` before it is done."""

    def whole(
        source: Source, program: int | None, on_fraction: Callable[[float], None], size_bytes: int = 0
    ) -> MediaIndex:
        found = build_index(source, program, on_fraction, size_bytes)
        path.write_bytes(data)
        return found

    monkeypatch.setattr(indexes_module, "build_index", whole)


@pytest.mark.parametrize("name", _LONG)
def test_a_file_that_grows_while_it_is_read_counts_as_it_was(
    clip_cache: ClipCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    data = clip_cache.get(CLIPS[name]).path.read_bytes()
    size = len(data) * 2 // 3
    path = tmp_path / "clip.ts"
    path.write_bytes(data[:size])
    expected = build_index(path, None, _tell_nobody)
    _growing_while_built(path, data, monkeypatch)
    indexes = Indexes(tmp_path / "index")
    index = indexes.get(path)
    assert index.size_bytes == size
    # The frame of which more was still to come is left out.
    assert index.pts.size - 1 not in index.display.tolist()
    assert set(index.display.tolist()) == set(expected.display.tolist()) - {index.pts.size - 1}
    assert indexes.get(path) is index
    assert indexes.state(path).state == "ready"


@pytest.mark.parametrize("what", ["other", "shorter", "touched inside"])
def test_other_changes_while_it_is_read_are_refused(
    clip_cache: ClipCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    data = clip_cache.get(CLIPS["h264_open_gop_50p"]).path.read_bytes()
    wrong = {
        "other": clip_cache.get(CLIPS["h264_open_gop_pyramid"]).path.read_bytes() * 2,
        "shorter": data[: len(data) // 2],
        "touched inside": data[:-1000] + bytes(1) + data[-999:] + data,
    }[what]
    path = tmp_path / "clip.ts"
    path.write_bytes(data)
    _growing_while_built(path, wrong, monkeypatch)
    indexes = Indexes(None)
    with pytest.raises(errors.RecordingChanged):
        indexes.get(path)
    monkeypatch.setattr(indexes_module, "build_index", build_index)
    assert indexes.get(path).size_bytes == len(wrong)


def test_requests_for_a_growing_file_wait_for_one_build(
    clip_cache: ClipCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = clip_cache.get(CLIPS["h264_open_gop_50p"]).path.read_bytes()
    path = tmp_path / "clip.ts"
    path.write_bytes(data[: len(data) // 2])
    started, go_on = threading.Event(), threading.Event()
    built: list[int] = []

    def slow(
        source: Source, program: int | None, on_fraction: Callable[[float], None], size_bytes: int = 0
    ) -> MediaIndex:
        built.append(size_bytes)
        on_fraction(0.25)
        started.set()
        assert go_on.wait(30)
        return build_index(source, program, on_fraction, size_bytes)

    monkeypatch.setattr(indexes_module, "build_index", slow)
    indexes = Indexes(None)
    assert indexes.prepare(path).state == "building"
    assert started.wait(30)
    path.write_bytes(data[: len(data) * 2 // 3])
    assert indexes.prepare(path).state == "building"
    assert indexes.state(path).percent == 25.0
    assert indexes.soon(path) is None
    found: list[MediaIndex] = []
    waiting = threading.Thread(target=lambda: found.append(indexes.get(path)))
    waiting.start()
    go_on.set()
    waiting.join(30)
    assert built == [len(data) // 2]
    assert found[0].size_bytes == len(data) // 2


def test_two_builds_at_once_and_no_more(clip_cache: ClipCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = clip_cache.get(CLIPS["h264_closed"]).path.read_bytes()
    paths = [tmp_path / f"{n}.ts" for n in range(4)]
    for path in paths:
        path.write_bytes(data)
    lock, go_on = threading.Lock(), threading.Event()
    running: list[str] = []
    most: list[int] = []
    entered = threading.Semaphore(0)

    def slow(
        source: Source, program: int | None, on_fraction: Callable[[float], None], size_bytes: int = 0
    ) -> MediaIndex:
        with lock:
            running.append(source.name)
            most.append(len(running))
        entered.release()
        assert go_on.wait(30)
        with lock:
            running.remove(source.name)
        return build_index(source, program, on_fraction, size_bytes)

    monkeypatch.setattr(indexes_module, "build_index", slow)
    indexes = Indexes(None)
    for path in paths:
        assert indexes.prepare(path).state == "building"
    for _ in range(2):
        assert entered.acquire(timeout=30)
    assert not entered.acquire(timeout=0.2)
    go_on.set()
    assert [indexes.get(path).frames for path in paths] == [100] * 4
    assert max(most) == 2


def test_somebody_elses_cancelling_cancels_only_that(
    clip_cache: ClipCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "clip.ts"
    path.write_bytes(clip_cache.get(CLIPS["h264_closed"]).path.read_bytes())
    indexes = Indexes(None)
    told, go_on = threading.Event(), threading.Event()

    def cancel(_fraction: float) -> None:
        told.set()
        assert go_on.wait(30)
        raise errors.Cancelled("enough")

    refused: list[BaseException] = []

    def first() -> None:
        with pytest.raises(errors.Cancelled) as caught:
            indexes.get(path, None, cancel)
        refused.append(caught.value)

    one = threading.Thread(target=first)
    one.start()
    assert told.wait(30)
    found: list[MediaIndex] = []
    two = threading.Thread(target=lambda: found.append(indexes.get(path)))
    two.start()
    go_on.set()
    one.join(30)
    two.join(30)
    assert refused and found[0].frames == 100


def test_a_file_continues_what_it_was_when_it_only_grew(clip_cache: ClipCache, tmp_path: Path) -> None:
    whole = clip_cache.get(CLIPS["h264_open_gop_50p"]).path.read_bytes()
    path = tmp_path / "growing.ts"
    path.write_bytes(whole[: 188 * 500])
    engine = Engine(None)
    before = engine.fingerprint(path)
    path.write_bytes(whole)
    assert engine.continues(path, before)
    after = engine.fingerprint(path)
    os.utime(path, (1, 1))
    assert engine.fingerprint(path) != after
    assert engine.continues(path, after)
    path.write_bytes(whole[: 188 * 500])
    assert not engine.continues(path, after)
    path.write_bytes(whole[188 * 100 :])
    assert not engine.continues(path, before)
    assert not engine.continues(path, "not a fingerprint")
