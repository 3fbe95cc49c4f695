"""What workers run: module-level functions, named in the queue, with plain JSON arguments."""

from __future__ import annotations

import dataclasses
import logging
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, cast

from redis.exceptions import RedisError
from rq import get_current_job
from rq.job import Job as RqJob
from rq.timeouts import JobTimeoutException

from plexcut.domain.containers import Container, suffix_for
from plexcut.domain.media import CutMode, CutRequest
from plexcut.domain.ports import MediaEngine
from plexcut.domain.spans import KeepList, Span
from plexcut.errors import Cancelled, FileUnreadable, PlexcutError, RecordingChanged
from plexcut.jobs import names, stopping, temporary
from plexcut.jobs.connection import impatient
from plexcut.jobs.progress import throttled
from plexcut.jobs.record import CANCELLED, TIMED_OUT, WORKER_DIED

logger = logging.getLogger(__name__)

_OFFLINE_PAUSE_S = 2.0

EndReason = Literal["", "cancelled", "worker_stopped", "worker_died", "claim_lost"]

_CLAIM_LOST = {
    "code": "recording_busy",
    "message": "the queue lost sight of this worker, and another job took the recording",
    "hint": "the recording is untouched; see the other job",
}


def cut(movie: dict[str, Any]) -> dict[str, Any]:
    """Cut a recording; `movie` is a `MovieData` as a dict, the answer the keys of `plexcut cut --json`."""
    return perform(movie, _engine)


def _engine() -> MediaEngine:
    from plexcut import bootstrap

    engine, _store = bootstrap.task_tools()
    return engine


def perform(movie: dict[str, Any], build: Callable[[], MediaEngine]) -> dict[str, Any]:
    """Run the cut with the engine that `build` makes, and write into the job how it goes and how it ended.

    Any failure is raised again, so that RQ files the job as failed.
    """
    rq_job = get_current_job()
    if rq_job is None:
        raise RuntimeError("a task runs in a worker only")
    control = JobControl(rq_job, str(movie["recording"]))
    try:
        result = _cut(movie, build(), control)
    except JobTimeoutException:
        control.failed({**TIMED_OUT, "message": f"the job took longer than its limit of {rq_job.timeout} s"})
        raise
    except Cancelled:
        control.ended_early()
        raise
    except PlexcutError as error:
        control.failed({"code": error.code, "message": error.message, "hint": error.hint})
        raise
    except Exception:
        error_id = uuid.uuid4().hex[:8]
        logger.exception("unexpected error %s in job %s", error_id, rq_job.id)
        message = f"something unexpected went wrong (error {error_id})"
        control.failed({"code": "internal", "message": message, "hint": "the worker's log tells more"})
        raise
    try:
        control.finished(result)
    except JobTimeoutException:  # the time was up just after the work was done
        control.finished(result)
    return result


def _cut(movie: dict[str, Any], engine: MediaEngine, control: JobControl) -> dict[str, Any]:
    if control.should_cancel():
        raise Cancelled("the job was cancelled before it began")
    source, root = Path(movie["path"]), Path(movie["root"])
    if not source.resolve().is_relative_to(root.resolve()):
        raise FileUnreadable(f"{source.name} lies outside its library", "check the library's folder")
    if engine.fingerprint(source) != movie["fingerprint"]:
        raise RecordingChanged(f"{source.name} has changed since it was looked at", "open it again and check the spans")
    temporary.remove_abandoned(source.parent)
    try:
        request = CutRequest(
            source=source,
            target=free_name(source, movie.get("container")),
            keep=KeepList.of(Span(start, end) for start, end in movie["keep"]),
            mode=cast(CutMode, movie["mode"]),
            fingerprint=movie["fingerprint"],
            temp_dir=temporary.make(root, source.parent, control.job),
            container=movie.get("container"),
            chapters=bool(movie.get("chapters")),
        )
        return dataclasses.asdict(engine.cut(request, throttled(control.report), control.should_cancel))
    finally:
        temporary.remove(root, control.job)


