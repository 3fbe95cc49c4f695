"""Frames and the timeline."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

from quart import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from plexcut.domain.media import PictureFormat
from plexcut.domain.timecode import FrameNumber, Position
from plexcut.errors import NotReady, PlexcutError, PositionInvalid
from plexcut.plexdata.frames import FoundPicture, PictureOrder
from plexcut.web import mapping, schemas
from plexcut.web.clients import client_id
from plexcut.web.context import answer, context, wants_json
from plexcut.web.documentation import Media, documented, hide
from plexcut.web.errors import BadRequest, error_response, known, status_of
from plexcut.web.files import REVALIDATE, cached, read_below, unchanged
from plexcut.web.requests import read_body, read_position, read_query

blueprint = Blueprint("pictures", __name__)

ERROR_PICTURE = Path(__file__).parent.parent / "assets" / "error.png"
_PICTURES = {"image/jpeg", "image/png", "image/webp"}
_HEADERS = {
    "X-Frame-Number": "The frame that the picture shows; left out where that is not known yet.",
    "X-Frame-Time": "Its time in seconds, with six decimals.",
    "X-Frame-Provisional": "1: the frame's number is not known before the recording has been read.",
}


@blueprint.get("/api/recordings/<id:recording>/frame")
@documented(
    "recordings",
    media=(
        Media(200, ("image/jpeg", "image/webp", "image/png"), "The frame; the format is by Accept.", _HEADERS),
        Media(304, (), "The client has this picture already."),
        Media(
            422,
            ("image/png", "application/json"),
            "Any failure: a picture that says so, with the error's code as X-Error-Code, and the status that fits;"
            " with Accept: application/json the shape Error.",
            {"X-Error-Code": "The error's code."},
        ),
    ),
    query=schemas.FrameQuery,
)
async def get_frame(recording: str) -> Response:
    """The frame shown at a time, or the n-th frame, exactly."""
    try:
        return await _frame(recording)
    except Exception as error:  # noqa: BLE001  (whatever it is, a page still shows something)
        return error_picture(known(error))


async def _frame(recording: str) -> Response:
    ctx = context()
    query = read_query(schemas.FrameQuery)
    at = _position(query)
    known = frozenset(request.if_none_match.as_set(include_weak=True))
    order = PictureOrder(recording, at, query.width, picture_format(), known, wait=False)
    try:
        found = await ctx.threads.run_stoppable("frames", ctx.plexdata.picture, order)
    except NotReady:
        # Those who wait for an index do so where they hold up nobody.
        found = await ctx.threads.run_stoppable("waiting", ctx.plexdata.picture, replace(order, wait=True))
    response = _picture_response(found)
    response.headers["Vary"] = "Accept"
    return response


def _picture_response(found: FoundPicture) -> Response:
    if found.unchanged and found.tag is not None:
        response = unchanged(found.tag, REVALIDATE)
    elif found.tag is None:
        response = Response(found.picture.data, 200, content_type=found.picture.media_type)
        response.headers["Cache-Control"] = "no-store"
    else:
        response = cached(found.picture.data, found.picture.media_type, REVALIDATE, found.tag)
    response.headers.update(mapping.frame_headers(found.picture))
    return response


def _position(query: schemas.FrameQuery) -> Position:
    if (query.at is None) == (query.n is None):
        raise BadRequest("say which frame: either at=TIME or n=NUMBER")
    return FrameNumber(query.n) if query.n is not None else read_position(query.at or "")


def picture_format() -> PictureFormat:
    """WebP for a client that names it and likes JPEG no better, PNG only for one that likes it better than JPEG.

    No Accept, or `*/*`, is JPEG. Browsers name WebP for image elements: it takes some ms more to make than JPEG, but
    half the bytes to send. Firefox also names PNG, and JPEG only as `image/*`: no wish for PNG.
    """
    accept = request.accept_mimetypes
    if "image/webp" in accept.values():
        return "webp" if accept["image/webp"] >= accept["image/jpeg"] and accept["image/webp"] > 0 else "jpg"
    return "png" if accept["image/png"] > accept["image/jpeg"] else "jpg"


@lru_cache(maxsize=1)
def _error_png() -> bytes:
    return ERROR_PICTURE.read_bytes()


def error_picture(error: PlexcutError) -> Response:
    """A failure as a picture, with the status that fits; as JSON where the client asks for that."""
    if wants_json():
        response = error_response(error)
    else:
        response = Response(_error_png(), status_of(error), content_type="image/png")
        response.headers["Cache-Control"] = "no-store"
    response.headers["X-Error-Code"] = error.code
    return response


@blueprint.post("/api/timeline")
@documented("timeline", {200: schemas.Timeline}, body=schemas.TimelineOrder)
async def make_timeline() -> Response:
    """Write pictures of the selected movie at `pos + k * step`; the answer comes when all are there."""
    ctx = context()
    body = await read_body(schemas.TimelineOrder)
    if body.l > body.r:
        raise BadRequest("l: must not be greater than r")
    pos = read_position(body.pos)
    try:
        step = read_position(body.step)
    except PositionInvalid:  # negative: outside the recording for a position, no step at all for a step
        step = Fraction(0)
    if isinstance(step, FrameNumber) or step <= 0:
        raise BadRequest("step: must be a time greater than 0")
    ordered: tuple[Any, ...] = (client_id(), body.basename, pos, body.l, body.r, step, body.size)
    found = await ctx.threads.run("work", ctx.plexdata.timeline, *ordered)
    return answer(mapping.timeline(found, ctx.settings.base_path))


@blueprint.get("/static/<id:recording>/<name>")
@hide
async def get_timeline_picture(recording: str, name: str) -> Response:
    """A picture of the timeline."""
    ctx = context()
    file = await ctx.threads.run("rest", read_below, ctx.settings.static_dir, f"{recording}/{name}")
    if file is None or file.media_type not in _PICTURES:
        raise NotFound
    return cached(file.data, file.media_type, REVALIDATE)
