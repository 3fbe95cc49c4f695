"""A web server that hands out one file by ranges, and fails at will."""

from __future__ import annotations

import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class WebServer:
    """Serves `data` at any path; `how` says in which way, `seen` what was asked."""

    def __init__(self, data: bytes, tls: ssl.SSLContext | None = None) -> None:
        self.data = data
        self.how = "ranges"
        self.seen: list[dict[str, str]] = []
        self.connections = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                outer.connections += 1
                super().setup()

            def do_GET(self) -> None:
                outer.seen.append({"path": self.path, **{k.lower(): v for k, v in self.headers.items()}})
                outer.answer(self)

            def log_message(self, *args: object) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """Clients that give up are part of the game."""

        self.server = Quiet(("127.0.0.1", 0), Handler)
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server.server_address[1]}"

    def answer(self, to: BaseHTTPRequestHandler) -> None:
        if self.how.isdigit():
            return self.send(to, int(self.how), b"no", {})
        if self.how == "redirect" and not to.path.startswith("/there"):
            return self.send(to, 302, b"", {"Location": "/there" + to.path})
        if self.how == "round":
            return self.send(to, 302, b"", {"Location": to.path})
        if self.how == "elsewhere" and not to.path.startswith("/there"):
            port = self.server.server_address[1]
            return self.send(to, 302, b"", {"Location": f"http://localhost:{port}/there"})
        if self.how == "ignored":
            return self.send(to, 200, self.data, {})
        if self.how == "slow":
            time.sleep(3)
        if self.how == "nonsense":
            to.wfile.write(b"what?\r\n\r\n")
            to.close_connection = True
            return None
        first, last = (int(n) for n in to.headers["Range"].removeprefix("bytes=").split("-"))
        if first >= len(self.data):
            return self.send(to, 416, b"", {"Content-Range": f"bytes */{len(self.data)}"})
        last = min(last, len(self.data) - 1)
        if self.how == "shifted":
            first = max(0, first - 1)
        return self.send(
            to, 206, self.data[first : last + 1], {"Content-Range": f"bytes {first}-{last}/{len(self.data)}"}
        )

    def send(self, to: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
        to.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body)), "ETag": '"1"'}.items():
            to.send_header(name, value)
        to.end_headers()
        drops = self.how == "drops" and len(self.seen) % 2 == 0
        to.wfile.write(body[: len(body) // 2] if drops else body)
        to.close_connection = drops or self.how == "closes"