def free_name(source: Path, container: Container | None = None) -> Path:
    """`<name> cut.<ext>` beside the source, or `<name> cut 2.<ext>` and so on where that exists.

    `container`: what the result is to be, None for as the source.
    """
    suffix = suffix_for(source, container)
    target = source.with_name(f"{source.stem} cut{suffix}")
    number = 2
    while os.path.lexists(target):
        target = source.with_name(f"{source.stem} cut {number}{suffix}")
        number += 1
    return target


class JobControl:
    """The line between a running task and its job in the queue."""

    def __init__(self, rq_job: RqJob, recording: str) -> None:
        self._job = rq_job
        self._recording = recording
        self._redis = impatient(rq_job.connection)
        self._parent = os.getppid()
        self._asked_at = float("-inf")
        self._offline_until = float("-inf")
        self._reason: EndReason = ""
        self._original_meta = {
            key: value for key, value in (rq_job.meta or {}).items() if key not in ("error", "result", "ended_at")
        }

    @property
    def job(self) -> str:
        """The job's id."""
        return self._job.id

    def report(self, phase: str, percent: float, eta_s: float | None) -> None:
        """Let the queue know; while it is offline the task goes on without."""
        self._job.meta = {**self._job.meta, "phase": phase, "percent": percent, "eta_s": eta_s}
        if time.monotonic() < self._offline_until:
            return
        try:
            self._redis.hset(self._job.key, "meta", self._job.serializer.dumps(self._job.meta))
        except (RedisError, OSError):
            self._went_offline()

    def should_cancel(self) -> bool:
        """Whether to end: the worker stops or died, or (asked at most four times a second) somebody cancelled."""
        if self._reason:
            return True
        if stopping.requested.is_set():
            self._reason = "worker_stopped"
        if stopping.orphaned.is_set() or os.getppid() != self._parent:
            self._reason = "worker_died"
        now = time.monotonic()
        if self._reason or now - self._asked_at < names.CANCEL_POLL_S or now < self._offline_until:
            return bool(self._reason)
        self._asked_at = now
        try:
            cancelled, claim = cast(
                "list[bytes | None]",
                self._redis.mget(names.cancel_key(self._job.id), names.claim_key(self._recording)),
            )
        except (RedisError, OSError):
            self._went_offline()
            return False
        if cancelled is not None:
            self._reason = "cancelled"
        elif claim is not None and claim.decode() != self._job.id:
            self._reason = "claim_lost"
        return bool(self._reason)

    def ended_early(self) -> None:
        """Write why the task stopped itself. A worker that stops leaves the job to the next one."""
        if self._reason == "worker_stopped":
            logger.info("job %s goes back to the queue: its worker stops", self._job.id)
            self._job.retries_left = 1
            self._job.meta = self._original_meta
            self._job.save_meta()  # type: ignore[no-untyped-call]
        elif self._reason == "worker_died":
            self.failed(WORKER_DIED)
        elif self._reason == "claim_lost":
            self.failed(_CLAIM_LOST)
        else:
            self.failed(CANCELLED)

    def failed(self, error: dict[str, str]) -> None:
        """Write the reason; waits for a queue that is being restarted."""
        logger.info("job %s ended: %s", self._job.id, error["message"])
        self._last_word({"error": dict(error)})

    def finished(self, result: dict[str, Any]) -> None:
        """Write the result; waits for a queue that is being restarted, because the work is done and not to be lost."""
        self._last_word({"result": result, "percent": 100.0})

    def _last_word(self, entries: dict[str, Any]) -> None:
        self._job.meta = {**self._job.meta, **entries, "eta_s": None, "ended_at": time.time()}
        self._job.save_meta()  # type: ignore[no-untyped-call]
        self._redis.close()

    def _went_offline(self) -> None:
        self._offline_until = time.monotonic() + _OFFLINE_PAUSE_S
        logger.warning("the queue does not answer; job %s goes on", self._job.id)
