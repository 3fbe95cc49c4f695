"""A thousand jobs of twenty clients at once: all end, none twice, and the page answers all the while."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from plexcut.jobs.embedded import EmbeddedValkey
from plexcut.jobs.queue import RqJobQueue
from plexcut.storage.database import Database
from plexcut.web.app import create_app
from plexcut.web.server import serve
from plexcut.web.settings import WebSettings
from tests.jobs.conftest import ROOT
from tests.plexdata.fakes import FakeLibrary
from tests.plexdata.world import World
from tests.processes import wait_for

JOBS, CLIENTS = 1000, 20
TASK = "tests.jobs.fake_tasks.count"

WORKER = """
import sys
from plexcut.jobs import worker

class Quick(worker.CutWorker):
    def execute_job(self, job, queue):
        self.dispatcher.taken = None
        self.perform_job(job, queue, self.prepare_execution(job))
        self.dispatcher.done()

worker.CutWorker = Quick  # a process for each of a thousand jobs is what this test need not pay for
worker.run(sys.argv[1])
"""


@pytest.fixture
def address(tmp_path: Path, valkey: EmbeddedValkey) -> Iterator[tuple[str, World]]:
    """A real server around a real queue and a real database; its recordings are made up."""
    library = FakeLibrary("a", root=tmp_path)
    section = library.section_of("movies", "movie")
    for n in range(JOBS):
        library.add(section, f"m{n}")
    world = World(tmp_path, [library])
    world.queue = RqJobQueue(valkey.url, task=TASK)  # type: ignore[assignment]
    world.store = Database(tmp_path / "many.db")  # type: ignore[assignment]
    plexdata = world.restart()
    world.engine.fingerprint = lambda path: f"print-of-{path.name}"  # type: ignore[method-assign]
    ready, over = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []
    urls: list[str] = []

    async def run() -> None:
        loops.append(asyncio.get_running_loop())

        def on_ready(url: str) -> None:
            urls.append(url)
            ready.set()

        await serve(create_app(plexdata, WebSettings(port=0)), "127.0.0.1", 0, over, on_ready)

    plexdata.start()
    assert plexdata.wait_ready(20)
    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    assert ready.wait(20)
    yield urls[0].rstrip("/"), world
    loops[0].call_soon_threadsafe(over.set)
    thread.join(20)
    world.close()


class Page:
    """Somebody who looks at the page meanwhile."""

    def __init__(self, url: str) -> None:
        self.waits_s: list[float] = []
        self.failures: list[Any] = []
        self._url = url
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        with httpx.Client(base_url=self._url, timeout=30) as client:
            while not self._over.wait(0.3):
                for path in ("/api/progress", "/api/jobs?limit=50", "/api/health", "/api/selection"):
                    began = time.monotonic()
                    answer = client.get(path)
                    self.waits_s.append(time.monotonic() - began)
                    if answer.status_code != 200:
                        self.failures.append((path, answer.text))

    def end(self) -> None:
        self._over.set()
        self._thread.join(30)


def test_a_thousand_jobs_of_twenty_clients(address: tuple[str, World], valkey: EmbeddedValkey, tmp_path: Path) -> None:
    url, world = address
    ran = tmp_path / "ran"
    ran.touch()
    page = Page(url)
    with httpx.Client(base_url=url, timeout=30) as client:
        assert client.post("/api/queue/pause").json()["queue"]["paused"] is True

        def order(number: int) -> Counter[int]:
            """Its own fifty recordings, and some that the next client orders at the same time."""
            found: Counter[int] = Counter()
            with httpx.Client(base_url=url, timeout=60) as mine:
                for n in range(JOBS // CLIENTS):
                    for owner in (number, (number + 1) % CLIENTS)[: 2 if n % 5 == 0 else 1]:
                        recording = f"a~r.m{owner * (JOBS // CLIENTS) + n}"
                        answer = mine.post(f"/api/recordings/{recording}/cut", json={"keep": [[0, 10]]})
                        found[answer.status_code] += 1
                        assert answer.status_code == 202 or answer.json()["error"]["code"] == "recording_busy"
            return found

        began = time.monotonic()
        with ThreadPoolExecutor(CLIENTS) as clients:
            answers = sum(clients.map(order, range(CLIENTS)), Counter())
        ordered_s = time.monotonic() - began
        assert answers == {202: JOBS, 409: JOBS // 5}
        jobs = client.get("/api/jobs").json()
        assert (jobs["total"], len(jobs["jobs"])) == (JOBS, JOBS)
        assert sorted(job["position"] for job in jobs["jobs"]) == list(range(1, JOBS + 1))

        env = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "TEST_RAN": str(ran)}
        workers = [subprocess.Popen([sys.executable, "-c", WORKER, valkey.url], env=env, cwd=ROOT) for _ in range(2)]
        try:
            client.post("/api/queue/resume")
            began = time.monotonic()
            wait_for(lambda: client.get("/api/jobs?limit=1&state=finished").json()["total"] == JOBS, 240)
            done_s = time.monotonic() - began
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.wait()
        page.end()
    counted = Counter(ran.read_text().split())
    assert len(counted) == JOBS
    assert set(counted.values()) == {1}, "none twice"
    assert page.failures == []
    waits = sorted(page.waits_s)
    print(  # noqa: T201 - what the test measured, with `pytest -s`
        f"ordered in {ordered_s:.1f} s, done in {done_s:.1f} s, {len(waits)} answers: "
        f"median {waits[len(waits) // 2]:.3f} s, 99 % {waits[len(waits) * 99 // 100]:.3f} s, worst {waits[-1]:.3f} s"
    )
    assert waits[len(waits) // 2] < 5.0
    assert waits[len(waits) * 95 // 100] < 15.0, "also where six others use two cores"
    assert world.queue._redis.zcard("rq:wip:VueCutter") == 0  # type: ignore[attr-defined]
