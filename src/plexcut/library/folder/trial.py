"""Trying a folder as a library: is it there, can its recordings be read, how many are there."""

from __future__ import annotations

import time
from pathlib import Path

from plexcut.domain.setup import FolderStep, FolderTried, Tried, is_system
from plexcut.library.bounded import Bounded, Stuck, Tick
from plexcut.library.folder.arrange import arrange
from plexcut.library.folder.scan import Found, Scanner
from plexcut.library.text import display

_SILENCE_S = 6.0
_COUNT_S = 18.0


class _TooLong(Exception):
    """Counting is given up."""


def try_folder(folder: Path) -> FolderTried:
    """The steps `there`, `read` and `recordings`; what follows a step that failed is left out."""
    shown = display(str(folder))
    bounded = Bounded(_SILENCE_S)
    if not folder.is_absolute():
        return _ended("there", "no_path", f"{shown} is no whole path", "write it from the top, as in /media/recordings")
    try:
        real = bounded(lambda _tick: folder.resolve())
        if is_system(real):
            return _ended("there", "system", f"{shown} belongs to the system", "choose a folder with recordings")
        if not bounded(lambda _tick: folder.is_dir()):
            code, why = ("no_folder", "is no folder") if folder.exists() else ("not_there", "is not there")
            return _ended("there", code, f"{shown} {why}", "is the disk mounted?")
    except (Stuck, OSError, RuntimeError):
        return _ended("there", "silent", f"{shown} does not answer", "is the network share mounted?")
    there = Tried("there", ok=True)
    until = time.monotonic() + _COUNT_S

    def scan(tick: Tick) -> Found:
        def tick_in_time() -> None:
            tick()
            if time.monotonic() > until:
                raise _TooLong

        return Scanner(folder).scan(tick_in_time)

    try:
        found = bounded(scan)
        unreadable = bounded(lambda _tick: _unreadable(folder, found))
    except _TooLong:
        return FolderTried((there, Tried("read", ok=True), Tried("recordings", True, "many", "too many to count")))
    except Stuck:
        return FolderTried((there, Tried("read", False, "silent", f"{shown} does not answer", "is it mounted?")))
    except OSError as error:
        message = f"{shown} cannot be read: {error.strerror}"
        return FolderTried((there, Tried("read", False, "unreadable", message, "check who may read it")))
    if unreadable:
        return FolderTried((there, Tried("read", False, "unreadable", unreadable, "check who may read the files")))
    count = len(found.recordings)
    sections = tuple(section.title for section in arrange("trial", "trial", found).sections)
    counted = Tried("recordings", True, "" if count else "none", "" if count else "no recordings yet")
    return FolderTried((there, Tried("read", ok=True), counted), count, sections)


def _ended(step: FolderStep, code: str, message: str, hint: str) -> FolderTried:
    return FolderTried((Tried(step, False, code, message, hint),))


def _unreadable(folder: Path, found: Found) -> str:
    """Why the first recording cannot be read, by reading; empty where it can."""
    for file in found.recordings[:1]:
        path = folder.joinpath(*file.parts)
        try:
            with path.open("rb") as opened:
                opened.read(1)
        except OSError as error:
            return f"{display(file.name)} cannot be read: {error.strerror}"
    return ""
