"""What the web layer needs to know to answer."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from plexcut.errors import ConfigError

DIST_DIR = Path(__file__).parent / "dist"
"""Where the build puts the page, and where the wheel carries it."""


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Address, door and folders of the web layer.

    `password` is an argon2 hash; empty: none is set. `base_path` is empty or begins with `/` and does not end with
    one. `allowed_hosts` are further names (`name` with any port, `name:port` with that one) that a Host header may
    carry, for a reverse proxy. `static_dir` holds the timeline pictures, `dist_dir` the built page.
    """

    host: str = "127.0.0.1"
    port: int = 5200
    password: str = ""
    base_path: str = ""
    allowed_hosts: tuple[str, ...] = ()
    static_dir: Path = Path("static")
    dist_dir: Path = DIST_DIR

    def __post_init__(self) -> None:
        if self.base_path and (not self.base_path.startswith("/") or self.base_path.endswith("/")):
            raise ConfigError(
                f"server.base_path is {self.base_path!r}", "it is empty, or begins with / and does not end with one"
            )

    @property
    def login_required(self) -> bool:
        """Whether other machines can reach the address, so that nothing answers without a login.

        A foreign name among the allowed ones means a proxy on this machine, which others reach.
        """
        return not all(map(is_loopback, (self.host, *(host.rsplit(":", 1)[0] for host in self.allowed_hosts))))


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host` (an address or a name, IPv6 with or without brackets)."""
    name = host.strip("[]").lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
