"""Playlists, and the signed stream addresses that they name."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

from quart import Blueprint, Response, request

from plexcut.web.auth import is_https, public
from plexcut.web.clients import client_id
from plexcut.web.context import context
from plexcut.web.documentation import Media, documented
from plexcut.web.errors import shaped
from plexcut.web.ranges import RangeNotSatisfiable
from plexcut.web.streaming import OpenedFile, inspect, pieces, wanted_range
from plexcut.web.threads import about

blueprint = Blueprint("streams", __name__)

_XSPF = "application/xspf+xml"
_PLAYLIST = (Media(200, (_XSPF,), "The playlist; its stream addresses are signed and expire."),)


async def _playlist(make: Callable[[str | None, str], BytesIO], name: str) -> Response:
    ctx = context()
    scheme = "https" if is_https() else "http"
    base_url = f"{scheme}://{request.headers['Host'].strip()}{ctx.settings.base_path}"
    file = await ctx.threads.run("library", make, client_id(), base_url)
    response = Response(file.getvalue(), 200, content_type=_XSPF)
    response.headers["Content-Disposition"] = f'inline; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/streams/all.xspf")
@documented("streams", media=_PLAYLIST)
async def stream_all() -> Response:
    """All movies, or episodes, of the selected section."""
    return await _playlist(context().plexdata.stream_all, "all.xspf")


@blueprint.get("/streams/section.xspf")
@documented("streams", media=_PLAYLIST)
async def stream_section() -> Response:
    """The current movies: the section's, or the selected season's."""
    return await _playlist(context().plexdata.stream_section, "section.xspf")


@blueprint.get("/streams/movie.xspf")
@documented("streams", media=_PLAYLIST)
async def stream_movie() -> Response:
    """The selected movie."""
    return await _playlist(context().plexdata.stream_movie, "movie.xspf")


@blueprint.get("/streams/<stream>")
@public
@documented(
    "streams",
    media=(
        Media(200, ("video/mp2t", "video/mp4", "video/x-matroska"), "The whole file."),
        Media(206, ("video/mp2t", "video/mp4", "video/x-matroska"), "The range that was asked for."),
        Media(416, ("application/json",), "The range begins behind the end."),
    ),
)
async def get_stream(stream: str) -> Response:
    """A recording's file, by an address from a playlist; answers range requests, needs no login of its own."""
    ctx = context()
    file = await ctx.threads.run("library", ctx.plexdata.open_stream, stream)
    about.set(file.library)
    opened = await ctx.threads.run("streams", inspect, file.source)
    try:
        wanted = wanted_range(request.headers, opened)
    except RangeNotSatisfiable:
        refused = shaped(416, "range_not_satisfiable", f"the file has {opened.size} bytes")
        refused.headers["Content-Range"] = f"bytes */{opened.size}"
        return refused
    if request.method != "HEAD" and wanted is None and request.if_none_match.contains_weak(opened.etag):
        return _headed(Response(b"", 304), opened)
    start, end = (0, opened.size) if wanted is None else (wanted.start, wanted.end)
    body = b"" if request.method == "HEAD" else pieces(ctx.threads, opened, start, end)
    response = Response(body, 200 if wanted is None else 206, content_type=opened.media_type)
    response.timeout = None
    response.headers["Content-Length"] = str(end - start)
    if wanted is not None:
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{opened.size}"
    return _headed(response, opened)


def _headed(response: Response, opened: OpenedFile) -> Response:
    response.set_etag(opened.etag)
    if opened.modified is not None:
        response.last_modified = opened.modified
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Cache-Control"] = "private, no-cache"
    return response
