"""Walking a library's folder: which recordings and pictures lie where. Reads names, sizes and times; opens no file."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from plexcut.domain.cutlists import may_be_beside
from plexcut.domain.folders import Parts, RemoteFolder
from plexcut.library.bounded import Tick
from plexcut.library.folder.names import PICTURE_EXTENSIONS, SYSTEM_FOLDERS, is_recording, split_extension

log = logging.getLogger(__name__)

_Warn = Callable[[str, str], None]

TRASH_FOLDER = ".plexcut"
_DEPTH_MAX = 16
_VISITS_MAX = 8
"""How often one real folder is listed under different names, so that links across each other cannot multiply."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file, by the path's components below the library's folder, exactly as the file system holds them."""

    parts: tuple[str, ...]
    size_bytes: int
    mtime_s: int

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.parts[-1]

    @property
    def folder(self) -> tuple[str, ...]:
        """The folder it lies in."""
        return self.parts[:-1]


@dataclass(slots=True)
class Found:
    """Everything that a walk found. `pictures`: per folder, from lower-case name to the name as it is. `lists`: per
    folder, files that may be cut lists by their name, with size and mtime in nanoseconds.
    """

    top: list[str] = field(default_factory=list)
    recordings: list[FoundFile] = field(default_factory=list)
    pictures: dict[tuple[str, ...], dict[str, str]] = field(default_factory=dict)
    lists: dict[tuple[str, ...], dict[str, tuple[int, int]]] = field(default_factory=dict)


def inside(real: str, root: str) -> bool:
    """Whether the resolved path `real` lies in the resolved folder `root`, and not in plexcut's own folder there."""
    if real == root:
        return True
    prefix = root if root.endswith(os.sep) else root + os.sep
    return real.startswith(prefix) and TRASH_FOLDER not in Path(real[len(prefix) :]).parts


class Scanner:
    """Walks one root; remembers what it has warned about, so that each rescan does not warn again."""

    def __init__(self, root: Path | RemoteFolder) -> None:
        self._root = root
        self._warned: set[str] = set()

    def scan(self, tick: Tick) -> Found:
        """Walk the whole folder.

        Raises:
            OSError: the library's folder itself is missing or cannot be listed.
        """
        if not isinstance(self._root, Path):
            return scan_remote(self._root, tick, self._warn)
        root = os.path.realpath(self._root)
        found = Found()
        walk = _Walk(root, found, tick, self._warn)
        walk.folder((), root, (root,))
        found.top.sort()
        found.recordings.sort(key=lambda file: file.parts)
        return found

    def _warn(self, message: str, path: str) -> None:
        if (message + path) not in self._warned:
            self._warned.add(message + path)
            log.warning(message, path.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def scan_remote(folder: RemoteFolder, tick: Tick, warn: _Warn) -> Found:
    """Walk a folder on a share. Links are left out: where they lead is the server's business.

    Raises:
        OSError: the folder itself cannot be listed, or the server is gone.
    """
    found = Found()
    waiting: list[Parts] = [()]
    while waiting:
        parts = waiting.pop()
        try:
            entries = folder.entries(parts)
        except PermissionError:
            if not parts:
                raise
            warn("library folder cannot be read and is left out: %s", "/".join(parts))
            continue
        except FileNotFoundError:
            if not parts:
                raise
            continue  # it went while we walked
        tick()
        if len(parts) == 1:
            found.top.append(parts[0])
        for entry in entries:
            if entry.name.startswith(".") or entry.name.lower() in SYSTEM_FOLDERS:
                continue
            if entry.kind == "folder" and len(parts) < _DEPTH_MAX:
                waiting.append((*parts, entry.name))
            elif entry.kind == "file" and is_recording(entry.name):
                found.recordings.append(FoundFile((*parts, entry.name), entry.size_bytes, entry.mtime_s))
            elif entry.kind == "file" and split_extension(entry.name)[1] in PICTURE_EXTENSIONS:
                found.pictures.setdefault(parts, {})[entry.name.lower()] = entry.name
    found.top.sort()
    found.recordings.sort(key=lambda file: file.parts)
    return found


class _Walk:
    def __init__(self, root: str, found: Found, tick: Tick, warn: _Warn) -> None:
        self._root = root
        self._found = found
        self._tick = tick
        self._warn = warn
        self._visits: dict[str, int] = {}

    def folder(self, parts: tuple[str, ...], real: str, above: tuple[str, ...]) -> None:
        """List the folder `real`, known as `parts`; `above` are the real folders that lead to it."""
        self._visits[real] = self._visits.get(real, 0) + 1
        try:
            with os.scandir(real) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError:
            if not parts:
                raise
            self._warn("library folder cannot be read and is left out: %s", real)
            return
        self._tick()
        if len(parts) == 1:
            self._found.top.append(parts[0])
        for entry in entries:
            if not entry.name.startswith(".") and entry.name.lower() not in SYSTEM_FOLDERS:
                self._entry(entry, parts, real, above)

    def _entry(self, entry: os.DirEntry[str], parts: tuple[str, ...], real: str, above: tuple[str, ...]) -> None:
        try:
            target = os.path.join(real, entry.name)  # noqa: PTH118 - names may not be valid UTF-8; text all the way
            if entry.is_symlink():
                target = os.path.realpath(target)
                if not inside(target, self._root):
                    self._warn("link leaves the library and is left out: %s", entry.path)
                    return
            if entry.is_dir():
                if target not in above and len(above) < _DEPTH_MAX and self._visits.get(target, 0) < _VISITS_MAX:
                    self.folder((*parts, entry.name), target, (*above, target))
            elif is_recording(entry.name):
                info = entry.stat()
                if stat.S_ISREG(info.st_mode):
                    self._found.recordings.append(
                        FoundFile((*parts, entry.name), info.st_size, max(0, int(info.st_mtime)))
                    )
            elif may_be_beside(entry.name) and entry.is_file():
                info = entry.stat()
                self._found.lists.setdefault(parts, {})[entry.name] = (info.st_size, info.st_mtime_ns)
            elif split_extension(entry.name)[1] in PICTURE_EXTENSIONS and entry.is_file():
                self._found.pictures.setdefault(parts, {})[entry.name.lower()] = entry.name
        except OSError:
            self._warn("file cannot be looked at and is left out: %s", entry.path)
