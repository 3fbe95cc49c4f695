"""Plexdata with the real Plex adapter, against the stand-in server: there, gone, returned, slow, refusing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from plexcut import bootstrap, config
from plexcut.config import Choices, LibrarySettings, PathMapping
from plexcut.cutlists import CutListFiles
from plexcut.domain.selection import inconsistency
from plexcut.errors import LibraryOffline
from plexcut.plexdata import Plexdata, Ports
from plexcut.storage.database import Database
from tests.plex.server import PlexStandIn
from tests.plexdata.fake_files import FakeFiles
from tests.plexdata.fake_state import FakeQueue
from tests.plexdata.fakes import FakeEngine
from tests.plexdata.world import until


@pytest.fixture
def plex(tmp_path: Path) -> Iterator[PlexStandIn]:
    with PlexStandIn() as server:
        movies = server.add_section("Films", "movie", "/share/films")
        for title in ("Alpha", "Beta & Co"):
            server.add_movie(movies, title, [f"/share/films/{title}.ts"], duration=90_000)
            (tmp_path / "films").mkdir(exist_ok=True)
            (tmp_path / "films" / f"{title}.ts").write_bytes(b"\x47" * 188)
        shows = server.add_section("Series", "show", "/share/series")
        for title in ("Uno", "Due"):
            show = server.add_show(shows, title)
            for season in (1, 2):
                for index in (1, 2):
                    server.add_episode(show, season, index, f"E{index}", [f"/share/series/{title}{season}{index}.ts"])
        server.add_section("Songs", "artist")
        yield server


@pytest.fixture
def plexdata(plex: PlexStandIn, tmp_path: Path) -> Iterator[Plexdata]:
    entry = LibrarySettings(
        "home", "plex", "Home", url=plex.url, token="stand-in-token-7f3a", paths=(PathMapping("/share", tmp_path),)
    )
    settings = replace(config.load(Choices(), {"PLEXCUT_DATA_DIR": str(tmp_path / "data")}), libraries=(entry,))
    ports = Ports(
        {"home": bootstrap.library(entry)},
        FakeEngine(),
        FakeQueue(),
        Database(settings.database),
        CutListFiles(),
        FakeFiles(),
    )
    made = Plexdata(ports, settings)
    yield made
    made.close()


def test_browse_select_and_open(plexdata: Plexdata) -> None:
    plexdata.start()
    assert plexdata.wait_ready(60)
    selection = plexdata.selection()
    assert [movie.title for movie in selection.movies] == ["Alpha", "Beta & Co"]
    assert selection.movie is not None
    assert selection.movie.recording is not None
    assert plexdata.frame(selection.movie.recording, 1).data.startswith(b"Alpha:25")
    films, series = plexdata.sections("home")
    for show in plexdata.items("home", series.id).items:
        for season in plexdata.children(show.id):
            for episode in plexdata.children(season.id):
                found = plexdata.update_movie("x", episode.id)
                assert inconsistency(found) is None
                assert (found.show, found.season, found.movie) == (show, season, episode)
    assert plexdata.update_section("x", films.id).movie == selection.movie
    assert len(plexdata.stream_all("x", "http://h").getvalue().split(b"<track>")) == 3


def test_a_new_movie_is_found_though_the_list_is_remembered(plexdata: Plexdata, plex: PlexStandIn) -> None:
    plexdata.start()
    assert plexdata.wait_ready(60)
    films = plexdata.sections("home")[0]
    asked = len(plex.requests)
    plexdata.update_section("x", films.id)
    assert not [request for request in plex.requests[asked:] if "/all" in request.path]
    plex.add_movie(1, "Gamma", ["/share/films/Gamma.ts"])
    gamma = plexdata.items("home", films.id).items[-1]
    selection = plexdata.update_movie("x", gamma.id)
    assert selection.movie == replace(gamma, edits=None)
    assert len(selection.movies) == 3


def test_gone_and_back(plexdata: Plexdata, plex: PlexStandIn) -> None:
    plexdata.start()
    assert plexdata.wait_ready(60)
    before = plexdata.selection()
    plex.fail("gone")
    with pytest.raises(LibraryOffline):
        plexdata.items("home", plexdata.selection().section.id)  # type: ignore[union-attr]
    assert not plexdata.libraries()[0].online
    assert plexdata.selection() == before
    assert plexdata.health().status == "ok"
    plex.fail(None)
    until(lambda: plexdata.libraries()[0].online, 60)
    assert plexdata.update_movie(None, before.movies[1].id).movie == before.movies[1]


def test_down_at_the_start(plexdata: Plexdata, plex: PlexStandIn) -> None:
    plex.fail("gone")
    plexdata.start()
    assert plexdata.wait_ready(60)
    assert plexdata.selection().movie is None
    plex.fail(None)
    until(lambda: plexdata.selection().movie is not None, 60)


def test_slow_at_the_start(plexdata: Plexdata, plex: PlexStandIn) -> None:
    plex.fail("slow")
    began = time.monotonic()
    plexdata.start()
    assert plexdata.wait_ready(30)
    assert time.monotonic() - began < 30
    assert not plexdata.libraries()[0].online
    plex.fail(None)
    until(lambda: plexdata.libraries()[0].online, 60)


def test_a_wrong_token(plexdata: Plexdata, plex: PlexStandIn) -> None:
    plex.fail("401")
    plexdata.start()
    assert plexdata.wait_ready(60)
    (status,) = plexdata.libraries()
    assert not status.online
    assert "token" in status.message
    assert "stand-in-token" not in status.message
