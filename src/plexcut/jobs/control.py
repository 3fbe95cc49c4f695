"""The line between a running task and its job in the queue."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from redis.exceptions import RedisError

from plexcut.domain.uses import poll_s
from plexcut.errors import Cancelled
from plexcut.jobs import joblog, names, stopping
from plexcut.jobs.connection import impatient
from plexcut.jobs.progress import throttled
from plexcut.jobs.record import CANCELLED, STALLED, WORKER_DIED
from plexcut.jobs.stall import StallWatch
from plexcut.jobs.waits import Waits, as_error, time_stopped, waited_too_long

if TYPE_CHECKING:
    from rq.job import Job as RqJob

logger = logging.getLogger(__name__)

STALL_S = 600.0
_OFFLINE_PAUSE_S = 2.0
_EXIT_PATIENCE_S = 5.0
_LEAVING = "move"
"""The phase in which the result gets its name: from then on the job is as good as done."""
_LEFT = 0.995
_OF_AN_ATTEMPT = ("error", "result", "ended_at", "waiting", "waited_s")

EndReason = Literal["", "cancelled", "worker_stopped", "worker_died", "claim_lost", "stalled", "put_off"]


class JobControl:
    """Tells the queue how the task gets on, and the task whether to end."""

    def __init__(self, rq_job: RqJob, recording: str) -> None:
        self._job = rq_job
        self._recording = recording
        self._redis = impatient(rq_job.connection)
        self._parent = os.getppid()
        self._worker = rq_job.worker_name or ""
        self._asked_at = float("-inf")
        self._offline_until = float("-inf")
        self._reason: EndReason = ""
        self._phase = ""
        self._confirmed = False
        self._waits = Waits(self._redis, rq_job.id)
        self._done = threading.Event()
        self._original_meta = {key: value for key, value in (rq_job.meta or {}).items() if key not in _OF_AN_ATTEMPT}
        self._log = joblog.Recorder(self._redis, rq_job.id)
        self._stall = StallWatch(float(self._original_meta.get("stall_s") or STALL_S), self._stalled)
        self._tell = self._stall.watching(throttled(self.report))

    @property
    def job(self) -> str:
        """The job's id."""
        return self._job.id

    @property
    def folder(self) -> str:
        """The name of the folder for temporary files: another one for each attempt, because of a worker that was given
        up nobody knows whether it is still at work.
        """
        before = int(self._original_meta.get("deaths") or 0) + int(self._original_meta.get("losses") or 0)
        return f"{self._job.id}-{before}" if before else self._job.id

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Write the log, and look out for a stall, until this ends."""
        root = logging.getLogger("plexcut")
        root.addHandler(self._log)
        if not self._waits.was_put_off:
            self._log.say(f"begun by worker {self._worker} on {socket.gethostname()}")
        self._stall.start()
        try:
            yield
        finally:
            self._done.set()
            self._stall.end()
            root.removeHandler(self._log)

    def on_progress(self, phase: str, fraction: float) -> None:
        """What the engine tells. Before the result gets its name this waits until the queue has said that the job is
        still ours: a worker that the queue lost sight of may have been replaced.

        Raises:
            Cancelled: it is not, or was cancelled.
        """
        self._tell(phase, fraction)
        if phase == _LEAVING and not self._confirmed:
            while not self._told_to_end() and not self._reason and not self._ask():
                time.sleep(names.CANCEL_POLL_S)
            if self._reason:
                raise Cancelled("the job is not to be finished")
            self._confirmed = True

    def put_off(self, why: str, wait_s: float) -> None:
        """Go back to the queue, and be begun again in a while.

        Raises:
            Cancelled: so it is. RecordingBusy: it has waited long enough.
        """
        if self._waits.put_off(why, wait_s):
            self._log.say(f"waits: {why}", "warning")
        self._reason = "put_off"
        raise Cancelled(why)

    def begin(self) -> None:
        """Nothing is in the way, or not any more."""
        if self._waits.over():
            self._log.say(f"goes on, by worker {self._worker} on {socket.gethostname()}")

    def hold_on(self, look: Callable[[], str], wait_s: float) -> None:
        """Wait here until `look` finds nothing in the way. The time limit of the job stands still meanwhile.

        Raises:
            Cancelled. RecordingBusy: it has waited long enough.
        """
        why = look()
        if not why:
            return
        began, said = time.monotonic(), ""
        with time_stopped():
            while why:
                if why != said:
                    self._log.say(f"waits: {why}", "warning")
                    said = why
                waited_s = time.monotonic() - began
                if waited_s >= wait_s:
                    raise waited_too_long(why, wait_s)
                self._job.meta = {**self._job.meta, "waiting": as_error(why), "waited_s": round(waited_s)}
                self._tell("waiting", 0.0)
                until = time.monotonic() + min(poll_s(wait_s), wait_s - waited_s)
                while time.monotonic() < until:
                    self._stall.move("waiting", time.monotonic())
                    if self.should_cancel():
                        raise Cancelled("the job is not to be finished")
                    time.sleep(names.CANCEL_POLL_S)
                why = look()
        self._job.meta = {**self._job.meta, "waiting": None, "waited_s": round(time.monotonic() - began)}
        self._log.say("goes on")
        self._confirmed = False
        self.on_progress(_LEAVING, _LEFT)

    def report(self, phase: str, percent: float, eta_s: float | None) -> None:
        """Let the queue know; while it is offline the task goes on without."""
        if phase != self._phase:
            self._phase = phase
            self._log.say(phase)
        self._job.meta = {**self._job.meta, "phase": phase, "percent": percent, "eta_s": eta_s}
        if time.monotonic() < self._offline_until:
            return
        try:
            self._redis.hset(self._job.key, "meta", self._job.serializer.dumps(self._job.meta))
        except (RedisError, OSError):
            self._went_offline()

    def should_cancel(self) -> bool:
        """Whether to end: the worker stops or died, or (asked at most four times a second) somebody cancelled."""
        if self._reason or self._told_to_end():
            return True
        now = time.monotonic()
        if now - self._asked_at < names.CANCEL_POLL_S or now < self._offline_until:
            return False
        self._asked_at = now
        self._ask()
        return bool(self._reason)

    def _told_to_end(self) -> bool:
        if stopping.requested.is_set():
            self._reason = "worker_stopped"
        if stopping.orphaned.is_set() or os.getppid() != self._parent:
            self._reason = "worker_died"
        return bool(self._reason)

    def _ask(self) -> bool:
        """Ask the queue whether to go on; whether it answered."""
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.exists(names.cancel_key(self._job.id))
                pipe.get(names.claim_key(self._recording))
                pipe.hget(self._job.key, "worker_name")
                pipe.exists(self._job.key)
                cancelled, claim, worker, known = pipe.execute()
        except (RedisError, OSError):
            self._went_offline()
            return False
        if cancelled:
            self._reason = "cancelled"
        elif claim is None and worker is None:
            self._register_again(known=bool(known))
        elif (claim is not None and claim.decode() != self._job.id) or (worker or b"").decode() != self._worker:
            self._reason = "claim_lost"
        elif claim is None:  # it has expired: the clock of the queue's server has jumped
            self._redis.set(names.claim_key(self._recording), self._job.id, ex=60 * names.DAY_S, nx=True)
        return True

    def _register_again(self, *, known: bool) -> None:
        """The queue has lost everything: let it know the job, which goes on."""
        logger.warning("the queue has lost job %s, and is told of it again", self._job.id)
        with self._redis.pipeline() as pipe:
            pipe.set(names.claim_key(self._recording), self._job.id, ex=60 * names.DAY_S, nx=True)
            pipe.zadd(names.INDEX_KEY, {self._job.id: float(self._original_meta.get("created_at") or time.time())})
            self._job.save(pipeline=pipe)
            pipe.hset(self._job.key, mapping={"status": "started", "worker_name": self._worker})
            pipe.persist(self._job.key)
            pipe.execute()
        self._log.again()
        self._log.say("the queue lost everything, and was told of this job again", "warning")

    def ended_early(self) -> None:
        """Write why the task stopped itself. A worker that stops leaves the job to the next one."""
        if self._reason == "worker_stopped":
            logger.info("job %s goes back to the queue: its worker stops", self._job.id)
            self._log.say("the worker stops; the job goes back to the queue")
            self._job.retries_left = 1
            self._job.enqueue_at_front_on_retry = True
            self._job.meta = self._original_meta
            self._job.save_meta()  # type: ignore[no-untyped-call]
        elif self._reason == "put_off":
            self._job.retries_left = 1
            self._job.enqueue_at_front_on_retry = True
            self._job.meta = self._original_meta
            self._job.save_meta()  # type: ignore[no-untyped-call]
        elif self._reason == "worker_died":
            self._leave_to_rescue()
        elif self._reason == "claim_lost":
            logger.warning("job %s is somebody else's by now; nothing of it is changed here", self._job.id)
            os._exit(0)  # its record is not ours any more either
        else:
            self.failed(STALLED if self._reason == "stalled" else CANCELLED)

    def _leave_to_rescue(self) -> None:
        """The worker has died, and we end with it: whoever finds the job decides whether it is tried again."""
        logger.warning("the worker of job %s has died; the job ends here", self._job.id)
        self._log.say("the worker died", "warning")
        if int(self._original_meta.get("deaths") or 0):
            self.failed(WORKER_DIED)
        os._exit(1)

    def failed(self, error: dict[str, str]) -> None:
        """Write the reason; waits for a queue that is being restarted."""
        logger.info("job %s ended: %s", self._job.id, error["message"])
        self._log.say(error["message"], "info" if error["code"] == "cancelled" else "error")
        self._last_word({"error": dict(error)})

    def finished(self, result: dict[str, Any]) -> None:
        """Write the result; waits for a queue that is being restarted, because the work is done and not to be lost."""
        self._log.say("done")
        self._last_word({"result": result, "percent": 100.0})

    def _last_word(self, entries: dict[str, Any]) -> None:
        self._job.meta = {**self._job.meta, **entries, "eta_s": None, "ended_at": time.time(), "waiting": None}
        self._job.save_meta()  # type: ignore[no-untyped-call]
        self._waits.over()
        self._redis.close()

    def _stalled(self) -> None:
        """Nothing has moved for too long: ask the task to end, and end it."""
        logger.warning("job %s makes no progress and is ended", self._job.id)
        if not self._reason:
            self._reason = "stalled"
        if not self._done.wait(_EXIT_PATIENCE_S):
            self.failed(STALLED)
            os._exit(1)

    def _went_offline(self) -> None:
        self._offline_until = time.monotonic() + _OFFLINE_PAUSE_S
        logger.warning("the queue does not answer; job %s goes on", self._job.id)
