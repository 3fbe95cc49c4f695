"""`config.toml` and the environment, read into frozen settings.

Found at `--config`, `$PLEXCUT_CONFIG`, `./config.toml`, or `~/.config/plexcut/config.toml`, in this order. Every key
can be overridden: `PLEXCUT_DATA_DIR`, `PLEXCUT_SERVER__PORT`, and `PLEXCUT_LIBRARY__HOME__TOKEN` for the library whose
id is `home` (upper case, anything but letters and digits as `_`). Relative paths are meant from the folder of the file,
those of the environment and of the command line from the working directory.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from plexcut.config.password import write_password
from plexcut.config.shares import Login, ShareSettings, SmbAddress, read_credentials
from plexcut.config.source import ENV_PREFIX, Source, Table
from plexcut.errors import ConfigError, UsageError

MIN_TIMEOUT_S = 600
"""The seed's time limit of a job: the default and the floor."""

DEMO_LIBRARY_ID = "demo"
LIBRARY_ID = re.compile(r"^[A-Za-z0-9._-]+$")
"""The same as `domain.catalog.LIBRARY_ID_PATTERN`, which this module must not import."""

_LOOPBACK = ("localhost", "::1", "[::1]")


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """`[server]`. `password` is an argon2 hash, empty when none is set; `static_dir` takes the timeline's pictures."""

    host: str
    port: int
    password: str = field(repr=False)
    base_path: str
    static_dir: Path

    @property
    def is_loopback(self) -> bool:
        """Whether `host` is reachable from this machine only, so that no login is needed."""
        return self.host in _LOOPBACK or self.host.startswith("127.")


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """`[queue]`. An empty `url` means: start our own Valkey. `timeout_s` is at least 600.

    `stall_s` is how long a job may make no progress. `url` carries `ca_file` with it.
    """

    url: str = field(repr=False)
    timeout_s: int
    stall_s: int = 600


@dataclass(frozen=True, slots=True)
class CutSettings:
    """`[cut]`: what a cut does when the order does not say.

    `output_folder`: where results go whose recording lies in a folder that cannot be written; None: nowhere.
    `in_use_wait_s`: how long a cut waits for those who watch its recording, or still record it.
    """

    mode: Literal["exact", "keyframe"]
    output: Literal["beside", "replace"]
    keep_original_days: int
    output_folder: Path | None = None
    in_use_wait_s: int = 14400


@dataclass(frozen=True, slots=True)
class PathMapping:
    """`[[library.path]]`: the folder that Plex calls `plex` is `here` for us (a share's as `domain.places` has it)."""

    plex: str
    here: Path


