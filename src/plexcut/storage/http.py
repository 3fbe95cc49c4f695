"""A file at an http:// or https:// address, read by ranges: connections kept, waits bounded, secrets kept out.

fsspec's own file system for HTTP is not used: where a server ignores the range it takes the whole file into memory, it
does not check which bytes came, and it brings eight packages along.
"""

from __future__ import annotations

import base64
import http.client
import logging
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from plexcut import __version__
from plexcut.domain.media import SourceStatus
from plexcut.domain.pieces import extent_of, hashed, range_header, version_of
from plexcut.errors import FileUnreadable, HostUnreachable, UsageError

log = logging.getLogger(__name__)

_STATUS_FOR_S = 2.0
_PIECE_S = 60.0
_CHUNK_BYTES = 64 * 1024
_REDIRECTS = 5
_KEPT_CONNECTIONS = 6
_HEADERS = ("Content-Range", "Last-Modified", "ETag", "Location")


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    data: bytes


class HttpRanges:
    """`domain.media.ByteRanges` of one address; user and password in it are sent as basic authentication."""

    def __init__(self, url: str, timeout_s: float = 10.0) -> None:
        self._timeout_s = timeout_s
        self._url = _checked(url)
        self._target = self._url
        self._free: list[tuple[str, http.client.HTTPConnection]] = []
        self._lock = threading.Lock()
        self._known: tuple[float, SourceStatus] | None = None
        self._name = unquote(self._url.path.rstrip("/").rpartition("/")[2]) or str(self._url.hostname)
        self._key = f"http/{hashed(url):x}"

    def __del__(self) -> None:
        for _, connection in getattr(self, "_free", ()):
            connection.close()

    @property
    def name(self) -> str:
        return self._name

    @property
    def key(self) -> str:
        return self._key

    def status(self) -> SourceStatus:
        """Asks the server, but not again within two seconds after it said something of the file."""
        with self._lock:
            known = self._known
        if known is not None and time.monotonic() - known[0] < _STATUS_FOR_S:
            return known[1]
        return self._piece(0, 1)[1]

    def read(self, start: int, size: int) -> bytes:
        """A connection that breaks off in the middle is taken up again where it did."""
        data = b""
        while len(data) < size:
            piece, _ = self._piece(start + len(data), size - len(data))
            if not piece:
                break
            data += piece
        return data

    def _piece(self, start: int, size: int) -> tuple[bytes, SourceStatus]:
        """Some bytes from `start` on, none where the file ends before; and what is said of the whole."""
        answer = self._followed(start, size)
        if answer.status not in {206, 416}:
            raise self._refusal(answer.status)
        extent = extent_of(answer.status, answer.headers, start, size)
        if extent is None:
            raise self._refusal(200)
        if not answer.data and extent.end > extent.start:
            raise HostUnreachable(f"{self._host} broke off its answer", "try again")
        status = SourceStatus(extent.total, version_of(answer.headers, self._key))
        with self._lock:
            self._known = (time.monotonic(), status)
        return answer.data[: extent.end - extent.start], status

    def _followed(self, start: int, size: int) -> _Answer:
        """The answer behind all redirections; where they led is asked at once the next time."""
        target = self._target
        for _ in range(_REDIRECTS):
            answer = self._asked(target, start, size)
            if answer.status in {301, 302, 303, 307, 308}:
                target = self._next(target, answer.headers.get("Location", ""))
            elif answer.status in {401, 403, 404, 410} and self._target is not self._url:
                target = self._target = self._url  # where it led was good for a while only
            else:
                self._target = target
                return answer
        raise FileUnreadable(f"{self._host} leads from one address to the next", "check the address")

    def _next(self, at: SplitResult, location: str) -> SplitResult:
        try:
            target = _checked(urljoin(at.geturl(), location))
        except UsageError:
            raise FileUnreadable(f"{self._host} leads to an address that is none", "check the address") from None
        if at.scheme == "https" and target.scheme != "https":
            raise FileUnreadable(f"{self._host} leads to an address without encryption", "check the address")
        return target

    def _asked(self, target: SplitResult, start: int, size: int) -> _Answer:
        for attempt in (1, 2, 3):
            place = f"{target.scheme}://{target.netloc}"
            connection, used = self._connection(place, target)
            try:
                return self._get(place, connection, target, (start, size))
            except ssl.SSLCertVerificationError:
                connection.close()
                raise HostUnreachable(
                    f"the certificate of {self._host} is not valid", "check the address, or the clock of this computer"
                ) from None
            except TimeoutError:
                connection.close()
                raise HostUnreachable(
                    f"{self._host} does not answer within {self._timeout_s:g} s", "is it running?"
                ) from None
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                log.debug("request to %s failed: %s", self._host, type(error).__name__)
                if used:  # closed meanwhile, and so are the others that were kept
                    with self._lock:
                        self._free.clear()
                elif attempt > 1:
                    break
        raise HostUnreachable(f"{self._host} cannot be reached, or broke off its answer", "is the address right?")

    def _connection(self, place: str, target: SplitResult) -> tuple[http.client.HTTPConnection, bool]:
        """A connection, and whether it was used before."""
        with self._lock:
            for number, (where, kept) in enumerate(self._free):
                if where == place:
                    del self._free[number]
                    return kept, True
        kind = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
        assert target.hostname is not None
        return kind(target.hostname, target.port, timeout=self._timeout_s), False

    def _get(
        self, place: str, connection: http.client.HTTPConnection, target: SplitResult, wanted: tuple[int, int]
    ) -> _Answer:
        path = quote(target.path or "/", safe="/%:@!$&'()*+,;=~") + (f"?{target.query}" if target.query else "")
        headers = {
            "Range": range_header(*wanted),
            "Accept-Encoding": "identity",
            "User-Agent": f"plexcut/{__version__}",
        }
        if self._url.username is not None and _origin(target) == _origin(self._url):
            pair = f"{unquote(self._url.username)}:{unquote(self._url.password or '')}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        said = {name: response.getheader(name) or "" for name in _HEADERS}
        data = _body(response, wanted[1]) if response.status == 206 else b""
        if response.length == 0:
            response.read()  # says that it is at its end, which `read1` does not
        if response.isclosed() and not response.will_close:
            with self._lock:
                if len(self._free) < _KEPT_CONNECTIONS:
                    self._free.append((place, connection))
                    return _Answer(response.status, said, data)
        connection.close()
        return _Answer(response.status, said, data)

    @property
    def _host(self) -> str:
        return str(self._url.hostname)

    def _refusal(self, status: int) -> Exception:
        if status == 200:
            return FileUnreadable(f"{self._host} does not hand out pieces of {self._name!r}", "download it first")
        if status in {401, 403, 404, 410}:
            hint = "check the address" if status in {404, 410} else "name user and password in the address"
            return FileUnreadable(f"{self._host} does not hand out {self._name!r} (status {status})", hint)
        return HostUnreachable(f"{self._host} answers with status {status}", "try again later")


def _body(response: http.client.HTTPResponse, size: int) -> bytes:
    """What came of the body; less where the connection broke off, but something."""
    until = time.monotonic() + _PIECE_S
    chunks: list[bytes] = []
    left = size
    try:
        while left > 0 and time.monotonic() < until and (chunk := response.read1(min(left, _CHUNK_BYTES))):
            chunks.append(chunk)
            left -= len(chunk)
    except (OSError, http.client.HTTPException):
        if not chunks:
            raise
    if not chunks:
        raise ConnectionError
    return b"".join(chunks)


def _checked(url: str) -> SplitResult:
    """The parts of an address.

    Raises:
        UsageError: it is none.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise UsageError("that is no address", "write http://host/path or https://host/path") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or any(c.isspace() for c in parts.netloc):
        raise UsageError("that is no address", "write http://host/path or https://host/path")
    return parts


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, url.port
