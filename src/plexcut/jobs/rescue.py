"""Jobs whose worker died: tried once more, then failed with the reason; and what a crash left in RQ's registries.

Any worker and any server looks. What one of them decides is written in a transaction that fails if the job, or the sign
of life of its worker, changed meanwhile.
"""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

from redis.exceptions import WatchError
from rq.exceptions import NoSuchJobError
from rq.job import Job as RqJob
from rq.job import JobStatus
from rq.serializers import JSONSerializer

from plexcut.jobs import joblog, names
from plexcut.jobs.dispatch import QUEUE_KEY, TAKEN_KEY
from plexcut.jobs.record import CANCELLED, WORKER_DIED, state_of

if TYPE_CHECKING:
    from redis import Redis
    from redis.client import Pipeline

logger = logging.getLogger(__name__)

STARTED_KEY = f"rq:wip:{names.QUEUE}"
ATTEMPTS = 2
_PROGRESS = ("phase", "percent", "eta_s", "ended_at", "waiting", "waited_s")


class Rescuer:
    """Looks for them. Remembers since when a worker is missing: a restarted Valkey has forgotten the living."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._missing_since: dict[str, float] = {}

    def forget(self) -> None:
        """Nobody can be seen while the queue is offline."""
        self._missing_since.clear()

    def look(self) -> set[str]:
        """Once through all that runs; which jobs were found without a worker, and changed."""
        found: Any = self._redis.zrange(STARTED_KEY, 0, -1)
        executions: dict[str, list[str]] = {}
        for entry in found:
            job, _, execution = entry.decode().partition(":")
            executions.setdefault(job, []).append(execution)
        started = [job for job, known in executions.items() if self._alone(job, known)]
        taken = self._taken_by_the_dead()
        now = time.monotonic()
        self._missing_since = {job: self._missing_since.get(job, now) for job in (*started, *taken)}
        due = {job for job, since in self._missing_since.items() if now - since >= names.ABANDONED_AFTER_S}
        changed = {job for job in started if job in due and self._rescue(job, executions[job])}
        for job in taken:
            if job in due and self._redis.lrem(TAKEN_KEY, 1, job):
                logger.warning("job %s was taken by a worker that died, and goes back to the queue", job)
                self._redis.lpush(QUEUE_KEY, job)
                changed.add(job)
        return changed

    def _alone(self, job: str, executions: list[str]) -> bool:
        """Whether nobody works on a job that is in the registry of those that run."""
        worker: Any = self._redis.hget(RqJob.key_for(job), "worker_name")
        if worker and self._redis.exists(names.alive_key(worker.decode())):
            return False
        if worker:
            return True
        # Not begun yet: the worker is in the execution's record.
        for execution in executions:
            name: Any = self._redis.hget(f"rq:execution:{job}:{execution}", "worker_name")
            if name and self._redis.exists(names.alive_key(name.decode())):
                return False
        return True

    def _taken_by_the_dead(self) -> list[str]:
        """Jobs that left the queue, and that no living worker has."""
        listed: Any = self._redis.lrange(TAKEN_KEY, 0, -1)
        if not listed:
            return []
        busy: Any = self._redis.hgetall(names.BUSY_KEY)
        living = {
            json.loads(entry)["job"]
            for worker, entry in busy.items()
            if self._redis.exists(names.alive_key(worker.decode()))
        }
        running: Any = self._redis.zrange(STARTED_KEY, 0, -1)
        living |= {entry.decode().partition(":")[0] for entry in running}
        return [job.decode() for job in listed if job.decode() not in living]

    def _rescue(self, job: str, executions: list[str]) -> bool:
        with self._redis.pipeline() as pipe:
            try:
                pipe.watch(RqJob.key_for(job))  # type: ignore[no-untyped-call]
                try:
                    rq_job = RqJob.fetch(job, connection=self._redis, serializer=JSONSerializer)
                except NoSuchJobError:
                    pipe.unwatch()
                    self._redis.zrem(STARTED_KEY, *(f"{job}:{execution}" for execution in executions))
                    return False
                pipe.multi()
                said = self._decide(rq_job, pipe)
                for execution in executions:
                    pipe.zrem(STARTED_KEY, f"{job}:{execution}")
                    pipe.delete(f"rq:execution:{job}:{execution}")
                pipe.delete(f"rq:executions:{job}")
                pipe.execute()
            except WatchError:
                return False
        self._missing_since.pop(job, None)
        if said:
            logger.warning("job %s: %s", job, said)
            joblog.write(self._redis, job, said, "warning")
        return bool(said)

    def _decide(self, rq_job: RqJob, pipe: Pipeline) -> str:
        """Write what becomes of the job; the sentence for its log, empty where nothing had to be done."""
        status = rq_job.get_status(refresh=False)
        if status not in (JobStatus.STARTED, JobStatus.QUEUED):
            return ""
        meta = dict(rq_job.meta or {})
        deaths = int(meta.get("deaths") or 0) + 1
        said = ""
        if state_of(rq_job) == "finished":
            rq_job.set_status(JobStatus.FINISHED, pipeline=pipe)
            rq_job.cleanup(names.RESULT_TTL_S, pipeline=pipe, remove_from_queue=False)
            pipe.lrem(TAKEN_KEY, 0, rq_job.id)
            return "the worker died just after the job was done"
        if "error" not in meta:
            if self._redis.exists(names.cancel_key(rq_job.id)):
                meta, said = {**meta, "error": CANCELLED, "ended_at": time.time()}, "cancelled; its worker had died"
            elif deaths < ATTEMPTS:
                again(rq_job, deaths, pipe)
                return "the worker died; the job is tried once more"
            else:
                meta, said = {**meta, "error": WORKER_DIED, "ended_at": time.time()}, WORKER_DIED["message"]
        pipe.hset(rq_job.key, "meta", rq_job.serializer.dumps({**meta, "eta_s": None}))
        rq_job.set_status(JobStatus.FAILED, pipeline=pipe)
        rq_job._handle_failure("the worker died", pipe)
        pipe.lrem(TAKEN_KEY, 0, rq_job.id)
        return said or "filed as failed; its worker had died"


def again(rq_job: RqJob, deaths: int, pipe: Pipeline) -> None:
    """Put a job that was begun back to the front of the queue."""
    meta = {key: value for key, value in (rq_job.meta or {}).items() if key not in _PROGRESS}
    pipe.hset(
        rq_job.key,
        mapping={"meta": rq_job.serializer.dumps({**meta, "deaths": deaths}), "status": JobStatus.QUEUED.value},
    )
    pipe.hdel(rq_job.key, "worker_name", "started_at")
    pipe.lrem(TAKEN_KEY, 0, rq_job.id)
    pipe.lrem(QUEUE_KEY, 0, rq_job.id)
    pipe.lpush(QUEUE_KEY, rq_job.id)
    pipe.persist(rq_job.key)
