"""What stands between the server and the application."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from plexcut.errors import PlexcutError
from plexcut.web.errors import error_body

log = logging.getLogger(__name__)

Send = Callable[[Any], Awaitable[None]]
AsgiApp = Callable[[Any, Any, Send], Awaitable[None]]


class BreakOff:
    """Ends answers that fail half-way, such as a stream whose file went away: the client sees them broken off, and the
    log has one line of it.
    """

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except PlexcutError as error:
            log.warning("an answer broke off: %s", error.message)
        except OSError as error:
            log.warning("an answer broke off: %s", error.strerror)


class BasePath:
    """Everything below a path, for a reverse proxy that hands requests on as they are.

    Takes `base_path` off each request's path. `/` and `base_path` itself lead to the page, all else is 404.
    """

    def __init__(self, app: AsgiApp, base_path: str) -> None:
        self._app = app
        self._base_path = base_path

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        if path.startswith(self._base_path + "/"):
            rest = path[len(self._base_path) :]
            await self._app({**scope, "path": rest, "raw_path": rest.encode()}, receive, send)
        elif path in {self._base_path, "/"}:
            await _send(send, 308, b"", [(b"location", f"{self._base_path}/".encode())])
        else:
            body = error_body("route_not_found", "there is nothing here", f"everything is below {self._base_path}/")
            await _send(send, 404, body, [(b"content-type", b"application/json"), (b"cache-control", b"no-store")])


async def _send(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body, "more_body": False})
