"""Telling a library's server of files that changed, until it shows them; kept over restarts of either side."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace

from plexcut.domain.catalog import library_of
from plexcut.domain.followup import FollowUp
from plexcut.domain.jobs import Job
from plexcut.domain.ports import Store
from plexcut.errors import CannotWrite
from plexcut.plexdata.hosts import Hosts
from plexcut.plexdata.telling import FollowTimes, Telling

log = logging.getLogger(__name__)


class FollowUps:
    """All of them, and the thread that gets them done, one step after the other."""

    def __init__(
        self, hosts: Hosts, store: Store, clock: Callable[[], float], times: FollowTimes | None = None
    ) -> None:
        self._hosts = hosts
        self._store = store
        self._clock = clock
        self._times = times or FollowTimes()
        self._telling = Telling(lambda: self._times, clock, self._others, self._save)
        self._adopted_at = clock()
        self._lock = threading.Lock()
        self._known: dict[str, FollowUp] = {}
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        for job, data in store.follow_ups().items():
            try:
                self._known[job] = FollowUp.of_json(data)
            except (TypeError, ValueError):
                log.warning("what was to be told after job %s cannot be read", job)

    def start(self) -> None:
        """Go on with what is not done."""
        self._thread = threading.Thread(target=self._run, name="follow-ups", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread; what is not done is gone on with at the next start."""
        self._ended.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(5)

    def collect(self, jobs: Iterable[Job]) -> None:
        """Take up the jobs that have ended well and whose library's server does not know of it yet."""
        for job in jobs:
            if job.state == "finished" and job.kind == "cut" and job.id not in self._known and job.result:
                found = self._of_job(job)
                if found is not None:
                    self.add(found)

    def add(self, follow_up: FollowUp) -> None:
        """Remember one, and begin with it."""
        self._save(replace(follow_up, message=follow_up.message or "Plex is told of the new file"))
        self._wake.set()

    def on(self, job: Job) -> Job:
        """The job with what its library's server made of it: in `meta["plex"]`, and as a warning of its result."""
        found = self._known.get(job.id)
        if found is None:
            return job
        shown = {"state": found.state, "message": found.message, "duration_s": found.shown_s}
        result = job.result
        if result is not None and found.state == "failed":
            result = {**result, "warnings": [*(result.get("warnings") or ()), found.message]}
        return replace(job, meta={**job.meta, "plex": shown}, result=result)

    def _of_job(self, job: Job) -> FollowUp | None:
        library_id = library_of(job.recording)
        result = job.result or {}
        path, duration_s, nbytes = result.get("path"), result.get("duration_s"), result.get("bytes")
        if library_id not in self._hosts.ids or self._hosts.host(library_id).library.kind != "plex":
            return None
        if not isinstance(path, str) or not isinstance(duration_s, (int, float)) or not isinstance(nbytes, int):
            return None
        return FollowUp(
            job=job.id,
            library=library_id,
            recording=job.recording,
            kind="replace" if job.meta.get("in_place") else "beside",
            path=path,
            size_bytes=nbytes,
            duration_s=float(duration_s),
            keep=tuple((float(a), float(b)) for a, b in job.meta.get("keep") or ()),
            changed_at=job.ended_at or self._clock(),
        )

    # -- getting them done ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._ended.is_set():
            self._wake.clear()
            self._adopt()
            waits = [self._step(found) for found in self._due()]
            self._wake.wait(min([self._times.poll, *waits]))

    def _due(self) -> list[FollowUp]:
        """Those to go on with now, in the order in which the files changed."""
        now = self._clock()
        with self._lock:
            due = [one for one in self._known.values() if one.next_at is not None and one.next_at <= now]
        return sorted(due, key=lambda one: one.changed_at)

    def _step(self, before: FollowUp) -> float:
        """One step of one of them; how long until the next at the earliest."""
        after = self._telling.step(before, lambda work: self._hosts.call(before.library, work))
        if after != before:
            if after.state != before.state:
                log.info("job %s: %s", after.job, after.message)
            try:
                self._save(after)
            except CannotWrite as error:
                log.warning("how far job %s was followed up cannot be saved: %s", after.job, error.line)
        return 0.0 if after.step != before.step and after.state == "waiting" else self._times.poll

    def _adopt(self) -> None:
        """Take up what a command has left to be told."""
        if self._clock() - self._adopted_at < self._times.adopt:
            return
        self._adopted_at = self._clock()
        for job, data in self._store.follow_ups().items():
            if job in self._known:
                continue
            with contextlib.suppress(TypeError, ValueError), self._lock:
                self._known[job] = FollowUp.of_json(data)

    def _others(self) -> list[FollowUp]:
        with self._lock:
            return list(self._known.values())

    def _save(self, follow_up: FollowUp) -> None:
        with self._lock:
            self._known[follow_up.job] = follow_up
        self._store.save_follow_up(follow_up.job, follow_up.as_json())
