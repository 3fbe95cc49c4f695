"""A job that waits for others: its time limit stands still, and it is no stall."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from plexcut.jobs.embedded import EmbeddedValkey
from plexcut.jobs.queue import RqJobQueue
from plexcut.jobs.waits import Waits, waited_too_long
from tests.jobs.conftest import Workers, movie, wait_for_state
from tests.processes import wait_for


def test_waiting_is_neither_work_nor_a_stall(valkey: EmbeddedValkey, workers: Workers, tmp_path: Path) -> None:
    queue = RqJobQueue(valkey.url, task="tests.jobs.fake_tasks.wait_until_nobody_watches", stall_s=2)
    (tmp_path / "watched").touch()
    workers.start(TEST_WATCHED=str(tmp_path / "watched"))
    job = queue.enqueue_cut(movie(tmp_path), {}, 3)
    wait_for(lambda: queue.job(job.id).phase == "waiting")
    time.sleep(4.5)  # longer than what counts as a stall, and than its time limit
    found = queue.job(job.id)
    assert (found.state, found.waiting and found.waiting["message"]) == ("running", "Anna is watching")
    (tmp_path / "watched").unlink()
    ended = wait_for_state(queue, job.id, "finished", "failed")
    assert (ended.state, ended.waiting) == ("finished", None)
    queue.close()


def test_how_long_was_waited_is_remembered_by_the_queue(valkey: EmbeddedValkey, queue: RqJobQueue) -> None:
    assert Waits(queue._redis, "j").put_off("Anna is watching", 100)
    again = Waits(queue._redis, "j")
    assert again.was_put_off
    assert not again.put_off("Anna is watching", 100)
    assert again.put_off("Bernd is watching", 100)
    with pytest.raises(Exception, match="Bernd is watching, and plexcut has waited for 0 s"):
        Waits(queue._redis, "j").put_off("Bernd is watching", 1e-9)
    assert Waits(queue._redis, "j").over()
    assert not Waits(queue._redis, "j").was_put_off


@pytest.mark.parametrize(("wait_s", "spoken"), [(0, "a"), (90, "a, and plexcut has waited for 90 s"),
                                                (3600, "a, and plexcut has waited for 60 min"),
                                                (14400, "a, and plexcut has waited for 4.0 h")])  # fmt: skip
def test_how_long_is_said(wait_s: float, spoken: str) -> None:
    assert waited_too_long("a", wait_s).message == spoken
