"""Setting up a library: what is tried, what came out of it, and what is needed for it as plain functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from plexcut.domain.ports import Library

PlexStep = Literal["address", "certificate", "server", "token", "sections"]
FolderStep = Literal["there", "read", "write", "rename", "remove", "recordings"]
MappingState = Literal["found", "same", "wrong_size", "wrong_content", "not_found", "not_there", "no_file"]


_SYSTEM = ("proc", "sys", "dev", "run", "boot", "etc", "usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "snap")
"""Folders of the system at the top: nobody records into them, and nobody has to look into them through a page."""
_SYSTEM_BUT = ("/run/media",)


def is_system(path: Path) -> bool:
    """Whether a path (without links) is the top itself or belongs to the system."""
    text = str(path)
    if any(text == allowed or text.startswith(allowed + "/") for allowed in _SYSTEM_BUT):
        return False
    return len(path.parts) < 2 or path.parts[1] in _SYSTEM


@dataclass(frozen=True, slots=True)
class PlexAccess:
    """A Plex server's address and token, as somebody wrote them."""

    url: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tried:
    """One thing that was tried. `code` names what is wrong (empty: nothing), `message` and `hint` say it."""

    step: str
    ok: bool
    code: str = ""
    message: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class PlexSection:
    """A section of movies or shows: `key` is the server's number, `recordings` how many files Plex has there."""

    key: int
    title: str
    section_type: str
    recordings: int
    locations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlexTried:
    """What one step found out. `url` is the address as it is best written; the rest is filled by its own step."""

    tried: Tried
    url: str
    name: str = ""
    version: str = ""
    sections: tuple[PlexSection, ...] = ()


@dataclass(frozen=True, slots=True)
class TraceOrder:
    """Which files to look for, and where. `sections`: keys, none for all. `given`: mappings to check instead."""

    sections: tuple[int, ...] = ()
    folders: tuple[Path, ...] = ()
    given: tuple[tuple[str, Path], ...] | None = None


@dataclass(frozen=True, slots=True)
class Traced:
    """A folder as Plex names it, and where it is here.

    `found`: files that Plex names were there (`reached` of `looked_for`), with their sizes and, where `same_bytes` is
    True, the same bytes as the server sends (None: it sends none). `same`: the path is the same here, no mapping is
    needed. `wrong_size`, `wrong_content`: a file of that name is another one. `not_there`: no such folder. `no_file`:
    Plex has no file there that could be looked for. `example` is the file that was found, or the wrong one.
    """

    plex: str
    here: Path | None
    state: MappingState
    file: str = ""
    example: Path | None = None
    reached: int = 0
    looked_for: int = 0
    same_bytes: bool | None = None


@dataclass(frozen=True, slots=True)
class FolderTried:
    """What trying a folder found out; `recordings` None: they could not be counted in time."""

    steps: tuple[Tried, ...]
    recordings: int | None = None
    sections: tuple[str, ...] = ()

    @property
    def readable(self) -> bool:
        """Whether its recordings can be read."""
        return all(one.ok for one in self.steps if one.step in ("there", "read"))

    @property
    def writable(self) -> bool:
        """Whether results can be made there."""
        return self.readable and all(one.ok for one in self.steps)


@dataclass(frozen=True, slots=True)
class Folders:
    """Folders to choose from: those in `folder`, whose name begins as was written. `more`: there are more of them."""

    folder: str
    folders: tuple[str, ...]
    more: bool = False


@dataclass(frozen=True, slots=True)
class SetupTools:
    """What setting up does outside of itself; each call ends within half a minute.

    `count(folder)`: the steps `there`, `read` and `recordings`. `try_write(folder)`: `write`, `rename` and `remove`.
    `open_library(settings)` builds the adapter for a library. `make_demo(on_progress)` makes the demo library, with the
    share done (0 to 1) and a title; what `on_progress` raises ends it. `told(settings)` lets workers of this machine
    know what is served. Settings are those of `config`.
    """

    try_plex: Callable[[PlexAccess, PlexStep], PlexTried]
    trace: Callable[[PlexAccess, TraceOrder], tuple[Traced, ...]]
    count: Callable[[Path], FolderTried]
    try_write: Callable[[Path], tuple[Tried, ...]]
    folders: Callable[[str, Sequence[Path]], Folders]
    open_library: Callable[[Any], Library]
    make_demo: Callable[[Callable[[float, str], None]], None]
    told: Callable[[Any], None]
