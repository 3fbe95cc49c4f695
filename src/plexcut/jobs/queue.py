"""The queue `VueCutter` on RQ: an adapter of `domain.ports.JobQueue`.

A recording belongs to one job at a time. The claim is a key that names the job; it is written in the same transaction
that queues the job, and counts for as long as that job waits or runs. Nobody has to give it back, so nothing is left
locked by a process that died.
"""

from __future__ import annotations

import dataclasses
import logging
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from redis.exceptions import WatchError
from rq import Queue
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer

from plexcut.domain.catalog import ID_PATTERN, MovieData
from plexcut.domain.jobs import (
    PRIORITIES,
    Job,
    JobOrder,
    LogLine,
    Priority,
    Progress,
    ProgressState,
    QueueCounts,
    WorkerInfo,
)
from plexcut.errors import Busy, JobNotFound, QueueOffline, RecordingBusy
from plexcut.jobs import joblog, line, names
from plexcut.jobs.connection import connect, translated
from plexcut.jobs.control import STALL_S
from plexcut.jobs.dispatch import Line
from plexcut.jobs.reading import Reader
from plexcut.jobs.record import state_of, to_order
from plexcut.jobs.rescue import Rescuer

logger = logging.getLogger(__name__)

_MAX_JOBS = 1000
_CLAIM_TTL_S = 60 * names.DAY_S
_CANCEL_WAIT_S = 1.5
_ONLINE_TIMEOUT_S = 0.8


