"""Server-sent events: what happens in `Plexdata`, told to every open page."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any

from plexcut.errors import Busy
from plexcut.plexdata.model import Event
from plexcut.web.mapping import outgoing

if TYPE_CHECKING:
    from plexcut.plexdata.orchestrator import Plexdata

log = logging.getLogger(__name__)

HEARTBEAT_S = 15.0
MAX_LISTENERS = 200
MAX_PENDING = 500

_KEYS = {"job": "id", "library": "id", "keep": "recording"}
"""What tells two events of a name apart. Of those that are alike only the newest is worth sending."""


class Listener:
    """What one client has still to be told. A slow one misses intermediate states, never the last."""

    def __init__(self, loop: asyncio.AbstractEventLoop, client: str | None) -> None:
        self._loop = loop
        self._client = client
        self._pending: OrderedDict[tuple[str, Any], Event] = OrderedDict()
        self._wake = asyncio.Event()

    def hear(self, event: Event) -> None:
        """Take an event, in whatever thread it happens."""
        if event.is_for(self._client):
            try:
                self._loop.call_soon_threadsafe(self._add, event)
            except RuntimeError:
                log.debug("an event came after the end of the server")

    def _add(self, event: Event) -> None:
        key = (event.name, event.data.get(_KEYS.get(event.name, "")))
        self._pending.pop(key, None)
        self._pending[key] = event
        while len(self._pending) > MAX_PENDING:
            self._pending.popitem(last=False)
        self._wake.set()

    async def next(self) -> Event:
        """The oldest that was not taken yet."""
        while not self._pending:
            self._wake.clear()
            await self._wake.wait()
        return self._pending.popitem(last=False)[1]


class Broadcaster:
    """Hands out event streams, at most `MAX_LISTENERS` at a time; ends them when `stopping` is set."""

    def __init__(self, plexdata: Plexdata, stopping: asyncio.Event, base_path: str) -> None:
        self._plexdata = plexdata
        self._stopping = stopping
        self._base_path = base_path
        self._open = 0

    @property
    def listeners(self) -> int:
        """How many streams are open."""
        return self._open

    def check(self) -> None:
        """Whether another stream may be opened.

        Raises:
            Busy: too many are open.
        """
        if self._open >= MAX_LISTENERS:
            raise Busy("too many pages listen to events", "close some")

    async def stream(self, client: str | None, may_go_on: Callable[[], bool]) -> AsyncGenerator[bytes, None]:
        """Events for `client` as they are written on the wire; a comment now and then keeps proxies from closing.

        The stream ends when the server stops, or when `may_go_on`, asked at each heartbeat, says no (logged out).
        """
        listener = Listener(asyncio.get_running_loop(), client)
        unsubscribe = self._plexdata.subscribe(listener.hear)
        self._open += 1
        stopped = asyncio.ensure_future(self._stopping.wait())
        following: asyncio.Future[Event] = asyncio.ensure_future(listener.next())
        try:
            yield b"retry: 2000\n: connected\n\n"
            while not self._stopping.is_set():
                await asyncio.wait((following, stopped), timeout=HEARTBEAT_S, return_when=asyncio.FIRST_COMPLETED)
                if following.done():
                    yield written(following.result(), self._base_path)
                    following = asyncio.ensure_future(listener.next())
                elif not stopped.done():
                    if not may_go_on():
                        return
                    yield b": still here\n\n"
        finally:
            unsubscribe()
            self._open -= 1
            stopped.cancel()
            following.cancel()


def written(event: Event, base_path: str) -> bytes:
    """An event on the wire."""
    data = json.dumps(outgoing(event.data, base_path), ensure_ascii=False, separators=(",", ":"))
    return f"event: {event.name}\ndata: {data}\n\n".encode()
