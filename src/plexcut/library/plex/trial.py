"""Trying an address and a token, one step after the other, with the reason where a step fails."""

from __future__ import annotations

import re
import socket
import ssl
from dataclasses import replace
from pathlib import Path
from urllib.parse import SplitResult, urlsplit
from xml.etree.ElementTree import Element

from plexcut.domain.setup import PlexAccess, PlexSection, PlexStep, PlexTried, Tried
from plexcut.errors import LibraryOffline, NotAllowed
from plexcut.library.bounded import Bounded, Stuck
from plexcut.library.plex.client import PlexAddress, PlexClient
from plexcut.library.plex.tls import PlexNameCheck, address_in_name, is_address

TRY_S = 8.0
"""A server that says nothing for so long is given up."""
_CONNECT_S = 5.0
_PORT = 32400
_SECTIONS_MAX = 100

_EXPIRED, _NOT_YET, _OTHER_NAME, _OTHER_ADDRESS = 10, 9, 62, 64
"""OpenSSL's X509_V_ERR_… of a certificate that is out of date, or for somebody else."""
_REASONS = (
    ("does not answer", "silent"),
    ("certificate", "tls_untrusted"),
    ("redirection", "redirects"),
    ("status", "status"),
    ("not Plex", "not_plex"),
    ("cannot be read", "not_plex"),
)


