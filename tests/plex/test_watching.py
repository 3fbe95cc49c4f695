"""Who watches a recording on its Plex server now."""

from __future__ import annotations

from xml.etree.ElementTree import fromstring

import pytest
from plexapi.server import PlexServer

from plexcut.domain.catalog import Viewing
from plexcut.domain.uses import FileUse
from plexcut.errors import LibraryOffline, NotAllowed, RecordingNotFound
from plexcut.library.plex import PlexAddress, PlexLibrary
from plexcut.library.plex.sessions import viewings
from tests.plex.server import PlexStandIn


@pytest.fixture
def plex(tmp_path):
    for name in ("a.ts", "b.ts"):
        (tmp_path / name).write_bytes(b"abc")
    with PlexStandIn() as server:
        section = server.add_section("Movies", "movie", str(tmp_path))
        server.add_movie(section, "Alien", [str(tmp_path / "a.ts"), str(tmp_path / "b.ts")])
        server.add_movie(section, "Other", ["/nowhere/other.ts"])
        yield server


@pytest.fixture
def library(plex):
    library = PlexLibrary.at("home", "Home", PlexAddress(plex.url, plex.token, 5))
    yield library
    library.close()


def test_who_watches(plex, library):
    first, second = (version.recording for version in library.item("home~100").versions)
    assert library.watching(first) == ()
    plex.watch(101)
    assert library.watching(first) == ()
    session = plex.watch(100, user="Bernd", player="TV", state="paused", offset_ms=83_500)
    assert library.watching(first) == library.watching(second) == (Viewing("Bernd", "TV", "paused", 83.5),)
    plex.unwatch(session)
    plex.watch(100, part=100 * 100 + 10)
    assert library.watching(first) == () and len(library.watching(second)) == 1
    assert len(PlexServer(plex.url, plex.token).sessions()) == 2


def test_a_server_that_does_not_tell(plex, library):
    recording = library.item("home~100").versions[0].recording
    plex.owner = False
    with pytest.raises(NotAllowed, match="does not tell who is watching"):
        library.watching(recording)
    plex.owner = True
    plex.fail("500", "/status")
    with pytest.raises(LibraryOffline):
        library.watching(recording)
    plex.fail(None)
    with pytest.raises(RecordingNotFound):
        library.watching("home~100~0123456789")


def test_sessions_that_say_little():
    class Part:
        id = 7

    part = Part()
    answer = fromstring(
        '<MediaContainer><Video ratingKey="5"/><Track ratingKey="5"/>'
        '<Video ratingKey="5" viewOffset="x"><Media><Part id="7"/></Media><Player product="Plex Web"/><User/></Video>'
        "</MediaContainer>"
    )
    assert viewings(answer, "5", part, [part]) == (
        Viewing("", "", "playing", None),
        Viewing("", "Plex Web", "playing", None),
    )


def test_who_uses_a_file_by_its_path(plex, library, tmp_path):
    first, second = tmp_path / "a.ts", tmp_path / "b.ts"
    assert library.use_of(first) == FileUse()
    plex.watch(101)
    assert library.use_of(first) == FileUse()
    session = plex.watch(100, user="Bernd", part=100 * 100 + 10)
    assert library.use_of(first).viewings == ()
    assert [viewing.user for viewing in library.use_of(second).viewings] == ["Bernd"]
    plex.unwatch(session)
    live = plex.watch(100, live=True)
    assert len(library.use_of(first).viewings) == 1
    plex.unwatch(live)
    assert library.use_of(tmp_path / "elsewhere.ts") == FileUse()


def test_a_path_mapping_leads_to_the_name_that_plex_has(plex, tmp_path):
    section = plex.add_section("More", "movie", "/share")
    film = plex.add_movie(section, "Blade", ["/share/Blade.ts"])
    (tmp_path / "Blade.ts").write_bytes(b"x")
    mapped = PlexLibrary.at("home", "Home", PlexAddress(plex.url, plex.token, 5), (("/share", tmp_path),))
    plex.watch(film)
    assert len(mapped.use_of(tmp_path / "Blade.ts").viewings) == 1
    mapped.close()


def test_what_the_dvr_records(plex, library, tmp_path):
    file = tmp_path / "a.ts"
    for more in ({"file": str(file)}, {"item": 100}):
        for status in ("inprogress", "postprocessing"):
            grab = plex.record("Alien", status=status, **more)
            assert library.use_of(file).recorded
            assert not library.use_of(tmp_path / "c.ts").recorded
            plex.recorded(grab)
    plex.record("Alien", status="scheduled", file=str(file))
    plex.record("Something else", file="/elsewhere.ts")
    plex.record("Young")
    assert not library.use_of(file).recorded
    plex.dvr = False
    assert library.use_of(file) == FileUse()


def test_a_server_that_tells_nobody(plex, library, tmp_path):
    plex.owner = False
    with pytest.raises(NotAllowed, match="does not tell who is watching"):
        library.use_of(tmp_path / "a.ts")
    plex.owner = True
    plex.fail("gone")
    with pytest.raises(LibraryOffline):
        library.use_of(tmp_path / "a.ts")
