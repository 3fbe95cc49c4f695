"""What a process that was killed, or a machine that lost its power, left behind: finished or undone."""

from __future__ import annotations

import contextlib
import logging
from pathlib import PurePath

from plexcut.domain.files import Files
from plexcut.storage.trash.journal import Journal
from plexcut.storage.trash.places import Place
from plexcut.storage.trash.records import Unreadable
from plexcut.storage.trash.swap import Swap

log = logging.getLogger(__name__)


def recover_place(files: Files, place: Place) -> list[str]:
    """Settle every replacement that nobody works on any more, and remove what nobody renders; one line for each.

    By who holds the place, so that no journal belongs to anybody alive. What fails is tried again at the next start.
    """
    told: list[str] = []
    for name in files.names(place.journal):
        try:
            line = _settle(files, place, name)
        except (OSError, ValueError, Unreadable) as error:
            log.warning("%s cannot be settled now: %s", place.journal / name, error)
            continue
        if line:
            told.append(line)
    for name in files.names(place.tmp):
        with contextlib.suppress(OSError):
            if _sweep(files, place.tmp / name):
                told.append(f"removed the unfinished cut that a killed process had left in {place.tmp / name}")
    for line in told:
        log.warning("%s", line)
    return told


def _settle(files: Files, place: Place, name: str) -> str:
    journal = Journal(files, place, name)
    plan = journal.plan()
    if plan is None:
        journal.end()
        return ""
    what = place.absolute(plan.main.target)
    work = "cut in place" if plan.operation == "cut" else "restore"
    if Swap(files, place, plan).settle() == "finished":
        return f"the interrupted {work} of {what} was finished"
    return f"the interrupted {work} of {what} was undone: the recording is as it was before"


def _sweep(files: Files, folder: PurePath) -> bool:
    """Remove a folder that nobody holds; whether there was a file in it."""
    try:
        with files.lock(folder, 0.0):
            there = False
            for name in files.names(folder):
                if name == "lock":
                    files.unlink(folder / name)
                elif name.startswith(".plexcut-") and name.endswith(".part"):
                    with files.hold(folder / name):
                        files.unlink(folder / name)
                    there = True
            files.remove_folder(folder)
    except (BlockingIOError, FileNotFoundError):
        return False
    return there
