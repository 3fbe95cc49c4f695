"""What cuts in place have replaced: the trash, and the way back."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from plexcut.config import Settings
from plexcut.domain.catalog import RecordingFile, library_of
from plexcut.domain.followup import FollowUp
from plexcut.domain.places import is_share, shown
from plexcut.domain.timecode import us_to_s
from plexcut.domain.trash import Emptied, Restored, Spot, TrashEntry
from plexcut.errors import PlexcutError, TrashEntryNotFound
from plexcut.plexdata.checking import Checking, spot_of
from plexcut.plexdata.followups import FollowUps
from plexcut.plexdata.hosts import Hosts
from plexcut.plexdata.model import Ports

log = logging.getLogger(__name__)

EXPIRE_S = 3600.0
"""How often the trash is looked through for what has been kept long enough."""


@dataclass(frozen=True, slots=True)
class Back:
    """A recording's original that is in its place again."""

    path: str
    duration_s: float


class Replacing:
    """Restores, and looks after the trash. `clock`: seconds since the epoch."""

    def __init__(
        self, hosts: Hosts, ports: Ports, settings: Settings, follow_ups: FollowUps, clock: Callable[[], float]
    ) -> None:
        self._hosts = hosts
        self._engine = ports.engine
        self._files = ports.files
        self._checking = Checking(hosts, ports)
        self._settings = settings
        self._follow_ups = follow_ups
        self._clock = clock
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Settle what was interrupted, and look after the trash from then on, in a thread."""
        self._thread = threading.Thread(target=self._run, name="trash", daemon=True)
        self._thread.start()

    def use(self, settings: Settings) -> None:
        """Go on with these settings: libraries were added."""
        self._settings = settings
        self._files.use_output_folder(settings.cut.output_folder)

    def close(self) -> None:
        """End it; what hangs in a share is left to itself."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(2)

    def restore(self, recording: str) -> Back:
        """Bring a recording's original back. Raises as `Plexdata.restore`."""
        self._checking.no_job(recording)
        file = self._hosts.recording(recording)
        return self._back(file, self._files.restore(spot_of(file)))

    def restore_entry(self, entry: str) -> Back:
        """Bring this entry of the trash back, also where its recording is gone. Raises as `Plexdata.restore_entry`."""
        found = self._entry(entry)
        around = [root for root in self._roots() if root in found.path.parents]
        root = max(around, key=lambda root: len(root.parts), default=found.path.parent)
        return self._back(None, self._files.restore(Spot(found.path, root), entry))

    def _back(self, file: RecordingFile | None, restored: Restored) -> Back:
        duration_s = restored.duration_s
        if duration_s is None:
            duration_s = self._engine.probe(file.source if file is not None else restored.path).duration_s
        log.info("%s: the original is back", restored.path)
        if file is None:
            self._tell_all(restored, duration_s)
        else:
            self._tell(library_of(file.recording), file.recording, restored, duration_s)
        for library in self._hosts.ids:
            self._hosts.relist(library)
        return Back(shown(restored.path), duration_s)

    def _tell_all(self, restored: Restored, duration_s: float) -> None:
        """Nobody knows yet which recording it is, or in which of the libraries."""
        for entry in self._settings.libraries:
            folders = [mapping.here for mapping in entry.paths]
            if entry.id in self._hosts.ids and any(folder in restored.path.parents for folder in _resolved(folders)):
                self._tell(entry.id, "", restored, duration_s)

    def _tell(self, library: str, recording: str, restored: Restored, duration_s: float) -> None:
        """A library with a server of its own must come to know of the file."""
        if self._hosts.host(library).library.kind != "plex":
            return
        self._follow_ups.add(
            FollowUp(
                job=f"restore-{restored.entry}{'' if recording else f'-{library}'}",
                library=library,
                recording=recording,
                step="resume" if recording else "find",
                kind="restore",
                path=shown(restored.path),
                size_bytes=self._files.size_bytes(restored.path),
                duration_s=duration_s,
                keep=tuple((us_to_s(start), us_to_s(end)) for start, end in restored.kept_us),
                changed_at=self._clock(),
            )
        )

    # -- the trash --------------------------------------------------------------------------------------------------

    def trash(self) -> tuple[TrashEntry, ...]:
        """What is in the trashes of all libraries that are reached as folders; the newest first."""
        return self._files.entries(self._roots())

    def delete(self, entry: str | None) -> Emptied:
        """Delete one entry for good, or all of them. Raises `TrashEntryNotFound`, `CannotWrite`, `Busy`."""
        if entry is None:
            return self._files.delete(self._roots())
        self._entry(entry)
        return self._files.delete(self._roots(), frozenset({entry}))

    def _entry(self, entry: str) -> TrashEntry:
        for found in self.trash():
            if found.id == entry:
                return found
        raise TrashEntryNotFound("nothing in the trash has that id", "list the trash again")

    def _roots(self) -> list[Path]:
        """The folders of the libraries, links resolved; those whose host is away are left out: they may hang."""
        roots: list[Path] = []
        for library in self._settings.libraries:
            if library.id in self._hosts.ids and not self._hosts.host(library.id).online and library.kind == "folder":
                continue
            roots += [library.path] if library.path is not None else []
            roots += [mapping.here for mapping in library.paths]
        return list(dict.fromkeys(_resolved(roots)))

    def recover(self) -> None:
        """Finish or undo what was interrupted. Never fails."""
        try:
            for line in self._files.recover(self._roots()):
                log.info("after an interruption: %s", line)
        except Exception:
            log.exception("what was interrupted could not be settled")

    def _run(self) -> None:
        while not self._ended.wait(EXPIRE_S):
            self.recover()
            try:
                gone = self._files.expire(self._roots())
            except PlexcutError as error:
                log.warning("the trash could not be looked through: %s", error.line)
                continue
            if gone.deleted:
                log.info("%d entries of the trash were old enough and are gone", len(gone.deleted))


def _resolved(folders: Iterable[Path]) -> list[Path]:
    return [folder if is_share(folder) else folder.expanduser().resolve() for folder in folders]
