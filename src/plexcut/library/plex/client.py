"""HTTP to one Plex server: bounded in time and size, every failure one of ours, the token only ever in a header."""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import SplitResult, urlsplit
from xml.etree.ElementTree import Element, ParseError

import requests
from plexapi import CONFIG
from plexapi.exceptions import PlexApiException
from plexapi.server import PlexServer
from plexapi.utils import parseXMLString

from plexcut import __version__
from plexcut.domain.pieces import range_header
from plexcut.errors import ItemNotFound, LibraryOffline, NotAllowed, NotFound, PlexcutError
from plexcut.library.bounded import Bounded, Stuck, Tick
from plexcut.library.plex.tls import PlexAdapter, address_in_name

log = logging.getLogger(__name__)

# Otherwise plexapi asks for each item again whenever an attribute of it is missing, even while it builds the object.
CONFIG.data.setdefault("plexapi", {})["autoreload"] = "false"

T = TypeVar("T")
Method = Literal["GET", "PUT", "POST"]
_Read = Callable[[requests.Response, Tick], T]

_CHUNK_BYTES = 64 * 1024
_PIECE_LIMITS = 6
"""How many time limits a piece of a file may take as a whole."""
_ANSWER_BYTES_MAX = 128 * 1024 * 1024
_REST_S = 1.0
"""For how long a server that did not answer in time is not asked again."""


@dataclass(frozen=True, slots=True)
class PlexAddress:
    """How to reach a server. `timeout_s` bounds each request as a whole; `ca_file`: further certificates to trust."""

    url: str
    token: str
    timeout_s: float = 10.0
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class _Request:
    """What is asked of the server. Only `GET` is sent again on a new connection when one kept from before broke."""

    key: str
    params: Mapping[str, str | int]
    headers: Mapping[str, str]
    method: Method = "GET"


@dataclass(frozen=True, slots=True)
class Piece:
    """An answer to a request for a piece of a file. `data` is empty unless `status` is 206, and may be too short."""

    status: int
    data: bytes
    headers: Mapping[str, str]


