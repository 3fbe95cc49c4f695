"""A stand-in for a Plex Media Server: real HTTP, XML shaped as real servers answer it, with failures at will.

Use::

    from tests.plex.server import PlexStandIn

    with PlexStandIn() as plex:
        movies = plex.add_section("Movies", "movie", location="/share/movies")
        film = plex.add_movie(movies, "Alien", year=1979, files=["/share/movies/Alien (1979)/Alien (1979).ts"])
        shows = plex.add_section("Shows", "show", location="/share/shows")
        dark = plex.add_show(shows, "Dark", year=2017)
        plex.add_episode(dark, season=1, index=1, title="Secrets", files=[str(path_of_a_local_file)])
        library = PlexLibrary("home", "Plex", plex.url, plex.token, (("/share", tmp_path),))
        ...
        plex.fail("500")        # and "401", "404", "slow", "trickle", "cut", "gone", "garbage", "html", "redirect"
        plex.fail(None)         # all is well again

Every `add_*` returns the new rating key (sections: their key) as an int. A file is a path as Plex names it; size is
that of the local file where there is one of that path. `files` holds one entry for each version; an entry that is a
list holds the parts of that version. `fill_movies(section, n)` adds many movies quickly. `delete(key)` removes an item.
`hand_out(path, local)` serves a local file as that of `path`, where Plex names one that is not here (tests.plex.parts
says how, and how it fails); `connections` counts the connections that were made.
`requests` lists the requests so far (method, path with query, headers). `tls` (an `ssl.SSLContext`) makes it HTTPS.

`fail(kind, path="…")` limits the failure to paths that begin so. "slow" waits `slow_s` before answering, "trickle"
sends one byte in a while, "cut" breaks off in the middle of the answer, "gone" closes the port (`fail(None)` opens the
same one again), "garbage" answers bytes that are no XML, "html" a web page, "redirect" to another server.
"""

from __future__ import annotations

import socket
import ssl
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit

from tests.plex.content import PlexContent, poster

__all__ = ["PlexStandIn", "Request", "poster"]


@dataclass
class Request:
    """A request that came in."""

    method: str
    path: str
    headers: dict[str, str]


class PlexStandIn(PlexContent):
    """The server; a context manager. See the module."""

    def __init__(self, token: str = "stand-in-token-7f3a", tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        super().__init__(token)
        self.requests: list[Request] = []
        self.connections = 0
        self.slow_s = 30.0
        self.answering = threading.Lock()
        self._tls = tls
        self._port = port
        self._failure: str | None = None
        self._failing_path = ""
        self._server: ThreadingHTTPServer | None = None
        self._stopped = threading.Event()

    @property
    def port(self) -> int:
        """The port, the same after "gone"."""
        return self._port

    @property
    def url(self) -> str:
        """The address, without a token."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._stop()

    def _start(self) -> None:
        stand_in = self

        class Handler(_Handler):
            plex = stand_in

        server = _Server(("127.0.0.1", self._port), Handler)
        if self._tls is not None:
            server.socket = self._tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        self._port = server.server_address[1]
        self._server = server
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def _stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
            server.close_connections()

    def fail(self, kind: str | None, path: str = "") -> None:
        """Answer with this failure from now on (None: properly again), at paths that begin with `path`."""
        self._failing_path = path
        self._failure = kind
        if kind == "gone":
            self._stop()
        elif self._server is None:
            self._start()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, *args) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*args)

    def process_request(self, request, client_address) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request, client_address) -> None:
        """Clients that give up are part of the game."""

    def close_connections(self) -> None:
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 64 * 1024  # head and body leave together: sent one after the other they wait for each other's receipt
    plex: PlexStandIn

    def setup(self) -> None:
        self.plex.connections += 1
        if isinstance(self.request, ssl.SSLSocket):
            self.request.settimeout(10)
            self.request.do_handshake()
        super().setup()

    def do_GET(self) -> None:
        plex = self.plex
        headers = {name.lower(): value for name, value in self.headers.items()}
        plex.requests.append(Request(self.command, self.path, headers))
        url = urlsplit(self.path)
        failure = plex._failure if url.path.startswith(plex._failing_path) else None
        if failure == "slow":
            plex._stopped.wait(plex.slow_s)
        elif failure == "redirect":
            self._send(302, "text/html", b"", {"Location": f"http://localhost:{plex.port}{self.path}"})
            return
        elif failure == "garbage":
            self._send(200, "text/xml", b"\x00\xff<MediaContainer <<<" * 20)
            return
        elif failure == "html":
            self._send(200, "text/html", b"<html><body><h1>Welcome to your router</h1></body></html>")
            return
        elif failure is not None and failure.isdigit():
            self._send(int(failure), "text/html", f"<html><body><h1>{failure}</h1></body></html>".encode())
            return
        is_file = plex.is_part(url.path) and "/indexes/" not in url.path
        if is_file and headers.get("x-plex-token") == plex.token:
            answer, drop = plex.part(url.path, headers.get("range"), plex._stopped)
            self._send(*answer, how="cut" if drop else failure)
            return
        query = {name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        with plex.answering:
            plex.method = self.command
            plex.catch_up()
            answer = plex.answer(url.path, query, headers)
        self._send(*answer, how=failure)

    do_PUT = do_GET  # noqa: N815 - the standard library's names
    do_POST = do_GET  # noqa: N815

    def _send(
        self, status: int, kind: str, body: bytes, more: dict[str, str] | None = None, how: str | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Plex-Protocol", "1.0")
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if how == "cut":
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif how == "trickle":
            for byte in body:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                if self.plex._stopped.wait(0.2):
                    return
        else:
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Nothing on stderr."""
