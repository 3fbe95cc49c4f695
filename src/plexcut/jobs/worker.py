"""One RQ worker: takes jobs from the queue one after the other, each in a process of its own."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.exceptions import DeserializationError, StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import now
from rq.worker import WorkerStatus

from plexcut.errors import QueueOffline
from plexcut.jobs import names, stopping, temporary
from plexcut.jobs.connection import address, connect, connect_patiently, translated
from plexcut.jobs.processes import PARENT_VARIABLE, end_with_parent
from plexcut.jobs.record import PROCESS_DIED, TIMED_OUT, state_of

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)

_WORKER_TTL_S = 30
_HEARTBEAT_S = 5
_MAINTENANCE_S = 60
_LAST_WORDS_S = 1.0
_IDLE_STOP_S = 1.0
"""Signing off from a queue that answers takes less."""
_REACH_S = 5.0
_SWEEP_EVERY_S = 10.0
_SWEPT_JOBS = 200


def run(url: str) -> None:
    """Work until SIGTERM or SIGINT; the current job then goes back to the queue, and all ends within five seconds.

    When `PLEXCUT_PARENT_PID` names our parent, its end is ours too.

    Raises:
        QueueOffline: the queue does not answer at the start.
    """
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, _leave)  # until the worker has handlers of its own
    with contextlib.suppress(StopRequested):
        _reach(url)
        _work(url)


def _leave(_signum: int, _frame: Any) -> None:
    raise StopRequested


def _work(url: str) -> None:
    name = f"{socket.gethostname()}-{os.getpid()}-{os.urandom(3).hex()}"
    with translated(url):
        connection = connect_patiently(url)
        worker = CutWorker(
            [Queue(names.QUEUE, connection=connection, serializer=JSONSerializer)],
            name=name,
            connection=connection,
            serializer=JSONSerializer,
            default_result_ttl=names.RESULT_TTL_S,
            worker_ttl=_WORKER_TTL_S,
            job_monitoring_interval=_HEARTBEAT_S,
            maintenance_interval=_MAINTENANCE_S,
            log_job_description=False,
        )
        watch = Watch(worker, url)
        watch.start()
        try:
            worker.work(logging_level=None)
        except StopRequested:
            worker.teardown()  # type: ignore[no-untyped-call]
        finally:
            watch.end()


def _reach(url: str) -> None:
    client = connect(url)
    until = time.monotonic() + _REACH_S
    try:
        while True:
            try:
                with translated(url):
                    client.ping()
                return
            except QueueOffline:
                if time.monotonic() > until:
                    raise QueueOffline(
                        f"the queue at {address(url)} does not answer", "start Redis or Valkey, or check queue.url"
                    ) from None
                time.sleep(0.2)
    finally:
        client.close()


class CutWorker(Worker):  # type: ignore[misc, unused-ignore]
    """RQ's worker, which ends quickly and does not fall over when the queue is away for a while."""

    def _install_signal_handlers(self) -> None:
        signal.signal(signal.SIGINT, self.request_stop)
        signal.signal(signal.SIGTERM, self.request_stop)

    def request_stop(self, signum: Any, frame: Any) -> None:
        """Tell the task to end, and leave."""
        if self._stop_requested:
            return
        self._stop_requested = True
        threading.Thread(target=self._make_sure_to_end, name="stop", daemon=True).start()
        if self.get_state() != WorkerStatus.BUSY:
            raise StopRequested

    def _make_sure_to_end(self) -> None:
        began = time.monotonic()
        busy = self.get_state() == WorkerStatus.BUSY
        while time.monotonic() - began < (names.STOP_PATIENCE_S if busy or self.horse_pid else _IDLE_STOP_S):
            if self.horse_pid and self.get_state() == WorkerStatus.BUSY:
                with contextlib.suppress(OSError):
                    os.kill(self.horse_pid, signal.SIGTERM)
            time.sleep(0.3)
        if self.horse_pid:
            self.kill_horse()
        time.sleep(_LAST_WORDS_S)
        logger.warning("the worker did not end by itself")
        os._exit(0)

    def setup_work_horse_signals(self) -> None:
        """In the task's process: SIGTERM asks the task to end, and our parent's death does so too."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, _end_task)
        signal.signal(signal.SIGUSR1, _end_task)
        end_with_parent(signal.SIGUSR1)  # may come while our parent's last thread still seems to live
        if self._stop_requested:
            stopping.requested.set()

    def maintain_heartbeats(self, *args: Any) -> None:
        try:
            super().maintain_heartbeats(*args)
        except (RedisError, OSError):
            logger.warning("the queue does not answer; the job goes on")

    def handle_exception(self, job: Any, *exc_info: Any) -> None:
        """The task has logged what is worth it; an expected failure is no error of the worker."""
        logger.info("job %s failed: %s", job.id, exc_info[1])

    def handle_work_horse_killed(self, job: Any, *args: Any) -> None:
        """Write into the job why it failed; its task had no time to."""
        logger.warning("the process of job %s was killed", job.id)
        _remove_leftovers([job])
        ran_s = (now() - job.started_at).total_seconds() if job.started_at else 0.0
        late = job.timeout is not None and ran_s > float(job.timeout)
        fresh = Job.fetch(job.id, connection=self.connection, serializer=JSONSerializer)
        if state_of(fresh) == "running":
            fresh.meta = {**fresh.meta, "error": TIMED_OUT if late else PROCESS_DIED, "ended_at": time.time()}
            fresh.save_meta()  # type: ignore[no-untyped-call]

    def stop_current(self, job: str) -> None:
        """Kill the task's process of `job`, because it did not end when it was cancelled."""
        execution = next((found for found in list(self.executions.values()) if found.job_id == job), None)
        if execution is not None and self.horse_pid:
            logger.warning("job %s does not end, its process is killed", job)
            self.request_stop_execution(execution.id)


