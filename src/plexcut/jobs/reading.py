"""Reading many jobs without asking for what cannot have changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rq.exceptions import DeserializationError
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer

from plexcut.domain.jobs import Job
from plexcut.jobs import line, names
from plexcut.jobs.record import state_of, to_job

if TYPE_CHECKING:
    from redis import Redis

_ENDED = ("finished", "failed", "stopped", "canceled")
_REMEMBERED = 2000


class Reader:
    """Remembers jobs that have ended (they only expire) and jobs that wait (while the queue's list has them)."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._ended: dict[str, Job] = {}
        self._waiting: dict[str, tuple[Job, str]] = {}

    def forget(self, job: str) -> None:
        """It was changed here."""
        self._waiting.pop(job, None)
        self._ended.pop(job, None)

    def read(self, job_ids: list[str], snapshot: line.Snapshot | None = None) -> tuple[Job, ...]:
        """These jobs in this order, without those that are not there any more."""
        snapshot = snapshot or line.look(self._redis)
        found = self._ended_again(job_ids)
        for job_id in job_ids:
            if job_id in snapshot.places and (known := self._waiting.get(job_id)) is not None:
                found[job_id] = snapshot.on(*known)
        unknown = [job_id for job_id in job_ids if job_id not in found]
        records = RqJob.fetch_many(unknown, connection=self._redis, serializer=JSONSerializer) if unknown else []
        rq_jobs = [record for record in records if record is not None]
        cancelling = self._cancelling([rq_job.id for rq_job in rq_jobs if state_of(rq_job) == "running"])
        if len(self._ended) > _REMEMBERED or len(self._waiting) > _REMEMBERED:
            self._ended, self._waiting = {}, {}
        for rq_job in rq_jobs:
            self._waiting.pop(rq_job.id, None)
            job = to_job(rq_job, cancelling=rq_job.id in cancelling)
            if job.state == "queued":
                place = _place(rq_job)
                if rq_job.id in snapshot.places:
                    self._waiting[job.id] = (job, place)
                job = snapshot.on(job, place)
            elif _status(rq_job) in _ENDED:
                self._ended[job.id] = job
            found[job.id] = job
        return tuple(found[job_id] for job_id in job_ids if job_id in found)

    def _ended_again(self, job_ids: list[str]) -> dict[str, Job]:
        known = [job_id for job_id in job_ids if job_id in self._ended]
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

    def _cancelling(self, running: list[str]) -> set[str]:
        if not running:
            return set()
        answers: Any = self._redis.mget([names.cancel_key(job) for job in running])
        return {job for job, cancel in zip(running, answers, strict=True) if cancel is not None}


def _status(rq_job: RqJob) -> str:
    status = rq_job.get_status(refresh=False)
    return str(getattr(status, "value", status))


def _place(rq_job: RqJob) -> str:
    try:
        return str(rq_job.args[0].get("place", ""))
    except (LookupError, TypeError, AttributeError, DeserializationError):
        return ""
