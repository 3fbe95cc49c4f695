"""Jobs outlive the queue: a Redis that loses everything, one that goes away, and what is told of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plexcut.domain.jobs import JobQuery
from plexcut.errors import Busy, JobNotFound, QueueOffline, UsageError
from plexcut.plexdata import CutOrder
from plexcut.plexdata.book import LOSSES, LOST_RUNNING_S, JobBook
from plexcut.storage.database import Database
from tests.plexdata.world import World

R, S = "a~r.m1", "a~r.m2"


@pytest.fixture
def kept(world: World, tmp_path: Path) -> World:
    """A world whose store is the real database; its book has a clock that is set by hand."""
    world.store = Database(tmp_path / "plexcut.db")  # type: ignore[assignment]
    again(world)
    return world


def again(world: World) -> None:
    """As after a restart of the server."""
    plexdata = world.restart()
    plexdata._watch.book = JobBook(world.queue, world.store, world.clock)


def test_the_history_outlives_the_queue(kept: World) -> None:
    done = kept.plexdata.cut(None, CutOrder(R, [(0, 1)]))
    result = {"path": "/x", "bytes": 1000, "seconds": 2.0, "checks": [{"name": "frames", "ok": True, "detail": ""}]}
    kept.queue.change(done.id, state="finished", result=result, started_at=2.0, ended_at=5.0, took_s=3.0)
    kept.plexdata._watch.look()
    assert kept.store.speed("cut", "a") == 500.0
    kept.queue.lose_everything()
    again(kept)
    kept.plexdata._watch.look()
    found = kept.plexdata.job(done.id)
    assert (found.state, found.result, found.took_s) == ("finished", result, 3.0)
    assert [line.message for line in kept.plexdata.job_log(done.id)] == [f"about {done.id}"]
    assert [job.id for job in kept.plexdata.jobs().jobs] == [done.id]
    assert kept.plexdata.jobs(JobQuery(state="failed")).total == 0
    with pytest.raises(Busy):
        kept.plexdata.retry(done.id)
    with pytest.raises(JobNotFound):
        kept.plexdata.retry("nope")


def test_waiting_jobs_are_queued_again_and_lost_ones_are_tried_once_more(kept: World) -> None:
    waiting = kept.plexdata.cut(None, CutOrder(R, [(0, 1)]))
    running = kept.plexdata.cut(None, CutOrder(S, [(0, 1)]))
    kept.queue.change(running.id, state="running", attempts=1)
    kept.plexdata._watch.look()
    kept.queue.lose_everything()
    kept.plexdata._watch.look()
    kept.clock.now += 4
    kept.plexdata._watch.look()
    assert [order.id for order in kept.queue.put_backs] == [waiting.id]
    assert kept.plexdata.job(running.id).state == "running", "its worker may still let the queue know"
    kept.clock.now += LOST_RUNNING_S
    kept.plexdata._watch.look()
    assert [(order.id, order.losses) for order in kept.queue.put_backs] == [(waiting.id, 0), (running.id, 1)]
    assert kept.queue.put_backs[1].deaths == 0, "nobody's worker died"
    assert kept.queue.put_backs[1].movie["recording"] == S
    for attempts in range(2, LOSSES + 2):  # it runs again, and the queue is lost again
        kept.queue.change(running.id, state="running", attempts=attempts)
        kept.plexdata._watch.look()
        kept.queue.lose_everything()
        for _ in range(2):
            kept.plexdata._watch.look()
            kept.clock.now += LOST_RUNNING_S + 1
        kept.plexdata._watch.look()
    failed = kept.plexdata.job(running.id)
    assert (failed.state, failed.error and failed.error["code"]) == ("failed", "worker_died")
    retried = kept.plexdata.retry(running.id)
    assert retried.id != running.id
    assert kept.queue.put_backs[-1].deaths == 0


def test_a_worker_that_lives_lets_the_queue_know(kept: World) -> None:
    job = kept.plexdata.cut(None, CutOrder(R, [(0, 1)]))
    running = kept.queue.change(job.id, state="running")
    kept.plexdata._watch.look()
    kept.queue.lose_everything()
    kept.plexdata._watch.look()
    kept.queue._jobs[job.id] = running
    kept.clock.now += LOST_RUNNING_S + 1
    kept.plexdata._watch.look()
    assert kept.queue.put_backs == []


def test_an_outage_counts_for_nothing(kept: World) -> None:
    job = kept.plexdata.cut(None, CutOrder(R, [(0, 1)]))
    kept.queue.change(job.id, state="running")
    kept.plexdata._watch.look()
    kept.queue.lose_everything()
    kept.plexdata._watch.look()
    kept.queue.up = False
    kept.clock.now += 1000
    kept.plexdata._watch.look()
    kept.queue.up = True
    kept.plexdata._watch.look()
    assert kept.queue.put_backs == []


def test_what_was_lost_can_be_cancelled(kept: World) -> None:
    job = kept.plexdata.cut(None, CutOrder(R, [(0, 1)]))
    kept.queue.lose_everything()
    assert kept.plexdata.cancel(job.id).state == "cancelled"
    kept.clock.now += 100
    kept.plexdata._watch.look()
    kept.clock.now += 100
    kept.plexdata._watch.look()
    assert kept.queue.put_backs == []
    with pytest.raises(JobNotFound):
        kept.plexdata.cancel("nope")


def test_the_page_is_told_that_the_queue_is_away_and_back(kept: World) -> None:
    job = kept.plexdata.cut(None, CutOrder(R, [(0, 1)]))
    told: list[Any] = []
    kept.plexdata.subscribe(told.append)
    kept.plexdata._watch.look()
    kept.queue.up = False
    kept.plexdata._watch.look()
    progress = [event.data for event in told if event.name == "progress"]
    assert [one["queue"]["online"] for one in progress] == [True, False]
    assert kept.plexdata.health().queue_online is False
    assert [notice.code for notice in kept.plexdata.notices()] == ["queue_offline"]
    assert [one.id for one in kept.plexdata.jobs().jobs] == [job.id], "what was known is shown"
    assert kept.plexdata.job(job.id).state == "queued"
    for call in (kept.plexdata.progress, lambda: kept.plexdata.cancel(job.id), lambda: kept.plexdata.job("nope")):
        with pytest.raises(QueueOffline):
            call()  # type: ignore[operator]
    kept.plexdata._watch.look()
    assert len([event for event in told if event.name == "progress"]) == 2, "told once"
    kept.queue.up = True
    kept.plexdata._watch.look()
    assert [event.data["queue"]["online"] for event in told if event.name == "progress"][-1] is True
    assert kept.plexdata.health().queue_online is True
    assert kept.plexdata.notices() == ()


def test_a_paused_queue_stays_paused(kept: World) -> None:
    kept.plexdata._watch.look()
    assert kept.plexdata.pause_queue(True).queue.paused is True
    kept.queue.lose_everything()
    again(kept)
    kept.plexdata._watch.look()
    assert kept.queue.paused is True
    kept.plexdata.pause_queue(False)
    again(kept)
    kept.plexdata._watch.look()
    assert kept.queue.paused is False


def test_pages_of_jobs(kept: World) -> None:
    for recording in (R, S, "a~r.m3"):
        job = kept.plexdata.cut(None, CutOrder(recording, [(0, 1)]))
        kept.queue.change(job.id, created_at=float(job.id[1:]), state="failed" if recording == S else "queued")
    kept.plexdata.jobs()
    pages = [kept.plexdata.jobs(JobQuery(offset=n, limit=1)) for n in range(4)]
    assert [page.total for page in pages] == [3, 3, 3, 3]
    assert [len(page.jobs) for page in pages] == [1, 1, 1, 0]
    assert kept.plexdata.jobs(JobQuery(state="failed")).total == 1
    assert [job.recording for job in kept.plexdata.jobs(JobQuery(recording=S)).jobs] == [S]
    for query in (JobQuery(limit=0), JobQuery(limit=1001), JobQuery(offset=-1)):
        with pytest.raises(UsageError):
            kept.plexdata.jobs(query)
