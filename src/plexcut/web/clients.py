"""Whose request it is: the cookie that gives each browser a selection of its own."""

from __future__ import annotations

import re
import secrets

from quart import Response, request

from plexcut.web.auth import is_https

CLIENT_COOKIE = "plexcut_client"
_CLIENT = re.compile(r"^[A-Za-z0-9_-]{16,64}$")
_YEAR_S = 365 * 24 * 3600


def client_id() -> str | None:
    """The client's id; None for one without the cookie (a script), which acts on the shared selection."""
    value = request.cookies.get(CLIENT_COOKIE, "")
    return value if _CLIENT.match(value) else None


def give_client_id(response: Response, base_path: str) -> None:
    """Let the page's answer carry the cookie, unless the browser has one. Answers of the interface never do."""
    if client_id() is None:
        response.set_cookie(
            CLIENT_COOKIE,
            secrets.token_urlsafe(24),
            max_age=_YEAR_S,
            path=base_path or "/",
            secure=is_https(),
            httponly=True,
            samesite="Lax",
        )
