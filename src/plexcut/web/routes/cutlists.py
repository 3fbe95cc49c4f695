"""Cut lists of other programs: read as a keep list, and written."""

from __future__ import annotations

from urllib.parse import quote

from quart import Blueprint, Response

from plexcut.web import mapping, schemas
from plexcut.web.context import answer, context
from plexcut.web.documentation import Media, documented
from plexcut.web.requests import read_body, read_keep_query, read_query
from plexcut.web.schemas.cutlists import CutListFile, CutListQuery, Dismissed

blueprint = Blueprint("cutlists", __name__)

_TYPES = ("text/plain", "text/csv", "application/json", "application/octet-stream")


@blueprint.post("/api/recordings/<id:recording>/cutlist")
@documented("recordings", {200: schemas.ImportedKeep}, body=CutListFile)
async def read_cut_list(recording: str) -> Response:
    """What another program's cut list keeps: EDL, comskip, VDR, enigma2, chapters, LosslessCut. Nothing is saved."""
    ctx = context()
    body = await read_body(CutListFile)
    return answer(mapping.imported(await ctx.threads.run("work", ctx.plexdata.read_cut_list, recording, body.data)))


@blueprint.get("/api/recordings/<id:recording>/breaks")
@documented("recordings", {200: schemas.Breaks})
async def get_breaks(recording: str) -> Response:
    """The breaks that a cut list beside the recording proposes, whatever is saved."""
    ctx = context()
    return answer(mapping.breaks(await ctx.threads.run("work", ctx.plexdata.breaks, recording)))


@blueprint.put("/api/recordings/<id:recording>/breaks")
@documented("recordings", {200: schemas.Breaks}, body=Dismissed)
async def put_breaks(recording: str) -> Response:
    """Say which proposed breaks are none."""
    ctx = context()
    body = await read_body(Dismissed)
    found = await ctx.threads.run("work", ctx.plexdata.dismiss_breaks, recording, body.dismissed)
    return answer(mapping.breaks(found))


@blueprint.get("/api/recordings/<id:recording>/cutlist")
@documented(
    "recordings", media=(Media(200, _TYPES, "The file, under the name that programs expect."),), query=CutListQuery
)
async def write_cut_list(recording: str) -> Response:
    """A keep list as a file for other programs."""
    ctx = context()
    query = read_query(CutListQuery)
    keep = read_keep_query() if query.keep is not None else None
    made = await ctx.threads.run("work", ctx.plexdata.write_cut_list, recording, query.format, keep)
    response = Response(made.data, content_type=made.media_type)
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(made.name)}"
    return response
