"""Listening, and many requests at once."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from plexcut.errors import ConfigError, HostUnreachable, NotReady, PortInUse
from plexcut.web import threads as threads_module
from plexcut.web.server import address_of, bind
from plexcut.web.threads import THREADS, Threads, about
from tests.web.conftest import Running
from tests.web.fake_plexdata import REC


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=str(port)):
            bind("127.0.0.1", port)
        with pytest.raises(PortInUse):
            bind("localhost", port)


def test_hosts_that_cannot_be_bound() -> None:
    for host in ("192.0.2.1", "no-such-host.invalid"):
        with pytest.raises(ConfigError):
            bind(host, 0)


def test_the_address_to_open() -> None:
    assert address_of("0.0.0.0", 5200) == "http://127.0.0.1:5200/"
    assert address_of("::1", 5200, "/cut") == "http://[::1]:5200/cut/"


def test_a_library_that_hangs_starves_nothing_else(server: Running) -> None:
    hold = server.plexdata.hold = threading.Event()
    with ThreadPoolExecutor(THREADS["library"] + 5) as pool:
        stuck = [
            pool.submit(httpx.get, f"{server.url}/api/libraries/home/sections", timeout=30)
            for _ in range(THREADS["library"] + 5)
        ]
        time.sleep(0.3)
        client = server.client()
        for path in (
            f"/api/recordings/{REC}/frame?n=1",
            "/api/jobs",
            "/api/health",
            "/",
            f"/api/recordings/{REC}/keep",
        ):
            assert client.get(path, timeout=20).status_code == 200, path
        hold.set()
        assert all(one.result().status_code == 200 for one in stuck)


def test_many_requests_at_once_keep_their_clients_apart(server: Running) -> None:
    def one_client(number: int) -> bool:
        with httpx.Client(base_url=server.url, timeout=30) as client:
            client.get("/")
            good = True
            for round_ in range(5):
                movie = f"home~m{(number + round_) % 3 + 1}"
                good &= client.put("/api/selection", json={"movie": movie}).json()["movie"]["id"] == movie
                good &= client.get("/api/selection").json()["movie"]["id"] == movie
            return good

    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(one_client, range(24)))


def test_one_of_many_saves_wins(server: Running) -> None:
    def save(number: int) -> int:
        body = {"keep": [[0, number + 1]], "revision": 0}
        return httpx.put(f"{server.url}/api/recordings/{REC}/keep", json=body, timeout=30).status_code

    with ThreadPoolExecutor(10) as pool:
        statuses = sorted(pool.map(save, range(10)))
    assert statuses == [200] + [409] * 9


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/api/selection", {"Origin": "https://evil.example"}, 403),
        ("/api/selection", {"Host": "evil.example"}, 403),
        ("/api/selection", {"Content-Type": "text/plain"}, 400),
        ("/api/nothing", {}, 404),
        ("/api/health", {}, 405),
        ("/api/jobs/nope/retry", {}, 405),
    ],
)
def test_a_refused_body_that_comes_late_leaves_the_connection_usable(
    server: Running, path: str, headers: dict[str, str], status: int
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    body = b'{"movie": "home~m2"}'
    own = {"Content-Type": "application/json", "Host": f"127.0.0.1:{server.port}"}
    for _ in range(3):
        connection.putrequest("PUT", path, skip_host=True)
        for name, value in {**own, **headers, "Content-Length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders()
        time.sleep(0.05)
        connection.send(body)
        answer = connection.getresponse()
        assert (answer.status, "error" in json.loads(answer.read())) == (status, True)
        assert answer.getheader("Connection") is None
    connection.close()


def test_a_body_that_never_comes_ends_with_a_closed_connection(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plexcut.web.bodies.PATIENCE_S", 0.1)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.putrequest("PUT", "/api/nothing")
    connection.putheader("Content-Length", "10")
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Connection")) == (400, "close")
    connection.close()


async def test_a_call_that_takes_too_long_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(threads_module.LIMIT_S, "library", 0.05)
    threads = Threads()
    gate = threading.Event()
    with pytest.raises(HostUnreachable):
        await threads.run("library", gate.wait, 60)
    gate.set()
    threads.close()


async def test_a_request_that_is_given_up_is_never_made() -> None:
    threads = Threads()
    gate = threading.Event()
    made: list[int] = []
    running = [asyncio.ensure_future(threads.run("rest", gate.wait, 60)) for _ in range(THREADS["rest"])]
    await asyncio.sleep(0.05)
    waiting = asyncio.ensure_future(threads.run("rest", made.append, 1))
    await asyncio.sleep(0.05)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    gate.set()
    assert all(await asyncio.gather(*running))
    assert await threads.run("rest", lambda: 5) == 5
    assert made == []
    threads.close()


async def test_calls_are_spread_over_threads_and_threads_are_used_again() -> None:
    threads = Threads()
    barrier = threading.Barrier(THREADS["frames"])
    await asyncio.gather(*(threads.run("frames", barrier.wait, 60) for _ in range(THREADS["frames"])))
    names = [await threads.run("work", lambda: threading.current_thread().name) for _ in range(20)]
    assert len(set(names)) == 1
    threads.close()


async def test_a_library_whose_calls_all_hang_leaves_the_others_their_threads() -> None:
    threads = Threads()
    gate = threading.Event()

    async def of(library: str, call: Callable[[], object]) -> object:
        about.set(library)
        return await threads.run("work", call)

    stuck = [asyncio.ensure_future(of("nas", gate.wait)) for _ in range(3 * THREADS["work"])]
    assert await asyncio.wait_for(of("home", lambda: 5), 20) == 5
    assert await asyncio.wait_for(threads.run("work", lambda: 6), 20) == 6
    assert not any(one.done() for one in stuck)
    gate.set()
    assert all(await asyncio.gather(*stuck))
    threads.close()


async def test_where_all_threads_hang_for_good_the_answer_comes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = Threads()
    gate = threading.Event()
    monkeypatch.setitem(threads_module.LIMIT_S, "work", 0.05)
    stuck = [asyncio.ensure_future(threads.run("work", gate.wait)) for _ in range(THREADS["work"])]
    failures = await asyncio.gather(*stuck, return_exceptions=True)
    assert all(isinstance(failure, NotReady) for failure in failures)
    made: list[int] = []
    with pytest.raises(NotReady):
        await threads.run("work", made.append, 1)
    monkeypatch.setitem(threads_module.LIMIT_S, "work", 20.0)
    gate.set()
    assert await threads.run("work", lambda: 5) == 5
    assert made == []
    threads.close()


def test_which_library_a_request_is_about(server: Running) -> None:
    """Names of libraries that there are not make no threads."""
    client = server.client()
    pools = server.app.extensions["plexcut"].threads._pools
    client.get(f"/api/recordings/{REC}/keep")
    client.get("/api/recordings/nowhere~r1/keep")
    client.get("/api/recordings/elsewhere/plan")
    client.get("/api/libraries/nobody/sections")
    assert ("work", "home") in pools
    assert {library for _, library in pools} <= {"", "home"}
