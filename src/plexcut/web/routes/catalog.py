"""Libraries, sections, items, posters."""

from __future__ import annotations

from quart import Blueprint, Response

from plexcut.domain.catalog import ItemQuery
from plexcut.errors import ItemNotFound
from plexcut.web import mapping, schemas
from plexcut.web.context import answer, context
from plexcut.web.documentation import Media, documented
from plexcut.web.files import cached
from plexcut.web.requests import read_query

blueprint = Blueprint("catalog", __name__)

_THUMB_CACHE = "private, max-age=600"


@blueprint.get("/api/libraries")
@documented("libraries", {200: schemas.Libraries})
async def get_libraries() -> Response:
    """The configured libraries, and whether each answers."""
    ctx = context()
    return answer(mapping.libraries(await ctx.threads.run("rest", ctx.plexdata.libraries)))


@blueprint.get("/api/libraries/<id:library>/sections")
@documented("libraries", {200: schemas.Sections})
async def get_sections(library: str) -> Response:
    """The movie and show sections of a library."""
    ctx = context()
    return answer(mapping.sections(await ctx.threads.run("library", ctx.plexdata.sections, library)))


@blueprint.get("/api/libraries/<id:library>/sections/<id:section>/items")
@documented("libraries", {200: schemas.Items}, query=schemas.ItemsQuery)
async def get_items(library: str, section: str) -> Response:
    """Movies, or shows, of a section."""
    ctx = context()
    query = read_query(schemas.ItemsQuery)
    wanted = ItemQuery(search=query.search, sort=query.sort, state=query.state, offset=query.offset, limit=query.limit)
    page = await ctx.threads.run("library", ctx.plexdata.items, library, section, wanted)
    return answer(mapping.items(page.items, page.total, ctx.settings.base_path))


@blueprint.get("/api/items/<id:item>")
@documented("libraries", {200: schemas.Item})
async def get_item(item: str) -> Response:
    """One movie, show, season or episode."""
    ctx = context()
    found = await ctx.threads.run("library", ctx.plexdata.item, item)
    return answer(mapping.item(found, ctx.settings.base_path))


@blueprint.get("/api/items/<id:item>/children")
@documented("libraries", {200: schemas.Items})
async def get_children(item: str) -> Response:
    """The seasons of a show, the episodes of a season."""
    ctx = context()
    found = await ctx.threads.run("library", ctx.plexdata.children, item)
    return answer(mapping.items(found, len(found), ctx.settings.base_path))


@blueprint.get("/api/items/<id:item>/thumb")
@documented("libraries", media=(Media(200, ("image/jpeg", "image/png"), "The poster."),), query=schemas.ThumbQuery)
async def get_thumb(item: str) -> Response:
    """The poster of an item."""
    ctx = context()
    query = read_query(schemas.ThumbQuery)
    thumb = await ctx.threads.run("library", ctx.plexdata.thumb, item, query.width)
    if thumb is None:
        raise ItemNotFound(f"{item} has no poster")
    return cached(thumb.data, thumb.media_type, _THUMB_CACHE)
