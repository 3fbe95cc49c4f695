"""The one door: every request passes `Door.check` before anything else looks at it.

On a loopback address no login is needed, but Host and Origin are checked. On any other address nothing answers without
a login but the page itself (which shows the login form and holds no data), the session routes, and stream URLs, which
carry their own signature for players that have no cookies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from quart import Quart, Request, Response, current_app, request

from plexcut.errors import NotAllowed
from plexcut.web.errors import BadRequest, LoginRequired
from plexcut.web.hosts import Hosts
from plexcut.web.login import SESSION_S, Password, Sessions, SlowDown
from plexcut.web.settings import WebSettings
from plexcut.web.threads import Threads

SESSION_COOKIE = "plexcut_session"
RESERVED = ("api", "streams", "static", "metrics", "assets")
"""First segments of paths that are never the page."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_PUBLIC = "_plexcut_public"
_HASHES_AT_ONCE = 2
"""Each argon2 hash takes 64 MiB."""

F = TypeVar("F", bound=Callable[..., Any])


def public(view: F) -> F:
    """Mark a view as answering without a login."""
    setattr(view, _PUBLIC, True)
    return view


def is_reserved(path: str) -> bool:
    """Whether `path` belongs to the interface, not to the page."""
    return path.lstrip("/").partition("/")[0].lower() in RESERVED


class Door:
    """Host, Origin, body type, login."""

    def __init__(self, settings: WebSettings, secret: Callable[[str], bytes]) -> None:
        """Make the door; `secret(name)` is asked when the first session is signed.

        Raises:
            ConfigError: other machines can reach the address, and there is no password.
        """
        self.settings = settings
        self.hosts = Hosts(settings)
        self.login_required = settings.login_required
        self._password = Password(settings.password)
        if self.login_required:
            self._password.require()
        self._key: bytes | None = None
        self._secret = secret
        self.sessions = Sessions(self._session_key, settings.password)
        self.slow_down = SlowDown()
        self._hashes = asyncio.Semaphore(_HASHES_AT_ONCE)

    def _session_key(self) -> bytes:
        if self._key is None:
            self._key = self._secret("session")
        return self._key

    def prepare(self) -> None:
        """Fetch the key that signs sessions; blocks."""
        if self.login_required:
            self._session_key()

    def install(self, app: Quart) -> None:
        """Put the door in front of `app`."""
        app.before_request(self.check)

    async def check(self) -> None:
        """Let the current request pass.

        Raises:
            NotAllowed: Host or Origin is not ours.
            BadRequest: the body is of another type than JSON.
            LoginRequired: nobody is logged in.
        """
        host = request.headers.get("Host")
        if not self.hosts.allows(host):
            raise NotAllowed(
                f"this server is not called {(host or '')[:100]!r}", "open it under its own address; see server.host"
            )
        if request.method not in _SAFE:
            self._check_change(request, host or "")
        if self.login_required and not self._is_public() and not self.is_authenticated():
            raise LoginRequired("log in first", "POST /api/session with the password")

    def _check_change(self, change: Request, host: str) -> None:
        if not self.hosts.is_own_origin(change.headers.get("Origin"), host):
            raise NotAllowed("this change comes from another site's page", "use the page of this server")
        has_body = (change.content_length or 0) > 0 or "Transfer-Encoding" in change.headers
        if has_body and change.mimetype != "application/json":
            raise BadRequest("the body must be JSON", "send Content-Type: application/json")

    def _is_public(self) -> bool:
        if request.endpoint is None:
            return not is_reserved(request.path)
        return bool(getattr(current_app.view_functions.get(request.endpoint), _PUBLIC, False))

    def is_authenticated(self) -> bool:
        """Whether the current request may see everything."""
        return not self.login_required or self.sessions.valid(request.cookies.get(SESSION_COOKIE))

    async def log_in(self, password: str, threads: Threads) -> None:
        """Check a password for the current request's address.

        Raises:
            LoginFailed, TooManyAttempts: it does not open.
        """
        client = request.scope.get("client")
        address = str(client[0]) if client else ""
        self.slow_down.attempt(address)
        async with self._hashes:
            await threads.run("rest", self._password.verify, password)
        self.slow_down.succeeded(address)

    def set_session(self, response: Response) -> None:
        """Give the current client a session."""
        response.set_cookie(
            SESSION_COOKIE,
            self.sessions.issue(),
            max_age=SESSION_S,
            path=self.settings.base_path or "/",
            secure=is_https(),
            httponly=True,
            samesite="Strict",
        )

    def end_session(self, response: Response) -> None:
        """Take the session from the current client and make its cookie worthless."""
        self.sessions.revoke(request.cookies.get(SESSION_COOKIE))
        response.delete_cookie(
            SESSION_COOKIE, path=self.settings.base_path or "/", secure=is_https(), httponly=True, samesite="Strict"
        )


def is_https() -> bool:
    """Whether the browser speaks TLS, to us or to the proxy before us.

    The proxy's word is taken from anybody: all that it changes is the sender's own cookie and playlist.
    """
    return request.scheme == "https" or request.headers.get("X-Forwarded-Proto", "").strip().lower() == "https"
