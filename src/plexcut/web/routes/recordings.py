"""Recordings, their keep lists, plans and cuts."""

from __future__ import annotations

from quart import Blueprint, Response

from plexcut.domain.timecode import Position
from plexcut.errors import PositionInvalid, SpanInvalid
from plexcut.plexdata.model import CutOrder, KeepOrder
from plexcut.web import mapping, schemas
from plexcut.web.clients import client_id
from plexcut.web.context import answer, context
from plexcut.web.documentation import documented
from plexcut.web.requests import read_body, read_position

blueprint = Blueprint("recordings", __name__)


@blueprint.get("/api/recordings/<id:recording>")
@documented("recordings", {200: schemas.Recording})
async def get_recording(recording: str) -> Response:
    """What a recording is. Asking starts its index where there is none."""
    ctx = context()
    return answer(mapping.recording(await ctx.threads.run("library", ctx.plexdata.recording, recording)))


@blueprint.get("/api/recordings/<id:recording>/keep")
@documented("recordings", {200: schemas.Keep})
async def get_keep(recording: str) -> Response:
    """The saved keep list."""
    ctx = context()
    return answer(mapping.keep(await ctx.threads.run("work", ctx.plexdata.keep, recording)))


@blueprint.put("/api/recordings/<id:recording>/keep")
@documented("recordings", {200: schemas.Keep}, body=schemas.KeepChange)
async def put_keep(recording: str) -> Response:
    """Save a keep list over the revision that it was made from; 409 `stale_revision` if another was saved since."""
    ctx = context()
    body = await read_body(schemas.KeepChange)
    order = KeepOrder(recording, read_spans(body.keep), body.revision, body.fingerprint)
    return answer(mapping.keep(await ctx.threads.run("work", ctx.plexdata.save_keep, order)))


@blueprint.post("/api/recordings/<id:recording>/plan")
@documented("recordings", {200: schemas.Plan}, body=schemas.CutOrder)
async def plan_cut(recording: str) -> Response:
    """What a cut would do, before anything runs."""
    ctx = context()
    order = await _read_order(recording)
    return answer(mapping.plan(await ctx.threads.run("work", ctx.plexdata.plan, order)))


@blueprint.post("/api/recordings/<id:recording>/cut")
@documented("recordings", {202: schemas.Job}, body=schemas.CutOrder)
async def cut(recording: str) -> Response:
    """Queue a cut; the answer is its job."""
    ctx = context()
    order = await _read_order(recording)
    return answer(mapping.job(await ctx.threads.run("work", ctx.plexdata.cut, client_id(), order)), 202)


async def _read_order(recording: str) -> CutOrder:
    body = await read_body(schemas.CutOrder)
    keep = None if body.keep is None else read_spans(body.keep)
    return CutOrder(recording, keep, body.mode, body.output, body.fingerprint)


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