@dataclass(frozen=True, slots=True)
class LibrarySettings:
    """`[[library]]`. `path` is set for a folder, `url` and `token` for a Plex server.

    `storage` names what its files lie on; `max_jobs` is how many jobs may run there at once, 0: any number.
    `shares` are those folders of `path` and `paths` that lie on one; there they are written as `domain.places` has it.
    """

    id: str
    kind: Literal["plex", "folder"]
    name: str
    path: Path | None = None
    url: str = ""
    token: str = field(default="", repr=False)
    paths: tuple[PathMapping, ...] = ()
    storage: str = ""
    max_jobs: int = 0
    shares: tuple[ShareSettings, ...] = ()

    @property
    def lies_on(self) -> str:
        """The storage; a library that names none has one of its own."""
        return self.storage or self.id


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration. `file` is where it was read from, None where there is none.

    `demo`: the library `demo` is among the libraries, and its recordings are to be made if they are not there yet.
    `library_dirs` are the folders that the command line named instead of the configured libraries.
    """

    data_dir: Path
    server: ServerSettings
    queue: QueueSettings
    cut: CutSettings
    libraries: tuple[LibrarySettings, ...]
    file: Path | None = None
    demo: bool = False
    library_dirs: tuple[Path, ...] = ()

    @property
    def cache_dir(self) -> Path:
        """Where the indexes lie."""
        return self.data_dir / "cache"

    @property
    def database(self) -> Path:
        """The SQLite file with everything that survives a restart."""
        return self.data_dir / "plexcut.db"

    @property
    def demo_dir(self) -> Path:
        """Where the demo library is made."""
        return self.data_dir / "demo"


@dataclass(frozen=True, slots=True)
class Choices:
    """What the command line says about the configuration."""

    config: Path | None = None
    library_dirs: tuple[Path, ...] = ()
    demo: bool = False


def load(choices: Choices | None = None, env: Mapping[str, str] | None = None) -> Settings:
    """Settings from the file, the environment and the command line's choices.

    The demo library is there only with `choices.demo`, or with neither a file nor `choices.library_dirs`.

    Raises:
        ConfigError: the file is missing (when it was named), is no TOML, or holds something unknown or wrong.
    """
    choices = choices or Choices()
    env = os.environ if env is None else env
    source = Source.read(find_file(choices.config, env), env)
    settings = _settings(source)
    if choices.library_dirs:
        settings = with_library_dirs(settings, choices.library_dirs)
    if choices.demo or (source.file is None and not choices.library_dirs and not settings.libraries):
        settings = with_demo(settings)
    return settings


def find_file(named: Path | None, env: Mapping[str, str]) -> Path | None:
    """The configuration file to read, None where there is none.

    Raises:
        ConfigError: the file that `--config` or `$PLEXCUT_CONFIG` names is not there.
    """
    for origin, given in (("--config", named), ("$PLEXCUT_CONFIG", env.get("PLEXCUT_CONFIG"))):
        if given:
            path = Path(given).expanduser()
            if not path.is_file():
                raise ConfigError(f"{origin}: there is no file {path}", "check the path")
            return path.absolute()
    candidates = (Path("config.toml"), user_config_file(env))
    return next((path.absolute() for path in candidates if path.is_file()), None)


def user_config_file(env: Mapping[str, str]) -> Path:
    """`config.toml` in the user's config folder."""
    return Path(env.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "plexcut" / "config.toml"


def with_library_dirs(settings: Settings, folders: Sequence[Path]) -> Settings:
    """The settings with these folders as the only libraries (`--library`, repeatable).

    The id comes from the folder's name, with a mark of its path where two have the same name: stable over restarts.

    Raises:
        ConfigError: a folder is not there.
    """
    paths: list[Path] = []
    for folder in folders:
        # Path.resolve would follow links, and the id is to come from the name that was given.
        path = Path(os.path.abspath(folder.expanduser()))  # noqa: PTH100
        if not path.is_dir():
            raise ConfigError(f"--library: there is no folder {path}", "check the path")
        if path not in paths:
            paths.append(path)
    slugs = [_slug(path.name) for path in paths]
    libraries = []
    for path, slug in zip(paths, slugs, strict=True):
        clash = slugs.count(slug) > 1 or slug == DEMO_LIBRARY_ID
        mark = hashlib.blake2b(os.fsencode(path), digest_size=4).hexdigest()
        library_id = f"{slug}-{mark}" if clash else slug
        libraries.append(LibrarySettings(id=library_id, kind="folder", name=path.name or str(path), path=path))
    return replace(settings, libraries=tuple(libraries), demo=False, library_dirs=tuple(paths))


def with_demo(settings: Settings) -> Settings:
    """The settings with the demo library added as the last one."""
    demo = LibrarySettings(id=DEMO_LIBRARY_ID, kind="folder", name="Demo", path=settings.demo_dir)
    others = tuple(library for library in settings.libraries if library.id != DEMO_LIBRARY_ID)
    return replace(settings, libraries=(*others, demo), demo=True)


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-.") or "library"


def _settings(source: Source) -> Settings:
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


__all__ = [
    "ENV_PREFIX",
    "Choices",
    "CutSettings",
    "LibrarySettings",
    "PathMapping",
    "QueueSettings",
    "ServerSettings",
    "Settings",
    "find_file",
    "load",
    "user_config_file",
    "with_demo",
    "with_library_dirs",
    "write_password",
]
