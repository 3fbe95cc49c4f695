"""The queue with a real Valkey and real workers."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plexcut.domain.jobs import Job
from plexcut.errors import Busy, ConfigError, JobNotFound, QueueOffline, RecordingBusy
from plexcut.jobs import names
from plexcut.jobs.embedded import EmbeddedValkey
from plexcut.jobs.queue import RqJobQueue
from tests.jobs.conftest import Workers, movie, wait_for_state, wait_until_at_work
from tests.processes import wait_for

Order = Callable[..., Job]


def test_a_cut_runs_and_its_result_is_kept(queue: RqJobQueue, workers: Workers, order: Order, tmp_path: Path) -> None:
    assert queue.progress().state == "idle"
    job = order()
    assert (job.state, job.kind, job.title, job.recording) == ("queued", "cut", "movie", "test~movie")
    assert queue.progress().state == "queued"
    workers.start()
    done = wait_for_state(queue, job.id, "finished")
    assert done.result is not None
    assert done.result["path"] == str(tmp_path / "movie cut.ts")
    assert done.result["frames"] == 100
    assert done.result["verified"] is True
    assert (done.percent, done.error, done.meta) == (100.0, None, {"section": "movies"})
    assert done.created_at <= (done.started_at or 0) <= (done.ended_at or 0)
    assert queue.progress().state == "idle"
    again = order()
    assert wait_for_state(queue, again.id, "finished").result["path"].endswith("movie cut 2.ts")
    assert [found.id for found in queue.jobs()] == [again.id, job.id]


def test_nothing_is_pickled(queue: RqJobQueue, order: Order, valkey: EmbeddedValkey) -> None:
    job = order()
    data = queue._redis.hget(f"rq:job:{job.id}", "data")
    import zlib

    assert zlib.decompress(data).startswith(b'["tests.jobs.fake_tasks.cut"')


def test_progress_is_live(queue: RqJobQueue, workers: Workers, order: Order) -> None:
    workers.start()
    job = order(steps=40, step_s=0.05)
    wait_until_at_work(queue, job.id)
    seen = []
    while (found := queue.job(job.id)).state == "running":
        seen.append((found.phase, found.percent, found.eta_s, queue.progress().state))
        time.sleep(0.1)
    percents = [percent for _phase, percent, _eta, _state in seen]
    assert percents == sorted(percents)
    assert any(20 < percent < 90 for percent in percents)
    assert any(eta is not None and 0 < eta < 60 for _phase, _percent, eta, _state in seen)
    assert ("verify", "finishing") in {(phase, state) for phase, _percent, _eta, state in seen}
    worker = queue.workers()[0]
    assert abs((worker.heartbeat_at or 0) - time.time()) < 30


def test_one_job_for_each_recording(queue: RqJobQueue, workers: Workers, order: Order, tmp_path: Path) -> None:
    answers: list[Any] = []

    def try_to_order() -> None:
        try:
            answers.append(queue.enqueue_cut(movie(tmp_path, "contested"), {}, 600))
        except RecordingBusy as busy:
            answers.append(busy)

    threads = [threading.Thread(target=try_to_order) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    jobs = [answer for answer in answers if isinstance(answer, Job)]
    assert len(jobs) == 1
    assert len(queue.jobs()) == 1
    order("other")
    assert len(queue.jobs()) == 2
    queue.cancel(jobs[0].id)
    assert order("contested").state == "queued"


def test_two_workers_cut_two_recordings_at_once(queue: RqJobQueue, workers: Workers, order: Order) -> None:
    workers.start()
    workers.start()
    wait_for(lambda: len(queue.workers()) == 2)
    # One after the other: of two that begin at the same moment either may be shown as the current one.
    first = order("one", steps=2000)
    wait_until_at_work(queue, first.id)
    second = order("two", steps=2000)
    wait_until_at_work(queue, second.id)
    progress = queue.progress()
    assert (progress.job, progress.queue.running) == (first.id, 2)
    assert {worker.state for worker in queue.workers()} == {"busy"}
    with pytest.raises(RecordingBusy):
        order("one")
    queue.cancel(second.id)
    assert queue.job(first.id).state == "running"
    assert queue.cancel(first.id).state == "cancelled"


def test_failures_carry_their_reason(queue: RqJobQueue, workers: Workers, order: Order, tmp_path: Path) -> None:
    workers.start()
    failed = wait_for_state(queue, order("a", end="fail").id, "failed")
    assert failed.error == {"code": "verification_failed", "message": "the seam at 1.0 s is wrong", "hint": "tell us"}
    progress = queue.progress()
    assert (progress.state, progress.job, progress.queue.failed) == ("failed", failed.id, 1)
    crashed = wait_for_state(queue, order("b", end="crash").id, "failed")
    assert crashed.error is not None
    assert crashed.error["code"] == "internal"
    assert "secret" not in str(crashed.error)
    died = wait_for_state(queue, order("c", end="die").id, "failed")
    assert died.error is not None
    assert died.error["code"] == "worker_died"
    assert "killed" in died.error["message"]
    (tmp_path / "d.ts").write_text("{}")
    job = order("d")
    assert wait_for_state(queue, job.id, "finished").state == "finished"


def test_a_changed_recording_is_refused(queue: RqJobQueue, workers: Workers, order: Order, tmp_path: Path) -> None:
    job = order()
    (tmp_path / "movie.ts").write_text('{"steps": 3000}')
    workers.start()
    failed = wait_for_state(queue, job.id, "failed")
    assert failed.error is not None
    assert failed.error["code"] == "recording_changed"
    (tmp_path / "movie.ts").write_text("{}")
    assert wait_for_state(queue, queue.retry(job.id).id, "finished").meta == {"section": "movies"}


def test_a_path_outside_the_library_is_refused(queue: RqJobQueue, workers: Workers, tmp_path: Path) -> None:
    import dataclasses

    (tmp_path / "library").mkdir()
    outside = dataclasses.replace(movie(tmp_path, "outside"), root=str(tmp_path / "library"))
    workers.start()
    failed = wait_for_state(queue, queue.enqueue_cut(outside, {}, 600).id, "failed")
    assert failed.error is not None
    assert failed.error["code"] == "file_unreadable"


def test_the_time_limit(queue: RqJobQueue, workers: Workers, order: Order, tmp_path: Path) -> None:
    workers.start()
    job = order(timeout_s=1, steps=1000)
    failed = wait_for_state(queue, job.id, "failed")
    assert failed.error is not None
    assert failed.error["code"] == "timeout"
    assert "1 s" in failed.error["message"]
    assert sorted(path.name for path in tmp_path.glob("movie*")) == ["movie.ts"]


def test_cancelling(queue: RqJobQueue, workers: Workers, order: Order, tmp_path: Path) -> None:
    workers.start()
    running = order("running", steps=2000)
    waiting = order("waiting")
    wait_until_at_work(queue, running.id)
    assert queue.cancel(waiting.id).state == "cancelled"
    cancelled = queue.cancel(running.id)
    assert cancelled.state == "cancelled"
    assert queue.cancel(running.id) == queue.job(running.id)
    assert sorted(path.name for path in tmp_path.glob("*.*")) == ["running.ts", "waiting.ts"]
    assert wait_for_state(queue, queue.retry(waiting.id).id, "finished")
    with pytest.raises(Busy):
        queue.retry(queue.jobs()[0].id)


def test_a_task_that_does_not_listen_is_killed(
    queue: RqJobQueue, workers: Workers, order: Order, tmp_path: Path
) -> None:
    workers.start()
    job = order(end="hang")
    wait_until_at_work(queue, job.id)
    assert queue.cancel(job.id).phase == "cancelling"
    assert wait_for_state(queue, job.id, "cancelled", timeout_s=names.CANCEL_PATIENCE_S + 8).state == "cancelled"
    wait_for(lambda: not (tmp_path / ".plexcut").exists())
    assert wait_for_state(queue, order("next").id, "finished")


def test_unknown_jobs(queue: RqJobQueue) -> None:
    for job in ("nope", "../x", "a:b", "", "x" * 300, "%s"):
        for call in (queue.job, queue.cancel, queue.retry):
            with pytest.raises(JobNotFound):
                call(job)


def test_offline_and_back(queue: RqJobQueue, order: Order, valkey: EmbeddedValkey) -> None:
    job = order()
    pid = valkey.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        assert queue.online() is False
        for call in (queue.jobs, queue.workers, queue.progress, lambda: queue.job(job.id), lambda: queue.cancel("x")):
            with pytest.raises(QueueOffline):
                call()
        with pytest.raises(QueueOffline):
            order("another")
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_for(queue.online)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: valkey.pid not in (None, pid) and queue.online())
    assert [found.id for found in queue.jobs()] == [job.id]


def test_an_address_that_is_none() -> None:
    for url in ("nonsense", "http://localhost", "redis://h:notaport"):
        with pytest.raises(ConfigError) as caught:
            RqJobQueue(url)
        assert caught.value.exit_code == 2


def test_the_password_is_not_told() -> None:
    queue = RqJobQueue("redis://user:hunter2@127.0.0.1:1/0")
    with pytest.raises(QueueOffline) as caught:
        queue.jobs()
    assert "hunter2" not in caught.value.line
    assert queue.online() is False