class RqJobQueue:
    """`JobQueue` over the Redis or Valkey server at `url`.

    `task` is the dotted name of the function that workers call with a `MovieData` as a dict, `limits` say how many jobs
    may run at once on a storage, `stall_s` is how long a job may make no progress.
    """

    def __init__(
        self,
        url: str,
        *,
        task: str = names.CUT_TASK,
        limits: Mapping[str, int] | None = None,
        stall_s: float = STALL_S,
    ) -> None:
        self._url = url
        self._task = task
        self._limits = dict(limits or {})
        self._stall_s = stall_s
        self._redis = connect(url)
        self._pinger = connect(url, _ONLINE_TIMEOUT_S)
        self._queue = Queue(names.QUEUE, connection=self._redis, serializer=JSONSerializer)
        self._line = Line(self._redis)
        self._reader = Reader(self._redis)
        self._rescuer = Rescuer(self._redis)

    def online(self) -> bool:
        try:
            with translated(self._url):
                return bool(self._pinger.ping())
        except QueueOffline:
            return False

    def workers(self) -> tuple[WorkerInfo, ...]:
        with self._bounded():
            return line.workers_of(self._redis)[0]

    def enqueue_cut(self, movie: MovieData, meta: dict[str, Any], timeout_s: int, priority: Priority = "normal") -> Job:
        order = JobOrder(uuid.uuid4().hex, dataclasses.asdict(movie), meta, timeout_s, time.time(), priority)
        return self._order(order)

    def put_back(self, order: JobOrder) -> Job:
        return self._order(order)

    def order(self, job: str) -> JobOrder:
        with self._bounded():
            return to_order(self._fetch(job))

    def log(self, job: str) -> tuple[LogLine, ...]:
        with self._bounded():
            return joblog.read(self._redis, job)

    def jobs(self) -> tuple[Job, ...]:
        with self._bounded():
            listed: Any = self._redis.zrevrange(names.INDEX_KEY, 0, _MAX_JOBS - 1)
            return self._reader.read([job_id.decode() for job_id in listed])

    def has_job(self, recording: str) -> bool:
        with self._bounded():
            holder: Any = self._redis.get(names.claim_key(recording))
            return holder is not None and self._is_active(holder.decode())

    def job(self, job: str) -> Job:
        with self._bounded():
            self._fetch(job)
            found = self._reader.read([job])
        if not found:
            raise _not_found(job)
        return found[0]

    # ------------------------------------------------------------------------------------------------------- changing

    def pause(self, paused: bool) -> None:
        with self._bounded():
            if paused:
                self._redis.set(names.PAUSED_KEY, "1")
            else:
                self._redis.delete(names.PAUSED_KEY)

    def move(self, job: str, *, position: int | None = None, before: str | None = None) -> Job:
        with self._bounded():
            self._fetch(job)
            if before is not None:
                moved = self._line.move_before(job, before)
                if moved is None:
                    raise Busy("the job that it is to go before does not wait any more", "look at the queue again")
            else:
                moved = self._line.move_to(job, max(position or 1, 1))
        if not moved:
            raise self._not_waiting(job)
        return self.job(job)

    def prioritise(self, job: str, priority: Priority) -> Job:
        with self._bounded():
            rq_job = self._fetch(job)
            if not self._line.prioritise(job, _level(priority)):
                raise self._not_waiting(job)
            rq_job.meta = {**rq_job.meta, "priority": priority}
            if state_of(rq_job) == "queued":
                rq_job.save_meta()  # type: ignore[no-untyped-call]
            self._reader.forget(job)
        return self.job(job)

    def tend(self) -> None:
        with self._bounded():
            with self._redis.pipeline() as pipe:
                pipe.delete(names.LIMITS_KEY)
                for storage, limit in self._limits.items():
                    pipe.hset(names.LIMITS_KEY, storage, str(limit))
                pipe.execute()
            for job in self._rescuer.look():
                self._reader.forget(job)

    def cancel(self, job: str) -> Job:
        with self._bounded():
            rq_job = self._fetch(job)
            state = state_of(rq_job)
            if state in ("queued", "running"):
                self._redis.set(names.cancel_key(job), "1", ex=names.RESULT_TTL_S)
            if state == "queued":
                try:
                    rq_job.meta["ended_at"] = time.time()
                    rq_job.save_meta()  # type: ignore[no-untyped-call]
                    rq_job.cancel()
                    self._redis.hdel(names.HELD_KEY, job)
                    self._redis.expire(rq_job.key, names.FAILURE_TTL_S)
                except InvalidJobOperation:
                    logger.debug("job %s was cancelled by somebody else", job)
            elif state == "running":
                self._wait_for_end(job)
        return self.job(job)

    def retry(self, job: str) -> Job:
        now = self.job(job)
        if now.state not in ("failed", "cancelled"):
            reason = "has finished" if now.state == "finished" else f"is still {now.state}"
            raise Busy(f"the job {reason}", "only a failed or cancelled job can be started again")
        order = self.order(job)
        return self._order(dataclasses.replace(order, id=uuid.uuid4().hex, created_at=time.time(), deaths=0, losses=0))

    def progress(self) -> Progress:
        with self._bounded():
            listed: Any = self._redis.zrevrange(names.INDEX_KEY, 0, _MAX_JOBS - 1)
            snapshot = line.look(self._redis)
            jobs = self._reader.read([job_id.decode() for job_id in listed], snapshot)
        running = sorted((job for job in jobs if job.state == "running"), key=lambda job: job.started_at or 0.0)
        queued = [job for job in jobs if job.state == "queued"]
        failed = [job for job in jobs if job.state == "failed"]
        ended = [job for job in jobs if job.ended_at is not None]
        last = max(ended, key=lambda job: job.ended_at or 0.0, default=None)
        state: ProgressState = "idle"
        current: Job | None = None
        if running:
            current = running[0]
            state = "finishing" if current.phase in names.FINISHING_PHASES else "running"
        elif queued:
            state, current = "queued", min(queued, key=lambda job: job.position or 0)
        elif last is not None and last.state == "failed":
            state, current = "failed", last
        workers = snapshot.workers
        worker = next((info for info in workers if info.state == "busy"), workers[0] if workers else None)
        return Progress(
            state=state,
            job=current.id if current else None,
            title=current.title if current else None,
            phase=current.phase if current else None,
            percent=current.percent if current else 0.0,
            eta_s=current.eta_s if current else None,
            worker=worker,
            queue=QueueCounts(len(queued), len(running), len(failed), paused=snapshot.paused),
        )

    def close(self) -> None:
        self._redis.close()
        self._pinger.close()

    # ------------------------------------------------------------------------------------------------------- ordering

    def _order(self, order: JobOrder) -> Job:
        movie = order.movie
        with self._bounded():
            rq_job = RqJob.create(
                self._task,
                args=[movie],
                connection=self._redis,
                serializer=JSONSerializer,
                id=order.id,
                origin=names.QUEUE,
                description=f"cut {movie['recording']}",
                timeout=order.timeout_s,
                result_ttl=names.RESULT_TTL_S,
                failure_ttl=names.FAILURE_TTL_S,
                meta={
                    "kind": "cut",
                    "title": movie["title"],
                    "recording": movie["recording"],
                    "library": movie.get("library", ""),
                    "storage": movie.get("storage", ""),
                    "created_at": order.created_at,
                    "estimate_s": movie.get("eta_s"),
                    "order": order.meta,
                    "priority": order.priority,
                    "deaths": order.deaths,
                    "losses": order.losses,
                    "stall_s": self._stall_s,
                },
            )
            self._queue.get_redis_server_version()
            while not self._claim_and_enqueue(rq_job, movie["recording"], order.created_at):
                logger.debug("somebody else ordered something for %s at the same moment", movie["recording"])
            if order.priority != "normal" or self._redis.exists(names.PRIORITY_KEY):
                self._line.prioritise(rq_job.id, _level(order.priority))
            self._forget_vanished()
        return self.job(rq_job.id)

    def _claim_and_enqueue(self, rq_job: RqJob, recording: str, created_at: float) -> bool:
        """One attempt; False when the claim changed under our hands."""
        claim = names.claim_key(recording)
        with self._redis.pipeline() as pipe:
            try:
                pipe.watch(claim)  # type: ignore[no-untyped-call]
                holder: Any = pipe.get(claim)
                if holder is not None and self._is_active(holder.decode()):
                    raise RecordingBusy(
                        "another job works on this recording", "wait for it to end, or cancel it, then try again"
                    )
                pipe.multi()
                pipe.set(claim, rq_job.id, ex=_CLAIM_TTL_S)
                pipe.zadd(names.INDEX_KEY, {rq_job.id: created_at})
                self._queue.enqueue_job(rq_job, pipeline=pipe)
                pipe.execute()
            except WatchError:
                return False
        return True

    def _is_active(self, job: str) -> bool:
        return any(found.state in ("queued", "running") for found in self._reader.read([job]))

    def _forget_vanished(self) -> None:
        """Take jobs out of the index whose record has expired."""
        before = time.time() - names.RESULT_TTL_S
        old: Any = self._redis.zrangebyscore(names.INDEX_KEY, "-inf", before)
        gone = [job_id for job_id in old if not self._redis.exists(RqJob.key_for(job_id.decode()))]
        if gone:
            self._redis.zrem(names.INDEX_KEY, *gone)

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        """`translated`, which also forgets who was missing: nobody can be seen while the queue is offline."""
        try:
            with translated(self._url):
                yield
        except QueueOffline:
            self._rescuer.forget()
            raise

    def _not_waiting(self, job: str) -> Busy:
        return Busy(f"the job is {self.job(job).state} and has no place in the queue", "only a waiting job has one")

    def _fetch(self, job: str) -> RqJob:
        if not ID_PATTERN.match(job):
            raise _not_found(job)
        try:
            return RqJob.fetch(job, connection=self._redis, serializer=JSONSerializer)
        except NoSuchJobError:
            raise _not_found(job) from None

    def _wait_for_end(self, job: str) -> None:
        until = time.monotonic() + _CANCEL_WAIT_S
        while self._is_active(job) and time.monotonic() < until:
            time.sleep(0.05)


def _level(priority: Priority) -> int:
    return PRIORITIES.index(priority) - 1


def _not_found(job: str) -> JobNotFound:
    return JobNotFound(f"there is no job {job[:64]!r}", "it may be older than the queue keeps")
