"""The page and its files; addresses that only the page knows are answered in `plexcut.web.page`."""

from __future__ import annotations

from quart import Blueprint, Response

from plexcut.web import page
from plexcut.web.auth import public
from plexcut.web.documentation import hide

blueprint = Blueprint("page", __name__)


@blueprint.get("/")
@public
@hide
async def get_page() -> Response:
    return await page.page("")


@blueprint.get("/assets/<path:name>")
@public
@hide
async def get_asset(name: str) -> Response:
    return await page.asset(name)
