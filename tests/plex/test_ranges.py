"""Recordings that no path mapping reaches, read through the Plex server."""

from __future__ import annotations

import logging
import os
import random
import threading
import time
import traceback
from pathlib import Path

import pytest

from plexcut.domain.catalog import RecordingFile
from plexcut.domain.media import ByteRanges, SourceStatus
from plexcut.errors import CannotWrite, FileUnreadable, LibraryOffline, PlexcutError, RecordingNotFound
from plexcut.library.plex import PlexAddress, PlexLibrary
from tests.plex.server import PlexStandIn

DATA = random.Random(2).randbytes(700_001)
NAMED = "/share/movies/Alien (1979)/Alien (1979).ts"


@pytest.fixture
def local(tmp_path: Path) -> Path:
    path = tmp_path / "kept here.bin"
    path.write_bytes(DATA)
    return path


@pytest.fixture
def plex(local: Path):
    with PlexStandIn() as server:
        server.add_section("Movies", "movie", "/share/movies")
        server.add_movie(1, "Alien", [NAMED])
        server.hand_out(NAMED, local)
        yield server


def library(plex: PlexStandIn, mappings=(), **more) -> PlexLibrary:
    address = PlexAddress(**{"url": plex.url, "token": plex.token, "timeout_s": 5.0, **more})
    return PlexLibrary.at("home", "Home", address, mappings)


def recording(lib: PlexLibrary) -> RecordingFile:
    item = lib.item("home~100")
    assert item.recording is not None
    return lib.recording(item.recording)


def ranges(lib: PlexLibrary) -> ByteRanges:
    source = recording(lib).source
    assert not isinstance(source, Path)
    return source


def test_a_file_that_no_mapping_reaches(plex, local):
    file = recording(library(plex))
    assert (file.title, file.root, file.source.name) == ("Alien", None, "Alien (1979).ts")
    source = file.source
    assert source.status() == SourceStatus(len(DATA), int(local.stat().st_mtime) * 1_000_000_000)
    assert source.read(0, 10) == DATA[:10]
    assert source.read(123_456, 300_000) == DATA[123_456:423_456]
    assert source.read(len(DATA) - 5, 100) == DATA[-5:]
    assert source.read(len(DATA), 10) == source.read(len(DATA) + 10, 10) == b""
    with pytest.raises(CannotWrite, match="only be read through the Plex server") as caught:
        _ = file.path
    assert "[[library.path]]" in caught.value.hint


def test_a_mapped_file_is_read_from_its_folder(plex, tmp_path):
    (tmp_path / "Alien (1979)").mkdir()
    (tmp_path / "Alien (1979)" / "Alien (1979).ts").write_bytes(b"here")
    file = recording(library(plex, (("/share/movies", tmp_path),)))
    assert file.path == tmp_path / "Alien (1979)" / "Alien (1979).ts"
    assert plex.part_requests == 0
    # The share is not mounted now: still to be seen.
    assert recording(library(plex, (("/share/movies", tmp_path / "not mounted"),))).source.read(0, 3) == DATA[:3]


def test_what_the_server_does_not_have_either(plex, local, monkeypatch):
    monkeypatch.setattr("plexcut.library.plex.ranges._STATUS_FOR_S", 0.0)
    lib = library(plex)
    file = recording(lib)
    local.unlink()
    with pytest.raises(RecordingNotFound) as caught:
        lib.recording(file.recording)
    assert "path mapping" in caught.value.hint and "404" in caught.value.message
    with pytest.raises(FileUnreadable, match="does not hand out"):
        file.source.read(0, 1)


def test_a_server_that_does_not_say_where_the_file_is(plex, monkeypatch):
    monkeypatch.setattr("tests.plex.content._tag", without_file(monkeypatch))
    source = ranges(library(plex))
    assert source.name == "file.ts"
    assert source.read(0, 5) == DATA[:5]


def without_file(monkeypatch):
    from tests.plex import content

    real = content._tag

    def tag(name, attributes, body=""):
        return real(name, {key: value for key, value in attributes.items() if key != "file"}, body)

    return tag