class PlexClient:
    """Requests to one server, from any thread. `name` is the library's, for messages."""

    def __init__(self, name: str, address: PlexAddress) -> None:
        self._name = name
        self._timeout_s = address.timeout_s
        self._token = address.token.strip()
        self._url = _split(address.url)
        self._base, self._host_header = _base(self._url)
        self._bounded = Bounded(address.timeout_s, hanging_max=8)
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.mount(self._base, PlexAdapter(self._url, address.ca_file))
        self._lock = threading.Lock()
        self._silent_until = 0.0
        self._server: _Server | None = None

    @property
    def where(self) -> str:
        """The server's address without user, password or query, for messages."""
        port = f":{_port(self._url)}" if _port(self._url) else ""
        return f"{self._url.scheme}://{self._url.hostname or ''}{port}"

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()

    def check(self) -> None:
        """Ask for the server's own page, which needs the token. Raises `LibraryOffline`, `NotAllowed`."""
        self._silent_until = 0.0
        self.xml("/", not_found=LibraryOffline)

    def xml(
        self,
        key: str,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        not_found: type[PlexcutError] = ItemNotFound,
    ) -> Element:
        """The answer to a GET of `key`, always a `MediaContainer`.

        Raises:
            LibraryOffline: no answer in time, or none of a Plex server.
            NotAllowed: the token is not accepted.
            not_found: the server does not know `key`.
        """
        data, _ = self.data(key, params, headers, not_found)
        try:
            root: Element | None = parseXMLString(data.decode("utf-8", "replace"))
        except (ParseError, ValueError, LookupError):  # LookupError: an encoding that does not exist
            root = None
        if root is None or root.tag != "MediaContainer":
            raise self.offline("answers with something that is not Plex", "is the address that of a Plex server?")
        return root

    def data(
        self,
        key: str,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        not_found: type[PlexcutError] = ItemNotFound,
    ) -> tuple[bytes, str]:
        """Body and content type of the answer to a GET of `key`, which begins with `/`; raises as `xml`."""
        until = time.monotonic() + self._timeout_s

        def whole(response: requests.Response, _tick: Tick) -> tuple[int, bytes, str]:
            return response.status_code, _body(response, until), response.headers.get("Content-Type", "")

        status, body, kind = self._ask(_Request(key, params or {}, headers or {}), whole)
        self._raise_for(status, not_found)
        return body, kind

    def tell(self, key: str, params: Mapping[str, str | int] | None = None, method: Method = "PUT") -> None:
        """Have the server do something; what it answers does not matter. Sent once. Raises as `xml`."""
        status = self._ask(_Request(key, params or {}, {}, method), lambda response, _tick: response.status_code)
        self._raise_for(200 if 200 <= status < 300 else status, ItemNotFound)

    def piece(self, key: str, start: int, size: int) -> Piece:
        """The answer to a GET of `size` bytes from `start` on of the file at `key`, whatever its status.

        The server may be as slow as it likes, as long as it sends something within its time limit.

        Raises:
            LibraryOffline: no answer in time, or it broke off before anything came.
        """
        until = time.monotonic() + _PIECE_LIMITS * self._timeout_s
        headers = {"Range": range_header(start, size), "Accept": "*/*", "Accept-Encoding": "identity"}
        return self._ask(_Request(key, {}, headers), lambda response, tick: _piece(response, size, until, tick))

    def _ask(self, request: _Request, read: _Read[T]) -> T:
        """What `read` makes of the answer; every failure of the connection is `LibraryOffline`."""
        if not request.key.startswith("/"):  # would run on from the host or port
            raise self.offline("names a resource that is none of its own")
        if time.monotonic() < self._silent_until:
            raise self.offline("does not answer", "is it running?")
        if not self._token.isascii() or not self._token.isprintable():
            raise self._refused()
        sent = {**self._base_headers(), **request.headers}
        if self._host_header:
            sent["Host"] = self._host_header
        try:
            return self._bounded(lambda tick: self._send(request, sent, lambda response: read(response, tick)))
        except (Stuck, requests.Timeout):
            self._silent_until = time.monotonic() + _REST_S
            raise self.offline(f"does not answer within {self._timeout_s:g} s", "is it running?") from None
        except (requests.exceptions.SSLError, ssl.SSLError) as error:
            log.info("TLS to %s: %s", self.where, error)
            raise self.offline(
                "shows a certificate that is not valid for this address",
                "use the server's https://….plex.direct address, or http:// inside your own network",
            ) from None
        except requests.ConnectionError as error:
            log.debug("no connection to %s: %s", self.where, type(error).__name__)
            raise self.offline("cannot be reached, or broke off its answer", "is it running?") from None
        except (requests.RequestException, OSError, ValueError) as error:
            log.debug("request to %s failed: %s", self.where, type(error).__name__)
            raise self.offline("cannot be asked", "check its url in the configuration") from None

    def items(self, data: Element, key: str) -> list[Any]:
        """What an answer holds, as plexapi objects that ask nothing by themselves."""
        try:
            found: list[Any] = list(self._plex().findItems(data, initpath=key))  # type: ignore[no-untyped-call]
        except (PlexApiException, ValueError, TypeError, KeyError, AttributeError, OverflowError, OSError) as error:
            if isinstance(error, PlexcutError):
                raise
            log.debug("answer of %s to %s cannot be read", self.where, key, exc_info=True)
            raise self.offline("answers with something that cannot be read") from None
        return found

    def _plex(self) -> _Server:
        with self._lock:
            if self._server is None:
                self._server = _Server(self.where, self._token, self.xml)
            return self._server

    def _base_headers(self) -> dict[str, str]:
        headers: dict[str, str] = self._plex()._headers()  # type: ignore[no-untyped-call]
        ours = {"X-Plex-Product": "plexcut", "X-Plex-Version": __version__, "Accept": "application/xml, */*"}
        return {**headers, **ours}

    def _send(self, request: _Request, headers: dict[str, str], read: Callable[[requests.Response], T]) -> T:
        """One request, without redirects: they would carry the token elsewhere."""
        until = time.monotonic() + self._timeout_s
        timeout = (min(5.0, self._timeout_s), self._timeout_s)
        attempts = 2 if request.method == "GET" else 1
        for attempt in range(1, attempts + 1):
            try:
                with self._session.request(
                    request.method,
                    self._base + request.key,
                    params=dict(request.params),
                    headers=headers,
                    timeout=timeout,
                    stream=True,
                    allow_redirects=False,
                ) as response:
                    return read(response)
            except (requests.Timeout, requests.exceptions.SSLError):
                raise
            except requests.ConnectionError:
                # A connection kept from before may have been closed meanwhile.
                if attempt == attempts or time.monotonic() > until:
                    raise
        raise requests.ConnectionError

    def _raise_for(self, status: int, not_found: type[PlexcutError]) -> None:
        if status == 200:
            return
        if status in {401, 403}:
            raise self._refused()
        if status == 404 and issubclass(not_found, NotFound):
            raise not_found(f"the Plex server of library {self._name!r} does not know it", "it may have been deleted")
        if 300 <= status < 400:
            raise self.offline("answers with a redirection", "check its url in the configuration")
        raise self.offline(f"answers with status {status}")

    def _refused(self) -> NotAllowed:
        return NotAllowed(
            f"the Plex token is not accepted by the server of library {self._name!r} ({self.where})",
            "set a valid token for this library in the configuration",
        )

    def offline(self, what: str, hint: str = "") -> LibraryOffline:
        """The failure that says what the server does, or does not do."""
        return LibraryOffline(f"the Plex server of library {self._name!r} ({self.where}) {what}", hint)


