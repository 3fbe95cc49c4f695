"""Recordings that are read over a network: the same index, frames and plans as from a local file, by few requests."""

from __future__ import annotations

import dataclasses
import io
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from PIL import Image
from tests.media.ranges import MemoryRanges
from tests.media_factory import CLIPS, ClipCache, read_number
from tests.plex.server import PlexStandIn

from plexcut.domain.media import ByteRanges, CutMode, Source
from plexcut.domain.timecode import FrameNumber
from plexcut.errors import LibraryOffline, RecordingChanged
from plexcut.library.plex import PlexAddress, PlexLibrary
from plexcut.media import blocks
from plexcut.media.engine import Engine
from plexcut.storage.remote import FsspecRanges

KINDS = (
    "broadcast", "h264_mbaff_tff", "mpeg2_interlaced_wrap", "hevc_cra", "ts_192", "ts_204", "ts_truncated",
    "ts_discontinuity", "mp4_h264_open_gop", "mp4_hevc", "mkv_h264", "webm_vp8",
)  # fmt: skip


@pytest.fixture(autouse=True)
def fresh_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has read nothing yet."""
    monkeypatch.setattr(blocks, "_shared", None)


@pytest.fixture(scope="module")
def plex() -> Iterator[PlexStandIn]:
    with PlexStandIn() as server:
        server.add_section("Movies", "movie", "/share/movies")
        yield server


def through_plex(plex: PlexStandIn, local: Path) -> ByteRanges:
    """The file as a library without path mappings gives it."""
    named = f"/share/movies/{local.name}"
    key = plex.add_movie(1, local.stem, [named])
    plex.hand_out(named, local)
    library = PlexLibrary.at("home", "Home", PlexAddress(plex.url, plex.token, timeout_s=5.0))
    recording = library.item(f"home~{key}").recording
    assert recording is not None
    source = library.recording(recording).source
    assert not isinstance(source, Path)
    return source


def through_fsspec(local: Path) -> ByteRanges:
    fs = fsspec.filesystem("memory")
    fs.pipe(f"/clips/{local.name}", local.read_bytes())
    return FsspecRanges(lambda: fs, f"/clips/{local.name}")


def known(engine: Engine, source: Source) -> dict[str, Any]:
    """All that the engine says of a recording, but what its picture looks like."""
    index = engine.index(source)
    arrays = {
        field.name: value.tolist()
        for field in dataclasses.fields(index)
        if isinstance(value := getattr(index, field.name), np.ndarray)
    }
    total = index.frames
    mode: CutMode = "keyframe" if index.video.codec == "vp8" else "exact"
    spans = [(FrameNumber(total // 5), FrameNumber(total // 2)), (FrameNumber(total * 3 // 4), FrameNumber(total - 3))]
    plan = engine.plan(source, engine.resolve_keep(source, spans), mode)
    return {"facts": engine.probe(source), "plan": plan, **arrays}


def number_at(engine: Engine, source: Source, frame: int) -> int | None:
    picture = engine.frame(source, FrameNumber(frame))
    assert picture.frame == frame
    return read_number(np.asarray(Image.open(io.BytesIO(picture.data))))


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_same_over_a_network(clip_cache: ClipCache, plex: PlexStandIn, kind: str) -> None:
    clip = clip_cache.get(CLIPS[kind])
    local = Engine(None)
    want = known(local, clip.path)
    total = local.probe(clip.path).frames
    rng = random.Random(kind)
    chosen = sorted({0, total - 1, *(rng.randrange(total) for _ in range(6))})
    pictures = [local.frame(clip.path, FrameNumber(n)).data for n in chosen]
    for source in (through_fsspec(clip.path), through_plex(plex, clip.path)):
        engine = Engine(None)
        assert known(engine, source) == want
        rng.shuffle(chosen)
        found = {n: engine.frame(source, FrameNumber(n)).data for n in chosen}
        assert [found[n] for n in sorted(found)] == pictures


@pytest.mark.parametrize("kind", ["broadcast", "mp4_h264_open_gop", "mkv_h264"])
def test_dropped_connections_change_nothing(clip_cache: ClipCache, plex: PlexStandIn, kind: str) -> None:
    clip = clip_cache.get(CLIPS[kind])
    want = known(Engine(None), clip.path)
    source = through_plex(plex, clip.path)
    plex.drop_every = 2
    try:
        engine = Engine(None)
        assert known(engine, source) == want
        blocks._shared = None
        assert number_at(engine, source, 33) == number_at(Engine(None), clip.path, 33)
    finally:
        plex.drop_every = 0


@pytest.mark.parametrize("kind", ["h264_open_gop_50p", "mpeg2_progressive", "mp4_h264", "mkv_h264"])
def test_a_random_frame_takes_few_requests(clip_cache: ClipCache, kind: str) -> None:
    clip = clip_cache.get(CLIPS[kind])
    engine = Engine(None)
    ranges = MemoryRanges.of(clip.path, latency_s=0.03)
    total = engine.probe(ranges).frames
    for n in (total // 2, total // 3, total - 2):
        blocks._shared = None
        ranges.asked.clear()
        assert number_at(engine, ranges, n) == number_at(Engine(None), clip.path, n)
        assert len(ranges.asked) <= 5


@pytest.mark.parametrize("when", ["opening", "indexing", "decoding"])
@pytest.mark.parametrize("kind", ["broadcast", "mp4_h264"])
def test_an_outage_is_said_and_over_when_the_host_returns(clip_cache: ClipCache, kind: str, when: str) -> None:
    clip = clip_cache.get(CLIPS[kind])
    engine = Engine(None)
    ranges = MemoryRanges.of(clip.path)
    if when == "decoding":
        engine.probe(ranges)
        blocks._shared = None
    elif when == "indexing":
        engine.fingerprint(ranges)
        blocks._shared = None
        ranges.fail_next = 3
    if when != "indexing":
        ranges.offline = True
    with pytest.raises(LibraryOffline):
        engine.frame(ranges, FrameNumber(20))
    ranges.offline, ranges.fail_next = False, 0
    assert engine.index_state(ranges).state in {"none", "ready"}
    assert number_at(engine, ranges, 20) == number_at(Engine(None), clip.path, 20)
    assert engine.probe(ranges) == Engine(None).probe(clip.path)


def test_a_file_that_changed_has_another_index(clip_cache: ClipCache) -> None:
    first, second = clip_cache.get(CLIPS["broadcast"]), clip_cache.get(CLIPS["h264_open_gop_50p"])
    engine = Engine(None)
    ranges = MemoryRanges.of(first.path)
    before = engine.fingerprint(ranges)
    assert engine.probe(ranges).frames == Engine(None).probe(first.path).frames
    ranges.data, ranges.version = second.path.read_bytes(), 2
    assert engine.fingerprint(ranges) != before
    assert engine.probe(ranges) == Engine(None).probe(second.path)


def test_a_file_that_changes_while_it_is_indexed(clip_cache: ClipCache) -> None:
    clip = clip_cache.get(CLIPS["broadcast"])

    class Replaced(MemoryRanges):
        soon = False

        def read(self, start: int, size: int) -> bytes:
            self.version += self.soon
            self.soon = False
            return super().read(start, size)

    ranges = Replaced(clip.path.read_bytes())
    engine = Engine(None)
    engine.fingerprint(ranges)
    blocks._shared, ranges.soon = None, True
    with pytest.raises(RecordingChanged):
        engine.probe(ranges)
    assert engine.probe(ranges) == Engine(None).probe(clip.path)


def test_many_threads_see_the_right_frames_while_connections_drop(clip_cache: ClipCache, plex: PlexStandIn) -> None:
    clips = [clip_cache.get(CLIPS[kind]) for kind in ("h264_open_gop_50p", "mpeg2_progressive", "mkv_h264")]
    sources = [through_plex(plex, clip.path) for clip in clips]
    engine = Engine(None)
    totals = [engine.probe(source).frames for source in sources]
    wrong: list[object] = []

    def work(seed: int) -> None:
        rng = random.Random(seed)
        try:
            for _ in range(8):
                which = rng.randrange(len(sources))
                n = rng.randrange(totals[which])
                if rng.random() < 0.3:
                    blocks._shared = None
                if (found := number_at(engine, sources[which], n)) != n:
                    wrong.append((which, n, found))
        except Exception as error:
            wrong.append(error)

    plex.drop_every = 5
    try:
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    finally:
        plex.drop_every = 0
    assert not wrong
