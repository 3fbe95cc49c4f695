"""What the client has selected."""

from __future__ import annotations

from quart import Blueprint, Response

from plexcut.domain.timecode import FrameNumber
from plexcut.plexdata.model import SelectionChange
from plexcut.web import mapping, schemas
from plexcut.web.clients import client_id
from plexcut.web.context import answer, context
from plexcut.web.documentation import documented
from plexcut.web.errors import BadRequest
from plexcut.web.requests import read_body, read_position

blueprint = Blueprint("selection", __name__)


@blueprint.get("/api/selection")
@documented("selection", {200: schemas.Selection})
async def get_selection() -> Response:
    """What this client has selected; clients without a cookie share one selection."""
    ctx = context()
    found = await ctx.threads.run("library", ctx.plexdata.selection, client_id())
    return answer(mapping.selection(found, ctx.settings.base_path))


@blueprint.put("/api/selection")
@documented("selection", {200: schemas.Selection}, body=schemas.SelectionChange)
async def put_selection() -> Response:
    """Select something; what lies below it is set to its first, and the whole selection is answered."""
    ctx = context()
    body = await read_body(schemas.SelectionChange)
    pos_s = None
    if body.pos_s is not None:
        position = read_position(body.pos_s)
        if isinstance(position, FrameNumber):
            raise BadRequest("pos_s: a position is a time, not a frame number")
        pos_s = float(position)
    change = SelectionChange(**{**body.model_dump(), "pos_s": pos_s})
    found = await ctx.threads.run("library", ctx.plexdata.update, client_id(), change)
    return answer(mapping.selection(found, ctx.settings.base_path))
