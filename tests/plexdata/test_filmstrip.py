"""Filmstrips by recording: provisional before the index, exact behind it, and fetched once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from plexcut import bootstrap, config
from plexcut.config import Choices, LibrarySettings, PathMapping
from plexcut.cutlists import CutListFiles
from plexcut.domain.media import FilmstripOrder, IndexState, Source
from plexcut.domain.timecode import FrameNumber
from plexcut.errors import Cancelled, RecordingChanged, RecordingNotFound, SpanInvalid, UsageError
from plexcut.media.engine import Engine
from plexcut.plexdata import Plexdata, Ports
from plexcut.plexdata.filmstrip import StripOrder
from plexcut.storage.database import Database
from tests.media_factory import CLIPS, ClipCache
from tests.plex.bif import gray_previews
from tests.plex.server import PlexStandIn
from tests.plexdata.fake_files import FakeFiles
from tests.plexdata.fake_state import FakeQueue


class Held(Engine):
    """The index is being built until `go` is set."""

    def __init__(self) -> None:
        super().__init__(None)
        self.go = threading.Event()

    def prepare(self, source: Source) -> IndexState:
        return super().prepare(source) if self.go.is_set() else IndexState("building", 10.0)

    def index_state(self, source: Source) -> IndexState:
        return super().index_state(source) if self.go.is_set() else IndexState("building", 10.0)


@pytest.fixture
def plex(tmp_path: Path, clip_cache: ClipCache) -> Iterator[PlexStandIn]:
    with PlexStandIn() as server:
        server.add_section("Films", "movie", "/share/films")
        server.add_movie(1, "A", ["/share/films/a.ts"])
        (tmp_path / "films").mkdir()
        (tmp_path / "films" / "a.ts").write_bytes(clip_cache.get(CLIPS["mpeg2_progressive"]).path.read_bytes())
        yield server


@pytest.fixture
def engine() -> Held:
    return Held()


@pytest.fixture
def plexdata(plex: PlexStandIn, engine: Held, tmp_path: Path) -> Iterator[Plexdata]:
    mapping = PathMapping("/share", tmp_path)
    entry = LibrarySettings("home", "plex", "Home", url=plex.url, token=plex.token, paths=(mapping,))
    settings = replace(config.load(Choices(), {"PLEXCUT_DATA_DIR": str(tmp_path / "data")}), libraries=(entry,))
    ports = Ports(
        {"home": bootstrap.library(entry)},
        engine,
        FakeQueue(),
        Database(settings.database),
        CutListFiles(),
        FakeFiles(),
    )
    made = Plexdata(ports, settings)
    made.start()
    assert made.wait_ready(10)
    yield made
    made.close()


@pytest.fixture
def recording(plexdata: Plexdata) -> str:
    found = plexdata.item("home~100").recording
    assert found is not None
    return found


def order(recording: str, **more: object) -> StripOrder:
    pictures = FilmstripOrder(count=8)
    return replace(StripOrder(recording, pictures), **more)


def test_previews_first_and_exact_ones_behind_them(
    plexdata: Plexdata, plex: PlexStandIn, engine: Held, recording: str
) -> None:
    plex.set_previews(100, gray_previews(20, 500))
    early = plexdata.filmstrip(order(recording))
    assert early.provisional
    assert [tile.frame for tile in early.tiles] == [None] * 8
    assert plexdata.filmstrip(order(recording)) == early
    engine.go.set()
    while plexdata.recording(recording).index.state != "ready":
        time.sleep(0.02)
    exact = plexdata.filmstrip(order(recording))
    assert not exact.provisional
    assert all(tile.frame is not None for tile in exact.tiles)
    assert plexdata.filmstrip(order(recording, provisional=True)) == early, "the image of the tiles that were told"
    assert len([request for request in plex.requests if "/indexes" in request.path]) == 1


def test_many_at_once_fetch_them_once(plexdata: Plexdata, plex: PlexStandIn, recording: str) -> None:
    plex.set_previews(100, gray_previews(20, 500))
    found: list[bool] = []
    threads = [
        threading.Thread(target=lambda: found.append(plexdata.filmstrip(order(recording)).provisional))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 8
    assert len([request for request in plex.requests if "/indexes" in request.path]) == 1


@pytest.mark.parametrize("previews", [None, b"\x89BIFgarbage"])
def test_without_previews_it_waits_for_the_index(
    plexdata: Plexdata, plex: PlexStandIn, engine: Held, recording: str, previews: bytes | None
) -> None:
    plex.set_previews(100, previews)
    threading.Timer(0.3, engine.go.set).start()
    strip = plexdata.filmstrip(order(recording))
    assert engine.go.is_set()
    assert not strip.provisional
    assert all(tile.frame is not None for tile in strip.tiles)


def test_who_waits_can_give_up(plexdata: Plexdata, recording: str) -> None:
    until = time.monotonic() + 0.2
    with pytest.raises(Cancelled):
        plexdata.filmstrip(order(recording), should_cancel=lambda: time.monotonic() > until)


def test_frame_numbers_wait_for_the_index(plexdata: Plexdata, plex: PlexStandIn, engine: Held, recording: str) -> None:
    plex.set_previews(100, gray_previews(20, 500))
    threading.Timer(0.2, engine.go.set).start()
    by_number = FilmstripOrder(FrameNumber(10), FrameNumber(14), 8)
    strip = plexdata.filmstrip(StripOrder(recording, by_number))
    assert [tile.frame for tile in strip.tiles] == [10, 11, 12, 13]


def test_what_cannot_be(plexdata: Plexdata, engine: Held, recording: str) -> None:
    for impossible in (FilmstripOrder(FrameNumber(5), FrameNumber(4)), FilmstripOrder(count=0)):
        with pytest.raises(UsageError):  # at once: the index is not there
            plexdata.filmstrip(StripOrder(recording, impossible))
    engine.go.set()
    fingerprint = plexdata.fingerprint(recording)
    assert plexdata.filmstrip(order(recording, fingerprint=fingerprint)).tiles
    with pytest.raises(RecordingChanged):
        plexdata.filmstrip(order(recording, fingerprint="other"))
    with pytest.raises(SpanInvalid):
        plexdata.filmstrip(StripOrder(recording, FilmstripOrder(FrameNumber(5), FrameNumber(4))))
    for call in (plexdata.fingerprint, lambda name: plexdata.filmstrip(order(name))):
        with pytest.raises(RecordingNotFound):
            call("home~999~0123456789")
