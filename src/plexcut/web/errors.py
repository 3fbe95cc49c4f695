"""The one error shape, `{"error": {"code", "message", "hint"}}`, for every failure that leaves the web layer."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Mapping
from typing import Any

from quart import Quart, Response, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from plexcut.errors import (
    Busy,
    CannotWrite,
    DiskFull,
    FileUnreadable,
    FormatUnsupported,
    HostUnreachable,
    NoOriginal,
    NotAllowed,
    NotFound,
    NotReady,
    PlexcutError,
    PositionInvalid,
    SpanInvalid,
    StaleRevision,
    UnknownOutput,
    UsageError,
)
from plexcut.web.text import clean

log = logging.getLogger(__name__)

STATUS: tuple[tuple[type[PlexcutError], int], ...] = (
    (SpanInvalid, 422),
    (PositionInvalid, 422),
    (FormatUnsupported, 422),
    (UnknownOutput, 422),
    (UsageError, 400),
    (NoOriginal, 409),
    (NotFound, 404),
    (FileUnreadable, 404),
    (DiskFull, 507),
    (CannotWrite, 409),
    (HostUnreachable, 503),
    (NotReady, 503),
    (Busy, 409),
    (NotAllowed, 403),
)
"""First match wins, so that a leaf stands before its parent. What is not here is our fault: 500."""


class BadRequest(UsageError):
    """The request itself is malformed: JSON, body type, a parameter's value."""

    code = "bad_request"


class LoginRequired(NotAllowed):
    """Nobody is logged in."""

    code = "login_required"


class LoginFailed(NotAllowed):
    """The password is wrong."""

    code = "login_failed"


class TooManyAttempts(NotAllowed):
    """Too many wrong passwords; `retry_after_s` is how long to wait."""

    code = "too_many_attempts"

    def __init__(self, message: str, hint: str = "", retry_after_s: int = 1) -> None:
        super().__init__(message, hint)
        self.retry_after_s = retry_after_s


class NoSuchRoute(NotFound):
    """No route has this path."""

    code = "route_not_found"


def status_of(error: PlexcutError) -> int:
    """The HTTP status of a failure."""
    if isinstance(error, (LoginRequired, LoginFailed)):
        return 401
    if isinstance(error, TooManyAttempts):
        return 429
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def error_body(code: str, message: str, hint: str = "", more: Mapping[str, Any] | None = None) -> bytes:
    """The error shape as JSON; `more` are keys beside the usual three."""
    error = {"code": code, "message": clean(message), "hint": clean(hint), **(more or {})}
    return json.dumps({"error": error}, ensure_ascii=False).encode()


def error_response(error: PlexcutError) -> Response:
    """A failure as an answer, with its status."""
    more = {"current": dict(error.current)} if isinstance(error, StaleRevision) and error.current is not None else None
    response = shaped(status_of(error), error.code, error.message, error.hint, more)
    if isinstance(error, TooManyAttempts):
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def shaped(status: int, code: str, message: str, hint: str = "", more: Mapping[str, Any] | None = None) -> Response:
    """An answer in the error shape."""
    response = Response(error_body(code, message, hint, more), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def known(error: Exception) -> PlexcutError:
    """`error` itself if it is ours; anything else is logged whole under an id, and only the id goes out."""
    if isinstance(error, PlexcutError):
        return error
    return internal(error)


def internal(error: Exception) -> PlexcutError:
    """Log what nobody expected, and make the failure that names the log entry."""
    number = secrets.token_hex(6)
    log.error("request %s %s failed, id %s", request.method, request.path, number, exc_info=error)
    return PlexcutError(f"something went wrong (id {number})", "the server's log has the details under this id")


HTTP_CODES = {400: "bad_request", 404: "route_not_found", 405: "method_not_allowed", 413: "too_large"}


def from_http(error: HTTPException) -> Response:
    """What Quart or Werkzeug refuse, in our shape; redirects stay redirects."""
    status = error.code or 500
    if isinstance(error, RequestEntityTooLarge):
        return shaped(413, "too_large", "the body is too large", "send less than 1 MiB")
    if status == 404:
        return error_response(NoSuchRoute(f"there is nothing at {request.path[:200]}", "/api/docs lists the routes"))
    if status == 405:
        allowed = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
        response = shaped(405, "method_not_allowed", f"{request.method} is not allowed here", f"allowed: {allowed}")
        if allowed:
            response.headers["Allow"] = allowed
        return response
    code = HTTP_CODES.get(status, "bad_request" if status < 500 else "internal")
    return shaped(status, code, f"the request cannot be answered ({error.name.lower()})")


def install(app: Quart) -> None:
    """Make every failure of `app` answer in the one shape. The 404 handler is the page's (it may show the page)."""

    @app.errorhandler(PlexcutError)
    async def on_plexcut_error(error: PlexcutError) -> Response:
        if status_of(error) == 500:
            log.error("request %s %s failed: %s", request.method, request.path, error.line)
        return error_response(error)

    @app.errorhandler(HTTPException)
    async def on_http_error(error: HTTPException) -> Response:
        if error.code is not None and 300 <= error.code < 400:
            redirect = error.get_response()
            return Response(b"", redirect.status_code, headers=dict(redirect.headers))
        return from_http(error)

    @app.errorhandler(Exception)
    async def on_unknown_error(error: Exception) -> Response:
        return error_response(internal(error))
