"""Telling Plex servers of a file that a command has put in its place, and leaving to the server what takes longer."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

from plexcut.cli import output
from plexcut.config import LibrarySettings, Settings
from plexcut.domain.followup import FollowKind, FollowUp
from plexcut.errors import PlexcutError

TOLD_S = 30.0
"""So long a command waits until the server shows the file."""
_POLL_S = 1.0


@dataclass(frozen=True, slots=True)
class Changed:
    """A file that was cut in place, or brought back. `keep` as `FollowUp` has it."""

    kind: FollowKind
    path: Path
    duration_s: float
    keep: tuple[tuple[float, float], ...]


def tell(settings: Settings, changed: Changed) -> None:
    """Tell all libraries that may have the file, and say how that went. Raises nothing."""
    for entry in settings.libraries:
        if entry.kind == "plex" and _may_have(entry, changed.path):
            try:
                _tell(settings, entry, changed)
            except (PlexcutError, OSError) as error:
                output.note(f"library {entry.id} was not told: {getattr(error, 'line', error)}")


def _may_have(entry: LibrarySettings, path: Path) -> bool:
    folders = [mapping.here.expanduser().resolve() for mapping in entry.paths]
    return not folders or any(folder in path.parents for folder in folders)


def _tell(settings: Settings, entry: LibrarySettings, changed: Changed) -> None:
    from plexcut import bootstrap
    from plexcut.plexdata.telling import FollowTimes, Telling

    library = bootstrap.library(entry)
    times = FollowTimes(poll=_POLL_S, offline=_POLL_S)
    telling = Telling(lambda: times, time.time, list, lambda _follow_up: None)
    now = FollowUp(
        job=f"command-{uuid.uuid4().hex}",
        library=entry.id,
        recording="",
        kind=changed.kind,
        path=str(changed.path),
        size_bytes=changed.path.stat().st_size,
        duration_s=changed.duration_s,
        keep=changed.keep,
        changed_at=time.time(),
        step="find",
    )
    until = time.monotonic() + TOLD_S
    try:
        while now.state == "waiting" and time.monotonic() < until:
            before, now = now, telling.step(now, lambda work: work(library))
            if now.message.startswith("Plex is told when"):
                break
            if now.step == before.step and now.state == "waiting":
                time.sleep(_POLL_S)
    finally:
        library.close()
    if now.state == "done":
        output.note(now.message)
        return
    output.note(f"{now.message}; plexcut serve goes on with it" if _left(settings, now) else now.message)


def _left(settings: Settings, follow_up: FollowUp) -> bool:
    """Leave it to the server, the one that runs or the next; whether that worked."""
    from plexcut import bootstrap

    try:
        store = bootstrap.store(settings)
    except (PlexcutError, OSError):
        return False
    try:
        store.save_follow_up(follow_up.job, replace(follow_up, next_at=0.0).as_json())
    except (PlexcutError, OSError):
        return False
    finally:
        store.close()
    return True
