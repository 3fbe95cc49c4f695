"""The queue's server loses everything, or is killed, while jobs wait and run; a server that watches brings all back."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from plexcut.domain.jobs import Job
from plexcut.jobs.embedded import EmbeddedValkey
from plexcut.jobs.queue import RqJobQueue
from plexcut.plexdata import book
from plexcut.plexdata.book import JobBook
from plexcut.storage.database import Database
from tests.jobs.conftest import Workers, wait_until_at_work
from tests.processes import children, wait_for

Order = Callable[..., Job]


class Server:
    """What a server does about its jobs, without the rest of it."""

    def __init__(self, queue: RqJobQueue, path: Path) -> None:
        self.queue = queue
        self.store = Database(path)
        self.book = JobBook(queue, self.store)

    def look(self) -> dict[str, Job]:
        self.queue.tend()
        jobs = self.queue.jobs()
        self.book.recover(jobs)
        self.book.note(jobs)
        return {job.id: job for job in self.queue.jobs()}

    def wait_for(self, job: str, state: str, timeout_s: float = 60.0) -> Job:
        def find() -> Job | bool:
            found = self.look().get(job)
            return found is not None and found.state == state and found

        answer: Job = wait_for(find, timeout_s)
        return answer


@pytest.fixture
def server(queue: RqJobQueue, tmp_path: Path) -> Iterator[Server]:
    made = Server(queue, tmp_path / "plexcut.db")
    yield made
    made.store.close()


def test_everything_is_lost_while_one_runs_and_one_waits(
    server: Server, queue: RqJobQueue, workers: Workers, order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book, "LOST_QUEUED_S", 0.5)
    workers.start()
    running = order("running", steps=120, step_s=0.05)
    wait_until_at_work(queue, running.id)
    waiting = order("waiting")
    server.look()
    queue._redis.flushall()
    assert server.wait_for(waiting.id, "queued").attempts == 0
    assert server.wait_for(running.id, "running").attempts == 1, "its worker let the queue know of it again"
    done = server.wait_for(running.id, "finished")
    assert (done.attempts, done.result and done.result["path"]) == (1, str(tmp_path / "running cut.ts"))
    assert server.wait_for(waiting.id, "finished").error is None
    server.look()
    for job in (running, waiting):
        stored = server.store.job(job.id)
        assert stored is not None
        assert (stored.job.state, stored.order is not None) == ("finished", True)
        assert any("begun by worker" in line.message for line in server.store.job_log(job.id))
    wait_for(lambda: [worker.state for worker in queue.workers()] == ["idle"])
    assert sorted(path.name for path in tmp_path.glob("* cut*.ts")) == ["running cut.ts", "waiting cut.ts"]


def test_everything_is_lost_and_the_worker_too(
    server: Server, queue: RqJobQueue, workers: Workers, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book, "LOST_RUNNING_S", 3.0)
    process = workers.start()
    job = order(steps=40, step_s=0.05)
    wait_until_at_work(queue, job.id)
    server.look()
    (horse,) = wait_for(lambda: children(process.pid))
    os.kill(process.pid, signal.SIGSTOP)
    os.kill(horse, signal.SIGKILL)
    process.kill()
    queue._redis.flushall()
    assert server.wait_for(job.id, "queued").id == job.id
    workers.start()
    done = server.wait_for(job.id, "finished")
    assert (done.attempts, done.id) == (2, job.id)


@pytest.mark.parametrize("first", ["the worker dies", "the queue is lost"])
def test_a_loss_of_the_queue_is_no_death_of_the_worker(
    server: Server, queue: RqJobQueue, workers: Workers, order: Order, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """One of each, in either order, and the job is done all the same."""
    monkeypatch.setattr(book, "LOST_RUNNING_S", 3.0)
    process = workers.start()
    job = order(steps=40, step_s=0.05)
    for n in range(2):
        wait_until_at_work(queue, job.id)
        server.look()
        (horse,) = wait_for(lambda process=process: children(process.pid))  # type: ignore[misc]
        os.kill(process.pid, signal.SIGSTOP)
        os.kill(horse, signal.SIGKILL)
        process.kill()
        if (n == 0) == (first == "the queue is lost"):
            queue._redis.flushall()
        server.wait_for(job.id, "queued")
        process = workers.start()
    assert server.wait_for(job.id, "finished").attempts == 3


def test_the_embedded_server_is_killed_and_all_of_plexcut_is_restarted(tmp_path: Path, order: Order) -> None:
    """What was ordered in the last second may not be on the disk of the queue; it is in the database."""
    folder = tmp_path / "another"
    valkey = EmbeddedValkey(folder)
    assert valkey.start()
    queue = RqJobQueue(valkey.url, task="tests.jobs.fake_tasks.cut")
    server = Server(queue, tmp_path / "plexcut.db")
    from tests.jobs.conftest import movie

    jobs = [queue.enqueue_cut(movie(tmp_path, f"m{n}"), {}, 600) for n in range(3)]
    queue.move(jobs[2].id, position=1)
    server.look()
    time.sleep(1.2)
    last = queue.enqueue_cut(movie(tmp_path, "last"), {}, 600)
    server.book.note([last])
    assert valkey.pid is not None
    valkey._over.set()
    os.kill(valkey.pid, signal.SIGKILL)
    valkey.stop()
    queue.close()
    server.store.close()

    again = EmbeddedValkey(folder)
    assert again.start()
    workers = Workers(again.url)
    try:
        queue = RqJobQueue(again.url, task="tests.jobs.fake_tasks.cut")
        server = Server(queue, tmp_path / "plexcut.db")
        wait_for(lambda: len(server.look()) == 4)
        order_now = sorted(server.look().values(), key=lambda job: job.position or 0)
        assert [job.title for job in order_now][:3] == ["m2", "m0", "m1"]
        workers.start()
        for job in (*jobs, last):
            assert server.wait_for(job.id, "finished").attempts == 1
        server.store.close()
        queue.close()
    finally:
        workers.end()
        again.stop()
