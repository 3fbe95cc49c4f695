"""Adding a library to `config.toml`, which otherwise stays as its author wrote it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from plexcut.config.reading import read_settings
from plexcut.config.settings import DEMO_LIBRARY_ID, Settings
from plexcut.config.source import Source
from plexcut.config.writing import differs_only_in, quoted, read_text, replace_file, with_block, with_text
from plexcut.errors import ConfigError

_MAX_ID = 40


@dataclass(frozen=True, slots=True)
class NewLibrary:
    """A library to add. `path` is set for a folder, the rest but `name` for a Plex server.

    `sections` are keys and titles of the sections to show, none: all. `paths` are pairs of a folder as Plex names it
    and the same one from here.
    """

    kind: Literal["plex", "folder"]
    name: str
    path: Path | None = None
    url: str = ""
    token: str = field(default="", repr=False)
    sections: tuple[tuple[int, str], ...] = ()
    paths: tuple[tuple[str, Path], ...] = ()


def free_id(name: str, taken: Iterable[str]) -> str:
    """An id for a library of this name that no other has."""
    slug = re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-.").lower()[:_MAX_ID].rstrip("-.") or "library"
    used = {other.lower() for other in taken} | {DEMO_LIBRARY_ID}
    number = 2
    found = slug
    while found in used:
        found, number = f"{slug}-{number}", number + 1
    return found


def add_library(
    file: Path, new: NewLibrary, output_folder: Path | None = None, env: Mapping[str, str] | None = None
) -> tuple[str, Settings]:
    """Append a library to `file` (made if it is not there), and set `cut.output_folder` where one is given.

    The file is then readable by its owner alone, for a token stands in it. Nothing is written that could not be read
    again.

    Returns:
        The id that it got, and the settings as the file has them now.

    Raises:
        ConfigError: the file is no TOML, is wrong, or cannot be changed as it is written.
        CannotWrite: it cannot be written; it is then as it was.
    """
    text, before = read_text(file)
    others: Any = before.get("library", [])
    if not isinstance(others, list):
        raise ConfigError(f"{file}: library must be an array of tables: [[library]]", "mend it first")
    library_id = free_id(new.name, (str(one.get("id", "")) for one in others if isinstance(one, dict)))
    said = _said(library_id, new)
    changed = with_block(text, _written(said, new))
    changes: dict[str, Any] = {"library": [*others, said]}
    if output_folder is not None:
        changed = with_text(changed, "cut", "output_folder", quoted(str(output_folder)))
        changes["cut"] = {"output_folder": str(output_folder)}
    if not differs_only_in(before, changed, changes):
        raise ConfigError(f"no library can be added to {file} as it is written", "write [[library]] tables in it")
    data = {**before, **{name: change for name, change in changes.items() if name == "library"}}
    if output_folder is not None:
        data["cut"] = {**before.get("cut", {}), **changes["cut"]}
    settings = read_settings(Source(file, changed, data, os.environ if env is None else env))
    replace_file(file, changed, private=True)
    return library_id, settings


def _said(library_id: str, new: NewLibrary) -> dict[str, Any]:
    """What the new table says, in its order."""
    said: dict[str, Any] = {"id": library_id, "kind": new.kind}
    if new.name != library_id:
        said["name"] = new.name
    if new.kind == "folder":
        return {**said, "path": str(new.path)}
    said |= {"url": new.url, "token": new.token}
    if new.sections:
        said["sections"] = [key for key, _ in new.sections]
    if new.paths:
        said["path"] = [{"plex": plex, "here": str(here)} for plex, here in new.paths]
    return said


def _written(said: Mapping[str, Any], new: NewLibrary) -> str:
    lines = ["[[library]]"]
    for key, value in said.items():
        if key == "sections":
            titles = ", ".join(re.sub(r"[\x00-\x1f\x7f]", " ", title) for _, title in new.sections)
            lines.append(f"sections = {value}    # {titles}")
        elif isinstance(value, str):
            lines.append(f"{key} = {quoted(value)}")
    if new.kind == "plex":
        for mapping in said.get("path", ()):
            lines += ["", "[[library.path]]", *(f"{key} = {quoted(value)}" for key, value in mapping.items())]
    return "\n".join(lines) + "\n"