class _Server(PlexServer):
    """plexapi's server, whose requests all go through our client."""

    def __init__(self, url: str, token: str, ask: Callable[..., Element]) -> None:
        self._ask = ask
        self._connected = False
        super().__init__(url, token or None, session=requests.Session(), timeout=1)  # type: ignore[no-untyped-call]
        self._connected = True
        self._token = token  # without one plexapi takes that of its own settings file

    def query(  # foreign signature
        self,
        key: str,
        method: object = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str | int] | None = None,
        timeout: object = None,
        **kwargs: object,
    ) -> Element:
        if not self._connected:
            return Element("MediaContainer")  # its constructor asks for "/", of which nothing is used here
        return self._ask(key, params, headers)


def _piece(response: requests.Response, size: int, until: float, tick: Tick) -> Piece:
    """What came of a piece; nothing is read of a body that is none, or not only that."""
    data = b""
    if response.status_code == 206:
        chunks: list[bytes] = []
        got = 0
        try:
            for chunk in response.iter_content(_CHUNK_BYTES):
                chunks.append(chunk)
                got += len(chunk)
                tick()
                if got > size or time.monotonic() > until:
                    break  # the connection goes too; only one that was read to the end is used again
        except (requests.exceptions.ChunkedEncodingError, requests.ConnectionError) as error:
            if not chunks:
                raise requests.ConnectionError from error
        data = b"".join(chunks)[:size]
    return Piece(response.status_code, data, response.headers)


def _body(response: requests.Response, until: float) -> bytes:
    chunks: list[bytes] = []
    size = 0
    for chunk in response.iter_content(_CHUNK_BYTES):
        chunks.append(chunk)
        size += len(chunk)
        if size > _ANSWER_BYTES_MAX:
            raise requests.RequestException("the answer is too long")
        if time.monotonic() > until:
            raise requests.Timeout
    return b"".join(chunks)


def _split(url: str) -> SplitResult:
    """The parts of `url`, all empty where it is none; each request then says so."""
    try:
        return urlsplit(url if "://" in url else f"http://{url}")
    except ValueError:
        return SplitResult("", "", "", "", "")


def _port(url: SplitResult) -> int | None:
    try:
        return url.port
    except ValueError:
        return None


def _base(url: SplitResult) -> tuple[str, str | None]:
    """The prefix of all requests, and the Host header where the prefix does not say the host."""
    path = url.path.rstrip("/")
    host = (url.hostname or "").lower()
    address = address_in_name(host)
    if address is None:
        return f"{url.scheme}://{url.netloc}{path}", None
    shown = f"[{address}]" if ":" in address else address
    port = f":{_port(url)}" if _port(url) else ""
    return f"{url.scheme}://{shown}{port}{path}", f"{host}{port}"
