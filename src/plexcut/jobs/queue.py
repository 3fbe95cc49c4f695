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
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from redis.exceptions import WatchError
from rq import Queue
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer

from plexcut.domain.catalog import ID_PATTERN, MovieData
from plexcut.domain.jobs import Job, Progress, ProgressState, QueueCounts, WorkerInfo
from plexcut.errors import Busy, JobNotFound, QueueOffline, RecordingBusy
from plexcut.jobs import names
from plexcut.jobs.connection import connect, translated
from plexcut.jobs.record import state_of, to_job

logger = logging.getLogger(__name__)

_MAX_JOBS = 1000
_CLAIM_TTL_S = 60 * names.DAY_S
_CANCEL_WAIT_S = 1.5
_ONLINE_TIMEOUT_S = 0.8


class RqJobQueue:
    """`JobQueue` over the Redis or Valkey server at `url`.

    `task` is the dotted name of the function that workers call with a `MovieData` as a dict.
    """

    def __init__(self, url: str, *, task: str = names.CUT_TASK) -> None:
        self._url = url
        self._task = task
        self._redis = connect(url)
        self._pinger = connect(url, _ONLINE_TIMEOUT_S)
        self._queue = Queue(names.QUEUE, connection=self._redis, serializer=JSONSerializer)
        self._ended: dict[str, Job] = {}
        self._missing_since: dict[str, float] = {}

    def online(self) -> bool:
        try:
            with translated(self._url):
                return bool(self._pinger.ping())
        except QueueOffline:
            return False

    def workers(self) -> tuple[WorkerInfo, ...]:
        with translated(self._url):
            members: Any = self._redis.smembers(f"rq:workers:{names.QUEUE}")
            found = sorted(member.decode().removeprefix("rq:worker:") for member in members)
            with self._redis.pipeline(transaction=False) as pipe:
                for name in found:
                    pipe.hget(f"rq:worker:{name}", "state")
                    pipe.get(names.alive_key(name))
                answers = pipe.execute()
        infos = []
        for name, state, beat in zip(found, answers[::2], answers[1::2], strict=True):
            if beat is not None:
                infos.append(WorkerInfo(name, (state or b"starting").decode(), float(beat)))
        return tuple(infos)

    def enqueue_cut(self, movie: MovieData, meta: dict[str, Any], timeout_s: int) -> Job:
        return self._order(dataclasses.asdict(movie), meta, timeout_s)

    def jobs(self) -> tuple[Job, ...]:
        with self._bounded():
            listed: Any = self._redis.zrevrange(names.INDEX_KEY, 0, _MAX_JOBS - 1)
            job_ids = [job_id.decode() for job_id in listed]
            if len(self._ended) > 2 * _MAX_JOBS:
                self._ended = {job_id: job for job_id in job_ids if (job := self._ended.get(job_id)) is not None}
            return self._read(job_ids)

    def job(self, job: str) -> Job:
        with self._bounded():
            self._fetch(job)
            found = self._read([job])
        if not found:
            raise _not_found(job)
        return found[0]

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
        with self._bounded():
            rq_job = self._fetch(job)
            movie = dict(rq_job.args[0])
            timeout_s = int(rq_job.timeout or 0)
        return self._order(movie, now.meta, timeout_s)

    def progress(self) -> Progress:
        jobs = self.jobs()
        workers = self.workers()
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
            state, current = "queued", queued[-1]
        elif last is not None and last.state == "failed":
            state, current = "failed", last
        worker = next((info for info in workers if info.state == "busy"), workers[0] if workers else None)
        return Progress(
            state=state,
            job=current.id if current else None,
            title=current.title if current else None,
            phase=current.phase if current else None,
            percent=current.percent if current else 0.0,
            eta_s=current.eta_s if current else None,
            worker=worker,
            queue=QueueCounts(queued=len(queued), running=len(running), failed=len(failed)),
        )

    def close(self) -> None:
        self._redis.close()
        self._pinger.close()

    # ------------------------------------------------------------------------------------------------------- ordering

    def _order(self, movie: dict[str, Any], order: dict[str, Any], timeout_s: int) -> Job:
        created_at = time.time()
        with self._bounded():
            rq_job = RqJob.create(
                self._task,
                args=[movie],
                connection=self._redis,
                serializer=JSONSerializer,
                id=uuid.uuid4().hex,
                origin=names.QUEUE,
                description=f"cut {movie['recording']}",
                timeout=timeout_s,
                result_ttl=names.RESULT_TTL_S,
                failure_ttl=names.FAILURE_TTL_S,
                meta={
                    "kind": "cut",
                    "title": movie["title"],
                    "recording": movie["recording"],
                    "created_at": created_at,
                    "estimate_s": movie.get("eta_s"),
                    "order": order,
                },
            )
            self._queue.get_redis_server_version()
            while not self._claim_and_enqueue(rq_job, movie["recording"], created_at):
                logger.debug("somebody else ordered something for %s at the same moment", movie["recording"])
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
        return any(found.state in ("queued", "running") for found in self._read([job]))

    def _forget_vanished(self) -> None:
        """Take jobs out of the index whose record has expired."""
        before = time.time() - names.RESULT_TTL_S
        old: Any = self._redis.zrangebyscore(names.INDEX_KEY, "-inf", before)
        gone = [job_id for job_id in old if not self._redis.exists(RqJob.key_for(job_id.decode()))]
        if gone:
            self._redis.zrem(names.INDEX_KEY, *gone)

    # -------------------------------------------------------------------------------------------------------- reading

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        """`translated`, which also forgets who was missing: nobody can be seen while the queue is offline."""
        try:
            with translated(self._url):
                yield
        except QueueOffline:
            self._missing_since.clear()
            raise

    def _fetch(self, job: str) -> RqJob:
        if not ID_PATTERN.match(job):
            raise _not_found(job)
        try:
            return RqJob.fetch(job, connection=self._redis, serializer=JSONSerializer)
        except NoSuchJobError:
            raise _not_found(job) from None

    def _read(self, job_ids: list[str]) -> tuple[Job, ...]:
        """These jobs in this order, without those that are not there any more."""
        found = self._ended_again(job_id for job_id in job_ids if job_id in self._ended)
        unknown = [job_id for job_id in job_ids if job_id not in found]
        records = RqJob.fetch_many(unknown, connection=self._redis, serializer=JSONSerializer) if unknown else []
        rq_jobs = [record for record in records if record is not None]
        running = [rq_job for rq_job in rq_jobs if state_of(rq_job) == "running"]
        abandoned, cancelling = self._look_after(running)
        for rq_job in rq_jobs:
            job = to_job(rq_job, abandoned=rq_job.id in abandoned, cancelling=rq_job.id in cancelling)
            found[job.id] = job
            if rq_job.get_status(refresh=False) in ("finished", "failed", "stopped", "canceled"):
                self._ended[job.id] = job
                self._missing_since.pop(job.id, None)
        return tuple(found[job_id] for job_id in job_ids if job_id in found)

    def _ended_again(self, job_ids: Iterable[str]) -> dict[str, Job]:
        """Jobs that had ended when they were last read: they do not change, but they expire."""
        known = list(job_ids)
        if not known:
            return {}
        with self._redis.pipeline(transaction=False) as pipe:
            for job_id in known:
                pipe.exists(RqJob.key_for(job_id))
            there = pipe.execute()
        for job_id, exists in zip(known, there, strict=True):
            if not exists:
                self._ended.pop(job_id, None)
        return {job_id: job for job_id in known if (job := self._ended.get(job_id)) is not None}

    def _look_after(self, running: list[RqJob]) -> tuple[set[str], set[str]]:
        """Which of the running jobs have lost their worker, and which were asked to end."""
        if not running:
            return set(), set()
        keys = [names.alive_key(rq_job.worker_name or "") for rq_job in running]
        keys += [names.cancel_key(rq_job.id) for rq_job in running]
        answers: Any = self._redis.mget(keys)
        now = time.monotonic()
        abandoned, cancelling = set(), set()
        for rq_job, alive, cancel in zip(running, answers, answers[len(running) :], strict=False):
            if cancel is not None:
                cancelling.add(rq_job.id)
            if alive is not None:
                self._missing_since.pop(rq_job.id, None)
            elif now - self._missing_since.setdefault(rq_job.id, now) >= names.ABANDONED_AFTER_S:
                abandoned.add(rq_job.id)
        return abandoned, cancelling

    def _wait_for_end(self, job: str) -> None:
        until = time.monotonic() + _CANCEL_WAIT_S
        while self._is_active(job) and time.monotonic() < until:
            time.sleep(0.05)


def _not_found(job: str) -> JobNotFound:
    return JobNotFound(f"there is no job {job[:64]!r}", "it may be older than the queue keeps")