class _Failed(Exception):
    """A step that did not work."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


def written_well(written: str) -> str:
    """An address as somebody typed or copied it, as a Plex server's.

    It gets `http://` and the port where both are missing, and loses user, page and query (a token may stand there).
    """
    text = written.strip()
    bare = "://" not in text
    try:
        url = urlsplit(f"http://{text}" if bare else text)
        host, port = url.hostname or "", url.port
    except ValueError:
        return text
    if not host:
        return text
    if ":" in host:
        host = f"[{host}]"
    if bare and port is None:
        port = _PORT
    path = re.sub(r"/(web|desktop)(/.*)?$", "", url.path).rstrip("/")
    return f"{url.scheme.lower()}://{host}{f':{port}' if port else ''}{path}"


class PlexTrial:
    """The steps of one attempt. `ca_file`: further certificates to trust."""

    def __init__(self, access: PlexAccess, ca_file: Path | None = None, timeout_s: float = TRY_S) -> None:
        self._url = written_well(access.url)
        self._address = PlexAddress(self._url, access.token.strip(), timeout_s, ca_file)
        self._bounded = Bounded(timeout_s + 1)

    def step(self, step: PlexStep) -> PlexTried:
        """Try one thing. The steps before it have worked."""
        work = {
            "address": self._reach,
            "certificate": self._certificate,
            "server": self._server,
            "token": self._token,
            "sections": self._sections,
        }[step]
        found = PlexTried(Tried(step, ok=True), self._url)
        try:
            return work(found)
        except _Failed as failed:
            return replace(found, tried=Tried(step, False, failed.code, str(failed), failed.hint))
        except NotAllowed:
            message = "the server does not accept this token"
            return replace(found, tried=Tried(step, False, "token_refused", message, "copy it once more, all of it"))
        except LibraryOffline as error:
            code = next((code for text, code in _REASONS if text in error.message), "offline")
            message = error.message.replace(f"the Plex server of library {self._name!r} ({self._where})", self._where)
            return replace(found, tried=Tried(step, False, code, message, error.hint))

    # -- the steps --------------------------------------------------------------------------------------------------

    def _reach(self, found: PlexTried) -> PlexTried:
        with self._connection():
            return found

    def _certificate(self, found: PlexTried) -> PlexTried:
        url, host = self._split()
        if url.scheme != "https":
            return replace(found, tried=replace(found.tried, code="no_tls", message="not encrypted (http)"))
        context = ssl.create_default_context()
        if self._address.ca_file is not None:
            context.load_verify_locations(cafile=self._address.ca_file)
        by_address = address_in_name(host) is None and is_address(host)
        context.check_hostname = not by_address
        try:
            with self._connection() as plain, context.wrap_socket(plain, server_hostname=host) as secured:
                if by_address:
                    PlexNameCheck()(dict(secured.getpeercert() or {}), host)
        except ssl.SSLCertVerificationError as error:
            raise _refused(error, host) from None
        except ssl.SSLError:
            raise _Failed(
                "tls_none", f"{self._where} does not speak TLS", "write http:// instead of https://"
            ) from None
        except TimeoutError:
            raise _Failed("silent", f"{self._where} does not answer", "is it running?") from None
        except OSError:
            raise _Failed("tls_none", f"{self._where} breaks off TLS", "write http:// instead of https://") from None
        return found

    def _server(self, found: PlexTried) -> PlexTried:
        """`/identity` asks for no token."""
        client = PlexClient(self._name, replace(self._address, token=""))
        try:
            answer = client.xml("/identity", not_found=LibraryOffline)
        except NotAllowed:
            raise self._no_plex() from None
        finally:
            client.close()
        if not answer.attrib.get("machineIdentifier"):
            raise self._no_plex()
        return replace(found, version=answer.attrib.get("version", ""))

    def _token(self, found: PlexTried) -> PlexTried:
        answer = self._ask("/")
        return replace(found, name=answer.attrib.get("friendlyName", ""), version=answer.attrib.get("version", ""))

    def _sections(self, found: PlexTried) -> PlexTried:
        client = PlexClient(self._name, self._address)
        try:
            sections = sections_with_counts(client)
        finally:
            client.close()
        if not sections:
            raise _Failed(
                "no_sections", "the server shows no section of films or shows", "use the token of the server's owner"
            )
        return replace(found, sections=sections)

    # -- connections ------------------------------------------------------------------------------------------------

    @property
    def _name(self) -> str:
        return self._split()[1]

    @property
    def _where(self) -> str:
        url, _ = self._split()
        return f"{url.scheme}://{url.netloc}"

    def _no_plex(self) -> _Failed:
        message = f"{self._where} answers with something that is not Plex"
        return _Failed("not_plex", message, "is the address that of a Plex server?")

    def _split(self) -> tuple[SplitResult, str]:
        url = urlsplit(self._url) if "://" in self._url else urlsplit("")
        if url.scheme not in ("http", "https") or not url.hostname:
            raise _Failed(
                "no_address", "that is no address", "write http://192.0.2.10:32400, with your server's numbers"
            )
        return url, url.hostname.lower()

    def _ask(self, key: str) -> Element:
        client = PlexClient(self._name, self._address)
        try:
            return client.xml(key, not_found=LibraryOffline)
        finally:
            client.close()

    def _connection(self) -> socket.socket:
        url, host = self._split()
        port = url.port or (443 if url.scheme == "https" else 80)
        to = address_in_name(host) or host
        try:
            made = self._bounded(lambda _tick: socket.create_connection((to, port), _CONNECT_S))
        except socket.gaierror:
            raise _Failed(
                "unknown_host", f"the name {host} is not known", "write the server's address as a number"
            ) from None
        except (TimeoutError, Stuck):
            raise _Failed(
                "silent", f"{self._where} does not answer", "is it switched on, and in this network?"
            ) from None
        except ConnectionRefusedError:
            hint = "is Plex running?" if port == _PORT else f"Plex servers usually listen on port {_PORT}"
            raise _Failed("refused", f"nothing listens on port {port} of {host}", hint) from None
        except OSError as error:
            message = f"{self._where} cannot be reached: {error.strerror or 'no way there'}"
            raise _Failed("unreachable", message, "check the address") from None
        made.settimeout(self._address.timeout_s)
        return made


def _refused(error: ssl.SSLCertVerificationError, host: str) -> _Failed:
    """A certificate that is not accepted, in words."""
    code = getattr(error, "verify_code", 0)
    if code in (_OTHER_NAME, _OTHER_ADDRESS) or "neither for" in str(error):
        hint = "use the server's https://….plex.direct address, or http:// inside your own network"
        return _Failed("tls_name", f"the certificate is for another name than {host}", hint)
    if code in (_EXPIRED, _NOT_YET):
        return _Failed(
            "tls_expired", "the certificate is out of date", "renew it, and check the clocks of both machines"
        )
    hint = "use the server's https://….plex.direct address, or http:// inside your own network"
    return _Failed("tls_untrusted", "the certificate is signed by nobody that this machine trusts", hint)


def sections_with_counts(client: PlexClient) -> tuple[PlexSection, ...]:
    """The server's sections of movies and shows. Raises as `PlexClient.xml`."""
    found = []
    for directory in list(client.xml("/library/sections", not_found=LibraryOffline).iter("Directory"))[:_SECTIONS_MAX]:
        kind, key = directory.attrib.get("type", ""), directory.attrib.get("key", "")
        if kind not in ("movie", "show") or not (key.isascii() and key.isdigit()):
            continue
        window = {"X-Plex-Container-Start": "0", "X-Plex-Container-Size": "0"}
        params: dict[str, str | int] = {"type": 4 if kind == "show" else 1}
        counted = client.xml(f"/library/sections/{key}/all", params, window, LibraryOffline).attrib
        total = counted.get("totalSize") or counted.get("size") or "0"
        places = tuple(place.attrib["path"] for place in directory.iter("Location") if place.attrib.get("path"))
        title = directory.attrib.get("title") or key
        found.append(PlexSection(int(key), title, kind, int(total) if total.isdigit() else 0, places))
    return tuple(found)
