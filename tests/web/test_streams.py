"""Playlists and ranges of files."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from email.utils import formatdate
from pathlib import Path

import httpx
import pytest

from plexcut.web import ranges
from plexcut.web.ranges import ByteRange, RangeNotSatisfiable, parse_range
from plexcut.web.streaming import PIECE_BYTES, media_type_of
from tests.media.ranges import MemoryRanges
from tests.web.conftest import Running

STREAM = "/streams/good.signed~token"
SIZE = 188_000


@pytest.mark.parametrize("name", ["all", "section", "movie"])
def test_playlists(server: Running, client: httpx.Client, name: str) -> None:
    answer = client.get(f"/streams/{name}.xspf")
    assert answer.headers["Content-Type"] == "application/xspf+xml"
    assert f"{server.url}/streams/good.signed~token" in answer.text
    as_localhost = client.get(f"/streams/{name}.xspf", headers={"Host": f"localhost:{server.port}"})
    assert f"http://localhost:{server.port}/streams/" in as_localhost.text


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, SIZE),
        ("bytes=187999-", SIZE - 1, SIZE),
        ("bytes=100-999999999", 100, SIZE),
        ("bytes=-5", SIZE - 5, SIZE),
        ("bytes=-999999999", 0, SIZE),
        ("BYTES = 3 - 7", 3, 8),
    ],
)
def test_one_range(server: Running, client: httpx.Client, header: str, start: int, end: int) -> None:
    content = server.plexdata.media_file.read_bytes()
    answer = client.get(STREAM, headers={"Range": header})
    assert answer.status_code == 206
    assert answer.content == content[start:end]
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert answer.headers["Content-Length"] == str(end - start)
    head = client.head(STREAM, headers={"Range": header})
    assert (head.status_code, head.content) == (206, b"")
    assert head.headers["Content-Length"] == str(end - start)


@pytest.mark.parametrize("header", ["bytes=188000-", "bytes=999999-1000000", "bytes=-0"])
def test_a_range_behind_the_end(client: httpx.Client, header: str) -> None:
    answer = client.get(STREAM, headers={"Range": header})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"
    assert answer.json()["error"]["code"] == "range_not_satisfiable"


@pytest.mark.parametrize("header", ["", "bytes=", "bytes=-", "bytes=5-1", "items=0-5", "bytes=0-1,5-6", "bytes=a-b"])
def test_what_is_no_single_range_gets_everything(server: Running, client: httpx.Client, header: str) -> None:
    answer = client.get(STREAM, headers={"Range": header})
    assert answer.status_code == 200
    assert answer.content == server.plexdata.media_file.read_bytes()
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Type"] == "video/mp2t"


def test_if_range_and_validators(server: Running, client: httpx.Client) -> None:
    whole = client.head(STREAM)
    assert whole.headers["Content-Length"] == str(SIZE)
    etag, modified = whole.headers["ETag"], whole.headers["Last-Modified"]
    for condition, status in ((etag, 206), (modified, 206), ('"other"', 200), (f"W/{etag}", 200)):
        assert client.get(STREAM, headers={"Range": "bytes=0-9", "If-Range": condition}).status_code == status
    old = formatdate(1, usegmt=True)
    assert client.get(STREAM, headers={"Range": "bytes=0-9", "If-Range": old}).status_code == 200
    assert client.get(STREAM, headers={"If-None-Match": etag}).status_code == 304
    os.utime(server.plexdata.media_file, (2, 2))
    assert client.head(STREAM).headers["ETag"] != etag


def test_forged_addresses_and_missing_files(server: Running, client: httpx.Client) -> None:
    assert client.get("/streams/forged").status_code == 403
    server.plexdata.media_file.unlink()
    assert client.get(STREAM).status_code == 404
    server.plexdata.media_file.mkdir()
    assert client.get(STREAM).status_code == 404


def test_an_empty_file(server: Running, client: httpx.Client) -> None:
    server.plexdata.media_file.write_bytes(b"")
    answer = client.get(STREAM)
    assert (answer.status_code, answer.content) == (200, b"")
    assert client.get(STREAM, headers={"Range": "bytes=0-"}).status_code == 416


def test_a_large_file_comes_in_pieces_and_is_closed_when_the_player_goes(server: Running) -> None:
    with server.plexdata.media_file.open("wb") as file:
        file.truncate(3 * 1024 * PIECE_BYTES)
    with server.client().stream("GET", STREAM) as answer:
        content = answer.iter_raw(65536)
        assert len(next(content)) == 65536
        assert open_handles(server) >= 1
    deadline = 50
    while open_handles(server) and deadline:
        deadline -= 1
        time.sleep(0.1)
    assert open_handles(server) == 0


def test_a_file_that_shrinks_while_it_is_sent_breaks_the_answer_off(server: Running) -> None:
    path = server.plexdata.media_file
    with path.open("wb") as file:
        file.truncate(256 * PIECE_BYTES)
    with server.client().stream("GET", STREAM) as answer:
        content = answer.iter_raw(65536)
        next(content)
        os.truncate(path, PIECE_BYTES)
        with pytest.raises(httpx.RemoteProtocolError):
            for _ in content:
                pass
    assert server.client().get("/api/health").status_code == 200


def test_a_file_that_is_read_through_its_host(server: Running, client: httpx.Client) -> None:
    ranges = MemoryRanges((b"\x47" + bytes(187)) * 20_000)
    server.plexdata.remote = ranges
    whole = client.get(STREAM)
    assert (whole.status_code, whole.headers["Content-Type"]) == (200, "video/mp2t")
    assert whole.content == ranges.data
    assert "Last-Modified" not in whole.headers
    etag = whole.headers["ETag"]
    for condition, status in ((etag, 206), ('"other"', 200), (formatdate(1, usegmt=True), 200), ("no date", 200)):
        answer = client.get(STREAM, headers={"Range": "bytes=1000-1999", "If-Range": condition})
        assert answer.status_code == status
    answer = client.get(STREAM, headers={"Range": "bytes=3000000-"})
    assert answer.content == ranges.data[3_000_000:]
    assert answer.headers["Content-Range"] == f"bytes 3000000-3759999/{len(ranges.data)}"
    assert client.get(STREAM, headers={"Range": "bytes=9999999-"}).status_code == 416
    assert client.get(STREAM, headers={"If-None-Match": etag}).status_code == 304
    assert max(size for _, size in ranges.asked) <= PIECE_BYTES
    ranges.offline = True
    assert client.get(STREAM).json()["error"]["code"] == "library_offline"


@pytest.mark.parametrize("change", ["replaced", "shorter", "gone", "grown"])
def test_what_becomes_of_it_while_it_is_sent(server: Running, change: str) -> None:
    ranges = MemoryRanges((b"\x47" + bytes(187)) * 100_000)
    server.plexdata.remote = ranges
    total = len(ranges.data)
    with server.client().stream("GET", STREAM) as answer:
        content = answer.iter_raw(65536)
        got = len(next(content))
        ranges.version = 2
        if change == "shorter":
            ranges.data = ranges.data[: 2 * PIECE_BYTES]
        elif change == "gone":
            ranges.offline = True
        elif change == "grown":
            ranges.data += bytes(188)
        try:
            got += sum(len(piece) for piece in content)
        except httpx.RemoteProtocolError:
            assert change != "grown"
        assert (got == total) == (change == "grown")


def open_handles(server: Running) -> int:
    found = 0
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found += entry.readlink() == server.plexdata.media_file
    return found


def test_parse_range_never_leaves_the_file() -> None:
    for total in (0, 1, 5):
        for first in ("", "0", "1", "4", "5", "9"):
            for final in ("", "0", "1", "4", "5", "9"):
                try:
                    found = parse_range(f"bytes={first}-{final}", total)
                except RangeNotSatisfiable:
                    continue
                assert found is None or 0 <= found.start < found.end <= total
    assert parse_range("bytes=1-2", 5) == ByteRange(1, 3)
    assert ranges.parse_range(None, 5) is None


def test_media_types_come_from_the_content() -> None:
    packets = (b"\x47" + b"\0" * 187) * 5
    assert media_type_of(packets) == "video/mp2t"
    assert media_type_of(b"junk!" + packets) == "video/mp2t"
    assert media_type_of((b"\0\0\0\0\x47" + b"\0" * 187) * 5) == "video/mp2t"
    assert media_type_of(b"\0\0\0\x20ftypisom") == "video/mp4"
    assert media_type_of(b"\x1a\x45\xdf\xa3") == "video/x-matroska"
    assert media_type_of(b"plain text") == "application/octet-stream"
    assert media_type_of(b"") == "application/octet-stream"
