"""Filmstrips: their tiles, and the image that these lie in."""

from __future__ import annotations

import hashlib
from urllib.parse import quote, urlencode

from quart import Blueprint, Response, request

from plexcut import __version__
from plexcut.domain.media import FilmstripOrder, PictureFormat
from plexcut.errors import RecordingChanged
from plexcut.plexdata.filmstrip import StripOrder
from plexcut.web import mapping, schemas
from plexcut.web.context import answer, context
from plexcut.web.documentation import Media, documented
from plexcut.web.files import REVALIDATE
from plexcut.web.requests import read_clamped_edge, read_query
from plexcut.web.routes.pictures import picture_format

blueprint = Blueprint("filmstrip", __name__)

_FOR_AN_HOUR = "private, max-age=3600"
_NOT_KEPT = "no-store"


@blueprint.get("/api/recordings/<id:recording>/filmstrip")
@documented(
    "recordings",
    {200: schemas.Filmstrip},
    media=(Media(304, (), "The client has these tiles already."),),
    query=schemas.FilmstripQuery,
)
async def get_filmstrip(recording: str) -> Response:
    """Pictures of a range in one image: which frame each shows, and where it lies."""
    ctx = context()
    query = read_query(schemas.FilmstripQuery)
    pictures = _pictures(query)
    fingerprint = await ctx.threads.run("library", ctx.plexdata.fingerprint, recording)
    etag = _etag(fingerprint, query, "tiles")
    if request.if_none_match.contains_weak(etag):
        return _unchanged(etag, REVALIDATE)
    order = StripOrder(recording, pictures, picture_format(), fingerprint)
    strip = await ctx.threads.run_stoppable("strips", ctx.plexdata.filmstrip, order)
    asked = {name: value for name, value in request.args.items() if name in ("from", "to", "count", "height", "step")}
    more = {"fingerprint": fingerprint, **({"provisional": "true"} if strip.provisional else {})}
    url = f"/api/recordings/{quote(recording, safe='~')}/filmstrip.jpg?{urlencode({**asked, **more})}"
    response = answer(mapping.filmstrip(strip, fingerprint, url, ctx.settings.base_path))
    if strip.provisional:
        response.headers["Cache-Control"] = _NOT_KEPT
        return response
    response.set_etag(etag)
    response.headers["Cache-Control"] = REVALIDATE
    return response


@blueprint.get("/api/recordings/<id:recording>/filmstrip.jpg")
@documented(
    "recordings",
    media=(
        Media(
            200,
            ("image/jpeg", "image/webp", "image/png"),
            "The image; its tiles are told by the same address without .jpg.",
        ),
        Media(304, (), "The client has this image already."),
    ),
    query=schemas.SpriteQuery,
)
async def get_filmstrip_image(recording: str) -> Response:
    """The image of a filmstrip."""
    ctx = context()
    query = read_query(schemas.SpriteQuery)
    pictures, fmt = _pictures(query), picture_format()
    fingerprint = await ctx.threads.run("library", ctx.plexdata.fingerprint, recording)
    if query.fingerprint not in (None, fingerprint):
        raise RecordingChanged("the recording changed since it was looked at", "open it again")
    kept_for = REVALIDATE if query.fingerprint is None else _FOR_AN_HOUR
    etag = _etag(fingerprint, query, fmt)
    if request.if_none_match.contains_weak(etag) and not query.provisional:
        return _unchanged(etag, kept_for)
    order = StripOrder(recording, pictures, fmt, fingerprint, query.provisional)
    strip = await ctx.threads.run_stoppable("strips", ctx.plexdata.filmstrip, order)
    response = Response(strip.data, 200, content_type=strip.media_type)
    response.headers["Vary"] = "Accept"
    if strip.provisional or query.provisional:
        response.headers["Cache-Control"] = _NOT_KEPT
        return response
    response.set_etag(etag)
    response.headers["Cache-Control"] = kept_for
    return response


def _pictures(query: schemas.FilmstripQuery) -> FilmstripOrder:
    return FilmstripOrder(
        read_clamped_edge(query.from_), read_clamped_edge(query.to), query.count, query.height, query.step
    )


def _etag(fingerprint: str, query: schemas.FilmstripQuery, what: PictureFormat | str) -> str:
    """The same content of a recording has the same pictures in one version of plexcut: that is known without a look."""
    pictures = query.model_dump(include=set(schemas.FilmstripQuery.model_fields))
    parts = (__version__, fingerprint, what, *(f"{name}={value}" for name, value in sorted(pictures.items())))
    return hashlib.blake2b("\n".join(map(str, parts)).encode(), digest_size=16).hexdigest()


def _unchanged(etag: str, kept_for: str) -> Response:
    response = Response(b"", 304)
    del response.headers["Content-Type"]
    response.set_etag(etag)
    response.headers["Cache-Control"] = kept_for
    return response
