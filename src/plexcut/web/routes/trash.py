"""What stands in the way of a cut in place, the trash, and the way back."""

from __future__ import annotations

from quart import Blueprint, Response

from plexcut.web import mapping, schemas
from plexcut.web.context import answer, context
from plexcut.web.documentation import documented
from plexcut.web.requests import read_body
from plexcut.web.routes.recordings import read_order

blueprint = Blueprint("trash", __name__)


@blueprint.post("/api/recordings/<id:recording>/check")
@documented("recordings", {200: schemas.PreChecks}, body=schemas.CutOrder)
async def check_cut(recording: str) -> Response:
    """What stands in the way of a cut, looked at now; `cut` looks at the same and refuses."""
    ctx = context()
    order = await read_order(recording)
    return answer(mapping.pre_checks(await ctx.threads.run("work", ctx.plexdata.check_cut, order)))


@blueprint.post("/api/recordings/<id:recording>/restore")
@documented("recordings", {200: schemas.Restored}, body=schemas.Nothing)
async def restore(recording: str) -> Response:
    """Bring the original back after cuts in place; the cut goes to the trash. Answers once it is there."""
    ctx = context()
    await read_body(schemas.Nothing)
    return answer(mapping.restored(await ctx.threads.run("work", ctx.plexdata.restore, recording)))


@blueprint.get("/api/trash")
@documented("trash", {200: schemas.Trash})
async def get_trash() -> Response:
    """What cuts in place have replaced, the newest first."""
    ctx = context()
    return answer(mapping.trash(await ctx.threads.run("work", ctx.plexdata.trash)))


@blueprint.delete("/api/trash")
@documented("trash", {200: schemas.Emptied})
async def empty_trash() -> Response:
    """Delete everything in the trash for good."""
    ctx = context()
    return answer(mapping.emptied(await ctx.threads.run("work", ctx.plexdata.delete_trash)))


@blueprint.delete("/api/trash/<id:entry>")
@documented("trash", {200: schemas.Emptied})
async def delete_entry(entry: str) -> Response:
    """Delete one entry of the trash for good."""
    ctx = context()
    return answer(mapping.emptied(await ctx.threads.run("work", ctx.plexdata.delete_trash, entry)))


@blueprint.post("/api/trash/<id:entry>/restore")
@documented("trash", {200: schemas.Restored}, body=schemas.Nothing)
async def restore_entry(entry: str) -> Response:
    """Bring this entry back to where it was, also where nothing lies there any more."""
    ctx = context()
    await read_body(schemas.Nothing)
    return answer(mapping.restored(await ctx.threads.run("work", ctx.plexdata.restore_entry, entry)))
