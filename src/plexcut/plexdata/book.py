"""The book of jobs: what the queue has, kept in the database, so that nothing is lost with the queue."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from plexcut.domain.jobs import Job, JobOrder, JobPage, JobQuery, LogLine, StoredJob
from plexcut.domain.ports import JobQueue, Store
from plexcut.errors import Busy, HostUnreachable, JobNotFound, PlexcutError, RecordingBusy

log = logging.getLogger(__name__)

KNOWN_JOBS = 2000
LOST_QUEUED_S = 3.0
"""A waiting job that an answering queue does not know for so long is lost."""
LOST_RUNNING_S = 20.0
"""One that ran: its worker lets the queue know of it again within seconds, if it lives."""

LOSSES = 3
"""So often a job is begun again that the queue lost while it ran, besides what a dead worker is allowed."""

_LOST = {
    "code": "worker_died",
    "message": "the queue lost this job again and again while it ran, and nobody works on it",
    "hint": "the recording is untouched; start the job again",
}


class JobBook:
    """Writes down every change of a job, and brings back to the queue what it has lost. Any thread may use it."""

    def __init__(self, queue: JobQueue, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._queue = queue
        self._store = store
        self._clock = clock
        self._lock = threading.RLock()
        self._known: dict[str, Job] | None = None
        self._missing_since: dict[str, float] = {}

    # -- writing ----------------------------------------------------------------------------------------------------

    def note(self, jobs: Iterable[Job]) -> list[Job]:
        """Write down what changed, all of it at once; those that have just ended."""
        with self._lock:
            known = self._loaded()
            changed = [job for job in jobs if (before := known.get(job.id)) is None or not _alike(before, job)]
            entries = [self._entry(job, order=_begun_again(known.get(job.id), job)) for job in changed]
            try:
                if entries:
                    self._store.save_jobs(entries)
            except PlexcutError as error:
                log.warning("%d jobs cannot be written down: %s", len(entries), error.line)
                return []
            ended = [job for job in changed if not job.is_open and (job.id not in known or known[job.id].is_open)]
            known.update((job.id, job) for job in changed)
        return ended

    def recover(self, live: Iterable[Job]) -> list[Job]:
        """Queue again what an answering queue has lost; the jobs that were changed by it.

        Raises:
            QueueOffline.
        """
        there = {job.id for job in live}
        changed = []
        with self._lock:
            now = self._clock()
            lost = [job for job in self._loaded().values() if job.is_open and job.id not in there]
            self._missing_since = {job.id: self._missing_since.get(job.id, now) for job in lost}
            for job in lost:
                patience_s = LOST_QUEUED_S if job.state == "queued" else LOST_RUNNING_S
                if now - self._missing_since[job.id] >= patience_s and not self._is_there(job.id):
                    changed.append(self._bring_back(job))
        return changed

    def queue_is_away(self) -> None:
        """Nothing can be missed meanwhile."""
        with self._lock:
            self._missing_since.clear()

    def cancel_lost(self, job: str) -> Job | None:
        """Cancel a job that the queue has lost and that was not brought back yet; None where there is none."""
        with self._lock:
            found = self._loaded().get(job)
            if found is None or not found.is_open:
                return None
            error = {"code": "cancelled", "message": "the job was cancelled", "hint": ""}
            return self._end(found, "cancelled", error)

    def _bring_back(self, job: Job) -> Job:
        stored = self._store.job(job.id)
        order = stored.order if stored else None
        if order is None or (job.state == "running" and order.losses >= LOSSES):
            return self._end(job, "failed", _LOST)
        if job.state == "running":
            order = replace(order, losses=order.losses + 1)
        try:
            found = self._queue.put_back(order)
        except RecordingBusy as error:
            return self._end(job, "failed", {"code": error.code, "message": error.message, "hint": error.hint})
        log.warning("the queue had lost job %s; it is queued again", job.id)
        self._store.save_jobs([(StoredJob(found, order), ())])
        self._loaded()[job.id] = found
        return found

    def _end(self, job: Job, state: str, error: dict[str, str]) -> Job:
        ended = replace(job, state=state, phase=state, error=error, ended_at=time.time(), eta_s=None)  # type: ignore[arg-type]
        self._store.save_jobs([(StoredJob(ended, None), ())])
        self._loaded()[job.id] = ended
        return ended

    def _is_there(self, job: str) -> bool:
        try:
            self._queue.order(job)
        except JobNotFound:
            return False
        return True

    def _entry(self, job: Job, *, order: bool) -> tuple[StoredJob, tuple[LogLine, ...]]:
        try:
            ordered = self._queue.order(job.id) if order else None
            lines = self._queue.log(job.id) if not job.is_open else ()
        except (HostUnreachable, JobNotFound):
            ordered, lines = None, ()
        return StoredJob(replace(job, position=None, waiting=None), ordered), lines

    def _loaded(self) -> dict[str, Job]:
        if self._known is None:
            self._known = self._store.job_states(KNOWN_JOBS)
        return self._known

    # -- reading ----------------------------------------------------------------------------------------------------

    def page(self, query: JobQuery) -> JobPage:
        """Jobs, newest first: as the queue has them now, or as they were when it was last seen.

        Raises:
            QueueOffline: it never was.
        """
        try:
            live = {job.id: job for job in self._queue.jobs()}
        except HostUnreachable:
            if not self._store.jobs(JobQuery(limit=1)).total:
                raise
            return self._store.jobs(query)
        self.note(live.values())
        found = self._store.jobs(query)
        return JobPage(tuple(live.get(job.id, job) for job in found.jobs), found.total)

    def job(self, job: str) -> Job:
        """One job. Raises `JobNotFound`."""
        try:
            return self._queue.job(job)
        except (JobNotFound, HostUnreachable):
            stored = self._store.job(job)
            if stored is None:
                raise
            return stored.job

    def log(self, job: str) -> tuple[LogLine, ...]:
        """The log of a job. Raises `JobNotFound`, `QueueOffline`."""
        stored = self._store.job(job)
        if stored is not None and not stored.job.is_open and (lines := self._store.job_log(job)):
            return lines
        try:
            self._queue.order(job)
            return self._queue.log(job)
        except (JobNotFound, HostUnreachable):
            if stored is None:
                raise
            return self._store.job_log(job)

    def order_again(self, job: str) -> JobOrder:
        """The order of an ended job that the queue has forgotten. Raises `JobNotFound`, `Busy`."""
        stored = self._store.job(job)
        if stored is None or stored.order is None:
            raise JobNotFound(f"there is no job {job[:64]!r}", "it may be older than what is kept")
        if stored.job.state not in ("failed", "cancelled"):
            raise Busy(
                "the job has finished" if stored.job.state == "finished" else f"the job is still {stored.job.state}",
                "only a failed or cancelled job can be started again",
            )
        return stored.order


def _begun_again(before: Job | None, now: Job) -> bool:
    """Whether the order is another one than was written down: it counts how often the job's worker died."""
    return before is None or (now.is_open and now.attempts > 1 and now.attempts != before.attempts)


def _alike(before: Job, now: Job) -> bool:
    """Whether nothing changed that is worth writing down: how far a job is changes all the time."""
    return (before.state, before.priority, before.attempts, before.worker) == (
        now.state,
        now.priority,
        now.attempts,
        now.worker,
    )
