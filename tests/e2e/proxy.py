"""A reverse proxy as people put one before plexcut: it passes on a path, with the Host that the browser sent."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-connection"}


class Proxy:
    """Answers at `address`, which ends with `path`; all else is 404. `seen` are the paths that were passed on."""

    def __init__(self, backend: str, path: str) -> None:
        url = urlsplit(backend)
        self.seen: list[str] = []
        proxy = self

        class Handler(_Handler):
            to = (url.hostname or "127.0.0.1", url.port or 80)
            below = path
            seen = proxy.seen

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    to: tuple[str, int]
    below: str
    seen: list[str]

    def do_GET(self) -> None:
        if not (self.path + "/").startswith(self.below + "/"):
            self.send_error(404)
            return
        self.seen.append(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        backend = http.client.HTTPConnection(*self.to, timeout=60)
        try:
            backend.request(self.command, self.path, body or None, {**headers, "X-Forwarded-Proto": "http"})
            answer = backend.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP | {"date", "server"}:
                    self.send_header(name, value)
            has_length = answer.getheader("Content-Length") is not None
            if not has_length:
                self.send_header("Connection", "close")
                self.close_connection = True
            self.end_headers()
            while piece := answer.read1(65536):
                self.wfile.write(piece)
                self.wfile.flush()
        except OSError:
            self.close_connection = True  # the browser has gone, or the server
        finally:
            backend.close()

    do_PUT = do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815 - the standard library's names

    def log_message(self, *args: object) -> None:
        """Nothing on stderr."""
