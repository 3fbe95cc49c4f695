"""Cut lists beside recordings of a Plex server: where its files lie here is remembered as they are listed."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from plexapi.video import Episode, Movie

from plexcut.domain.cutlists import ListBeside
from plexcut.domain.paths import PlexPath
from plexcut.library.beside import Folders
from plexcut.library.bounded import Bounded, Stuck
from plexcut.library.plex.mapping import parts_of, recording_id
from plexcut.library.plex.paths import Here, mapped

_FILES_MAX = 200_000


class PlexBeside:
    """What lies beside the files of one Plex library. Any thread may call."""

    def __init__(self, library: str) -> None:
        self._library = library
        self._files: dict[str, str] = {}
        self._lock = threading.Lock()
        self._folders = Folders()

    def note(self, source: Any) -> None:
        """Remember where the server says that an item's files are."""
        if not isinstance(source, Movie | Episode):
            return
        key = str(source.ratingKey)
        named = {recording_id(self._library, key, part): part.file for part in parts_of(source) if part.file}
        with self._lock:
            if len(self._files) > _FILES_MAX:
                self._files.clear()
            self._files.update(named)

    def lists(
        self, recordings: Sequence[str], mappings: Iterable[tuple[str, Here]], files: Bounded
    ) -> Mapping[str, tuple[ListBeside, ...]]:
        """What may be a cut list of each of `recordings` that was listed; nothing while the disk does not answer."""
        with self._lock:
            named = {one: self._files[one] for one in recordings if one in self._files}
        prefixes = [(PlexPath.of(plex), here) for plex, here in mappings]
        paths = {one: path for one, file in named.items() if (path := _here(file, prefixes)) is not None}
        if not paths:
            return {}
        try:
            return files(lambda tick: {one: found for one, path in paths.items() if (found := self._of(path, tick))})
        except Stuck:
            return {}

    def _of(self, path: Path, tick: Any) -> tuple[ListBeside, ...]:
        tick()
        return self._folders.lists(path)


def _here(file: str, mappings: Sequence[tuple[PlexPath, Here]]) -> Path | None:
    """The path on this machine by the mapping with the longest prefix, as it is where none fits; None on a share."""
    path = PlexPath.of(file)
    if ".." in path.parts or "\0" in file:
        return None
    best = mapped(path, mappings)
    if best is not None:
        here, rest = best
        return here.expanduser().joinpath(*rest) if isinstance(here, Path) else None
    return Path(file) if file.startswith("/") else None
