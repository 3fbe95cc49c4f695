"""The order of waiting jobs, the pause, limits, and which worker gets what; no task runs here."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from plexcut.domain.jobs import Job
from plexcut.errors import Busy, JobNotFound
from plexcut.jobs import names
from plexcut.jobs.dispatch import Dispatcher
from plexcut.jobs.embedded import EmbeddedValkey
from plexcut.jobs.queue import RqJobQueue
from tests.jobs.conftest import TASK, movie

Order = Callable[..., Job]


def waiting(queue: RqJobQueue) -> list[str]:
    """Titles in the order in which the jobs will begin."""
    jobs = [job for job in queue.jobs() if job.state == "queued"]
    jobs.sort(key=lambda job: job.position or 0)
    assert [job.position for job in jobs] == list(range(1, len(jobs) + 1))
    return [job.title for job in jobs]


def place(queue: RqJobQueue, folder: Path, name: str, **changes: str) -> Job:
    return queue.enqueue_cut(dataclasses.replace(movie(folder, name), **changes), {}, 600)


def test_moving(queue: RqJobQueue, order: Order) -> None:
    a, b, c, d = (order(name) for name in "abcd")
    assert waiting(queue) == ["a", "b", "c", "d"]
    assert queue.move(d.id, position=1).position == 1
    assert waiting(queue) == ["d", "a", "b", "c"]
    assert queue.move(d.id, position=3).position == 3
    assert waiting(queue) == ["a", "b", "d", "c"]
    assert queue.move(a.id, position=99).position == 4
    assert waiting(queue) == ["b", "d", "c", "a"]
    queue.move(a.id, before=d.id)
    assert waiting(queue) == ["b", "a", "d", "c"]
    queue.move(b.id, before=c.id)
    assert waiting(queue) == ["a", "d", "b", "c"]
    queue.cancel(c.id)
    assert waiting(queue) == ["a", "d", "b"]
    with pytest.raises(Busy, match="does not wait"):
        queue.move(a.id, before=c.id)
    with pytest.raises(Busy, match="cancelled"):
        queue.move(c.id, position=1)
    with pytest.raises(JobNotFound):
        queue.move("nope", position=1)
    assert waiting(queue) == ["a", "d", "b"]


def test_priorities(queue: RqJobQueue, order: Order, tmp_path: Path) -> None:
    for name in "abc":
        order(name)
    assert queue.enqueue_cut(movie(tmp_path, "urgent"), {}, 600, "high").priority == "high"
    low = queue.enqueue_cut(movie(tmp_path, "some day"), {}, 600, "low")
    order("d")
    queue.enqueue_cut(movie(tmp_path, "urgent too"), {}, 600, "high")
    assert waiting(queue) == ["urgent", "urgent too", "a", "b", "c", "d", "some day"]
    job = next(job for job in queue.jobs() if job.title == "c")
    assert queue.prioritise(job.id, "high").position == 3
    assert queue.prioritise(low.id, "normal").position == 7
    assert waiting(queue) == ["urgent", "urgent too", "c", "a", "b", "d", "some day"]
    assert queue.prioritise(job.id, "low").priority == "low"
    assert waiting(queue)[-1] == "c"
    queue.cancel(low.id)
    with pytest.raises(Busy):
        queue.prioritise(low.id, "high")


def test_paused(queue: RqJobQueue, order: Order) -> None:
    job = order()
    dispatcher = Dispatcher(queue._redis, "w", None)
    queue.pause(True)
    assert dispatcher.take() is None
    assert queue.progress().queue.paused is True
    queue._redis.sadd("rq:workers:VueCutter", "rq:worker:w")
    queue._redis.set(names.alive_key("w"), "1", ex=10)
    found = queue.job(job.id)
    assert (found.state, found.waiting and found.waiting["code"]) == ("queued", "queue_paused")
    queue.pause(False)
    assert queue.job(job.id).waiting is None
    assert dispatcher.take() == job.id


def test_a_job_goes_to_a_worker_that_reaches_it(queue: RqJobQueue, tmp_path: Path) -> None:
    nas = place(queue, tmp_path, "nas film", library="nas", place="/nas/film.ts")
    home = place(queue, tmp_path, "home film", library="home", place="film.ts")
    assert queue.job(nas.id).waiting == {
        "code": "no_worker",
        "message": "no worker is running",
        "hint": "start `plexcut worker`",
    }

    def declare(worker: str, reach: str) -> None:
        queue._redis.sadd("rq:workers:VueCutter", f"rq:worker:{worker}")
        queue._redis.set(names.alive_key(worker), "1", ex=10)
        queue._redis.set(names.reach_key(worker), reach, ex=10)

    declare("w", '{"home": [["", true]], "nas": [["/nas", false]]}')
    answer = queue.job(nas.id).waiting
    assert answer is not None
    assert answer["code"] == "library_unreachable"
    assert "'nas'" in answer["message"]
    assert queue.job(home.id).waiting is None
    assert [worker.libraries for worker in queue.workers()] == [("home",)]
    dispatcher = Dispatcher(queue._redis, "w", lambda library, _place: library == "home")
    assert dispatcher.take() == home.id
    assert dispatcher.take() is None
    declare("v", '{"nas": [["/nas", false], ["/nas/film", false], ["/", true]]}')
    assert queue.job(nas.id).waiting is not None, "the longest beginning counts"
    declare("v", '{"nas": [["/nas", true]]}')
    assert queue.job(nas.id).waiting is None


def test_limits_for_a_storage(valkey: EmbeddedValkey, tmp_path: Path) -> None:
    queue = RqJobQueue(valkey.url, task=TASK, limits={"nas": 2})
    queue.tend()
    jobs = [place(queue, tmp_path, f"n{n}", storage="nas") for n in range(3)]
    local = place(queue, tmp_path, "local", storage="ssd")
    first, second, third, fourth = (Dispatcher(queue._redis, f"w{n}", None) for n in range(4))
    assert [first.take(), second.take()] == [jobs[0].id, jobs[1].id]
    assert third.take() == local.id, "what is behind is not held up"
    assert fourth.take() is None
    for worker in ("w0", "w1"):
        queue._redis.sadd("rq:workers:VueCutter", f"rq:worker:{worker}")
    answer = queue.job(jobs[2].id).waiting
    assert answer is not None
    assert answer["code"] == "storage_busy"
    first.done()
    assert fourth.take() == jobs[2].id
    again = RqJobQueue(valkey.url, task=TASK)
    again.tend()
    assert place(again, tmp_path, "n4", storage="nas").id == Dispatcher(again._redis, "w9", None).take()
    again.close()
    queue.close()


def test_two_workers_never_have_the_same_file(queue: RqJobQueue, tmp_path: Path) -> None:
    """Two libraries may show one file: it has two recordings, but the same content."""
    one = place(queue, tmp_path, "one", fingerprint="same")
    two = place(queue, tmp_path, "two", fingerprint="same")
    first, second = Dispatcher(queue._redis, "w1", None), Dispatcher(queue._redis, "w2", None)
    assert first.take() == one.id
    assert second.take() is None
    first.done()
    assert second.take() == two.id


def test_of_many_workers_each_job_has_one(queue: RqJobQueue, order: Order) -> None:
    ids = {order(f"m{n}").id for n in range(40)}
    taken: list[str] = []

    def work(name: str) -> None:
        dispatcher = Dispatcher(queue._redis, name, None)
        while (job := dispatcher.take()) is not None:
            taken.append(job)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 40
    assert set(taken) == ids


def test_a_job_without_a_record_does_not_hold_up_the_others(
    queue: RqJobQueue, order: Order, caplog: pytest.LogCaptureFixture
) -> None:
    order("a")
    queue._redis.lpush("rq:queue:VueCutter", "gone")
    assert Dispatcher(queue._redis, "w", None).take() is not None
    assert "gone" in caplog.text
    assert queue._redis.llen("rq:queue:VueCutter") == 0
