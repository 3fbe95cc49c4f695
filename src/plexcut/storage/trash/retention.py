"""How long originals are kept, whatever the clock does; and deleting nothing but what was put there."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePath

from plexcut.domain.files import Files
from plexcut.storage.trash.places import RECORD, RECORD_DRAFT, Place
from plexcut.storage.trash.records import Mark, Record, is_marked

log = logging.getLogger(__name__)

DAY_S = 86_400.0
NOT_BEFORE_S = 1_735_689_600.0
"""2025: a machine that says an earlier time has lost its clock."""
GRACE_S = DAY_S
"""From seeing that an entry's time is over to deleting it. A clock that went wrong has been set again by then."""
_STEADY_S = 300.0


class Retention:
    """When an entry's time is over: `days` after it came, and a day after that was first seen.

    A clock that jumps while this process lives ends nothing.
    """

    def __init__(self, days: int, clock: Callable[[], float], steady: Callable[[], float] = time.monotonic) -> None:
        self._days = days
        self._clock = clock
        self._steady = steady
        self._began = clock(), steady()

    def expires_at(self, record: Record) -> float | None:
        """When the entry is to go, seconds since the epoch; None: never, or nobody knows."""
        if self._days == 0 or record.trashed_at < NOT_BEFORE_S:
            return None
        return record.trashed_at + self._days * DAY_S

    def is_over(self, record: Record) -> bool:
        """Whether the entry may be deleted now."""
        expires_at, seen_at = self.expires_at(record), record.expired_seen_at
        if expires_at is None or seen_at is None or self._clock_jumped():
            return False
        now = self._clock()
        return expires_at <= now and seen_at + GRACE_S <= now

    def note(self, files: Files, path: PurePath, record: Record) -> None:
        """Write down that an entry's time is over, or that it is not after all. Raises `OSError`."""
        if self._clock_jumped():
            return
        expires_at, now = self.expires_at(record), self._clock()
        changed = record
        if record.trashed_at < NOT_BEFORE_S or record.trashed_at > now + DAY_S:
            changed = replace(record, trashed_at=now, expired_seen_at=None) if now >= NOT_BEFORE_S else record
        elif expires_at is not None and expires_at <= now:
            if record.expired_seen_at is None or record.expired_seen_at > now:
                changed = replace(record, expired_seen_at=now)
        elif record.expired_seen_at is not None:
            changed = replace(record, expired_seen_at=None)
        if changed != record:
            rewrite(files, path, changed)

    def _clock_jumped(self) -> bool:
        wall, steady = self._clock() - self._began[0], self._steady() - self._began[1]
        return abs(wall - steady) > _STEADY_S


def rewrite(files: Files, path: PurePath, record: Record) -> None:
    """Put a record in place of the one that is there, whole. Raises `OSError`."""
    draft = path.parent / RECORD_DRAFT
    if files.status(draft) is not None:
        files.unlink(draft)
    files.write(draft, record.text())
    files.rename(draft, path)
    files.sync_folder(path.parent)


def delete_entry(files: Files, place: Place, record: Record) -> tuple[int, list[str]]:
    """Delete an entry's files; how many bytes they had, and a line for each that is not what was put there: it stays.

    By who holds the place. Raises `OSError`.
    """
    folder = place.trash / record.id
    freed = 0
    kept: list[str] = []
    for file in record.files:
        path = folder / file.name
        if files.status(path) is None:
            continue
        if not is_marked(files, path, Mark(file.size_bytes, file.digest)):
            kept.append(f"{path} is not what was put there and stays")
            continue
        files.unlink(path)
        freed += file.size_bytes
    strangers = [name for name in files.names(folder) if name not in (RECORD, RECORD_DRAFT)]
    kept += [f"{folder / name} was not put there and stays" for name in strangers if not _is_told(kept, folder / name)]
    if not strangers:
        for name in files.names(folder):
            files.unlink(folder / name)
        files.remove_folder(folder)
        files.sync_folder(place.trash)
    for line in kept:
        log.warning("%s", line)
    return freed, kept


def _is_told(kept: list[str], path: PurePath) -> bool:
    return any(line.startswith(f"{path} ") for line in kept)
