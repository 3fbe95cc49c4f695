"""From the tables of `config.toml` and the environment to settings."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from plexcut.config.settings import (
    LIBRARY_ID,
    MIN_TIMEOUT_S,
    CutSettings,
    LibrarySettings,
    PathMapping,
    QueueSettings,
    ServerSettings,
    Settings,
)
from plexcut.config.shares import Login, ShareSettings, SmbAddress, read_credentials
from plexcut.config.source import Source, Table
from plexcut.errors import UsageError


def read_settings(source: Source) -> Settings:
    """The whole configuration.

    Raises:
        ConfigError: something in it is unknown or wrong.
    """
    env = source.env
    default_data = Path(env.get("XDG_DATA_HOME") or "~/.local/share").expanduser() / "plexcut"
    root = source.root()
    data_dir = root.path("data_dir", default_data)
    server, queue, cut = root.table("server"), root.table("queue"), root.table("cut")
    settings = Settings(
        data_dir=data_dir,
        server=ServerSettings(
            host=server.text("host", "127.0.0.1", empty=False),
            port=server.integer("port", 5200, 0, 65535),
            password=server.text("password", ""),
            base_path=_base_path(server.text("base_path", "")),
            static_dir=server.path("static_dir", data_dir / "dist" / "static"),
            setup=server.choice("setup", ("on", "off")) == "on",
        ),
        queue=QueueSettings(
            url=_queue_url(queue),
            timeout_s=queue.integer("timeout_s", MIN_TIMEOUT_S, MIN_TIMEOUT_S, 30 * 24 * 3600),
            stall_s=queue.integer("stall_s", 600, 30, 7 * 24 * 3600),
        ),
        cut=CutSettings(
            mode=cut.choice("mode", ("exact", "keyframe")),
            output=cut.choice("output", ("beside", "replace")),
            keep_original_days=cut.integer("keep_original_days", 30, 0, 36500),
            output_folder=cut.optional_path("output_folder"),
            in_use_wait_s=cut.integer("in_use_wait_s", 14400, 0, 7 * 24 * 3600),
        ),
        libraries=_libraries(source),
        file=source.file,
    )
    source.refuse_unknown()
    return settings


def _queue_url(queue: Table) -> str:
    """The address, with the file of certificates that is trusted beside the usual ones."""
    url: str = queue.text("url", "")
    ca_file: Path | None = queue.optional_path("ca_file")
    if ca_file is None or "ssl_ca_certs=" in url:
        return url
    if url and not url.startswith("rediss://"):
        return url  # our own Valkey, whose address a worker is told in the environment, speaks no TLS
    if not url:
        raise queue.wrong("ca_file", "it is for a queue.url that begins with rediss://")
    if not ca_file.is_file():
        raise queue.wrong("ca_file", f"there is no file {ca_file}")
    return f"{url}{'&' if '?' in url else '?'}ssl_ca_certs={quote(str(ca_file))}"


def _base_path(written: str) -> str:
    stripped = written.strip("/")
    return f"/{stripped}" if stripped else ""


def _libraries(source: Source) -> tuple[LibrarySettings, ...]:
    libraries: list[LibrarySettings] = []
    for table in source.root().tables("library"):
        library_id = table.text("id", None, empty=False)
        if not LIBRARY_ID.match(library_id):
            raise table.wrong("id", f"{library_id!r} may hold letters, digits, '.', '_' and '-' only")
        if any(library_id == other.id for other in libraries):
            raise table.wrong("id", f"there are two libraries {library_id!r}")
        table.override_as(library_id)
        kind = table.choice("kind", ("plex", "folder"), required=True)
        name = table.text("name", library_id, empty=False)
        shares = _Shares(table)
        if kind == "folder":
            path = shares.path(table, "path")
            found = LibrarySettings(id=library_id, kind="folder", name=name, path=path)
        else:
            found = _plex(table, library_id, name, shares)
        storage, max_jobs = table.text("storage", ""), table.integer("max_jobs", 0, 0, 1000)
        libraries.append(replace(found, storage=storage, max_jobs=max_jobs, shares=shares.done()))
    return tuple(libraries)


class _Shares:
    """The folders of a library that lie on shares, and the login for those that name none themselves."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._found: list[ShareSettings] = []
        self._password: str = table.text("password", "")
        file = table.optional_path("credentials_file")
        self._login = _credentials(table, file) if file is not None else Login()
        self._given = "credentials_file" if file is not None else "password" if self._password else ""

    def path(self, table: Table, name: str) -> Path:
        """A folder of this machine, or of a share."""
        written = table.text(name, "").strip()
        if not written.lower().startswith("smb:"):
            return table.path(name, None)
        try:
            address, login = SmbAddress.of(written)
        except UsageError as error:
            raise table.wrong(name, error.line) from None
        user = login.user or self._login.user
        own = login.password or self._password
        password = own or (self._login.password if self._login.user in {"", user} else "")
        self._found.append(ShareSettings(address, Login(user, password)))
        return address.place

    def done(self) -> tuple[ShareSettings, ...]:
        """All that were read."""
        if self._given and not self._found:
            raise self._table.wrong(self._given, "is for shares alone, and this library has no smb:// folder")
        return tuple(self._found)


def _credentials(table: Table, file: Path) -> Login:
    try:
        return read_credentials(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise table.wrong("credentials_file", f"{file} cannot be read: {reason}") from None


def _plex(table: Table, library_id: str, name: str, shares: _Shares) -> LibrarySettings:
    url = table.text("url", None, empty=False).rstrip("/")
    if not re.match(r"^https?://[^/\s]+", url):
        raise table.wrong("url", f"{url!r} is no http:// or https:// address")
    return LibrarySettings(
        id=library_id,
        kind="plex",
        name=name,
        url=url,
        token=_token(table),
        sections=table.numbers("sections"),
        paths=tuple(
            PathMapping(plex=mapping.text("plex", None, empty=False), here=shares.path(mapping, "here"))
            for mapping in table.tables("path")
        ),
    )


def _token(table: Table) -> str:
    token: str = table.text("token", "")
    file: Path | None = table.optional_path("token_file")
    if token and file:
        raise table.wrong("token_file", "give token or token_file, not both")
    if file is None:
        return token
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise table.wrong("token_file", f"{file} cannot be read: {reason}") from None
