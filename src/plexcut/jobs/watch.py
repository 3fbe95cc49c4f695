"""Beside a worker: its sign of life, what it reaches, cancelled tasks that do not end, jobs of dead workers."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from redis.exceptions import RedisError
from rq.exceptions import DeserializationError
from rq.job import Job
from rq.serializers import JSONSerializer

from plexcut.domain.paths import reaches
from plexcut.errors import PlexcutError
from plexcut.jobs import names, temporary
from plexcut.jobs.connection import connect
from plexcut.jobs.processes import PARENT_VARIABLE
from plexcut.jobs.record import state_of
from plexcut.jobs.rescue import Rescuer

if TYPE_CHECKING:
    from redis import Redis

    from plexcut.jobs.worker import CutWorker, Whereabouts

logger = logging.getLogger(__name__)

_SWEEP_EVERY_S = 10.0
_RESCUE_EVERY_S = 2.0
_REACH_EVERY_S = 8.0
_SWEPT_JOBS = 200
_SOON_S = 1.0
_END_S = 1.0
_WORKER_KEY_S = 90


class Finding(Protocol):
    """Finds files on this machine."""

    def find(self, library: str, place: str, root: str) -> tuple[Path, Path]:
        """Root and path of a file here."""


class Sweeper:
    """Removes the temporary files of jobs that are over: those whose process and worker were killed left them."""

    def __init__(self, connection: Redis, places: Finding | None = None) -> None:
        self._redis = connection
        self._places = places

    def sweep(self) -> None:
        """Look at the latest jobs."""
        listed: Any = self._redis.zrevrange(names.INDEX_KEY, 0, _SWEPT_JOBS - 1)
        records = Job.fetch_many([job.decode() for job in listed], connection=self._redis, serializer=JSONSerializer)
        for job in records:
            if job is not None and state_of(job) not in ("queued", "running"):
                self._remove_leftovers(job)

    def _remove_leftovers(self, job: Job) -> None:
        try:
            movie = dict(job.args[0])
            root = Path(movie["root"])
            if self._places is not None and movie.get("library"):
                root = self._places.find(movie["library"], movie["place"], movie["root"])[0]
        except (LookupError, TypeError, ValueError, DeserializationError, PlexcutError):
            return
        if temporary.remove(root, job.id, all_attempts=True):
            logger.warning("removed what job %s had left in %s", job.id, root)


class Watch(threading.Thread):
    """Beside the worker: says that it is alive, kills a cancelled task that does not end, and watches our parent."""

    def __init__(self, worker: CutWorker, url: str, places: Whereabouts | None = None) -> None:
        super().__init__(name="watch", daemon=True)
        self._worker = worker
        self._redis = connect(url)
        self._over = threading.Event()
        self._places = places
        self._sweeper = Sweeper(self._redis, places)
        self._rescuer = Rescuer(self._redis)
        self._cancelled_at: dict[str, float] = {}
        self._reach: dict[str, list[tuple[str, bool]]] = {}
        self._reach_at = float("-inf")
        named = os.environ.get(PARENT_VARIABLE, "")
        self._parent = int(named) if named.isdecimal() else None

    def can_reach(self, library: str, place: str) -> bool:
        """Whether this worker reaches a file, as far as is known since the last look."""
        return self._places is None or reaches(self._reach, library, place)

    def run(self) -> None:
        """Until `end`."""
        beat_at = swept_at = rescued_at = float("-inf")
        while not self._over.is_set():
            self._watch_parent()
            self._look_around()
            try:
                if time.monotonic() - beat_at >= names.ALIVE_EVERY_S:
                    self._beat()
                    beat_at = time.monotonic()
                if self._enforce_cancels():
                    swept_at = time.monotonic() - _SWEEP_EVERY_S + _SOON_S
                if time.monotonic() - rescued_at >= _RESCUE_EVERY_S:
                    rescued_at = time.monotonic()
                    if self._rescuer.look():
                        swept_at = float("-inf")
                if time.monotonic() - swept_at >= _SWEEP_EVERY_S:
                    swept_at = time.monotonic()
                    self._sweeper.sweep()
            except (RedisError, OSError):
                self._rescuer.forget()
                logger.debug("the queue does not answer", exc_info=True)
            self._over.wait(0.5)

    def end(self) -> None:
        """Stop watching, and let the queue know at once that this worker is gone."""
        self._over.set()
        if self.is_alive():
            self.join(_END_S)
        with contextlib.suppress(RedisError, OSError):
            self._redis.srem("rq:workers", self._worker.key)
            self._redis.srem(f"rq:workers:{names.QUEUE}", self._worker.key)
            self._redis.delete(names.alive_key(self._worker.name), names.reach_key(self._worker.name))
            self._redis.hdel(names.BUSY_KEY, self._worker.name)
        self._redis.close()

    def _watch_parent(self) -> None:
        if self._parent is not None and os.getppid() != self._parent:
            logger.warning("the server is gone; the worker ends")
            self._parent = None
            os.kill(os.getpid(), signal.SIGTERM)

    def _look_around(self) -> None:
        """See what can be reached; a mount that hangs holds this up for a moment at most."""
        if self._places is not None and time.monotonic() - self._reach_at >= _REACH_EVERY_S:
            before, self._reach = self._reach, self._places.reach()
            self._reach_at = time.monotonic()
            if before != self._reach:
                there = sorted(library for library, words in self._reach.items() if any(ok for _, ok in words))
                logger.info("this worker reaches %s", ", ".join(there) or "no library")

    def _beat(self) -> None:
        """Be alive; a queue that has lost everything is told of the worker again."""
        worker = self._worker
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.set(names.alive_key(worker.name), f"{time.time():.3f}", ex=names.ALIVE_TTL_S)
            if self._places is not None:
                pipe.set(names.reach_key(worker.name), json.dumps(self._reach), ex=names.ALIVE_TTL_S)
            if worker.birth_date is not None:  # RQ takes a record that is there before for another worker
                pipe.sadd("rq:workers", worker.key)
                pipe.sadd(f"rq:workers:{names.QUEUE}", worker.key)
                state = str(getattr(worker.get_state(), "value", worker.get_state()))
                pipe.hset(worker.key, mapping={**worker.serialize(), "state": state})
                pipe.expire(worker.key, _WORKER_KEY_S)
            pipe.execute()

    def _enforce_cancels(self) -> bool:
        """Whether a task had to be killed."""
        killed = False
        running = {execution.job_id for execution in list(self._worker.executions.values())}
        self._cancelled_at = {job: at for job, at in self._cancelled_at.items() if job in running}
        for job in running:
            if job not in self._cancelled_at:
                if self._redis.exists(names.cancel_key(job)):
                    self._cancelled_at[job] = time.monotonic()
            elif time.monotonic() - self._cancelled_at[job] > names.CANCEL_PATIENCE_S:
                self._worker.stop_current(job)
                killed = True
        return killed
