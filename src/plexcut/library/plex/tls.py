"""Connections to a Plex server over TLS.

A Plex server's public certificate is for `*.HASH.plex.direct`. Its address is `IP-WITH-DASHES.HASH.plex.direct`, a name
that says its own IP address; many routers refuse to resolve it ("DNS rebinding protection"). So the address is taken
from the name, without DNS, and the certificate is checked against the name as ever. With `https://IP` the name is not
known beforehand: the certificate must then be valid and for some `*.HASH.plex.direct`, and keep that hash from then on.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import ssl
import threading
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool

log = logging.getLogger(__name__)

_PLEX_DIRECT = re.compile(r"(?P<address>[0-9a-f-]+)\.(?P<hash>[0-9a-f]{32})\.plex\.direct", re.IGNORECASE)
_CERTIFIED = re.compile(r"\*\.(?P<hash>[0-9a-f]{32})\.plex\.direct", re.IGNORECASE)


def address_in_name(host: str) -> str | None:
    """The IP address that a `….plex.direct` name holds, or None for other names."""
    match = _PLEX_DIRECT.fullmatch(host)
    if not match:
        return None
    words = match["address"]
    for text in (words.replace("-", "."), words.replace("-", ":")):
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            continue
    return None


def is_address(host: str) -> bool:
    """Whether `host` is an IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class PlexNameCheck:
    """Accepts a valid certificate of an IP address, or of a Plex server: of the same one at every connection."""

    def __init__(self) -> None:
        self._hash: str | None = None
        self._lock = threading.Lock()

    def __call__(self, certificate: dict[str, Any], host: str) -> None:
        """Raises `ssl.SSLCertVerificationError` unless the (chain-verified) certificate fits."""
        names = certificate.get("subjectAltName", ())
        if any(kind == "IP Address" and _same_address(name, host) for kind, name in names):
            return
        for kind, name in names:
            match = _CERTIFIED.fullmatch(name) if kind == "DNS" else None
            if match:
                self._pin(match["hash"].lower(), host)
                return
        raise ssl.SSLCertVerificationError(f"the certificate is neither for {host} nor of a Plex server")

    def _pin(self, name_hash: str, host: str) -> None:
        with self._lock:
            if self._hash is None:
                self._hash = name_hash
                log.info("the certificate of %s is for *.%s.plex.direct", host, name_hash)
            elif self._hash != name_hash:
                raise ssl.SSLCertVerificationError(f"the certificate of {host} is now of another Plex server")


def _same_address(text: str, host: str) -> bool:
    try:
        return ipaddress.ip_address(text) == ipaddress.ip_address(host)
    except ValueError:
        return False


class PlexAdapter(HTTPAdapter):
    """Transport of one server; `url` is the server's as configured, `ca_file` further certificates to trust."""

    def __init__(self, url: SplitResult, ca_file: Path | None) -> None:
        self._url = url
        self._ca_file = ca_file
        super().__init__(pool_connections=2, pool_maxsize=32)  # pictures, players and reading ahead, at once

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        host = (self._url.hostname or "").lower()
        if self._url.scheme == "https":
            kwargs["ssl_context"] = context = ssl.create_default_context()
            if self._ca_file is not None:
                context.load_verify_locations(cafile=self._ca_file)
            if address_in_name(host) is not None:
                kwargs["server_hostname"] = kwargs["assert_hostname"] = host
            elif is_address(host):
                kwargs["assert_hostname"] = False  # PlexNameCheck does it
        super().init_poolmanager(*args, **kwargs)
        if self._url.scheme == "https" and is_address(host):
            self.poolmanager.pool_classes_by_scheme = {"https": _checking_pool(PlexNameCheck())}


def _checking_pool(check: PlexNameCheck) -> type[HTTPSConnectionPool]:
    class Connection(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            try:
                assert isinstance(self.sock, ssl.SSLSocket)
                check(dict(self.sock.getpeercert() or {}), self.host.strip("[]"))
            except ssl.SSLCertVerificationError:
                self.close()
                raise

    class Pool(HTTPSConnectionPool):
        ConnectionCls = Connection

    return Pool
