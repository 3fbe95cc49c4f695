"""Where the result of a job is in its library."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from plexcut.domain.catalog import Item, ItemQuery, library_of
from plexcut.domain.jobs import Job
from plexcut.domain.places import place
from plexcut.errors import PlexcutError
from plexcut.plexdata.browsing import Browsing
from plexcut.plexdata.hosts import Hosts
from plexcut.plexdata.progress import Watch

log = logging.getLogger(__name__)

LOOKED_AT = 100
"""So many items with a fitting title are looked at."""


@dataclass(frozen=True, slots=True)
class FoundResult:
    """What a job wrote: its `path` (None: nothing), and the recording that the library shows there (None: none yet)."""

    path: str | None
    recording: str | None


class ResultDoor:
    """Part of the one door, `Plexdata`: from a finished job to the recording that it made."""

    _browsing: Browsing
    _hosts: Hosts
    _watch: Watch

    def job_result(self, job: str) -> FoundResult:
        """What a job wrote, and as which recording its library shows it. Raises `JobNotFound`, `QueueOffline`.

        A library that was not told yet, or cannot be reached, shows none.
        """
        found = self._watch.book.job(job)
        written = (found.result or {}).get("path")
        if found.state != "finished" or not isinstance(written, str):
            return FoundResult(None, None)
        if found.meta.get("in_place"):
            return FoundResult(written, found.recording)
        path = place(written)
        try:
            return FoundResult(written, next(self._at(found, path), None))
        except PlexcutError as error:
            log.info("the result of job %s was not found: %s", job, error.message)
            return FoundResult(written, None)

    def _at(self, job: Job, path: Path) -> Iterator[str]:
        """Recordings whose file is `path`, among those that lie near by."""
        seen = {job.recording}
        for item in self._near(job, path):
            for recording in (item.recording, *(version.recording for version in item.versions)):
                if recording is None or recording in seen:
                    continue
                seen.add(recording)
                try:
                    if self._hosts.recording(recording).path == path:
                        yield recording
                except PlexcutError:  # this one cannot be reached, or is gone: it is not the one
                    continue

    def _near(self, job: Job, path: Path) -> Iterator[Item]:
        """The item itself, whose version the result may be; its neighbours; whatever has a fitting title."""
        item = self._browsing.item(self._hosts.recording(job.recording).item)
        yield item
        if item.parent is not None:
            yield from self._browsing.children_of(item.parent)
            return
        section = str(job.meta.get("section") or item.section)
        query = ItemQuery(search=item.title, limit=LOOKED_AT)
        library = library_of(job.recording)
        yield from self._browsing.items(library, section, query).items
        yield from self._browsing.items(library, section, ItemQuery(search=path.stem, limit=LOOKED_AT)).items
