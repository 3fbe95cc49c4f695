"""Who may come in: Host, Origin, login, and the slow-down after wrong passwords."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import httpx
import pytest

from plexcut.errors import ConfigError
from plexcut.web.app import create_app
from plexcut.web.errors import TooManyAttempts
from plexcut.web.hosts import Hosts
from plexcut.web.login import FREE_ATTEMPTS, MAX_ADDRESSES, Sessions, SlowDown
from plexcut.web.settings import WebSettings, is_loopback
from tests.web.conftest import CHEAP_HASH, PASSWORD, Launch, Running
from tests.web.fake_plexdata import REC, FakePlexdata


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1:{port}", True),
        ("localhost:{port}", True),
        ("LOCALHOST:{port}", True),
        ("localhost.:{port}", True),
        ("[::1]:{port}", True),
        ("127.0.0.2:{port}", True),
        ("127.0.0.1", False),
        ("127.0.0.1:1", False),
        ("localhost:{port}0", False),
        ("evil.example:{port}", False),
        ("evil.example", False),
        ("127.0.0.1.evil.example:{port}", False),
        ("localhost.evil.example:{port}", False),
        ("192.168.1.5:{port}", False),
        ("0.0.0.0:{port}", False),
        ("user@localhost:{port}", False),
        ("localhost:{port}/x", False),
        ("", False),
    ],
)
def test_host_on_loopback(server: Running, host: str, allowed: bool) -> None:
    header = host.format(port=server.port)
    for path in ("/api/health", "/", "/api/openapi.json", "/static/x/y.jpg", "/streams/good.signed~token"):
        answer = server.client().get(path, headers={"Host": header})
        assert (answer.status_code != 403) == allowed, (path, header)
    if not allowed:
        assert answer.json()["error"]["code"] == "not_allowed"


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("http://127.0.0.1:{port}", True),
        ("https://evil.example", False),
        ("http://evil.example:{port}", False),
        ("http://localhost:{port}", False),
        ("http://127.0.0.1:1", False),
        ("http://127.0.0.1", False),
        ("null", False),
        ("", False),
        ("file://", False),
        ("http://127.0.0.1:{port}.evil.example", False),
        ("http://[broken", False),
    ],
)
def test_origin_of_changes(server: Running, origin: str | None, allowed: bool) -> None:
    client = server.client()
    headers = {} if origin is None else {"Origin": origin.format(port=server.port)}
    changes = [
        ("PUT", "/api/selection", {"movie": "home~m2"}),
        ("PUT", f"/api/recordings/{REC}/keep", {"keep": [], "revision": 0}),
        ("POST", f"/api/recordings/{REC}/cut", {}),
        ("DELETE", "/api/jobs/job-1", None),
        ("POST", "/api/jobs/job-1/retry", None),
    ]
    for method, path, body in changes:
        answer = client.request(method, path, json=body, headers=headers)
        assert (answer.status_code < 300) == allowed, (method, path, answer.text)
        assert allowed or answer.status_code == 403
    assert client.get("/api/selection", headers=headers).status_code == 200
    assert any(name in {"cut", "update", "save_keep"} for name, _ in server.plexdata.calls) == allowed


def test_no_answer_allows_other_sites_to_read(client: httpx.Client) -> None:
    for path in ("/", "/api/selection", f"/api/recordings/{REC}/frame?n=1"):
        answer = client.get(path, headers={"Origin": "https://evil.example"})
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        csp = answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in csp
        assert "script-src 'self'" in csp
        assert "Server" not in answer.headers
    preflight = client.options("/api/selection", headers={"Origin": "https://evil.example"})
    assert not [name for name in preflight.headers if name.lower().startswith("access-control")]


def test_hosts_of_an_open_address() -> None:
    hosts = Hosts(WebSettings(host="0.0.0.0", password=CHEAP_HASH, allowed_hosts=("plex.example", "cut.example:8443")))
    for header in ("192.0.2.7:5200", "192.0.2.7:8080", "[2001:db8::1]:5200", "localhost:5200", "plex.example"):
        assert hosts.allows(header), header
    assert hosts.allows("plex.example:99")
    assert hosts.allows("cut.example:8443")
    for header in ("cut.example", "evil.example:5200", "192.0.2.7.evil.example", None, "a b"):
        assert not hosts.allows(header), header


def test_origin_behind_a_proxy_that_speaks_https() -> None:
    hosts = Hosts(WebSettings(allowed_hosts=("cut.example",)))
    assert hosts.allows("cut.example")
    assert hosts.is_own_origin("https://cut.example", "cut.example")
    assert hosts.is_own_origin("https://cut.example:443", "cut.example")
    assert not hosts.is_own_origin("https://cut.example:8443", "cut.example")
    assert not hosts.is_own_origin("ftp://cut.example", "cut.example")


def test_loopback_names() -> None:
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.3.2.1", "::1", "[::1]", "localhost", "a.localhost"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "127.evil.example", "192.168.1.1", "localhost.evil"))


@pytest.mark.parametrize("password", ["", "not a hash", PASSWORD])
def test_refuses_to_start_without_a_readable_password(plexdata: FakePlexdata, tmp_path: Path, password: str) -> None:
    settings = WebSettings(host="0.0.0.0", password=password, static_dir=tmp_path)
    with pytest.raises(ConfigError, match=r"server\.password"):
        create_app(plexdata, settings)  # type: ignore[arg-type]


@pytest.fixture
def open_server(launch: Launch) -> Running:
    return launch(host="0.0.0.0", password=CHEAP_HASH)


def test_nothing_answers_without_a_login(open_server: Running) -> None:
    client = open_server.client()
    log_in = client.post("/api/session", json={"password": PASSWORD})
    document = client.get("/api/openapi.json").json()
    stranger = open_server.client()
    ids = dict.fromkeys(("library", "section", "item", "recording", "job", "entry"), "home~x")
    for path, operations in document["paths"].items():
        if path in {"/api/session", "/streams/{stream}"}:
            continue
        for method in operations:
            answer = stranger.request(method.upper(), path.format(**ids))
            assert answer.status_code == 401, (method, path)
            assert answer.json()["error"]["code"] == "login_required"
    for path in ("/api/docs", "/api/openapi.json", "/api/nothing", "/metrics", "/static/a/b.jpg"):
        assert stranger.get(path).status_code == 401, path
    assert stranger.get("/").status_code == 200
    assert stranger.get("/assets/index-abc123.js").status_code == 200
    assert stranger.get("/streams/forged").status_code == 403
    assert stranger.get("/streams/good.signed~token").status_code == 200
    assert log_in.status_code == 200


def test_login_and_logout(open_server: Running) -> None:
    client = open_server.client()
    assert client.get("/api/session").json() == {"login_required": True, "authenticated": False}
    answer = client.post("/api/session", json={"password": PASSWORD})
    assert answer.json() == {"login_required": True, "authenticated": True}
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Secure" not in cookie
    assert client.get("/api/selection").status_code == 200
    stolen = dict(client.cookies)
    assert client.delete("/api/session").json()["authenticated"] is False
    assert client.get("/api/selection").status_code == 401
    assert open_server.client(cookies=stolen).get("/api/selection").status_code == 401


def test_the_session_cookie_is_secure_behind_tls(open_server: Running) -> None:
    answer = open_server.client().post(
        "/api/session", json={"password": PASSWORD}, headers={"X-Forwarded-Proto": "https"}
    )
    assert "Secure" in answer.headers["Set-Cookie"]


def test_no_login_is_needed_on_loopback(client: httpx.Client) -> None:
    assert client.get("/api/session").json() == {"login_required": False, "authenticated": True}


def test_wrong_passwords_have_to_wait(open_server: Running) -> None:
    client = open_server.client()
    statuses = [client.post("/api/session", json={"password": f"guess {n}"}).status_code for n in range(6)]
    assert statuses[:FREE_ATTEMPTS] == [401] * FREE_ATTEMPTS
    assert set(statuses[FREE_ATTEMPTS:]) == {429}
    answer = client.post("/api/session", json={"password": PASSWORD})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.json()["error"]["code"] == "too_many_attempts"


def test_an_address_that_the_client_claims_does_not_count(open_server: Running) -> None:
    client = open_server.client()
    for number in range(FREE_ATTEMPTS + 2):
        headers = {"Remote-Addr": f"192.0.2.{number}", "X-Forwarded-For": f"192.0.2.{number}"}
        answer = client.post("/api/session", json={"password": "guess"}, headers=headers)
    assert answer.status_code == 429


def test_many_guesses_at_once_gain_nothing(open_server: Running) -> None:
    statuses: list[int] = []

    def guess(number: int) -> None:
        answer = httpx.post(f"{open_server.url}/api/session", json={"password": f"guess {number}"}, timeout=20)
        statuses.append(answer.status_code)

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses.count(401) == FREE_ATTEMPTS
    assert statuses.count(429) == 20 - FREE_ATTEMPTS


def test_slow_down_grows_and_forgets() -> None:
    now = [0.0]
    slow = SlowDown(lambda: now[0])
    for _ in range(FREE_ATTEMPTS):
        slow.attempt("192.0.2.1")
    waits = []
    for _ in range(12):
        with pytest.raises(TooManyAttempts) as refused:
            slow.attempt("192.0.2.1")
        waits.append(refused.value.retry_after_s)
        now[0] += refused.value.retry_after_s
        slow.attempt("192.0.2.1")
    assert waits[:4] == [2, 4, 8, 16]
    assert waits[-1] == 300
    slow.attempt("192.0.2.2")
    now[0] += 3601
    for _ in range(FREE_ATTEMPTS):
        slow.attempt("192.0.2.1")


def test_slow_down_counts_an_ipv6_network_as_one_and_stays_small() -> None:
    slow = SlowDown(lambda: 0.0)
    for number in range(FREE_ATTEMPTS):
        slow.attempt(f"2001:db8::{number}")
    with pytest.raises(TooManyAttempts):
        slow.attempt("2001:db8::ffff")
    for number in range(3 * MAX_ADDRESSES):
        slow.attempt(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(slow._failures) <= MAX_ADDRESSES


def test_sessions_expire_and_cannot_be_forged() -> None:
    now = [1000.0]
    sessions = Sessions(lambda: b"k" * 32, "hash", lambda: now[0])
    cookie = sessions.issue()
    assert sessions.valid(cookie)
    body, _, signature = cookie.rpartition(".")
    later = f"{int(body.partition('.')[0]) + 999}.{body.partition('.')[2]}"
    forged = (None, "", "x", "..", f"{body}.", f"{later}.{signature}", cookie[:-1], "²" + cookie, "9" * 40 + ".a.b")
    assert not any(sessions.valid(value) for value in forged)
    assert not Sessions(lambda: b"k" * 32, "another hash", lambda: now[0]).valid(cookie)
    assert not Sessions(lambda: b"K" * 32, "hash", lambda: now[0]).valid(cookie)
    now[0] += 15 * 24 * 3600
    assert not sessions.valid(cookie)


def test_an_event_stream_ends_soon_after_logout(open_server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plexcut.web.events.HEARTBEAT_S", 0.1)
    client = open_server.client()
    client.post("/api/session", json={"password": PASSWORD})
    cookies = dict(client.cookies)
    with client.stream("GET", "/api/events") as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("retry")
        open_server.client(cookies=cookies).delete("/api/session")
        started = time.monotonic()
        for _ in lines:
            pass
        assert time.monotonic() - started < 60
