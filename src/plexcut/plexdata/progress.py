"""Watching the queue: telling the page of every change, and learning from jobs that ended."""

from __future__ import annotations

import logging
import threading
from typing import Any

from plexcut.domain.catalog import library_of
from plexcut.domain.jobs import Job
from plexcut.errors import HostUnreachable
from plexcut.plexdata import views
from plexcut.plexdata.events import Events
from plexcut.plexdata.followups import FollowUps
from plexcut.plexdata.hosts import Hosts
from plexcut.plexdata.model import Ports

log = logging.getLogger(__name__)

WATCHED_S = 0.5
"""How often the queue is asked while somebody listens."""
UNWATCHED_S = 5.0
"""How often otherwise: a finished cut is a new file, and tells how fast cuts are."""


class Watch:
    """A thread that asks the queue for its jobs and tells of the differences."""

    def __init__(self, ports: Ports, hosts: Hosts, events: Events, follow_ups: FollowUps) -> None:
        self.follow_ups = follow_ups
        self._queue = ports.queue
        self._store = ports.store
        self._hosts = hosts
        self._events = events
        self._ended = threading.Event()
        self._known: dict[str, dict[str, Any]] | None = None
        self._progress: dict[str, Any] | None = None
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
        """Tell of a job that was just changed, and answer it."""
        job = self.follow_ups.on(job)
        self._events.emit("job", views.job(job))
        return job

    def look(self) -> None:
        """Ask once, and tell what changed since the last time."""
        if not self._hosts.queue_online:
            return
        try:
            jobs = self._queue.jobs()
            progress = views.progress(self._queue.progress())
        except HostUnreachable:
            return
        self.follow_ups.collect(jobs)
        before = self._known
        self._known = {job.id: views.job(self.follow_ups.on(job)) for job in jobs}
        for job in reversed(jobs):
            now = self._known[job.id]
            if before is not None and before.get(job.id) != now:
                self._events.emit("job", now)
                if job.state == "finished" and before.get(job.id, {}).get("state") != "finished":
                    self._learn(job)
        if progress != self._progress:
            self._progress = progress
            self._events.emit("progress", progress)

    def _learn(self, job: Job) -> None:
        result = job.result or {}
        nbytes, seconds = result.get("bytes"), result.get("seconds")
        if isinstance(nbytes, int) and isinstance(seconds, (int, float)) and nbytes > 0 and seconds > 0:
            self._store.record_speed(job.kind, nbytes, float(seconds))
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
