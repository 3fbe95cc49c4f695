"""Where a job renders its result: a folder of its own, so that what a killed job left can be told from the rest."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import shutil
import time
from pathlib import Path

logger = logging.getLogger(__name__)

_ATTEMPTS = 3
_YOUNG_S = 5.0
"""Between making and locking its file an engine needs no time worth the name."""


def folder_of(root: Path, job: str) -> Path:
    """`<root>/.plexcut/tmp/<job>`."""
    return root / ".plexcut" / "tmp" / job


def make(root: Path, beside: Path, job: str) -> Path | None:
    """Make the job's folder below the library's root, empty.

    None where the folder `beside`, which the result goes into, is on another file system, or where the root cannot be
    written: the engine then finds a place itself.
    """
    folder = folder_of(root, job)
    shutil.rmtree(folder, ignore_errors=True)
    for _ in range(_ATTEMPTS):  # another job may be removing the empty folders above
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if folder.stat().st_dev == beside.stat().st_dev:
                return folder
            remove(root, job)
            return None
        except FileNotFoundError:
            continue
        except OSError as error:
            logger.info("no folder for temporary files below %s: %s", root, error.strerror)
            return None
    return None


def remove(root: Path, job: str, *, all_attempts: bool = False) -> bool:
    """Remove the job's folder with all that is in it, and the folders above if they are empty; whether it was there.

    `all_attempts`: those that earlier attempts left as well (`<job>-1`, …).
    """
    folder = folder_of(root, job)
    folders = [folder, *folder.parent.glob(f"{job}-*")] if all_attempts else [folder]
    found = [one for one in folders if one.is_dir() and not one.is_symlink()]
    was_there = bool(found)
    for one in found:
        shutil.rmtree(one, ignore_errors=True)
    with contextlib.suppress(OSError):
        folder.parent.rmdir()
    with contextlib.suppress(OSError):
        folder.parent.parent.rmdir()
    return was_there


def remove_abandoned(folder: Path) -> None:
    """Remove temporary files that lie beside recordings in `folder` and whose writer was killed: nobody locks them."""
    with contextlib.suppress(OSError):
        for path in folder.glob(".plexcut-*.part"):
            with contextlib.suppress(OSError), path.open("rb") as file:
                if abs(time.time() - path.stat().st_mtime) < _YOUNG_S:
                    continue
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
                logger.warning("removed %s, which a killed cut had left", path)
