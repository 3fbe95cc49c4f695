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
from dataclasses import replace
from pathlib import Path

from plexcut.config.password import write_password
from plexcut.config.reading import read_settings
from plexcut.config.settings import (
    DEMO_LIBRARY_ID,
    LIBRARY_ID,
    Choices,
    CutSettings,
    LibrarySettings,
    PathMapping,
    QueueSettings,
    ServerSettings,
    Settings,
)
from plexcut.config.source import ENV_PREFIX, Source
from plexcut.config.writing import replace_file
from plexcut.errors import ConfigError


def load(choices: Choices | None = None, env: Mapping[str, str] | None = None) -> Settings:
    """Settings from the file, the environment and the command line's choices.

    The demo library is there only with `choices.demo`, or with neither a file nor `choices.library_dirs`.

    Raises:
        ConfigError: the file is missing (when it was named), is no TOML, or holds something unknown or wrong.
    """
    choices = choices or Choices()
    env = os.environ if env is None else env
    source = Source.read(find_file(choices.config, env), env)
    settings = read_settings(source)
    if choices.library_dirs:
        settings = with_library_dirs(settings, choices.library_dirs)
    if choices.demo or (source.file is None and not choices.library_dirs and not settings.libraries):
        settings = replace(with_demo(settings), demo_asked=choices.demo)
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
        if re.match("(?:smb|https?):", str(folder), re.IGNORECASE):
            # The address may hold a password, and is not repeated.
            raise ConfigError(
                "--library takes a folder of this machine, not an address",
                "name a share in the configuration, as path of a [[library]], or mount it",
            )
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


__all__ = [
    "DEMO_LIBRARY_ID",
    "ENV_PREFIX",
    "LIBRARY_ID",
    "Choices",
    "CutSettings",
    "LibrarySettings",
    "PathMapping",
    "QueueSettings",
    "ServerSettings",
    "Settings",
    "find_file",
    "load",
    "replace_file",
    "user_config_file",
    "with_demo",
    "with_library_dirs",
    "write_password",
]
