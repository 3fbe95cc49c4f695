"""The previews that a Plex server made: fetched where there are some, and never a failure."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from plexapi.media import MediaPart
from plexapi.utils import parseXMLString

from plexcut.library.plex import PlexAddress, PlexLibrary
from tests.plex.bif import gray_previews
from tests.plex.server import PlexStandIn

BIF = gray_previews(5)


@pytest.fixture
def plex() -> Iterator[PlexStandIn]:
    with PlexStandIn() as server:
        server.add_section("Movies", "movie", "/share")
        server.add_movie(1, "A", [["/share/a.ts", "/share/a2.ts"], "/share/a-small.mp4"])
        server.add_section("Shows", "show", "/share")
        yield server


def library(plex: PlexStandIn, timeout_s: float = 5.0) -> PlexLibrary:
    return PlexLibrary.at("home", "Home", PlexAddress(plex.url, plex.token, timeout_s))


def asked(plex: PlexStandIn) -> list[str]:
    return [request.path for request in plex.requests if "/indexes" in request.path]


def test_previews_of_the_part_that_has_some(plex: PlexStandIn) -> None:
    plex.set_previews(100, BIF)
    lib = library(plex)
    recordings = [version.recording for version in lib.item("home~100").versions]
    assert len(recordings) == 3
    assert [lib.previews(recording) for recording in recordings] == [BIF, None, None]
    assert asked(plex) == ["/library/parts/10000/indexes/sd"]
    assert all("X-Plex-Token" not in path for path in asked(plex))


def test_where_there_are_none_nothing_is_asked(plex: PlexStandIn) -> None:
    lib = library(plex)
    assert lib.previews(lib.item("home~100").recording or "") is None
    assert lib.previews("home~100~unknown") is None
    assert lib.previews("home~999~0123456789") is None
    assert lib.previews("elsewhere") is None
    assert asked(plex) == []


@pytest.mark.parametrize("how", ["500", "404", "401", "slow", "trickle", "cut", "garbage", "html", "redirect"])
def test_a_server_that_does_not_hand_them_out(plex: PlexStandIn, how: str) -> None:
    plex.set_previews(100, BIF)
    lib = library(plex, timeout_s=1.0)
    recording = lib.item("home~100").recording or ""
    plex.fail(how, path="/library/parts/")
    assert lib.previews(recording) is None
    plex.fail("gone")
    assert lib.previews(recording) is None


def test_the_attribute_is_the_one_that_plexapi_reads() -> None:
    part = MediaPart(None, parseXMLString('<Part id="7" key="/library/parts/7/1/file.ts" indexes="sd"/>'))
    assert (part.indexes, part.hasPreviewThumbnails) == ("sd", True)
