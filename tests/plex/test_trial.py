"""Trying a Plex server step by step: each failure has a reason of its own, and none holds up for long."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from plexcut.domain.setup import PlexAccess, PlexStep, PlexTried
from plexcut.library.plex.trial import PlexTrial, written_well
from tests.plex.server import PlexStandIn
from tests.plex.test_tls import HASH, Authority, direct

STEPS: tuple[PlexStep, ...] = ("address", "certificate", "server", "token", "sections")


@pytest.fixture
def plex() -> Iterator[PlexStandIn]:
    with PlexStandIn() as server:
        films = server.add_section("Films", "movie", ["/share/films", "/share/more"])
        server.add_movie(films, "One", ["/share/films/One.ts"])
        show = server.add_show(server.add_section("Shows", "show", "/share/shows"), "Dark")
        for n in (1, 2, 3):
            server.add_episode(show, 1, n, f"E{n}", [f"/share/shows/Dark/E{n}.ts"])
        server.add_section("Music", "artist", "/share/music")
        yield server


def go(access: PlexAccess, ca_file: Path | None = None, timeout_s: float = 1.0) -> PlexTried:
    """All steps until one fails."""
    trial = PlexTrial(access, ca_file, timeout_s)
    found = trial.step(STEPS[0])
    for step in STEPS[1:]:
        if not found.tried.ok:
            break
        found = trial.step(step)
    return found


def failed(found: PlexTried) -> tuple[str, str]:
    assert not found.tried.ok
    assert found.tried.message
    return found.tried.step, found.tried.code


def test_all_is_well(plex: PlexStandIn) -> None:
    trial = PlexTrial(PlexAccess(plex.url.removeprefix("http://") + "/web/index.html#!/media", plex.token))
    told = {step: trial.step(step) for step in STEPS}
    assert all(found.tried.ok for found in told.values())
    assert told["certificate"].tried.code == "no_tls"
    assert told["server"].version.startswith("1.41")
    assert told["token"].name == "stand-in"
    assert [(one.key, one.title, one.section_type, one.recordings) for one in told["sections"].sections] == [
        (1, "Films", "movie", 1),
        (2, "Shows", "show", 3),
    ]
    assert told["sections"].sections[0].locations == ("/share/films", "/share/more")
    assert told["sections"].url == plex.url
    before = [request for request in plex.requests if request.path == "/identity"]
    assert before
    assert all("x-plex-token" not in request.headers for request in before)
    assert not any(plex.token in request.path for request in plex.requests)


@pytest.mark.parametrize(
    ("written", "well"),
    [
        ("192.0.2.1", "http://192.0.2.1:32400"),
        (" nas.local ", "http://nas.local:32400"),
        ("nas:1234", "http://nas:1234"),
        ("http://192.0.2.1:32400/web/index.html#!/x", "http://192.0.2.1:32400"),
        ("https://plex.example/?X-Plex-Token=abc", "https://plex.example"),
        ("https://me:pw@plex.example/plex/", "https://plex.example/plex"),
        ("[fd00::1]", "http://[fd00::1]:32400"),
    ],
)
def test_addresses_as_they_are_copied(written: str, well: str) -> None:
    assert written_well(written) == well


def test_reasons(plex: PlexStandIn) -> None:
    token = plex.token
    assert failed(go(PlexAccess("", token))) == ("address", "no_address")
    assert failed(go(PlexAccess("ftp://x", token))) == ("address", "no_address")
    assert failed(go(PlexAccess("http://no-such-host.invalid:1", token))) == ("address", "unknown_host")
    assert failed(go(PlexAccess(plex.url, "wrong"))) == ("token", "token_refused")
    assert failed(go(PlexAccess(plex.url, ""))) == ("token", "token_refused")
    assert failed(go(PlexAccess(plex.url, "wröng\n"))) == ("token", "token_refused")
    assert failed(go(PlexAccess(plex.url.replace("http:", "https:"), token))) == ("certificate", "tls_none")
    for failure, code in (
        ("html", "not_plex"),
        ("garbage", "not_plex"),
        ("redirect", "redirects"),
        ("500", "status"),
        ("401", "not_plex"),
    ):
        plex.fail(failure)
        assert failed(go(PlexAccess(plex.url, token))) == ("server", code), failure
    plex.fail("gone")
    assert failed(go(PlexAccess(plex.url, token))) == ("address", "refused")
    plex.fail(None)
    plex.fail("500", "/library/sections")
    assert failed(go(PlexAccess(plex.url, token))) == ("sections", "status")


def test_a_server_without_films_and_shows() -> None:
    with PlexStandIn() as plex:
        plex.add_section("Music", "artist")
        assert failed(go(PlexAccess(plex.url, plex.token))) == ("sections", "no_sections")


@pytest.mark.parametrize("failure", ["slow", "trickle"])
def test_a_server_that_hangs_is_given_up(plex: PlexStandIn, failure: str) -> None:
    plex.fail(failure)
    began = time.monotonic()
    assert failed(go(PlexAccess(plex.url, plex.token), timeout_s=1)) == ("server", "silent")
    assert time.monotonic() - began < 20


def test_a_port_that_accepts_and_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        for scheme, step in (("http", "server"), ("https", "certificate")):
            url = f"{scheme}://127.0.0.1:{mute.getsockname()[1]}"
            assert failed(go(PlexAccess(url, "t"), timeout_s=0.5)) == (step, "silent")


def test_certificates(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with PlexStandIn(tls=authority.server(direct())) as plex:
        plex.add_section("Films", "movie")
        assert go(PlexAccess(plex.url, plex.token), authority.file).tried.ok
        named = f"https://127-0-0-1.{HASH}.plex.direct:{plex.port}"
        assert go(PlexAccess(named, plex.token), authority.file).tried.ok
        assert failed(go(PlexAccess(plex.url, plex.token))) == ("certificate", "tls_untrusted")
        other = f"https://127-0-0-1.{'f' * 32}.plex.direct:{plex.port}"
        assert failed(go(PlexAccess(other, plex.token), authority.file)) == ("certificate", "tls_name")
        local = f"https://localhost:{plex.port}"
        assert failed(go(PlexAccess(local, plex.token), authority.file)) == ("certificate", "tls_name")
    with PlexStandIn(tls=authority.server(x509.DNSName("nas.example"))) as plex:
        assert failed(go(PlexAccess(plex.url, plex.token), authority.file)) == ("certificate", "tls_name")


def test_something_that_breaks_off(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=answer, daemon=True).start()
        url = f"https://127.0.0.1:{server.getsockname()[1]}"
        assert failed(go(PlexAccess(url, "t"))) == ("certificate", "tls_none")
    assert isinstance(ssl.create_default_context(), ssl.SSLContext)
