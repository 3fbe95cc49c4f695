"""Playlists and the addresses in them."""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO
from xml.etree import ElementTree as ET

import pytest

from plexcut.domain.catalog import Version
from plexcut.errors import ItemNotFound, NotAllowed, RecordingNotFound
from plexcut.plexdata import SelectionChange
from tests.plexdata.world import World

BASE = "http://127.0.0.1:5200"
NS = {"x": "http://xspf.org/ns/0/"}


@pytest.fixture(autouse=True)
def _started(world: World) -> None:
    world.plexdata.start()
    assert world.plexdata.wait_ready(10)


def tracks(playlist: BytesIO) -> list[dict[str, str]]:
    root = ET.fromstring(playlist.read())
    found = root.findall("x:trackList/x:track", NS)
    return [{child.tag.partition("}")[2]: child.text or "" for child in track} for track in found]


def token_of(track: dict[str, str]) -> str:
    start, _, token = track["location"].rpartition("/")
    assert start == f"{BASE}/streams"
    assert re.fullmatch(r"[A-Za-z0-9._~-]+", token)
    return token


def test_three_playlists(world: World) -> None:
    plexdata = world.plexdata
    plexdata.update(None, SelectionChange(movie="a~s2.1.2"))
    (only,) = tracks(plexdata.stream_movie(None, BASE))
    assert (only["title"], only["album"], only["duration"]) == ("s2 - S01E02 - s2.1.2", "s2", "120000")
    season = tracks(plexdata.stream_section(None, BASE))
    assert [t["title"] for t in season] == [f"s2 - S01E0{n} - s2.1.{n}" for n in (1, 2, 3)]
    assert len(tracks(plexdata.stream_all(None, BASE))) == 12
    assert plexdata.open_stream(token_of(only)).recording == "a~r.s2.1.2"
    plexdata.update_section(None, "a~movies")
    assert [t["title"] for t in tracks(plexdata.stream_all(None, BASE))] == [f"m{n} (200{n})" for n in (1, 2, 3, 4)]


def test_titles_may_hold_anything(world: World) -> None:
    library = world.libraries[0]
    title = "Tom & Jerry <b>\"quoted\"</b> 'it' ]]> Größe 日本 \x07\ufffe\ud800"
    library.add(library.sections()[0], "odd", title=title)
    world.plexdata.update_movie(None, "a~odd")
    text = world.plexdata.stream_movie(None, BASE)
    assert b"&amp; Jerry &lt;b&gt;" in text.getvalue()
    (track,) = tracks(text)
    assert track["title"] == "Tom & Jerry <b>\"quoted\"</b> 'it' ]]> Größe 日本 \ufffd\ufffd\ufffd"


def test_all_parts_of_the_first_version_are_played(world: World) -> None:
    library = world.libraries[0]

    def version(recording: str, part: int, parts: int) -> Version:
        return Version(recording, "", "mpegts", "h264", 1, 1, 1, 60.0, part, parts)

    item = library.add(library.sections()[0], "two parts", recording="a~p1")
    versions = (version("a~p1", 1, 2), version("a~p2", 2, 2), version("a~other", 1, 1))
    library._items[item.id] = replace(item, versions=versions)
    world.plexdata.update_movie(None, item.id)
    found = tracks(world.plexdata.stream_movie(None, BASE))
    assert [t["title"] for t in found] == ["two parts (1/2)", "two parts (2/2)"]
    assert [world.plexdata.open_stream(token_of(t)).recording for t in found] == ["a~p1", "a~p2"]


def test_an_address_expires(world: World) -> None:
    token = token_of(tracks(world.plexdata.stream_movie(None, BASE))[0])
    world.clock.now += 12 * 3600 - 1
    assert world.plexdata.open_stream(token).recording == "a~r.m1"
    world.clock.now += 2
    with pytest.raises(NotAllowed, match="expired"):
        world.plexdata.open_stream(token)


def test_addresses_cannot_be_forged(world: World) -> None:
    token = token_of(tracks(world.plexdata.stream_movie(None, BASE))[0])
    expiry, signature, recording = token.split(".", 2)
    later = f"{int(expiry, 16) + 1:x}"
    for forged in (
        f"{later}.{signature}.{recording}",
        f"{expiry}.{signature}.a~r.m2",
        f"{expiry}.{signature[:-1]}.{recording}",
        f"{expiry}..{recording}",
        f"{expiry}.{signature}é.{recording}",
        f"-{token}",
        token[:-1],
        token + "\n",
        "",
        "..",
        "a~r.m1",
    ):
        with pytest.raises(NotAllowed):
            world.plexdata.open_stream(forged)
    changed = [token[:n] + ("A" if token[n] != "A" else "B") + token[n + 1 :] for n in range(len(token))]
    for forged in changed:
        with pytest.raises(NotAllowed):
            world.plexdata.open_stream(forged)


def test_the_key_is_the_stores_and_another_one_refuses(world: World) -> None:
    token = token_of(tracks(world.plexdata.stream_movie(None, BASE))[0])
    assert world.restart().open_stream(token).recording == "a~r.m1"
    world.store.secrets["stream-urls"] = b"another"
    with pytest.raises(NotAllowed):
        world.plexdata.open_stream(token)


def test_a_file_that_has_gone(world: World) -> None:
    token = token_of(tracks(world.plexdata.stream_movie(None, BASE))[0])
    world.libraries[0].remove(world.libraries[0].item("a~m1"))
    with pytest.raises(RecordingNotFound):
        world.plexdata.open_stream(token)


def test_nothing_selected(world: World) -> None:
    for library in world.libraries:
        library.online = False
    world.restart()
    for ask in (world.plexdata.stream_all, world.plexdata.stream_section, world.plexdata.stream_movie):
        with pytest.raises(ItemNotFound):
            ask(None, BASE)
