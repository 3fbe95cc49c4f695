"""Server-sent events: whose they are, that they end, and that slow readers do no harm."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest

from plexcut.plexdata.model import Event
from plexcut.web.events import MAX_PENDING, Listener
from tests.web.conftest import Running


class Reader:
    """Collects the events of a stream in a thread."""

    def __init__(self, client: httpx.Client) -> None:
        self.events: list[tuple[str, Any]] = []
        self.comments = 0
        self.ready = threading.Event()
        self.ended = threading.Event()
        self._client = client
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self.ready.wait(30)

    def _run(self) -> None:
        name = ""
        try:
            with self._client.stream("GET", "/api/events") as answer:
                assert answer.headers["Content-Type"].startswith("text/event-stream")
                for line in answer.iter_lines():
                    if line.startswith(":"):
                        self.comments += 1
                        self.ready.set()
                    elif line.startswith("event: "):
                        name = line.removeprefix("event: ")
                    elif line.startswith("data: "):
                        self.events.append((name, json.loads(line.removeprefix("data: "))))
        except httpx.HTTPError:
            pass
        self.ended.set()

    def wait_for(self, count: int) -> list[tuple[str, Any]]:
        deadline = time.monotonic() + 30
        while len(self.events) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.events


@contextmanager
def reading(client: httpx.Client) -> Iterator[Reader]:
    yield Reader(client)


def test_events_arrive_by_name(server: Running) -> None:
    with reading(server.client()) as reader:
        server.plexdata.events.emit("job", {"id": "j", "title": "Käse \udcf6"})
        server.plexdata.events.emit("library", {"id": "home", "online": False})
        server.plexdata.events.emit("keep", {"recording": "r", "revision": 2, "keep": [[0.0, 1.0]]})
        server.plexdata.events.emit("progress", {"state": "idle"})
        assert reader.wait_for(4) == [
            ("job", {"id": "j", "title": "Käse \ufffd"}),
            ("library", {"id": "home", "online": False}),
            ("keep", {"recording": "r", "revision": 2, "keep": [[0.0, 1.0]]}),
            ("progress", {"state": "idle"}),
        ]


def test_each_client_gets_its_own_selection_only(server: Running) -> None:
    one, two, script = server.client(), server.client(), server.client()
    one.get("/")
    two.get("/")
    readers = [Reader(server.client(cookies=dict(client.cookies))) for client in (one, two, script)]
    one.put("/api/selection", json={"movie": "home~m2"})
    script.put("/api/selection", json={"movie": "home~m3"})
    server.plexdata.events.emit("progress", {"state": "idle"})
    for reader in readers:
        deadline = time.monotonic() + 30
        while ("progress", {"state": "idle"}) not in reader.events and time.monotonic() < deadline:
            time.sleep(0.02)
    chosen = [[data["movie"]["id"] for name, data in reader.events if name == "selection"] for reader in readers]
    assert chosen == [["home~m2"], [], ["home~m3"]]


def test_a_client_that_goes_is_forgotten(server: Running) -> None:
    with server.client().stream("GET", "/api/events") as answer:
        lines = answer.iter_lines()
        next(lines)
        assert server.plexdata.events.listeners == 1
    deadline = time.monotonic() + 30
    while server.plexdata.events.listeners and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.plexdata.events.listeners == 0


def test_a_quiet_stream_is_kept_alive(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plexcut.web.events.HEARTBEAT_S", 0.05)
    with reading(server.client()) as reader:
        deadline = time.monotonic() + 30
        while reader.comments < 4 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert reader.comments >= 4


def test_asking_for_the_headers_opens_no_stream(server: Running) -> None:
    answer = server.client().head("/api/events", timeout=30)
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert server.plexdata.events.listeners == 0


def test_streams_are_limited(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plexcut.web.events.MAX_LISTENERS", 1)
    with reading(server.client()):
        answer = server.client().get("/api/events")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "busy")


async def test_a_slow_client_misses_steps_but_never_the_last() -> None:
    listener = Listener(asyncio.get_running_loop(), None)
    for percent in range(1000):
        listener.hear(Event("job", {"id": "a", "percent": percent}))
        listener.hear(Event("progress", {"percent": percent}))
        listener.hear(Event("selection", {"pos_s": percent}, "another client"))
    await asyncio.sleep(0)
    assert (await listener.next()).data == {"id": "a", "percent": 999}
    assert (await listener.next()).data == {"percent": 999}
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(listener.next(), 0.05)
    for number in range(3 * MAX_PENDING):
        listener.hear(Event("job", {"id": str(number)}))
    await asyncio.sleep(0)
    assert len(listener._pending) == MAX_PENDING


@pytest.mark.parametrize("count", [1, 5])
def test_the_server_stops_soon_with_open_streams(server: Running, count: int) -> None:
    with server.plexdata.media_file.open("wb") as file:
        file.truncate(1 << 31)
    readers = [Reader(server.client()) for _ in range(count)]
    with server.client().stream("GET", "/streams/good.signed~token") as answer:
        content = answer.iter_raw(1024)
        next(content)
        hold = server.plexdata.hold = threading.Event()
        caller = threading.Thread(target=_ignore_end, args=(server,), daemon=True)
        caller.start()
        time.sleep(0.3)
        started = time.monotonic()
        assert server.stop()
        assert time.monotonic() - started < 15
        hold.set()
    assert all(reader.ended.wait(30) for reader in readers)


def _ignore_end(server: Running) -> None:
    with suppress(httpx.HTTPError):
        server.client().get("/api/libraries/home/sections")
