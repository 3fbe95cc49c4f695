"""Where recordings lie for this process: for a worker, which has no library but knows its configuration.

A job names its file in the words of its library (`RecordingFile.place`). Each machine mounts the files elsewhere, and
says so in a configuration of its own.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from plexcut.domain.paths import ANY_WORD, reaches
from plexcut.errors import LibraryOffline
from plexcut.library.plex.paths import Here, Unmapped, locate

LOOK_S = 2.0
"""How long a folder may take to say that it is there: one on a dead mount never does."""
LOOK_EVERY_S = 8.0


@dataclass(frozen=True, slots=True)
class Place:
    """A library as this machine reaches it: `mappings` are the words of the library and the folder here.

    A folder library has one mapping, of the empty word. `as_named`: what no mapping fits is taken as it is.
    """

    mappings: tuple[tuple[str, Here], ...]
    as_named: bool


class Places:
    """The libraries of one configuration."""

    def __init__(self, libraries: Mapping[str, Place], clock: Callable[[], float] = time.monotonic) -> None:
        self._libraries = dict(libraries)
        self._clock = clock
        folders = [folder for place in self._libraries.values() for _, folder in place.mappings]
        self._looks = {_name(folder): _Look(folder) for folder in folders}

    def find(self, library: str, place: str, root: str) -> tuple[Path, Path]:
        """Root and path of a file, links resolved. `root` is the folder that the server found it in.

        Raises:
            LibraryOffline: the library is not configured here, or the file is not there.
        """
        known = self._libraries.get(library)
        if known is None:
            raise LibraryOffline(f"this worker knows no library {library!r}", "name it in its config.toml")
        try:
            if not known.as_named:
                found = locate(f"/{place}", [("/", known.mappings[0][1])], ())
            else:
                found = locate(place, known.mappings, (root,))
        except OSError as error:
            raise LibraryOffline(
                f"the share with {place!r} of library {library!r} cannot be used by this worker: {error.strerror}",
                "is the file server running, and does it accept user and password?",
            ) from None
        except Unmapped as error:
            raise LibraryOffline(
                f"{place!r} of library {library!r} cannot be reached by this worker: {error}",
                "check the paths in its config.toml, and its mounts",
            ) from None
        return found.root, found.path

    def reach(self) -> dict[str, list[tuple[str, bool]]]:
        """For each library the words that are mapped here, and whether their folder is there now."""
        for look in self._looks.values():
            look.begin(self._clock())
        return {
            library: [(word, self._looks[_name(folder)].answer(LOOK_S)) for word, folder in place.mappings]
            + ([(ANY_WORD, True)] if place.as_named and not place.mappings else [])
            for library, place in self._libraries.items()
        }

    def can_reach(self, library: str, place: str) -> bool:
        """Whether a file can be reached now, as far as its folder tells."""
        return reaches(self.reach(), library, place)


class _Look:
    """Whether a folder is there, found out by one thread at a time."""

    def __init__(self, folder: Here) -> None:
        self._folder = folder
        self._there = False
        self._looked_at = float("-inf")
        self._done = threading.Event()
        self._done.set()

    def begin(self, now: float) -> None:
        """Look, unless somebody looks already or just did."""
        if self._done.is_set() and now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            self._done.clear()
            threading.Thread(target=self._look, name="look", daemon=True).start()

    def answer(self, within_s: float) -> bool:
        """What was found; a folder that says nothing is not there."""
        return self._done.wait(within_s) and self._there

    def _look(self) -> None:
        try:
            self._there = _is_there(self._folder)
        finally:
            self._done.set()


def _name(folder: Here) -> str:
    return str(folder if isinstance(folder, Path) else folder.place)


def _is_there(folder: Here) -> bool:
    if isinstance(folder, Path):
        return os.path.isdir(folder) and os.access(folder, os.R_OK | os.X_OK)  # noqa: PTH112
    try:
        found = folder.entry(())
    except OSError:
        return False
    return found is not None and found.kind == "folder"
