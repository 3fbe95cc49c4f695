"""Keep lists and their history."""

from __future__ import annotations

from functools import partial

from quart import Blueprint, Response

from plexcut.domain.timecode import Position
from plexcut.errors import PositionInvalid, SpanInvalid
from plexcut.plexdata.model import KeepOrder
from plexcut.web import mapping, schemas
from plexcut.web.context import answer, context
from plexcut.web.documentation import documented
from plexcut.web.requests import read_body, read_position, read_query
from plexcut.web.routes.naming import read_names

blueprint = Blueprint("keeping", __name__)


@blueprint.get("/api/keeps")
@documented("recordings", {200: schemas.Keeps})
async def get_keeps() -> Response:
    """All recordings that have a saved keep list; no library is asked."""
    ctx = context()
    return answer(mapping.keeps(await ctx.threads.run("rest", ctx.plexdata.kept_recordings)))


@blueprint.get("/api/recordings/<id:recording>/keep")
@documented("recordings", {200: schemas.Keep})
async def get_keep(recording: str) -> Response:
    """The saved keep list."""
    ctx = context()
    return answer(mapping.keep(await ctx.threads.run("work", ctx.plexdata.keep, recording)))


@blueprint.put("/api/recordings/<id:recording>/keep")
@documented("recordings", {200: schemas.Keep, 409: schemas.StaleKeep}, body=schemas.KeepChange)
async def put_keep(recording: str) -> Response:
    """Save a keep list over the revision that it was made from.

    If another was saved since, the answer is 409 `stale_revision` with that one as `error.current`, unless `merge` says
    to put both together.
    """
    ctx = context()
    body = await read_body(schemas.KeepChange)
    order = KeepOrder(
        recording,
        read_spans(body.keep),
        body.revision,
        body.fingerprint,
        body.merge,
        body.label,
        None if body.names is None else read_names(body.names),
    )
    return answer(mapping.keep(await ctx.threads.run("work", ctx.plexdata.save_keep, order)))


@blueprint.get("/api/recordings/<id:recording>/keep/history")
@documented("recordings", {200: schemas.KeepHistory}, query=schemas.HistoryQuery)
async def get_keep_history(recording: str) -> Response:
    """The saved keep list, and what undo and redo lead to: the same for every page and device, over restarts."""
    ctx = context()
    limit = read_query(schemas.HistoryQuery).limit
    return answer(mapping.keep_history(await ctx.threads.run("work", ctx.plexdata.keep_history, recording, limit)))


@blueprint.post("/api/recordings/<id:recording>/keep/undo")
@documented("recordings", {200: schemas.KeepHistory, 409: schemas.StaleKeep}, body=schemas.HistoryStep)
async def undo_keep(recording: str) -> Response:
    """Take back the last change, or the last `steps`; the answer is the new state.

    409 `nothing_to_undo` where there is none; `stale_revision`, with the saved list as `error.current`, if it was
    changed since.
    """
    ctx = context()
    body = await read_body(schemas.HistoryStep)
    undo = partial(ctx.plexdata.undo_keep, recording, body.revision, body.steps)
    return answer(mapping.keep_history(await ctx.threads.run("work", undo)))


@blueprint.post("/api/recordings/<id:recording>/keep/redo")
@documented("recordings", {200: schemas.KeepHistory, 409: schemas.StaleKeep}, body=schemas.HistoryStep)
async def redo_keep(recording: str) -> Response:
    """Do again what was taken back. Answers and fails as undo."""
    ctx = context()
    body = await read_body(schemas.HistoryStep)
    redo = partial(ctx.plexdata.redo_keep, recording, body.revision, body.steps)
    return answer(mapping.keep_history(await ctx.threads.run("work", redo)))


def read_spans(written: list[schemas.WrittenSpan]) -> list[tuple[Position, Position]]:
    """The spans of a body.

    Raises:
        SpanInvalid: one begins before the recording.
        BadRequest: a position cannot be read.
    """
    try:
        return [(read_position(start), read_position(end)) for start, end in written]
    except PositionInvalid as error:
        raise SpanInvalid(error.message, error.hint) from None
