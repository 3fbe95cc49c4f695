"""Files elsewhere: over HTTP with the failures of real life, and over any fsspec file system."""

from __future__ import annotations

import base64
import ipaddress
import logging
import os
import random
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from cryptography import x509

from plexcut.errors import FileUnreadable, HostUnreachable, PlexcutError, UsageError
from plexcut.storage.http import HttpRanges
from plexcut.storage.remote import FsspecRanges, is_address, lacks_password, remote_source
from tests.plex.test_tls import Authority
from tests.storage.web_server import WebServer

DATA = random.Random(4).randbytes(300_001)
PASSWORD = "s3cret-pass/word"


@pytest.fixture
def web() -> Iterator[WebServer]:
    server = WebServer(DATA)
    yield server
    server.server.shutdown()
    server.server.server_close()


def test_http(web: WebServer) -> None:
    source = remote_source(f"HTTP://{web.place}/a%20b/Film%20(2010).ts?token=abc")
    assert source.name == "Film (2010).ts"
    assert source.status().size_bytes == len(DATA)
    assert source.read(5, 100) == DATA[5:105]
    assert source.read(200_000, 200_000) == DATA[200_000:]
    assert source.read(len(DATA), 10) == b""
    assert {request["path"] for request in web.seen} == {"/a%20b/Film%20(2010).ts?token=abc"}
    assert web.connections == 1
    asked = len(web.seen)
    assert [source.status() for _ in range(20)] and len(web.seen) == asked


@pytest.mark.parametrize("how", ["drops", "closes", "redirect", "elsewhere"])
def test_http_that_is_not_so_easy(web: WebServer, how: str) -> None:
    web.how = how
    source = HttpRanges(f"http://{web.place}/film.ts")
    rng = random.Random(5)
    for _ in range(12):
        start, size = rng.randrange(len(DATA)), rng.randrange(100_000)
        assert source.read(start, size) == DATA[start : start + size]
    if how in {"redirect", "elsewhere"}:
        assert sum(not request["path"].startswith("/there") for request in web.seen) == 1


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("404", FileUnreadable),
        ("401", FileUnreadable),
        ("500", HostUnreachable),
        ("ignored", FileUnreadable),
        ("shifted", FileUnreadable),
        ("round", FileUnreadable),
        ("nonsense", HostUnreachable),
        ("slow", HostUnreachable),
    ],
)
def test_http_failures(web: WebServer, how: str, error: type[PlexcutError]) -> None:
    source = HttpRanges(f"http://{web.place}/film.ts", timeout_s=0.5)
    web.how = how
    with pytest.raises(error) as caught:
        source.read(10, 10)
    assert caught.value.hint
    web.how = "ranges"
    assert source.read(10, 10) == DATA[10:20]


def test_http_of_nobody() -> None:
    with pytest.raises(HostUnreachable, match="cannot be reached"):
        HttpRanges("http://127.0.0.1:1/film.ts").status()
    with pytest.raises(HostUnreachable):
        HttpRanges("https://no-such-host.invalid/film.ts").status()


def test_https_checks_the_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    web = WebServer(DATA, authority.server(x509.IPAddress(ipaddress.ip_address("127.0.0.1"))))
    address = f"https://{web.place}/film.ts"
    with pytest.raises(HostUnreachable, match="certificate of 127.0.0.1 is not valid"):
        remote_source(address).status()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    source = remote_source(address)
    assert source.read(7, 100) == DATA[7:107]
    with pytest.raises(HostUnreachable, match="certificate of localhost"):
        remote_source(address.replace("127.0.0.1", "localhost")).status()
    web.server.shutdown()
    web.server.server_close()


