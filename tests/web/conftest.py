"""A real server on a free port, in a thread of its own, with a fake `Plexdata` behind it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

from plexcut.web.app import create_app
from plexcut.web.server import serve
from plexcut.web.settings import WebSettings
from tests.web.fake_plexdata import FakePlexdata

PASSWORD = "correct horse"
CHEAP_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


@dataclass
class Running:
    """A server that answers; `client()` makes a client with a cookie jar of its own."""

    plexdata: FakePlexdata
    settings: WebSettings
    app: Any
    url: str = ""
    _loop: asyncio.AbstractEventLoop | None = None
    _stop: asyncio.Event | None = None
    _thread: threading.Thread | None = None
    _clients: list[httpx.Client] = field(default_factory=list)

    @property
    def port(self) -> int:
        return httpx.URL(self.url).port or 80

    def start(self) -> None:
        ready = threading.Event()

        async def run() -> None:
            self._loop = asyncio.get_running_loop()
            self._stop = asyncio.Event()

            def on_ready(url: str) -> None:
                self.url = url.rstrip("/")
                ready.set()

            await serve(self.app, self.settings.host, self.settings.port, self._stop, on_ready)

        self._thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
        self._thread.start()
        assert ready.wait(60)

    def stop(self, timeout_s: float = 30) -> bool:
        """Tell it to stop; whether its thread ended in time."""
        if self._loop is not None and self._stop is not None and self._thread is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(timeout_s)
            return not self._thread.is_alive()
        return True

    def client(self, **options: Any) -> httpx.Client:
        client = httpx.Client(base_url=self.url, timeout=20, **options)
        self._clients.append(client)
        return client

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self.stop()


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text('<!doctype html><head><base href="/" /></head><p>the page</p>')
    (folder / "favicon.svg").write_text("<svg/>")
    (folder / ".sources").write_text("secret stamp")
    (folder / "assets" / "index-abc123.js").write_text("export {}")
    return folder


@pytest.fixture
def plexdata(tmp_path: Path) -> FakePlexdata:
    media = tmp_path / "film.ts"
    media.write_bytes(bytes((0x47 if n % 188 == 0 else n % 251) for n in range(188 * 1000)))
    return FakePlexdata(media_file=media, static_dir=tmp_path / "static")


@pytest.fixture
def settings(tmp_path: Path, dist: Path) -> WebSettings:
    return WebSettings(port=0, static_dir=tmp_path / "static", dist_dir=dist)


Launch = Callable[..., Running]


@pytest.fixture
def launch(plexdata: FakePlexdata, settings: WebSettings) -> Iterator[Launch]:
    """`launch(**changes)` starts a server with changed settings."""
    running: list[Running] = []

    def start(**changes: Any) -> Running:
        changed = replace(settings, **changes)
        server = Running(plexdata, changed, create_app(plexdata, changed))  # type: ignore[arg-type]
        running.append(server)
        server.start()
        return server

    yield start
    for server in running:
        server.close()


@pytest.fixture
def server(launch: Launch) -> Running:
    return launch()


@pytest.fixture
def client(server: Running) -> httpx.Client:
    return server.client()
