"""Workers that are stopped, killed, or lose their queue."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from plexcut.domain.jobs import Job
from plexcut.errors import RecordingBusy
from plexcut.jobs import names
from plexcut.jobs.dispatch import Dispatcher
from plexcut.jobs.embedded import EmbeddedValkey
from plexcut.jobs.queue import RqJobQueue
from plexcut.jobs.watch import Sweeper
from tests.jobs.conftest import ROOT, Workers, wait_for_state, wait_until_at_work
from tests.processes import children, is_alive, wait_for

Order = Callable[..., Job]


def test_an_idle_worker_ends_at_once(queue: RqJobQueue, workers: Workers) -> None:
    process = workers.start()
    wait_for(queue.workers)
    process.terminate()
    assert process.wait(15) == 0
    assert queue.workers() == ()


def test_a_stopped_worker_leaves_its_job_to_the_next(
    queue: RqJobQueue, workers: Workers, order: Order, tmp_path: Path
) -> None:
    process = workers.start()
    job = order(steps=60, step_s=0.05)
    wait_until_at_work(queue, job.id)
    (horse,) = wait_for(lambda: children(process.pid))
    process.send_signal(signal.SIGINT)
    assert process.wait(15) == 0
    assert not is_alive(horse)
    waiting = queue.job(job.id)
    assert (waiting.state, waiting.percent, waiting.error) == ("queued", 0.0, None)
    assert [path.name for path in tmp_path.glob("movie*")] == ["movie.ts"]
    workers.start()
    assert wait_for_state(queue, job.id, "finished").percent == 100.0


def test_a_worker_with_a_hanging_task_ends_too(queue: RqJobQueue, workers: Workers, order: Order) -> None:
    process = workers.start()
    job = order(end="hang")
    wait_until_at_work(queue, job.id)
    (horse,) = wait_for(lambda: children(process.pid))
    process.terminate()
    assert process.wait(15) == 0
    assert not is_alive(horse)
    assert wait_for_state(queue, job.id, "failed", "queued").state in ("failed", "queued")


def test_a_killed_worker_takes_its_task_along(
    queue: RqJobQueue, workers: Workers, order: Order, tmp_path: Path
) -> None:
    process = workers.start()
    job = order(steps=2000)
    wait_until_at_work(queue, job.id)
    (horse,) = wait_for(lambda: children(process.pid))
    process.kill()
    process.wait()
    wait_for(lambda: not is_alive(horse))
    again = wait_for_state(queue, job.id, "queued", timeout_s=40)
    assert (again.attempts, again.error, again.percent) == (1, None, 0.0)
    assert [path.name for path in tmp_path.glob("movie*")] == ["movie.ts"]
    with pytest.raises(RecordingBusy):
        order()


def test_a_job_whose_worker_vanished_is_found(queue: RqJobQueue, workers: Workers, order: Order) -> None:
    process = workers.start()
    job = order(steps=2000)
    wait_until_at_work(queue, job.id)
    (horse,) = wait_for(lambda: children(process.pid))
    os.kill(process.pid, signal.SIGSTOP)
    os.kill(horse, signal.SIGKILL)
    process.kill()
    assert wait_for_state(queue, job.id, "queued", timeout_s=40).attempts == 1
    assert queue._redis.zcard("rq:wip:VueCutter") == 0
    second = workers.start()
    wait_until_at_work(queue, job.id)
    assert queue.job(job.id).attempts == 2
    second.kill()
    failed = wait_for_state(queue, job.id, "failed", timeout_s=40)
    assert failed.error is not None
    assert failed.error["code"] == "worker_died"
    assert failed.attempts == 2
    said = [line.message for line in queue.log(job.id)]
    assert sum("begun by worker" in line for line in said) == 2
    assert sum("tried once more" in line for line in said) == 1
    wait_for(lambda: queue.tend() or queue._redis.zcard("rq:wip:VueCutter") == 0, 40)
    assert queue._redis.llen("rq:queue:VueCutter:intermediate") == 0
    assert queue._redis.zcard("rq:failed:VueCutter") == 1
    workers.start()
    again = order()
    assert wait_for_state(queue, again.id, "finished").state == "finished"


def test_a_cancelled_job_of_a_worker_that_died_is_cancelled(queue: RqJobQueue, workers: Workers, order: Order) -> None:
    process = workers.start()
    job = order(steps=2000)
    wait_until_at_work(queue, job.id)
    (horse,) = wait_for(lambda: children(process.pid))
    os.kill(process.pid, signal.SIGSTOP)
    os.kill(horse, signal.SIGKILL)
    process.kill()
    queue.cancel(job.id)
    assert wait_for_state(queue, job.id, "cancelled", timeout_s=40).attempts == 1


def test_a_job_that_was_taken_and_never_begun_goes_back(
    queue: RqJobQueue, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = order("first"), order("second")
    dispatcher, another = Dispatcher(queue._redis, "gone", None), Dispatcher(queue._redis, "gone too", None)
    assert dispatcher.take() == first.id
    assert another.take() == second.id
    assert dispatcher.take() is None
    monkeypatch.setattr(names, "ABANDONED_AFTER_S", 0.0)
    queue.tend()
    assert queue._redis.llen("rq:queue:VueCutter") == 0, "the worker lives"
    queue._redis.delete(names.alive_key("gone"), names.alive_key("gone too"))
    queue.tend()
    assert {job.position for job in queue.jobs()} == {1, 2}
    assert dispatcher.take() is not None
    dispatcher.give_back()
    assert {job.position for job in queue.jobs()} == {1, 2}


def test_what_a_killed_task_left_is_removed(queue: RqJobQueue, workers: Workers, order: Order, tmp_path: Path) -> None:
    process = workers.start()
    died = wait_for_state(queue, order("died", end="die").id, "failed")
    wait_for(lambda: not (tmp_path / ".plexcut").exists())
    job = order("left", steps=2000)
    folder = tmp_path / ".plexcut" / "tmp" / job.id
    wait_for(lambda: (folder / "result.part").exists())
    (horse,) = wait_for(lambda: children(process.pid))
    os.kill(process.pid, signal.SIGSTOP)
    os.kill(horse, signal.SIGKILL)
    process.kill()
    (tmp_path / ".plexcut" / "tmp" / "of somebody else").mkdir()
    queue._redis.hset(f"rq:job:{job.id}", "status", "failed")
    assert folder.exists()
    workers.start()
    wait_for(lambda: not folder.exists())
    assert (tmp_path / ".plexcut" / "tmp" / "of somebody else").exists()
    assert queue.job(died.id).error is not None


def test_what_a_killed_worker_left_is_removed_though_the_queue_says_it_runs(
    queue: RqJobQueue, workers: Workers, order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = workers.start()
    job = order("left", steps=2000)
    folder = tmp_path / ".plexcut" / "tmp" / job.id
    wait_for(lambda: (folder / "result.part").exists())
    sweeper = Sweeper(queue._redis)
    monkeypatch.setattr(names, "ABANDONED_AFTER_S", 0.0)
    queue.tend()
    sweeper.sweep()
    assert folder.exists()
    (horse,) = wait_for(lambda: children(process.pid))
    os.kill(process.pid, signal.SIGSTOP)
    os.kill(horse, signal.SIGKILL)
    process.kill()
    (beat,) = queue.workers()
    queue._redis.delete(names.alive_key(beat.name))
    monkeypatch.setattr(names, "ABANDONED_AFTER_S", 100.0)
    queue.tend()
    assert queue.job(job.id).state == "running", "a restarted Valkey has forgotten the living for a moment"
    monkeypatch.setattr(names, "ABANDONED_AFTER_S", 0.0)
    queue.tend()
    sweeper.sweep()
    assert folder.exists(), "the job waits for its second attempt"
    queue.cancel(job.id)
    sweeper.sweep()
    assert not (tmp_path / ".plexcut").exists()


def test_a_worker_ends_with_the_server_that_started_it(valkey: EmbeddedValkey, queue: RqJobQueue) -> None:
    code = (
        "import os, sys, time; from pathlib import Path; from plexcut.jobs import processes;"
        "env = {**os.environ, processes.PARENT_VARIABLE: str(os.getpid())};"
        "child = processes.start([sys.executable, '-c', 'import sys; from plexcut.jobs import worker;"
        " worker.run(sys.argv[1])', sys.argv[1]], env=env); print(child.pid, flush=True); time.sleep(100)"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen([sys.executable, "-c", code, valkey.url], env=env, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        pid = int(server.stdout.readline())
        wait_for(queue.workers)
        server.kill()
    wait_for(lambda: not is_alive(pid))


def test_a_job_survives_the_loss_of_its_queue(
    queue: RqJobQueue, workers: Workers, order: Order, valkey: EmbeddedValkey
) -> None:
    workers.start()
    job = order(steps=60, step_s=0.05)
    wait_until_at_work(queue, job.id)
    pid = valkey.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: valkey.pid not in (None, pid) and queue.online())
    assert wait_for_state(queue, job.id, "finished").state == "finished"
    assert wait_for_state(queue, order("next").id, "finished").state == "finished"


def test_the_queue_restarts_while_the_last_word_is_due(
    queue: RqJobQueue, workers: Workers, order: Order, valkey: EmbeddedValkey
) -> None:
    workers.start()
    job = order(steps=10, step_s=0.05)
    wait_until_at_work(queue, job.id)
    pid = valkey.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    time.sleep(1.5)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: valkey.pid not in (None, pid) and queue.online())
    assert wait_for_state(queue, job.id, "finished", timeout_s=40).state == "finished"
