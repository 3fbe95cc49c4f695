"""Live events."""

from __future__ import annotations

from quart import Blueprint, Response, request

from plexcut.web.auth import SESSION_COOKIE
from plexcut.web.clients import client_id
from plexcut.web.context import context
from plexcut.web.documentation import Media, documented

blueprint = Blueprint("events", __name__)


@blueprint.get("/api/events")
@documented(
    "jobs",
    media=(
        Media(
            200,
            ("text/event-stream",),
            "Events named job (data: Job), selection (Selection, this client's own), library (Library), keep"
            " (KeepEvent) and progress (Progress), as they happen.",
        ),
    ),
)
async def get_events() -> Response:
    """What happens, as server-sent events."""
    ctx = context()
    ctx.events.check()
    door, cookie = ctx.door, request.cookies.get(SESSION_COOKIE)
    body = ctx.events.stream(client_id(), lambda: not door.login_required or door.sessions.valid(cookie))
    response = Response(b"" if request.method == "HEAD" else body, 200, content_type="text/event-stream; charset=utf-8")
    response.timeout = None
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response
