"""What keeps waiting jobs waiting: their place, the pause, and which workers are there for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from plexcut.domain.jobs import Job, WorkerInfo
from plexcut.domain.paths import Reach, reaches
from plexcut.jobs import names
from plexcut.jobs.dispatch import QUEUE_KEY, declared

if TYPE_CHECKING:
    from redis import Redis

PAUSED = {"code": "queue_paused", "message": "the queue is paused", "hint": "resume it"}
NO_WORKER = {"code": "no_worker", "message": "no worker is running", "hint": "start `plexcut worker`"}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The queue at one moment. `reach` is what each living worker declared, None: everything."""

    places: Mapping[str, int] = field(default_factory=dict)
    paused: bool = False
    workers: tuple[WorkerInfo, ...] = ()
    reach: tuple[Reach | None, ...] = ()
    running_on: Mapping[str, int] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    held: Mapping[str, dict[str, str]] = field(default_factory=dict)

    def on(self, job: Job, place: str) -> Job:
        """A waiting job with its position and what it waits for."""
        return replace(job, position=self.places.get(job.id), waiting=self._waiting(job, place))

    def _waiting(self, job: Job, place: str) -> dict[str, str] | None:
        if self.paused:
            return PAUSED
        if not self.workers:
            return NO_WORKER
        if job.library and not any(reach is None or reaches(reach, job.library, place) for reach in self.reach):
            return {
                "code": "library_unreachable",
                "message": f"no running worker reaches the library {job.library!r} where this recording lies",
                "hint": "configure it on a worker, or mount its folder there",
            }
        limit = self.limits.get(job.storage, 0)
        if limit and self.running_on.get(job.storage, 0) >= limit:
            return {
                "code": "storage_busy",
                "message": f"{job.storage} has as many jobs as it may have at once ({limit})",
                "hint": "it begins when one of them ends",
            }
        return self.held.get(job.id)


def workers_of(redis: Redis) -> tuple[tuple[WorkerInfo, ...], tuple[Reach | None, ...]]:
    """The living workers, and what they reach."""
    members: Any = redis.smembers(f"rq:workers:{names.QUEUE}")
    found = sorted(member.decode().removeprefix("rq:worker:") for member in members)
    with redis.pipeline(transaction=False) as pipe:
        for name in found:
            pipe.hget(f"rq:worker:{name}", "state")
            pipe.get(names.alive_key(name))
            pipe.get(names.reach_key(name))
        answers = pipe.execute()
    infos, reach = [], []
    for name, state, beat, said in zip(found, answers[::3], answers[1::3], answers[2::3], strict=True):
        if beat is None:
            continue
        known = declared(said)
        libraries = None
        if known is not None:
            libraries = tuple(sorted(library for library, words in known.items() if any(ok for _, ok in words)))
        infos.append(WorkerInfo(name, (state or b"starting").decode(), float(beat), libraries))
        reach.append(known)
    return tuple(infos), tuple(reach)


def look(redis: Redis) -> Snapshot:
    """The queue now."""
    workers, reach = workers_of(redis)
    with redis.pipeline(transaction=False) as pipe:
        pipe.lrange(QUEUE_KEY, 0, -1)
        pipe.exists(names.PAUSED_KEY)
        pipe.hgetall(names.BUSY_KEY)
        pipe.hgetall(names.LIMITS_KEY)
        pipe.hgetall(names.HELD_KEY)
        listed, paused, busy, limits, held = pipe.execute()
    living = {info.name for info in workers}
    running_on: dict[str, int] = {}
    for worker, entry in busy.items():
        if worker.decode() in living:
            storage = json.loads(entry)["storage"]
            running_on[storage] = running_on.get(storage, 0) + 1
    return Snapshot(
        places={job.decode(): n for n, job in enumerate(listed, 1)},
        paused=bool(paused),
        workers=workers,
        reach=reach,
        running_on=running_on,
        limits={storage.decode(): int(limit) for storage, limit in limits.items()},
        held={job.decode(): _why(entry) for job, entry in held.items()},
    )


def _why(entry: bytes) -> dict[str, str]:
    read = json.loads(entry)
    return {name: str(read.get(name, "")) for name in ("code", "message", "hint")}
