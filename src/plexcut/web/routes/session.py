"""Logging in and out."""

from __future__ import annotations

from quart import Blueprint, Response

from plexcut.web import schemas
from plexcut.web.auth import public
from plexcut.web.context import answer, context
from plexcut.web.documentation import documented
from plexcut.web.requests import read_body

blueprint = Blueprint("session", __name__)


@blueprint.get("/api/session")
@public
@documented("session", {200: schemas.Session})
async def get_session() -> Response:
    """Whether a login is needed, and whether this client has one."""
    door = context().door
    return _session(authenticated=door.is_authenticated())


@blueprint.post("/api/session")
@public
@documented("session", {200: schemas.Session}, body=schemas.Login)
async def log_in() -> Response:
    """Log in with the password; after wrong ones the next attempt has to wait (429 with Retry-After)."""
    ctx = context()
    body = await read_body(schemas.Login)
    if not ctx.door.login_required:
        return _session(authenticated=True)
    await ctx.door.log_in(body.password, ctx.threads)
    response = _session(authenticated=True)
    ctx.door.set_session(response)
    return response


@blueprint.delete("/api/session")
@public
@documented("session", {200: schemas.Session})
async def log_out() -> Response:
    """Log out."""
    door = context().door
    response = _session(authenticated=not door.login_required)
    if door.login_required:
        door.end_session(response)
    return response


def _session(*, authenticated: bool) -> Response:
    required = context().door.login_required
    return answer(schemas.Session(login_required=required, authenticated=authenticated))
