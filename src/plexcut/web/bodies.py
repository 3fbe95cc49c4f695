"""Taking a request's body to its end, also where nobody wants it.

An answer that is sent while the body is still coming leaves the connection in a state in which the server can only
close it, and the client's next request on it, or the answer itself, is lost.
"""

from __future__ import annotations

import asyncio

from quart import Quart, Request, Response, request
from quart.wrappers.request import Body

PATIENCE_S = 5.0


class WholeBody(Body):
    """A body that tells when its last byte came, also where it is too large to be kept."""

    def __init__(self, expected_content_length: int | None, max_content_length: int | None) -> None:
        super().__init__(expected_content_length, max_content_length)
        self.arrived = asyncio.Event()
        self._growing = False

    def append(self, data: bytes) -> None:
        """Take a piece; of a body that is too large nothing is kept."""
        self._growing = True
        super().append(data)
        self._growing = False

    def set_complete(self) -> None:
        """Called at the end, and by `append` when the body has become too large."""
        super().set_complete()
        if not self._growing:
            self.arrived.set()


class WholeRequest(Request):
    """A request with such a body."""

    body_class = WholeBody


def install(app: Quart) -> None:
    """Let every answer of `app` wait for the request's end; after `PATIENCE_S` the connection is closed instead."""
    app.request_class = WholeRequest

    @app.after_request
    async def await_the_end(response: Response) -> Response:
        if isinstance(request.body, WholeBody) and not request.body.arrived.is_set():
            try:
                await asyncio.wait_for(request.body.arrived.wait(), PATIENCE_S)
            except TimeoutError:
                response.headers["Connection"] = "close"
        return response
