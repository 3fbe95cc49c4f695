"""The application: routes, door and page in front of one `Plexdata`."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from quart import Quart, request
from werkzeug.routing import BaseConverter

from plexcut.domain.catalog import library_of
from plexcut.web import bodies, errors, headers, openapi, page, routes
from plexcut.web.asgi import AsgiApp, BasePath, BreakOff
from plexcut.web.auth import Door
from plexcut.web.context import EXTENSION, Context
from plexcut.web.events import Broadcaster
from plexcut.web.requests import MAX_BODY_BYTES
from plexcut.web.settings import WebSettings
from plexcut.web.threads import Threads, about

if TYPE_CHECKING:
    from plexcut.plexdata.orchestrator import Plexdata

_BODY_TIMEOUT_S = 15


class _IdConverter(BaseConverter):
    """A path segment that can be an id (`catalog.ID_PATTERN`); anything else need not be looked for."""

    regex = r"[A-Za-z0-9._~-]{1,300}"


def undriven_app() -> Quart:
    """All routes and their description, with nothing behind them: enough for the OpenAPI document."""
    app = Quart("plexcut.web", static_folder=None, template_folder="templates")
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        BODY_TIMEOUT=_BODY_TIMEOUT_S,
        RESPONSE_TIMEOUT=None,
        PROPAGATE_EXCEPTIONS=False,
    )
    app.url_map.converters["id"] = _IdConverter
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    openapi.install(app)
    for module in sorted(found.name for found in pkgutil.iter_modules(routes.__path__)):
        app.register_blueprint(importlib.import_module(f"{routes.__name__}.{module}").blueprint)
    errors.install(app)
    page.install(app)
    headers.install(app)
    bodies.install(app)
    return app


def create_app(plexdata: Plexdata, settings: WebSettings) -> Quart:
    """The application. It uses `plexdata`, but neither starts nor closes it.

    Raises:
        ConfigError: other machines can reach the address, and there is no password, or no readable one.
    """
    app = undriven_app()
    stopping = asyncio.Event()
    context = Context(
        plexdata=plexdata,
        settings=settings,
        threads=Threads(),
        door=Door(settings, plexdata.secret),
        events=Broadcaster(plexdata, stopping, settings.base_path),
        stopping=stopping,
    )
    app.extensions[EXTENSION] = context
    context.door.install(app)

    @app.before_request
    async def tell_apart() -> None:
        about.set(_library_of(request.view_args or {}, plexdata))

    @app.before_serving
    async def make_ready() -> None:
        await context.threads.run("rest", context.door.prepare)

    @app.after_serving
    async def let_go() -> None:
        context.stopping.set()
        context.threads.close()

    below: AsgiApp = BreakOff(cast("AsgiApp", app.asgi_app))
    cast("Any", app).asgi_app = BasePath(below, settings.base_path) if settings.base_path else below
    return app


def _library_of(named: Mapping[str, Any], plexdata: Plexdata) -> str:
    """The library that an address is about; empty where it is about none that there is."""
    told = next((str(named[key]) for key in ("recording", "item", "library") if key in named), "")
    library = library_of(told)
    return library if library and any(found.id == library for found in plexdata.libraries()) else ""
