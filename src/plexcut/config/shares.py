"""Addresses of what lies on a share, and who may reach it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Self
from urllib.parse import unquote

from plexcut.errors import ConfigError, UsageError

PORT = 445
_ADDRESS = re.compile(
    r"smb://(?:(?P<user>[^/@:]*)(?::(?P<password>[^/@]*))?@)?(?P<host>\[[0-9a-fA-F:.]+\]|[^/@:\[\]]+)"
    r"(?::(?P<port>\d{1,5}))?/(?P<share>[^/]+)(?P<path>(?:/.*)?)",
    re.DOTALL | re.IGNORECASE,
)
_HOW = "write smb://user@host/share/folder"


@dataclass(frozen=True, slots=True)
class Login:
    r"""Who reaches a share. `user` may name a domain: `DOMAIN\user`, `user@domain`. An empty one is a guest."""

    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ShareSettings:
    """A folder on a share that the configuration names, and who reaches it."""

    address: SmbAddress
    login: Login

    @property
    def place(self) -> Path:
        """As `domain.places` writes it."""
        return self.address.place


@dataclass(frozen=True, slots=True)
class SmbAddress:
    """A place on a share: never who reaches it. `path` is absolute within the share."""

    host: str
    port: int
    share: str
    path: PurePosixPath

    @classmethod
    def of(cls, text: str) -> tuple[Self, Login]:
        """Read an address as it is written in a configuration or on a command line, percent-encoded where need be.

        Raises:
            UsageError: it is none. No message ever repeats it: it may hold a password.
        """
        found = _ADDRESS.fullmatch(text)
        if found is None or not 0 < int(found["port"] or PORT) < 65_536:
            raise UsageError("that is no address of a place on a share", _HOW)
        path = PurePosixPath("/", *(part for part in unquote(found["path"]).split("/") if part not in {"", "."}))
        if ".." in path.parts or "\0" in str(path) or "\\" in str(path):
            raise UsageError("an address of a share cannot hold '..' or '\\'", _HOW)
        user = unquote(found["user"] or "").replace(";", "\\")
        host = found["host"].strip("[]").lower()
        address = cls(host, int(found["port"] or PORT), unquote(found["share"]), path)
        return address, Login(user, unquote(found["password"] or ""))

    @property
    def root(self) -> str:
        """The share itself: the same for every place on it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port != PORT else ""
        return f"smb://{host}{port}/{self.share}"

    def __str__(self) -> str:
        """For people: as it is, without percent signs and user."""
        return self.root + str(self.path).rstrip("/")

    @property
    def place(self) -> Path:
        """As `domain.places` writes it."""
        return Path(str(self))


def read_credentials(text: str, where: str) -> Login:
    """The login in a credentials file: lines `username=`, `password=`, `domain=`, as mount.cifs has them.

    Raises:
        ConfigError: there is something else in it. Its content is never repeated.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.lstrip().partition("=")
        name = {"user": "username", "pass": "password"}.get(name.strip(), name.strip())
        if not equals or name not in {"username", "password", "domain"}:
            raise ConfigError(f"line {number} of {where} is none of username=, password=, domain=")
        found[name] = value.strip() if name != "password" else value
    domain = found.get("domain", "")
    user = found.get("username", "")
    return Login(f"{domain}\\{user}" if domain and user else user, found.get("password", ""))
