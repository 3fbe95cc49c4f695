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
from typing import Any, Protocol

from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.exceptions import NoSuchJobError, StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.timeouts import JobTimeoutException
from rq.utils import now
from rq.worker import WorkerStatus
from rq.worker_registration import clean_worker_registry

from plexcut.errors import QueueOffline
from plexcut.jobs import joblog, names, stopping
from plexcut.jobs.connection import address, connect, connect_patiently, translated
from plexcut.jobs.dispatch import Dispatcher
from plexcut.jobs.processes import end_with_parent
from plexcut.jobs.record import CANCELLED, PROCESS_DIED, TIMED_OUT, state_of
from plexcut.jobs.rescue import ATTEMPTS
from plexcut.jobs.watch import Watch

logger = logging.getLogger(__name__)

_WORKER_TTL_S = 30
_HEARTBEAT_S = 5
_MAINTENANCE_S = 60
WAIT_POLL_S = 30
"""A task that waits says so as often."""
_LAST_WORDS_S = 1.0
_IDLE_STOP_S = 1.0
"""Signing off from a queue that answers takes less."""
_REACH_S = 5.0
_OFFLINE_PAUSE_S = 1.0


class Whereabouts(Protocol):
    """What a worker knows of its own configuration."""

    def reach(self) -> dict[str, list[tuple[str, bool]]]:
        """What it reaches of each library now (`domain.paths.Reach`)."""

    def find(self, library: str, place: str, root: str) -> tuple[Path, Path]:
        """Root and path of a file here."""


def run(url: str, places: Whereabouts | None = None) -> None:
    """Work until SIGTERM or SIGINT; the current job then goes back to the queue, and all ends within five seconds.

    `places` says what this worker reaches; None: all that the server reaches, by the same paths. When
    `PLEXCUT_PARENT_PID` names our parent, its end is ours too. A queue that goes away is waited for.

    Raises:
        QueueOffline: the queue does not answer at the start.
    """
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, _leave)  # until the worker has handlers of its own
    with contextlib.suppress(StopRequested):
        _reach(url)
        while not _work(url, places):
            logger.warning("the worker has lost the queue at %s, and waits for it", address(url))
            _wait_for(url)


def _leave(_signum: int, _frame: Any) -> None:
    raise StopRequested


def _work(url: str, places: Whereabouts | None) -> bool:
    """Work until told to stop, or until the queue was away for too long; whether it was told to."""
    name = f"{socket.gethostname()}-{os.getpid()}-{os.urandom(3).hex()}"
    connection = connect_patiently(url)
    worker: CutWorker | None = None
    watch: Watch | None = None
    try:
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
        watch = Watch(worker, url, places)
        worker.dispatcher = Dispatcher(connection, name, watch.can_reach)
        watch.start()
        worker.work(logging_level=None)
    except StopRequested:
        if worker is not None:
            worker.teardown()
        return True
    except (RedisError, OSError):
        logger.warning("the queue at %s does not answer", address(url))
    finally:
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, _leave)
        if watch is not None:
            watch.end()
    return worker is not None and worker.told_to_stop


