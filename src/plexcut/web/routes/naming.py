"""What people call the spans of a keep list."""

from __future__ import annotations

from quart import Blueprint, Response

from plexcut.domain.naming import SpanName
from plexcut.web import schemas
from plexcut.web.context import answer, context
from plexcut.web.documentation import documented
from plexcut.web.requests import read_body
from plexcut.web.text import clean

blueprint = Blueprint("naming", __name__)


@blueprint.get("/api/recordings/<id:recording>/names")
@documented("recordings", {200: schemas.Names})
async def get_names(recording: str) -> Response:
    """Names of spans, and where spans are divided though nothing is removed there."""
    ctx = context()
    return answer(_names(await ctx.threads.run("work", ctx.plexdata.names, recording)))


@blueprint.put("/api/recordings/<id:recording>/names")
@documented("recordings", {200: schemas.Names}, body=schemas.NamesChange)
async def put_names(recording: str) -> Response:
    """Save the names of spans; the keep list is not touched. Other pages get a `keep` event."""
    ctx = context()
    body = await read_body(schemas.NamesChange)
    names = read_names(body.names)
    return answer(_names(await ctx.threads.run("work", ctx.plexdata.save_names, recording, names)))


def read_names(written: list[schemas.NewName]) -> tuple[SpanName, ...]:
    """The names of a body."""
    return tuple(SpanName(one.start_frame, one.end_frame, clean(one.name)) for one in written)


def _names(found: tuple[SpanName, ...]) -> schemas.Names:
    names = [schemas.SpanName(start_frame=one.start, end_frame=one.end, name=one.name) for one in found]
    return schemas.Names(names=names, total=len(names))
