"""Serving the built page: its files, and `index.html` for every address that the page itself knows."""

from __future__ import annotations

import html
import re

from quart import Quart, Response, request
from werkzeug.exceptions import NotFound

from plexcut.web.auth import is_reserved
from plexcut.web.clients import give_client_id
from plexcut.web.context import context
from plexcut.web.errors import from_http
from plexcut.web.files import IMMUTABLE, REVALIDATE, SmallFile, cached, cached_packed, is_packable, pack, read_below

_BASE = re.compile(rb"<base\b[^>]*>", re.IGNORECASE)
_HEAD = re.compile(rb"<head\b[^>]*>", re.IGNORECASE)

NOT_BUILT = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>plexcut</title>
<h1>The page was not built</h1><p>Run <code>make page</code> and load this again.
The interface works without it: <a href="api/docs">api/docs</a>.</p></html>"""


def install(app: Quart) -> None:
    """Answer unknown addresses with the page, where they can be addresses of the page."""

    @app.errorhandler(NotFound)
    async def not_found(error: NotFound) -> Response:
        if request.routing_exception is None or is_reserved(request.path) or request.method not in {"GET", "HEAD"}:
            return from_http(error)
        return await page(request.path)


async def page(path: str) -> Response:
    """The file of the built page at `path`, or its `index.html`."""
    ctx = context()
    dist = ctx.settings.dist_dir
    name = path.strip("/")
    if name and name != "index.html":
        file = await ctx.threads.run("rest", read_below, dist, name)
        if file is not None:
            return await _answer(file, REVALIDATE)
    index = await ctx.threads.run("rest", read_below, dist, "index.html")
    return _index(index, ctx.settings.base_path)


async def asset(name: str) -> Response:
    """A file whose name holds a hash of its content.

    Raises:
        NotFound: there is none.
    """
    ctx = context()
    file = await ctx.threads.run("rest", read_below, ctx.settings.dist_dir / "assets", name)
    if file is None:
        raise NotFound
    return await _answer(file, IMMUTABLE)


async def _answer(file: SmallFile, cache_control: str) -> Response:
    """The file, compressed where the browser takes that: the first view is then a third of its size."""
    if is_packable(file.media_type, file.data):
        packed = await context().threads.run("rest", pack, file.data)
        response = cached_packed(packed, file.data, file.media_type, cache_control)
    else:
        response = cached(file.data, file.media_type, cache_control)
    response.headers["Vary"] = "Accept-Encoding"
    return response


def _index(index: SmallFile | None, base_path: str) -> Response:
    if index is None:
        response = Response(NOT_BUILT, 503, content_type="text/html; charset=utf-8")
        response.headers["Cache-Control"] = "no-store"
    else:
        response = cached(with_base(index.data, base_path), index.media_type, REVALIDATE)
    give_client_id(response, base_path)
    return response


def with_base(data: bytes, base_path: str) -> bytes:
    """`index.html` whose relative addresses are meant from `base_path`, on whatever address of the page it is shown."""
    base = f'<base href="{html.escape(base_path)}/">'.encode()
    if _BASE.search(data):
        return _BASE.sub(lambda _: base, data, count=1)
    return _HEAD.sub(lambda found: found[0] + base, data, count=1)