def _wait_for(url: str) -> None:
    while True:
        try:
            _reach(url)
            return
        except QueueOffline:
            time.sleep(1)


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

    dispatcher: Dispatcher
    _limit_s: int | None = None

    @property
    def told_to_stop(self) -> bool:
        """Whether somebody asked it to leave."""
        return bool(self._stop_requested)

    def dequeue_job_and_maintain_ttl(self, *_args: Any) -> tuple[Job, Queue]:
        """The next job that this worker may begin. Waits for one, and for the queue."""
        self.set_state(WorkerStatus.IDLE)
        beat_at, offline = float("-inf"), False
        while True:
            try:
                if time.monotonic() - beat_at > _HEARTBEAT_S:
                    self.heartbeat()
                    beat_at = time.monotonic()
                    if self.should_run_maintenance_tasks:
                        self.run_maintenance_tasks()  # type: ignore[no-untyped-call]
                job = self._next()
                if job is not None:
                    return job, self.queues[0]
                offline = False
            except (RedisError, OSError) as error:
                if not offline:
                    logger.warning("the queue does not answer (%s); the worker waits for it", type(error).__name__)
                offline = True
            if self._stop_requested:
                raise StopRequested
            time.sleep(_OFFLINE_PAUSE_S if offline else names.POLL_S)

    def _next(self) -> Job | None:
        taken = self.dispatcher.take()
        if taken is None:
            return None
        try:
            job = Job.fetch(taken, connection=self.connection, serializer=JSONSerializer)
        except NoSuchJobError:
            self.dispatcher.done()
            return None
        job.redis_server_version = self.get_redis_server_version()  # type: ignore[no-untyped-call]
        logger.info("job %s is taken", job.id)
        return job

    def execute_job(self, job: Any, queue: Any) -> None:
        """In a process of its own."""
        self.dispatcher.taken = None  # from here on RQ's registry knows it
        self._limit_s = job.timeout
        try:
            super().execute_job(job, queue)
        finally:
            self.dispatcher.done()

    def teardown(self) -> None:
        """Sign off."""
        with contextlib.suppress(RedisError, OSError):
            self.dispatcher.give_back()
        super().teardown()  # type: ignore[no-untyped-call]

    def clean_registries(self) -> None:
        """What expired. Those that are started, and those that were taken, are the rescuer's."""
        queue = self.queues[0]
        for registry in (queue.finished_job_registry, queue.failed_job_registry):
            registry.cleanup()
        clean_worker_registry(queue)
        self.last_cleaned_at = now()  # type: ignore[assignment]

    def clean_group_registries(self) -> None:
        """There are no groups."""

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

    def maintain_heartbeats(self, job: Any, *args: Any) -> None:
        try:
            if self._limit_s is not None and self._limit_s > 0:
                job.timeout = self._limit_s + self._waited_s(job)
            super().maintain_heartbeats(job, *args)
        except (RedisError, OSError):
            logger.warning("the queue does not answer; the job goes on")

    def _waited_s(self, job: Any) -> int:
        """How long the task has waited for others, which is not part of its time."""
        stored: Any = self.connection.hget(job.key, "meta")
        waited = job.serializer.loads(stored).get("waited_s") if stored else None
        return int(waited) + _HEARTBEAT_S + WAIT_POLL_S if waited else 0

    def handle_exception(self, job: Any, *exc_info: Any) -> None:
        """The task has logged what is worth it; an expected failure is no error of the worker."""
        logger.info("job %s failed: %s", job.id, exc_info[1])
        if isinstance(exc_info[1], JobTimeoutException) and "error" not in (job.meta or {}):
            # The time was up while the task was not at work yet, or not any more.
            message = f"the job took longer than its limit of {job.timeout} s"
            job.meta = {**job.meta, "error": {**TIMED_OUT, "message": message}, "ended_at": time.time()}
            job.save_meta()

    def handle_work_horse_killed(self, job: Any, *args: Any) -> None:
        """The task's process ended without a word: the job is tried once more, and then failed with the reason."""
        logger.warning("the process of job %s was killed", job.id)
        ran_s = (now() - job.started_at).total_seconds() if job.started_at else 0.0
        late = job.timeout is not None and ran_s > float(job.timeout)
        job.timeout = self._limit_s
        fresh = Job.fetch(job.id, connection=self.connection, serializer=JSONSerializer)
        deaths = int((fresh.meta or {}).get("deaths") or 0) + 1
        cancelled = bool(self.connection.exists(names.cancel_key(job.id)))
        if state_of(fresh) != "running":
            return
        if deaths < ATTEMPTS and not late and not cancelled:
            joblog.write(self.connection, job.id, "the job's process was killed; it is tried once more", "warning")
            job.meta = {**job.meta, "deaths": deaths}
            job.retries_left, job.enqueue_at_front_on_retry = 1, True
            return
        error = TIMED_OUT if late else CANCELLED if cancelled else PROCESS_DIED
        joblog.write(self.connection, job.id, error["message"], "error")
        fresh.meta = {**fresh.meta, "error": error, "ended_at": time.time()}
        fresh.save_meta()  # type: ignore[no-untyped-call]

    def stop_current(self, job: str) -> None:
        """Kill the task's process of `job`, because it did not end when it was cancelled."""
        execution = next((found for found in list(self.executions.values()) if found.job_id == job), None)
        if execution is not None and self.horse_pid:
            logger.warning("job %s does not end, its process is killed", job)
            self.request_stop_execution(execution.id)


def _end_task(signum: int, _frame: Any) -> None:
    told = stopping.orphaned if signum == signal.SIGUSR1 else stopping.requested
    if not told.is_set():
        told.set()
        killer = threading.Timer(names.STOP_PATIENCE_S, os._exit, (1,))
        killer.daemon = True
        killer.start()
