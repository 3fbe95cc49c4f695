"""What the routes of one application share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from pydantic import BaseModel
from quart import Response, current_app, request

from plexcut.web.auth import Door
from plexcut.web.settings import WebSettings
from plexcut.web.threads import Threads

if TYPE_CHECKING:
    from plexcut.plexdata.orchestrator import Plexdata
    from plexcut.web.events import Broadcaster

EXTENSION = "plexcut"


@dataclass(slots=True)
class Context:
    """The application's parts; `stopping` is set when the server ends, so that open streams end too."""

    plexdata: Plexdata
    settings: WebSettings
    threads: Threads
    door: Door
    events: Broadcaster
    stopping: asyncio.Event = field(default_factory=asyncio.Event)


def context() -> Context:
    """The parts of the application that answers the current request."""
    return cast("Context", current_app.extensions[EXTENSION])


def answer(model: BaseModel, status: int = 200) -> Response:
    """A model as a JSON answer."""
    return Response(model.model_dump_json(), status, content_type="application/json")


def wants_json() -> bool:
    """Whether the client asks for JSON, where a picture is what it would get otherwise."""
    return "application/json" in request.accept_mimetypes.values()
