"""Recordings, played in a browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from quart import Blueprint, Response, request

from plexcut.domain.ports import PlayableFile
from plexcut.plexdata.playback import PlayOrder
from plexcut.web.context import context
from plexcut.web.documentation import Media, documented
from plexcut.web.errors import shaped
from plexcut.web.ranges import ByteRange, RangeNotSatisfiable, parse_range
from plexcut.web.requests import read_edge, read_keep_query, read_query
from plexcut.web.schemas.playback import VideoQuery
from plexcut.web.threads import Threads

blueprint = Blueprint("playback", __name__)

_TYPE = "video/mp4"


@blueprint.get("/api/recordings/<id:recording>/video.mp4")
@documented(
    "recordings",
    media=(
        Media(200, (_TYPE,), "The whole file: fragmented MP4, H.264 and AAC. It is made while it is read."),
        Media(206, (_TYPE,), "The range that was asked for; any part can be read at once."),
        Media(304, (), "The client has it already."),
        Media(416, ("application/json",), "The range begins behind the end."),
    ),
    query=VideoQuery,
)
async def get_video(recording: str) -> Response:
    """A recording, or kept spans of it, as a browser plays them, whatever the source is; exact at every edge."""
    ctx = context()
    order = _order(recording)
    file = await ctx.threads.run("work", ctx.plexdata.play, order)
    size = file.size_bytes
    try:
        wanted = _wanted_range(file)
    except RangeNotSatisfiable:
        refused = shaped(416, "range_not_satisfiable", f"the file has {size} bytes")
        refused.headers["Content-Range"] = f"bytes */{size}"
        return refused
    if wanted is None and request.if_none_match.contains_weak(file.tag):
        return _headed(Response(b"", 304), file)
    part = wanted or ByteRange(0, size)
    if request.method == "HEAD":
        response = Response(b"", 200, content_type=_TYPE)
    else:
        # Before the status is out: a file that cannot be read, or too many readers, has a status of its own.
        first = await ctx.threads.run_stoppable("playback", file.read, part.start)
        response = Response(_body(ctx.threads, file, part, first), 200, content_type=_TYPE)
    response.timeout = None
    response.headers["Content-Length"] = str(part.size)
    if wanted is not None:
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{size}"
    return _headed(response, file)


async def _body(threads: Threads, file: PlayableFile, part: ByteRange, first: bytes) -> AsyncGenerator[bytes, None]:
    """The bytes of a part; while a piece is on its way the next one is made, and no more than that.

    The last byte of a piece is sent with the next one. A player that has it goes on to read the next piece's head: if
    it seeks elsewhere while it waits for that, Chromium takes the piece for read and never shows it again.
    """
    at, piece = part.start, first
    while True:
        piece = piece[: part.end - at]
        at += len(piece)
        if at >= part.end:
            yield piece
            return
        ahead = asyncio.ensure_future(threads.run_stoppable("playback", file.read, at))
        try:
            if len(piece) > 1:
                yield piece[:-1]
            held = piece[-1:]
            piece = await ahead
        finally:
            # Nothing is made for a client that has gone.
            ahead.cancel()
        at -= len(held)
        piece = held + piece


def _wanted_range(file: PlayableFile) -> ByteRange | None:
    """The range of the request, None for everything: also where If-Range speaks of other bytes."""
    condition = request.headers.get("If-Range")
    if condition is not None and condition.strip() != f'"{file.tag}"':
        return None
    return parse_range(request.headers.get("Range"), file.size_bytes)


def _headed(response: Response, file: PlayableFile) -> Response:
    response.set_etag(file.tag)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _order(recording: str) -> PlayOrder:
    query = read_query(VideoQuery)
    keep = None if query.keep is None else read_keep_query()
    start, end = read_edge(query.from_), read_edge(query.to)
    return PlayOrder(recording, keep, start, end, query.audio, query.fingerprint)
