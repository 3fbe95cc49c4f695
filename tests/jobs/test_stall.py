"""A job that gets nowhere is ended, with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plexcut.jobs.embedded import EmbeddedValkey
from plexcut.jobs.queue import RqJobQueue
from plexcut.jobs.stall import StallWatch
from tests.jobs.conftest import TASK, Workers, movie, wait_for_state
from tests.processes import wait_for


@pytest.fixture
def impatient(valkey: EmbeddedValkey) -> Iterator[RqJobQueue]:
    queue = RqJobQueue(valkey.url, task=TASK, stall_s=1.5)
    yield queue
    queue.close()


def test_a_task_that_hangs_and_one_that_works(impatient: RqJobQueue, workers: Workers, tmp_path: Path) -> None:
    workers.start()
    hanging = impatient.enqueue_cut(movie(tmp_path, "hanging", end="hang"), {}, 600)
    slow = impatient.enqueue_cut(movie(tmp_path, "slow", steps=20, step_s=0.3), {}, 600)
    failed = wait_for_state(impatient, hanging.id, "failed", timeout_s=40)
    assert failed.error is not None
    assert failed.error["code"] == "stalled"
    assert failed.attempts == 1, "what stalls is not tried again by itself"
    wait_for(lambda: not (tmp_path / ".plexcut" / "tmp" / hanging.id).exists(), 40)
    assert sorted(path.name for path in tmp_path.glob("hanging*")) == ["hanging.ts"]
    assert wait_for_state(impatient, slow.id, "finished", timeout_s=40).error is None
    assert any("no progress" in line.message for line in impatient.log(hanging.id))


def test_only_what_moves_counts() -> None:
    now = [0.0]
    stalled: list[float] = []
    watch = StallWatch(0.4, lambda: stalled.append(now[0]), clock=lambda: now[0])
    told: list[tuple[str, float]] = []
    on_progress = watch.watching(lambda phase, fraction: told.append((phase, fraction)))
    watch.start()
    for n in range(20):
        now[0] += 0.3
        on_progress("copy", n / 20)
    on_progress("verify", 0.95)
    now[0] += 0.3
    on_progress("verify", 0.95)
    assert len(told) == 22
    assert stalled == []
    now[0] += 0.3
    wait_for(lambda: stalled)
    watch.end()
