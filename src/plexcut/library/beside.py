"""Files beside recordings that may be cut lists of them, by their names; of folders looked at when they change."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from plexcut.domain.cutlists import ListBeside, may_be_beside, names_beside

Stats = Mapping[str, tuple[int, int]]
"""Files of a folder that may be cut lists, with size and mtime in nanoseconds."""

_BELIEVED_S = 30.0
"""So long a folder is taken to be as it was; then its time of change is looked at."""
_FOLDERS_MAX = 50_000


def lists_among(there: Stats, folder: Path, name: str) -> tuple[ListBeside, ...]:
    """Those that may be cut lists of the recording `name` in `folder`, the best first."""
    return tuple(
        ListBeside(folder / candidate, *there[candidate], formats)
        for candidate, formats in names_beside(name, folder.name)
        if candidate in there
    )


class Folders:
    """What lies in folders, remembered until they change. Any thread may ask."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[float, int, Stats]] = {}
        self._lock = threading.Lock()

    def lists(self, path: Path) -> tuple[ListBeside, ...]:
        """What may be a cut list of the recording at `path`; () where its folder cannot be looked at."""
        try:
            return lists_among(self._look(path.parent), path.parent, path.name)
        except OSError:
            return ()

    def _look(self, folder: Path) -> Stats:
        now = time.monotonic()
        with self._lock:
            known = self._known.get(folder)
        if known is not None and now - known[0] < _BELIEVED_S:
            return known[2]
        changed_ns = folder.stat().st_mtime_ns
        there = known[2] if known is not None and known[1] == changed_ns else _listed(folder)
        with self._lock:
            if len(self._known) >= _FOLDERS_MAX:
                self._known.clear()
            self._known[folder] = (now, changed_ns, there)
        return there


def _listed(folder: Path) -> Stats:
    found: dict[str, tuple[int, int]] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if may_be_beside(entry.name) and entry.is_file():
                info = entry.stat()
                found[entry.name] = (info.st_size, info.st_mtime_ns)
    return found
