"""Watching the queue: telling the page of every change, and learning from jobs that ended."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace

from plexcut.domain.catalog import library_of
from plexcut.domain.jobs import Job, Progress, QueueCounts
from plexcut.errors import HostUnreachable, QueueOffline
from plexcut.plexdata import views
from plexcut.plexdata.book import JobBook
from plexcut.plexdata.events import Events
from plexcut.plexdata.followups import FollowUps
from plexcut.plexdata.hosts import Hosts
from plexcut.plexdata.model import Ports

log = logging.getLogger(__name__)

WATCHED_S = 0.5
"""How often the queue is asked while somebody listens."""
UNWATCHED_S = 5.0
"""How often otherwise: a finished cut is a new file, and tells how fast cuts are."""


PAUSED = "queue_paused"
"""The name of the choice that keeps the queue paused over restarts."""
NOTHING_KNOWN = Progress("idle", None, None, None, 0.0, None, None, QueueCounts(0, 0, 0, online=False))
PLACES_TOLD = 20
"""A job that moves up further behind is no news."""


class Watch:
    """A thread that asks the queue for its jobs and tells of the differences."""

    def __init__(self, ports: Ports, hosts: Hosts, events: Events, follow_ups: FollowUps) -> None:
        self.follow_ups = follow_ups
        self.book = JobBook(ports.queue, ports.store)
        self._queue = ports.queue
        self._store = ports.store
        self._hosts = hosts
        self._events = events
        self._ended = threading.Event()
        self._known: dict[str, Job] | None = None
        self._progress: Progress | None = None
        self._away = True
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch."""
        self._thread = threading.Thread(target=self._run, name="watch-queue", daemon=True)
        self._thread.start()
        self.follow_ups.start()

    def close(self) -> None:
        """End it."""
        self._ended.set()
        self._events.wake()
        if self._thread is not None:
            self._thread.join(5)
        self.follow_ups.close()

    def told(self, job: Job) -> Job:
        """Write down a job that was just changed, tell of it, and answer it."""
        self.book.note([job])
        job = self.follow_ups.on(job)
        self._events.emit("job", views.job(job))
        return job

    def paused(self, paused: bool) -> None:
        """Pause or resume the queue, for as long as nobody says otherwise. Raises `QueueOffline`."""
        self._queue.pause(paused)
        self._store.save_choice(PAUSED, paused)
        self.look()

    def look(self) -> None:
        """Ask once, and tell what changed since the last time."""
        try:
            if self._away:
                self._greet()
            self._queue.tend()
            jobs = self._queue.jobs()
            progress = self._queue.progress()
            brought_back = self.book.recover(jobs)
        except HostUnreachable:
            self._queue_is_away()
            return
        for job in self.book.note(jobs):
            self._learn(job)
        self.follow_ups.collect(jobs)
        before = self._known
        self._known = {job.id: self.follow_ups.on(_worth_telling(job)) for job in jobs}
        for job in reversed(jobs):
            if before is not None and before.get(job.id) != self._known[job.id]:
                self._events.emit("job", views.job(self.follow_ups.on(job)))
        for job in brought_back:
            self._events.emit("job", views.job(job))
        self._tell(progress)

    def _greet(self) -> None:
        """The queue answers, for the first time or again: it may have lost what was chosen."""
        if self._store.choice(PAUSED):
            self._queue.pause(True)
        if not self._queue.online():
            raise QueueOffline("the queue does not answer")
        self._away = False
        if not self._hosts.queue_online:
            self._hosts.check_queue()

    def _queue_is_away(self) -> None:
        self.book.queue_is_away()
        if not self._away or self._progress is None:
            self._hosts.check_queue()
        self._away = True
        last = self._progress or NOTHING_KNOWN
        self._tell(replace(last, worker=None, queue=replace(last.queue, online=False)))

    def _tell(self, progress: Progress) -> None:
        if progress != self._progress:
            self._progress = progress
            self._events.emit("progress", views.progress(progress))

    def _learn(self, job: Job) -> None:
        if job.state != "finished":
            return
        result = job.result or {}
        nbytes, seconds = result.get("bytes"), result.get("seconds")
        if isinstance(nbytes, int) and isinstance(seconds, (int, float)) and nbytes > 0 and seconds > 0:
            storage = job.storage or self._hosts.storage_of(job.recording)
            self._store.record_speed(job.kind, nbytes, float(seconds), storage)
        self._hosts.relist(library_of(job.recording))

    def _run(self) -> None:
        while not self._ended.is_set():
            if self._events.listeners:
                self._ended.wait(WATCHED_S)
            else:
                self._events.wait_for_listener(UNWATCHED_S)
            if self._ended.is_set():
                return
            try:
                self.look()
            except Exception:
                log.exception("watching the queue failed")
                self._ended.wait(UNWATCHED_S)


def _worth_telling(job: Job) -> Job:
    """The job without what is no news."""
    far = job.position is not None and job.position > PLACES_TOLD
    return replace(job, position=None) if far else job