def test_a_password_goes_to_its_own_host_alone_and_nowhere_else(web: WebServer, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    address = f"http://me:{PASSWORD.replace('/', '%2F')}@{web.place}/film.ts"
    source = remote_source(address)
    source.read(0, 10)
    pair = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
    assert {request["authorization"] for request in web.seen} == {f"Basic {pair}"}
    said = [source.name, source.key, repr(source)]
    for how in ("elsewhere", "401", "ignored", "nonsense"):
        web.how = how
        web.seen.clear()
        try:
            remote_source(address).read(0, 10)
        except PlexcutError as error:
            said += [error.line, traceback.format_exc()]
        there = [request for request in web.seen if request["path"].startswith("/there")]
        assert not any("authorization" in request for request in there)
    said.append(caplog.text)
    assert not any(PASSWORD in text or "s3cret" in text or pair in text for text in said)
    # Asked for apart.
    web.how = "ranges"
    remote_source(f"http://me@{web.place}/film.ts", PASSWORD).read(0, 1)
    assert web.seen[-1]["authorization"] == f"Basic {pair}"


@pytest.mark.parametrize(
    "wrong",
    [
        "ftp://host/file",
        "file:///etc/passwd",
        "memory://a",
        "simplecache::http://host/a",
        "http://",
        "http://host:99999/a",
        "http:///a",
        "http://ho st/a",
        "smb://host/share/file",
        "smb://me@host/share",
        "smb://me@host/share/",
        "smb://me@/share/file",
        "smb://me:s3cret@host:0/share/file",
        "smb://me:s3cret@ho@st/share/file",
    ],
)
def test_addresses_that_are_none(wrong: str) -> None:
    with pytest.raises(UsageError) as caught:
        remote_source(wrong)
    assert "s3cret" not in caught.value.line


def test_what_an_address_is() -> None:
    assert is_address("smb://a/b") and is_address("FTP://a")
    assert not is_address("/a/b") and not is_address("C:\\a") and not is_address("a:b") and not is_address("")
    assert lacks_password("smb://me@host/a") and lacks_password("http://me@host")
    for text in ("smb://me:x@host/a", "smb://host/a@b", "/me@host", "http://host"):
        assert not lacks_password(text)


@pytest.fixture
def memory() -> Iterator[Any]:
    fs = fsspec.filesystem("memory")
    fs.pipe("/films/a film.ts", DATA)
    yield fs
    fs.rm("/films", recursive=True)


def test_any_fsspec_file_system(memory: Any) -> None:
    source = FsspecRanges(lambda: memory, "/films/a film.ts")
    assert source.name == "a film.ts"
    status = source.status()
    assert status.size_bytes == len(DATA)
    assert source.read(1000, 5000) == DATA[1000:6000]
    assert source.read(len(DATA) - 5, 5000) == DATA[-5:]
    assert source.read(len(DATA) + 5, 5) == b""
    memory.pipe("/films/a film.ts", DATA[:10])
    again = FsspecRanges(lambda: memory, "/films/a film.ts")
    assert again.key == source.key
    assert again.status().version != status.version
    with pytest.raises(FileUnreadable, match="has no file"):
        FsspecRanges(lambda: memory, "/films/b.ts").status()
    with pytest.raises(FileUnreadable, match="is a folder"):
        FsspecRanges(lambda: memory, "/films").status()


def test_a_file_system_that_breaks_is_made_again(memory: Any) -> None:
    made: list[object] = []

    class Broken:
        def info(self, path: str) -> Any:
            raise RuntimeError("socket is gone")

        cat_file = info

    def connect() -> Any:
        made.append(1)
        return Broken() if len(made) == 1 else memory

    assert FsspecRanges(connect, "/films/a film.ts").read(0, 9) == DATA[:9]
    assert len(made) == 2
    with pytest.raises(HostUnreachable, match="nas cannot be reached"):
        FsspecRanges(Broken, "/films/a film.ts", "nas").status()

    class LogonFailure(Exception):
        pass

    def refuse() -> Any:
        raise LogonFailure("user me")

    with pytest.raises(FileUnreadable, match="does not accept user and password"):
        FsspecRanges(refuse, "/films/a film.ts").status()

    def forbidden() -> Any:
        raise PermissionError(13, "no", "secret")

    with pytest.raises(FileUnreadable, match="does not let"):
        FsspecRanges(forbidden, "/films/a film.ts").status()


def test_local_files_through_fsspec_change_their_version(tmp_path: Any) -> None:
    path = tmp_path / "a.ts"
    path.write_bytes(DATA)
    local = fsspec.filesystem("file")
    first = FsspecRanges(lambda: local, str(path)).status()
    assert abs(first.version - path.stat().st_mtime_ns) < 1_000_000
    os.utime(path, (5, 5))
    assert FsspecRanges(lambda: local, str(path)).status().version == 5_000_000_000