@pytest.mark.parametrize("validator", ["modified", "etag", ""])
def test_the_version_changes_with_the_content_and_stays_over_a_restart(plex, local, validator):
    plex.validator = validator
    before = ranges(library(plex)).status()
    assert ranges(library(plex)).status() == before
    assert 0 < before.version < 1 << 63
    os.utime(local, (1, 1))
    after = ranges(library(plex)).status()
    assert (after.version != before.version) == bool(validator)


def test_the_status_is_cheap_but_not_old(plex, local, monkeypatch):
    source = ranges(library(plex))
    asked = plex.part_requests
    for _ in range(50):
        source.status()
    assert plex.part_requests == asked
    local.write_bytes(DATA + b"more")
    monkeypatch.setattr("plexcut.library.plex.ranges._STATUS_FOR_S", 0.0)
    assert source.status().size_bytes == len(DATA) + 4
    assert plex.part_requests == asked + 1
    lib = library(plex)
    assert ranges(lib) is ranges(lib)  # with what it knows


def test_one_connection_serves_many_requests(plex):
    source = ranges(library(plex))
    made = plex.connections
    for start in range(0, 600_000, 30_000):
        assert source.read(start, 1000) == DATA[start : start + 1000]
    assert plex.connections == made


def test_dropped_connections_are_taken_up_again(plex):
    source = ranges(library(plex))
    plex.drop_every = 2
    rng = random.Random(3)
    for _ in range(15):
        start, size = rng.randrange(len(DATA)), rng.randrange(400_000)
        assert source.read(start, size) == DATA[start : start + size]


@pytest.mark.parametrize("mode", ["ignored", "shifted", "unnamed"])
def test_servers_that_do_not_give_the_pieces_asked_for_are_refused(plex, mode):
    lib = library(plex)
    source = ranges(lib)
    plex.range_mode = mode
    with pytest.raises(FileUnreadable, match="does not hand out pieces") as caught:
        source.read(1000, 1000)
    assert "proxy" in caught.value.hint


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("500", LibraryOffline),
        ("503", LibraryOffline),
        ("401", LibraryOffline),
        ("403", FileUnreadable),
        ("404", FileUnreadable),
        ("redirect", LibraryOffline),
        ("gone", LibraryOffline),
        ("cut", LibraryOffline),
        ("html", FileUnreadable),
    ],
)
def test_an_outage_is_said_and_passes(plex, kind, error):
    source = ranges(library(plex))
    plex.fail(kind)
    with pytest.raises(error) as caught:
        source.read(5, 100)
    assert plex.token not in caught.value.line
    plex.fail(None)
    assert source.read(5, 100) == DATA[5:105]


@pytest.mark.parametrize("kind", ["slow", "trickle"])
def test_a_server_that_hangs_is_given_up(plex, kind):
    source = ranges(library(plex, timeout_s=0.6))
    plex.fail(kind, "/library/parts")
    began = time.monotonic()
    with pytest.raises(LibraryOffline, match="does not answer"):
        source.read(0, 100_000)
    assert time.monotonic() - began < 20
    plex.fail(None)
    time.sleep(1.1)
    assert source.read(0, 10) == DATA[:10]


def test_an_empty_file(plex, local):
    local.write_bytes(b"")
    source = ranges(library(plex))
    assert source.status().size_bytes == 0
    assert source.read(0, 10) == b""


def test_many_threads(plex):
    source = ranges(library(plex))
    wrong: list[object] = []

    def work(seed: int) -> None:
        rng = random.Random(seed)
        try:
            for _ in range(10):
                start, size = rng.randrange(len(DATA)), rng.randrange(100_000)
                if source.read(start, size) != DATA[start : start + size]:
                    wrong.append(start)
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not wrong


def test_the_token_is_nowhere_but_in_the_header(plex, caplog):
    caplog.set_level(logging.DEBUG)
    source = ranges(library(plex))
    source.read(0, 100)
    for kind in ("500", "cut", "401", "403", "gone"):
        plex.fail(kind)
        try:
            source.read(0, 100)
        except PlexcutError:
            assert plex.token not in traceback.format_exc()
    parts = [request for request in plex.requests if request.path.startswith("/library/parts/")]
    assert parts and all(request.headers["x-plex-token"] == plex.token for request in parts)
    assert all(plex.token not in request.path for request in parts)
    assert plex.token not in caplog.text + source.key + source.name + repr(source) + repr(vars(source))
