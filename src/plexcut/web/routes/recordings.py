"""Recordings, plans and cuts."""

from __future__ import annotations

from quart import Blueprint, Response

from plexcut.plexdata.model import CutOrder
from plexcut.web import mapping, schemas
from plexcut.web.clients import client_id
from plexcut.web.context import answer, context
from plexcut.web.documentation import documented
from plexcut.web.requests import read_body
from plexcut.web.routes.keeping import read_spans

blueprint = Blueprint("recordings", __name__)


@blueprint.get("/api/recordings/<id:recording>")
@documented("recordings", {200: schemas.Recording})
async def get_recording(recording: str) -> Response:
    """What a recording is. Asking starts its index where there is none."""
    ctx = context()
    return answer(mapping.recording(await ctx.threads.run("library", ctx.plexdata.recording, recording)))


@blueprint.get("/api/cut-options")
@documented("recordings", {200: schemas.CutOptions})
async def get_cut_options() -> Response:
    """What a cut does when its order does not say, and where its result can go."""
    ctx = context()
    return answer(mapping.cut_options(await ctx.threads.run("rest", ctx.plexdata.cut_options)))


@blueprint.post("/api/recordings/<id:recording>/plan")
@documented("recordings", {200: schemas.Plan}, body=schemas.CutOrder)
async def plan_cut(recording: str) -> Response:
    """What a cut would do, before anything runs."""
    ctx = context()
    order = await read_order(recording)
    return answer(mapping.plan(await ctx.threads.run("work", ctx.plexdata.plan, order)))


@blueprint.post("/api/recordings/<id:recording>/cut")
@documented("recordings", {202: schemas.Job}, body=schemas.CutOrder)
async def cut(recording: str) -> Response:
    """Queue a cut; the answer is its job."""
    ctx = context()
    order = await read_order(recording)
    return answer(mapping.job(await ctx.threads.run("work", ctx.plexdata.cut, client_id(), order)), 202)


async def read_order(recording: str) -> CutOrder:
    """The body as an order for a cut or its plan."""
    body = await read_body(schemas.CutOrder)
    keep = None if body.keep is None else read_spans(body.keep)
    return CutOrder(
        recording, keep, body.mode, body.output, body.fingerprint, body.container, body.chapters, body.priority
    )
