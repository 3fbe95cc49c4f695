"""Which Host and Origin headers are ours: the defence against DNS rebinding and cross-site requests."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from plexcut.web.settings import WebSettings, is_loopback

_HOST = re.compile(r"^(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>\d{1,5}))?$")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class HostPort:
    """A Host header taken apart; `name` in lower case without brackets, `port` None where it is not written."""

    name: str
    port: int | None

    @classmethod
    def parse(cls, header: str) -> HostPort | None:
        """None where the header is no host at all."""
        found = _HOST.match(header.strip())
        if found is None:
            return None
        port = int(found["port"]) if found["port"] else None
        return cls(found["name"].strip("[]").lower().rstrip("."), port)


class Hosts:
    """The names under which this server may be spoken to.

    Bound to a loopback address these are the loopback names and the bound one, with the bound port: whatever else a
    browser sends there was led to us by a foreign name (DNS rebinding). Bound to another address these are all
    addresses written as numbers (a foreign *name* is what rebinding needs), the bound name and the machine's own names,
    with any port, since a container or a router may map it. `allowed_hosts` adds to either.
    """

    def __init__(self, settings: WebSettings) -> None:
        self._loopback = is_loopback(settings.host)
        self.port = settings.port
        names = {"localhost", settings.host.strip("[]").lower().rstrip(".")}
        if not self._loopback:
            own = socket.gethostname().lower()
            names |= {own, own.partition(".")[0], f"{own.partition('.')[0]}.local"}
        self._names = names
        self._configured = tuple(parsed for host in settings.allowed_hosts if (parsed := HostPort.parse(host)))

    def allows(self, header: str | None) -> bool:
        """Whether a request with this Host header is for us."""
        host = HostPort.parse(header) if header else None
        if host is None:
            return False
        if any(host.name == own.name and own.port in (None, host.port) for own in self._configured):
            return True
        if self._loopback:
            return (host.name in self._names or is_loopback(host.name)) and (host.port or 80) == self.port
        return host.name in self._names or _is_address(host.name)

    def is_own_origin(self, origin: str | None, header: str) -> bool:
        """Whether a state change may come from a page of this Origin; `header` is the Host that was allowed.

        No Origin is no browser, or a browser that says the request is its user's own.
        """
        if origin is None:
            return True
        try:
            parts = urlsplit(origin)
            origin_host = HostPort.parse(parts.netloc)
        except ValueError:
            return False
        own = HostPort.parse(header)
        default = _DEFAULT_PORTS.get(parts.scheme)
        if own is None or origin_host is None or default is None or parts.path or parts.query:
            return False
        return origin_host.name == own.name and (origin_host.port or default) == (own.port or default)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
