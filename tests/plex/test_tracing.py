"""Finding where a Plex server's files are on this machine, and being sure of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from plexcut.domain.setup import PlexAccess, Traced, TraceOrder
from plexcut.library.plex.tracing import Tracing
from tests.plex.server import PlexStandIn


def content(name: str) -> bytes:
    return (name.encode() + b" ") * 3000


@pytest.fixture
def plex(tmp_path: Path) -> Iterator[PlexStandIn]:
    """A server whose files lie below `there`, and are handed out."""
    with PlexStandIn() as server:
        films = server.add_section("Films", "movie", "/share/plex/films")
        shows = server.add_section("Shows", "show", "/share/plex/shows")
        show = server.add_show(shows, "Dark")
        for n in range(3):
            add(server, tmp_path, f"films/Film {n} (2001)/Film {n} (2001).ts", films, None)
            add(server, tmp_path, f"shows/Dark/Season 01/Dark - S01E0{n}.ts", shows, show)
        yield server


def add(plex: PlexStandIn, tmp: Path, name: str, section: int, show: int | None) -> None:
    local = tmp / "server" / name
    local.parent.mkdir(parents=True, exist_ok=True)
    local.write_bytes(content(name))
    named = f"/share/plex/{name}"
    plex.hand_out(named, local)
    if show is None:
        plex.add_movie(section, local.stem, [named])
    else:
        plex.add_episode(show, 1, len(plex._items), local.stem, [named])


def put(folder: Path, *names: str, wrong: str = "") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        data = content(name)
        if wrong == "size":
            data = data[:-1]
        elif wrong == "content":
            data = data[:-1] + b"!"
        (folder / name).write_bytes(data)


FILMS = [f"films/Film {n} (2001)/Film {n} (2001).ts" for n in range(3)]
SHOWS = [f"shows/Dark/Season 01/Dark - S01E0{n}.ts" for n in range(3)]


def trace(plex: PlexStandIn, *places: Path, order: TraceOrder | None = None) -> dict[str, Traced]:
    found = Tracing(PlexAccess(plex.url, plex.token), places).find(order or TraceOrder())
    return {one.plex: one for one in found}


def test_by_the_end_of_the_path(plex: PlexStandIn, tmp_path: Path) -> None:
    mount = tmp_path / "mnt"
    put(mount / "plex", *FILMS, *SHOWS)
    found = trace(plex, tmp_path / "nothing", mount)
    assert set(found) == {"/share/plex/films", "/share/plex/shows"}
    films = found["/share/plex/films"]
    assert (films.state, films.here, films.reached, films.looked_for) == ("found", mount / "plex/films", 3, 3)
    assert films.same_bytes is True
    assert films.example is not None
    assert films.example.read_bytes() == content(str(films.example.relative_to(mount / "plex")))
    assert found["/share/plex/shows"].here == mount / "plex/shows"


def test_by_name_anywhere_below(plex: PlexStandIn, tmp_path: Path) -> None:
    mount = tmp_path / "mnt"
    put(mount / "deep" / "er" / "recordings", *FILMS)
    found = trace(plex, mount)
    assert found["/share/plex/films"].here == mount / "deep/er/recordings/films"
    assert (found["/share/plex/shows"].state, found["/share/plex/shows"].here) == ("not_found", None)


def test_a_folder_of_another_name(plex: PlexStandIn, tmp_path: Path) -> None:
    mount = tmp_path / "mnt"
    for name in FILMS:
        put(mount / "x", name)
    (mount / "x" / "films").rename(mount / "movies")
    assert trace(plex, mount)["/share/plex/films"].here == mount / "movies"


@pytest.mark.parametrize(("wrong", "state"), [("size", "wrong_size"), ("content", "wrong_content")])
def test_another_file_of_that_name_is_no_match(plex: PlexStandIn, tmp_path: Path, wrong: str, state: str) -> None:
    mount = tmp_path / "mnt"
    put(mount / "old", *FILMS, wrong=wrong)
    films = trace(plex, mount)["/share/plex/films"]
    assert (films.state, films.here) == (state, None)
    assert films.example is not None
    put(mount / "zz" / "right", *FILMS)
    films = trace(plex, mount)["/share/plex/films"]
    assert (films.state, films.here) == ("found", mount / "zz/right/films")


def test_a_server_that_hands_out_no_bytes(plex: PlexStandIn, tmp_path: Path) -> None:
    put(tmp_path / "mnt", *FILMS)
    plex._contents.clear()
    for name in FILMS:
        plex.sizes[f"/share/plex/{name}"] = len(content(name))
    films = trace(plex, tmp_path / "mnt")["/share/plex/films"]
    assert (films.state, films.same_bytes) == ("found", None)


def test_the_same_path_needs_no_mapping(plex: PlexStandIn, tmp_path: Path) -> None:
    here = tmp_path / "same"
    section = plex.add_section("Here", "movie", str(here))
    put(here, "a.ts")
    plex.add_movie(section, "a", [str(here / "a.ts")])
    found = trace(plex)[str(here)]
    assert (found.state, found.here, found.same_bytes) == ("same", here, None)


def test_only_chosen_sections_and_empty_ones(plex: PlexStandIn, tmp_path: Path) -> None:
    plex.add_section("Empty", "movie", "/share/empty")
    put(tmp_path / "named" / "plex", *SHOWS)
    found = trace(plex, order=TraceOrder(sections=(2, 3), folders=(tmp_path / "named",)))
    assert set(found) == {"/share/plex/shows", "/share/empty"}
    assert found["/share/plex/shows"].here == tmp_path / "named/plex/shows"
    assert found["/share/empty"].state == "no_file"


def test_given_mappings_are_checked(plex: PlexStandIn, tmp_path: Path) -> None:
    put(tmp_path / "a", *FILMS)
    put(tmp_path / "b", *FILMS, wrong="size")
    (tmp_path / "c").mkdir()
    given = [("/share/plex", here) for here in (tmp_path / "a", tmp_path / "b", tmp_path / "c", tmp_path / "gone")]
    order = TraceOrder(given=(*given, ("/nowhere", tmp_path / "a")))
    found = Tracing(PlexAccess(plex.url, plex.token), ()).find(order)
    assert [one.state for one in found] == ["found", "wrong_size", "not_found", "not_there", "no_file"]
    assert (found[0].reached, found[0].looked_for) == (3, 6)


def test_windows_paths(tmp_path: Path) -> None:
    with PlexStandIn() as plex:
        section = plex.add_section("TV", "movie", "D:\\TV")
        name = "D:\\TV\\Harbour\\Harbour.ts"
        put(tmp_path / "mnt" / "tv", "harbour/Harbour.ts")
        plex.add_movie(section, "Harbour", [name])
        plex.sizes[name] = len(content("harbour/Harbour.ts"))
        found = trace(plex, tmp_path / "mnt")["D:\\TV"]
        assert (found.state, found.here) == ("not_found", None) or found.here == tmp_path / "mnt/tv"
        (tmp_path / "mnt/tv/harbour").rename(tmp_path / "mnt/tv/Harbour")
        found = trace(plex, tmp_path / "mnt")["D:\\TV"]
        assert (found.state, found.here) == ("found", tmp_path / "mnt/tv")


def test_a_place_that_hangs_is_left_out(plex: PlexStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    put(tmp_path / "mnt", *FILMS)
    hang = threading.Event()
    real = os.stat

    def stat(path, *args, **kwargs):
        if "dead" in str(path):
            hang.wait(20)
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, "stat", stat)
    found = trace(plex, tmp_path / "dead", tmp_path / "mnt", order=TraceOrder(sections=(1,)))
    hang.set()
    assert found["/share/plex/films"].here == tmp_path / "mnt/films"
