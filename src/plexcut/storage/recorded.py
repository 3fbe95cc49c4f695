"""Whether a recording is being written anywhere in a library's folder."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from plexcut.storage.trash.places import OWN_FOLDER

_FRESH_S = 20.0
"""Recorders write more often than that."""
_LARGE_BYTES = 1 << 20
_LOOK_FOR_S = 3.0
_DEPTH_MAX = 8


def is_recorded_into(root: Path) -> bool:
    """Whether some large file below `root`, Plex's `.grab` included, was written into just now.

    Gives up after three seconds: a share that is that slow is asked no further. Raises nothing.
    """
    until, now = time.monotonic() + _LOOK_FOR_S, time.time()
    for entry in _files(str(root), 0):
        try:
            info = entry.stat(follow_symlinks=False)
        except OSError:
            continue
        if info.st_size >= _LARGE_BYTES and abs(now - info.st_mtime) < _FRESH_S:
            return True
        if time.monotonic() > until:
            return False
    return False


def _files(folder: str, depth: int) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            entries = list(found)
    except OSError:
        return
    for entry in entries:
        try:
            is_folder = entry.is_dir(follow_symlinks=False)
        except OSError:
            continue
        if not is_folder:
            if not entry.name.startswith(f"{OWN_FOLDER}-"):
                yield entry
        elif entry.name != OWN_FOLDER and depth < _DEPTH_MAX:
            yield from _files(entry.path, depth + 1)
