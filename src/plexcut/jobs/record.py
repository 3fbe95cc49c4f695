"""RQ's view of a job as ours."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from rq.job import JobStatus

from plexcut.domain.jobs import Job, JobOrder, JobState

if TYPE_CHECKING:
    from rq.job import Job as RqJob

_ENDED: dict[str, JobState] = {
    JobStatus.FINISHED.value: "finished",
    JobStatus.FAILED.value: "failed",
    JobStatus.STOPPED.value: "cancelled",
    JobStatus.CANCELED.value: "cancelled",
}

WORKER_DIED = {
    "code": "worker_died",
    "message": "the worker ended in the middle of this job, twice",
    "hint": "the recording is untouched; see the worker's log, then start the job again",
}
PROCESS_DIED = {
    "code": "worker_died",
    "message": "the process of this job was killed twice, perhaps because memory ran out",
    "hint": "the recording is untouched; start the job again",
}
TIMED_OUT = {
    "code": "timeout",
    "message": "the job took longer than its time limit",
    "hint": "the recording is untouched; raise queue.timeout_s and start the job again",
}
STALLED = {
    "code": "stalled",
    "message": "the job made no progress for too long and was ended",
    "hint": "the recording is untouched; check the disk or the share it lies on, then start the job again",
}
CANCELLED = {"code": "cancelled", "message": "the job was cancelled", "hint": ""}


def to_job(rq_job: RqJob, *, cancelling: bool = False) -> Job:
    """The job as the rest of plexcut sees it. `cancelling`: somebody asked it to end."""
    meta: dict[str, Any] = rq_job.meta or {}
    state = state_of(rq_job)
    error = _error(rq_job, state)
    phase = str(meta.get("phase", ""))
    if state in ("finished", "failed", "cancelled", "queued"):
        phase = state
    elif cancelling:
        phase = "cancelling"
    running = state == "running"
    started_at = _epoch(rq_job.started_at) if state != "queued" else None
    ended_at = _ended_at(rq_job, meta) if state not in ("queued", "running") else None
    deaths = int(meta.get("deaths") or 0)
    return Job(
        id=rq_job.id,
        kind=meta.get("kind", "cut"),
        state=state,
        title=str(meta.get("title", "")),
        recording=str(meta.get("recording", "")),
        phase=phase,
        percent=100.0 if state == "finished" else float(meta.get("percent", 0.0)) if state != "queued" else 0.0,
        eta_s=meta.get("eta_s") if running else meta.get("estimate_s") if state == "queued" else None,
        created_at=float(meta.get("created_at", 0.0)),
        started_at=started_at,
        ended_at=ended_at,
        result=meta.get("result") if state == "finished" else None,
        error=error,
        meta=dict(meta.get("order", {})),
        priority=meta.get("priority", "normal"),
        worker=(rq_job.worker_name or None) if state != "queued" else None,
        waiting=meta.get("waiting") if running else None,
        attempts=deaths + int(meta.get("losses") or 0) + (1 if started_at is not None else 0),
        took_s=round(max(ended_at - started_at, 0.0), 3) if started_at and ended_at else None,
        library=str(meta.get("library", "")),
        storage=str(meta.get("storage", "")),
    )


def to_order(rq_job: RqJob) -> JobOrder:
    """What was ordered."""
    meta: dict[str, Any] = rq_job.meta or {}
    return JobOrder(
        id=rq_job.id,
        movie=dict(rq_job.args[0]),
        meta=dict(meta.get("order", {})),
        timeout_s=int(rq_job.timeout or 0),
        created_at=float(meta.get("created_at", 0.0)),
        priority=meta.get("priority", "normal"),
        deaths=int(meta.get("deaths") or 0),
        losses=int(meta.get("losses") or 0),
    )


def state_of(rq_job: RqJob) -> JobState:
    """The state as RQ and the task's own last word have it.

    The task writes its result or error just before RQ files the job; from then on the work is over.
    """
    meta = rq_job.meta or {}
    status = rq_job.get_status(refresh=False)
    name = str(getattr(status, "value", status))
    if name == JobStatus.STARTED.value or name in _ENDED:
        if meta.get("result") is not None:
            return "finished"
        if meta.get("error") is not None:
            return "cancelled" if meta["error"].get("code") == "cancelled" else "failed"
        return _ENDED.get(name, "running")
    return "queued"


def _error(rq_job: RqJob, state: JobState) -> dict[str, str] | None:
    """The task's own word for it; a job that failed without one lost its process."""
    if state == "cancelled":
        return dict(CANCELLED)
    if state != "failed":
        return None
    return dict((rq_job.meta or {}).get("error") or WORKER_DIED)


def _ended_at(rq_job: RqJob, meta: dict[str, Any]) -> float | None:
    return meta.get("ended_at") or _epoch(rq_job.ended_at) or _epoch(rq_job.last_heartbeat)


def _epoch(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
