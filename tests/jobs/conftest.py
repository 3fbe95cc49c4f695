"""A real Valkey, real workers in processes of their own, and orders for them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from plexcut.domain.catalog import MovieData
from plexcut.domain.jobs import Job
from plexcut.jobs.embedded import EmbeddedValkey
from plexcut.jobs.queue import RqJobQueue
from tests.processes import children, wait_for

ROOT = Path(__file__).resolve().parents[2]
TASK = "tests.jobs.fake_tasks.cut"


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(tmp_path / "valkey")
    assert server.start()
    yield server
    server.stop()


@pytest.fixture
def queue(valkey: EmbeddedValkey) -> Iterator[RqJobQueue]:
    queue = RqJobQueue(valkey.url, task=TASK)
    yield queue
    queue.close()


class Workers:
    """Starts `plexcut.jobs.worker` processes and ends what is left of them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, **env: str) -> subprocess.Popen[bytes]:
        code = (
            "import sys, logging; logging.basicConfig(level=logging.INFO); from plexcut.jobs import worker; "
            "worker.run(sys.argv[1])"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code, self.url],
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", **env},
            cwd=ROOT,
        )
        self.started.append(process)
        return process

    def end(self) -> None:
        for process in self.started:
            for child in children(process.pid):
                kill(child, signal.SIGKILL)
            kill(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def workers(valkey: EmbeddedValkey) -> Iterator[Workers]:
    workers = Workers(valkey.url)
    yield workers
    workers.end()


@pytest.fixture
def order(queue: RqJobQueue, tmp_path: Path) -> Callable[..., Job]:
    """Order a cut of a file that tells `ScriptedEngine` what to do."""

    def place(name: str = "movie", timeout_s: int = 600, **script: Any) -> Job:
        return queue.enqueue_cut(movie(tmp_path, name, **script), {"section": "movies"}, timeout_s)

    return place


def movie(folder: Path, name: str = "movie", **script: Any) -> MovieData:
    path = folder / f"{name}.ts"
    path.write_text(json.dumps(script))
    return MovieData(
        recording=f"test~{name}",
        title=name,
        section="test~movies",
        path=str(path),
        root=str(folder),
        fingerprint=f"{path.name}-{path.stat().st_size}",
        keep=((0, 50), (100, 150)),
        mode="exact",
        output="beside",
        raw_duration_s=4.0,
        cut_duration_s=2.0,
        eta_s=1.0,
    )


def kill(pid: int, signum: signal.Signals) -> None:
    try:
        os.kill(pid, signum)
    except ProcessLookupError:
        return


def wait_for_state(queue: RqJobQueue, job: str, *states: str, timeout_s: float = 60.0) -> Job:
    """As a server that watches the queue would see it."""

    def look() -> Job | bool:
        queue.tend()
        return (found := queue.job(job)).state in states and found

    return wait_for(look, timeout_s)


def wait_until_at_work(queue: RqJobQueue, job: str) -> Job:
    """Until the engine has said something."""
    return wait_for(lambda: (found := queue.job(job)).state == "running" and found.phase == "copy" and found)