class Sweeper:
    """Removes the temporary files of jobs that are over: those whose process and worker were killed left them."""

    def __init__(self, connection: Redis) -> None:
        self._redis = connection
        self._missing_since: dict[str, float] = {}

    def sweep(self) -> None:
        """Look at the latest jobs. RQ says of a job whose worker was killed that it runs, for minutes."""
        listed: Any = self._redis.zrevrange(names.INDEX_KEY, 0, _SWEPT_JOBS - 1)
        records = Job.fetch_many([job.decode() for job in listed], connection=self._redis, serializer=JSONSerializer)
        found = [(job, state_of(job)) for job in records if job is not None]
        abandoned = self._abandoned([job for job, state in found if state == "running"])
        _remove_leftovers([job for job, state in found if state not in ("queued", "running") or job.id in abandoned])

    def _abandoned(self, running: list[Job]) -> set[str]:
        """Whose worker is not there, and was not a while ago: a Valkey that was restarted has forgotten the living."""
        now = time.monotonic()
        self._missing_since = {
            job.id: self._missing_since.get(job.id, now)
            for job in running
            if not self._redis.exists(names.alive_key(job.worker_name or ""))
        }
        return {job for job, since in self._missing_since.items() if now - since >= names.ABANDONED_AFTER_S}


def _remove_leftovers(jobs: list[Job]) -> None:
    for job in jobs:
        try:
            root = Path(job.args[0]["root"])
        except (LookupError, TypeError, DeserializationError):
            continue
        if temporary.remove(root, job.id):
            logger.warning("removed what job %s had left in %s", job.id, root)


def _end_task(signum: int, _frame: Any) -> None:
    told = stopping.orphaned if signum == signal.SIGUSR1 else stopping.requested
    if not told.is_set():
        told.set()
        killer = threading.Timer(names.STOP_PATIENCE_S, os._exit, (1,))
        killer.daemon = True
        killer.start()


class Watch(threading.Thread):
    """Beside the worker: says that it is alive, kills a cancelled task that does not end, and watches our parent."""

    def __init__(self, worker: CutWorker, url: str) -> None:
        super().__init__(name="watch", daemon=True)
        self._worker = worker
        self._redis = connect(url)
        self._over = threading.Event()
        self._sweeper = Sweeper(self._redis)
        self._cancelled_at: dict[str, float] = {}
        named = os.environ.get(PARENT_VARIABLE, "")
        self._parent = int(named) if named.isdecimal() else None

    def run(self) -> None:
        """Until `end`."""
        beat_at = swept_at = float("-inf")
        while not self._over.is_set():
            if self._parent is not None and os.getppid() != self._parent:
                logger.warning("the server is gone; the worker ends")
                self._parent = None
                os.kill(os.getpid(), signal.SIGTERM)
            try:
                if time.monotonic() - beat_at >= names.ALIVE_EVERY_S:
                    self._redis.set(names.alive_key(self._worker.name), f"{time.time():.3f}", ex=names.ALIVE_TTL_S)
                    beat_at = time.monotonic()
                if self._enforce_cancels():
                    swept_at = time.monotonic() - _SWEEP_EVERY_S + _LAST_WORDS_S
                if time.monotonic() - swept_at >= _SWEEP_EVERY_S:
                    swept_at = time.monotonic()
                    self._sweeper.sweep()
            except (RedisError, OSError):
                logger.debug("the queue does not answer", exc_info=True)
            self._over.wait(0.5)

    def end(self) -> None:
        """Stop watching, and let the queue know at once that this worker is gone."""
        self._over.set()
        with contextlib.suppress(RedisError, OSError):
            self._redis.delete(names.alive_key(self._worker.name))
        self._redis.close()

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
