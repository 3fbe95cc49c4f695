"""Who watches a recording on its Plex server now."""

from __future__ import annotations

from xml.etree.ElementTree import fromstring

import pytest
from plexapi.server import PlexServer

from plexcut.domain.catalog import Viewing
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
