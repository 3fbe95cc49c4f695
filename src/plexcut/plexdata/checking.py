"""What is looked at before a cut begins: each check with one clear message where something is wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from plexcut.domain.catalog import RecordingFile, library_of
from plexcut.domain.places import shown
from plexcut.domain.trash import Spot
from plexcut.domain.uses import sentence, watched_by
from plexcut.errors import (
    DiskFull,
    HostUnreachable,
    LibraryOffline,
    PlexcutError,
    RecordingBusy,
)
from plexcut.plexdata.hosts import Hosts
from plexcut.plexdata.in_time import in_time
from plexcut.plexdata.model import CheckName, Ports, PreCheck

log = logging.getLogger(__name__)

RESERVE_BYTES = 8 << 20
"""What a file system needs for itself beside the result; as the engine reckons."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """A cut to look at: the recording, how large the result will be, and where it goes (`CutOrder.output`)."""

    file: RecordingFile
    nbytes: int
    output: str

    @property
    def replace(self) -> bool:
        """Whether it takes the recording's place."""
        return self.output == "replace"

    @property
    def apart(self) -> bool:
        """Whether it goes into the configured folder for results."""
        return self.output == "folder"


class Checking:
    """Looks; changes nothing but a file that it makes and removes to see whether that is possible."""

    def __init__(self, hosts: Hosts, ports: Ports) -> None:
        self._hosts = hosts
        self._files = ports.files
        self._queue = ports.queue

    def look(self, prospect: Prospect) -> tuple[PreCheck, ...]:
        """All checks, in the order in which they matter. Raises nothing but `LibraryOffline`: the files hang."""
        file = prospect.file
        checks: list[tuple[CheckName, Callable[[], None], bool]] = [
            ("job", lambda: self.no_job(file.recording), True),
            ("being_recorded", lambda: self._not_written(file), True),
            ("writable", lambda: self._writable(prospect), True),
            ("space", lambda: self._space(prospect), True),
            ("watching", lambda: self._nobody_watches(file), prospect.replace),
        ]
        return tuple(_checked(name, work, vital) for name, work, vital in checks)

    def room(self, prospect: Prospect) -> None:
        """The one check that is so quick that every plan makes it: raises `DiskFull`, `LibraryOffline`."""
        folder = prospect.file.path.parent
        if prospect.apart:
            folder = in_time(
                lambda: self._files.result_folder(spot_of(prospect.file), apart=True), prospect.file.library
            )
        _enough(folder, in_time(lambda: self._files.free_bytes(folder), prospect.file.library), prospect)

    def no_job(self, recording: str) -> None:
        """Raises `RecordingBusy` where a job has the recording. A queue that is away is no reason."""
        try:
            busy = self._queue.has_job(recording)
        except HostUnreachable:
            return
        if busy:
            raise RecordingBusy(
                "another job works on this recording", "wait for it to end, or cancel it, then try again"
            )

    def _not_written(self, file: RecordingFile) -> None:
        path = file.path
        if in_time(lambda: self._files.writing(path), file.library):
            raise RecordingBusy(
                f"{path.name} is still being written", "wait until it has been recorded or copied, then cut it"
            )
        try:
            use = self._hosts.call(library_of(file.recording), lambda library: library.use_of(path))
        except PlexcutError as error:
            log.debug("whether it is being recorded is not known: %s", error.message)
            return
        if use.recorded:
            raise RecordingBusy(sentence(use, path.name, replace=False), "wait until it is over, then cut it")

    def _writable(self, prospect: Prospect) -> None:
        spot = spot_of(prospect.file)
        if prospect.replace:
            in_time(lambda: self._files.writable(spot), prospect.file.library)
        else:
            in_time(lambda: self._files.result_folder(spot, apart=prospect.apart), prospect.file.library)

    def _space(self, prospect: Prospect) -> None:
        spot = spot_of(prospect.file)

        def ask() -> tuple[Path, int | None]:
            if prospect.replace:
                folder = spot.path.parent
            else:
                folder = self._files.result_folder(spot, apart=prospect.apart)
            return folder, self._files.free_bytes(folder)

        folder, free = in_time(ask, prospect.file.library)
        _enough(folder, free, prospect)

    def _nobody_watches(self, file: RecordingFile) -> None:
        viewers = self._hosts.call(library_of(file.recording), lambda library: library.watching(file.recording))
        if viewers:
            raise RecordingBusy(
                f"{watched_by(viewers)} watching this recording", "wait until it is over, or cut beside it"
            )


def spot_of(file: RecordingFile) -> Spot:
    """A recording's file and its library's folder. Raises `CannotWrite` where the file itself is not here."""
    return Spot(file.path, file.root if file.root is not None else file.path.parent)


def _enough(folder: Path, free: int | None, prospect: Prospect) -> None:
    need = prospect.nbytes + RESERVE_BYTES
    if free is not None and free < need:
        raise DiskFull(
            f"{shown(folder)} has {free >> 20} MB free, the result needs about {-(-need >> 20)} MB",
            "make room, for example in the trash, or choose another folder",
        )


def _checked(name: CheckName, work: Callable[[], None], vital: bool) -> PreCheck:
    try:
        work()
    except LibraryOffline:
        if name != "watching":
            raise
        log.debug("nobody can be asked who is watching")
    except RecordingBusy as error:
        return PreCheck(name, error, vital)
    except PlexcutError as error:
        if name == "watching":  # a server that does not tell, to whoever is not its owner
            log.debug("who is watching is not known: %s", error.message)
            return PreCheck(name)
        return PreCheck(name, error, vital)
    return PreCheck(name)
