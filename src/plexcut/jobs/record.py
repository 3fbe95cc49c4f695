"""RQ's view of a job as ours."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from rq.job import JobStatus

from plexcut.domain.jobs import Job, JobState

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
    "message": "the worker ended in the middle of this job",
    "hint": "the recording is untouched; start the job again",
}
PROCESS_DIED = {
    "code": "worker_died",
    "message": "the process of this job was killed, perhaps because memory ran out",
    "hint": "the recording is untouched; start the job again",
}
TIMED_OUT = {
    "code": "timeout",
    "message": "the job took longer than its time limit",
    "hint": "the recording is untouched; raise queue.timeout_s and start the job again",
}
CANCELLED = {"code": "cancelled", "message": "the job was cancelled", "hint": ""}


def to_job(rq_job: RqJob, *, abandoned: bool = False, cancelling: bool = False) -> Job:
    """The job as the rest of plexcut sees it.

    `abandoned`: its worker is gone though RQ says that it runs. `cancelling`: somebody asked it to end.
    """
    meta: dict[str, Any] = rq_job.meta or {}
    state = state_of(rq_job)
    if abandoned and state == "running":
        state = "failed"
    error = _error(rq_job, state)
    phase = str(meta.get("phase", ""))
    if state in ("finished", "failed", "cancelled", "queued"):
        phase = state
    elif cancelling:
        phase = "cancelling"
    running = state == "running"
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
        started_at=_epoch(rq_job.started_at) if state != "queued" else None,
        ended_at=_ended_at(rq_job, meta) if state not in ("queued", "running") else None,
        result=meta.get("result") if state == "finished" else None,
        error=error,
        meta=dict(meta.get("order", {})),
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
