"""What a configuration says, frozen."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from plexcut.config.shares import ShareSettings

MIN_TIMEOUT_S = 600
"""The seed's time limit of a job: the default and the floor."""

DEMO_LIBRARY_ID = "demo"
LIBRARY_ID = re.compile(r"^[A-Za-z0-9._-]+$")
"""The same as `domain.catalog.LIBRARY_ID_PATTERN`, which this module must not import."""

_LOOPBACK = ("localhost", "::1", "[::1]")


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """`[server]`. `password` is an argon2 hash, empty when none is set; `static_dir` takes the timeline's pictures.

    `setup`: whether libraries may be added in the page.
    """

    host: str
    port: int
    password: str = field(repr=False)
    base_path: str
    static_dir: Path
    setup: bool = True

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
    `sections` are the keys of the Plex sections that are shown; none: all.
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
    sections: tuple[int, ...] = ()

    @property
    def lies_on(self) -> str:
        """The storage; a library that names none has one of its own."""
        return self.storage or self.id


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration. `file` is where it was read from, None where there is none.

    `demo`: the library `demo` is among the libraries, and its recordings are to be made if they are not there yet.
    `demo_asked`: somebody asked for it, it is not there only because nothing else is.
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
    demo_asked: bool = False

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
