"""`domain.uses.Audience`: who watches a file on any of the Plex servers, or records into it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path

from plexcut.domain.ports import Library
from plexcut.domain.uses import sentence
from plexcut.errors import PlexcutError

log = logging.getLogger(__name__)


class Servers:
    """The libraries that have a server of their own. `tell` gets a line where one of them cannot be asked."""

    def __init__(self, libraries: Iterable[Library], wait_s: float, tell: Callable[[str], None] | None = None) -> None:
        self._libraries = tuple(libraries)
        self._wait_s = wait_s
        self._tell = tell or log.info
        self._told: set[str] = set()

    @property
    def wait_s(self) -> float:
        return self._wait_s

    def in_the_way(self, path: Path, *, replace: bool) -> str:
        for library in self._libraries:
            try:
                use = library.use_of(path)
            except PlexcutError as error:
                self._say(f"who uses {path.name} is not known: {error.message}")
                continue
            if found := sentence(use, path.name, replace=replace):
                return found
        return ""

    def _say(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            self._tell(line)
