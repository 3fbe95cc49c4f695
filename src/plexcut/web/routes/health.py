"""Whether plexcut is ready, and its libraries answer."""

from __future__ import annotations

from quart import Blueprint, Response

from plexcut.web import mapping, schemas
from plexcut.web.context import answer, context
from plexcut.web.documentation import documented

blueprint = Blueprint("health", __name__)


@blueprint.get("/api/health")
@documented("health", {200: schemas.Health, 503: schemas.Starting})
async def get_health() -> Response:
    """Whether plexcut is ready, and which hosts answer."""
    ctx = context()
    found = await ctx.threads.run("rest", ctx.plexdata.health)
    if found.status == "starting":
        return answer(schemas.Starting(status="starting"), 503)
    return answer(mapping.health(found))


@blueprint.get("/api/notices")
@documented("health", {200: schemas.Notices})
async def get_notices() -> Response:
    """What somebody has to know and to do something about: a damaged database that was set aside."""
    ctx = context()
    return answer(mapping.notices(await ctx.threads.run("rest", ctx.plexdata.notices)))
