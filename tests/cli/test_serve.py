"""`plexcut serve` as a process: what it starts, and that nothing of it is left."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes import children, command_of, is_alive, wait_for

ROOT = Path(__file__).resolve().parents[2]


def _hears_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Server:
    """A running `plexcut serve` and what belongs to it."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.data_dir = home / "data"
        env = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "PLEXCUT_DATA_DIR": str(self.data_dir),
            "XDG_CONFIG_HOME": str(home / "config"),
        }
        command = [sys.executable, "-c", "from plexcut.cli import main; main()", "serve", "--port", "0", *arguments]
        self.process = subprocess.Popen(
            command,
            env=env,
            cwd=home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Tests that run in the background of a shell ignore Ctrl-C, and so would their children.
            preexec_fn=_hears_interrupts,
        )
        self.address = ""

    def wait_ready(self) -> None:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("plexcut is ready at http://127.0.0.1:"), self.process.stderr
        self.address = line.split()[-1]

    def get(self, path: str) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(self.address + path, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def children(self, pid: int | None = None) -> dict[int, str]:
        """Every process below the server (or `pid`), with its command line."""
        found: dict[int, str] = {}
        for child in children(pid or self.process.pid):
            found[child] = command_of(child)
            found |= self.children(child)
        return found

    def child(self, what: str) -> int:
        """0 where there is none."""
        return next((pid for pid, command in self.children().items() if what in command), 0)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    (folder / "Movies").mkdir(parents=True)
    (folder / "Movies" / "Some Film (2020).ts").write_bytes(b"x" * 1000)
    return folder


@pytest.fixture
def serve(tmp_path: Path, library: Path) -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start(*arguments: str) -> Server:
        server = Server(tmp_path, "--library", str(library), *arguments)
        started.append(server)
        return server

    yield start
    for server in started:
        server.end()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_it_starts_serves_and_ends_whole(serve: Callable[..., Server], signum: signal.Signals) -> None:
    server = serve()
    server.wait_ready()
    assert wait_for(lambda: server.get("/api/health")[1].get("queue") == {"online": True, "workers": 1})
    status, libraries = server.get("/api/libraries")
    assert (status, libraries["total"], libraries["libraries"][0]["online"]) == (200, 1, True)
    children = server.children()
    assert len(children) == 2
    assert not any("hunter2" in command or "unix://" in command for command in children.values())
    server.process.send_signal(signum)
    out, err = server.process.communicate(timeout=60)
    assert (server.process.returncode, out, err) == (0, "", "")
    assert not any(is_alive(child) for child in children)


def test_killed_children_come_back_and_a_killed_server_takes_them_along(serve: Callable[..., Server]) -> None:
    server = serve()
    server.wait_ready()
    worker = wait_for(lambda: server.child("worker"))
    os.kill(worker, signal.SIGKILL)
    again = wait_for(lambda: [p for p, c in server.children().items() if "worker" in c and p != worker])[0]
    valkey = wait_for(lambda: server.child("valkey"))
    os.kill(valkey, signal.SIGKILL)
    wait_for(lambda: [p for p, c in server.children().items() if "valkey" in c and p != valkey])
    wait_for(lambda: server.get("/api/jobs") == (200, {"jobs": [], "total": 0}))
    assert server.get("/api/libraries")[0] == 200
    children = server.children()
    assert again in children
    server.process.kill()
    server.process.wait()
    wait_for(lambda: not any(is_alive(child) for child in children))


def test_one_server_for_a_data_folder_and_for_a_port(serve: Callable[..., Server], tmp_path: Path) -> None:
    first = serve("--no-worker")
    first.wait_ready()
    assert len(first.children()) == 1
    second = serve()
    _, err = second.process.communicate(timeout=60)
    assert second.process.returncode == 8
    assert err.startswith("plexcut: ")
    assert err.count("\n") == 1
    port = first.address.rpartition(":")[2]
    (tmp_path / "other").mkdir()
    third = Server(tmp_path / "other", "--library", str(tmp_path), "--port", port)
    _, err = third.process.communicate(timeout=60)
    assert third.process.returncode == 8
    assert f"port {port}" in err
    assert not third.data_dir.exists()
    assert first.get("/api/health")[0] == 200


def test_a_backup_of_a_running_server_and_bringing_it_back(serve: Callable[..., Server], tmp_path: Path) -> None:
    server = serve("--no-worker")
    server.wait_ready()
    out = tmp_path / "backup.zip"

    def plexcut(*arguments: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "PLEXCUT_DATA_DIR": str(server.data_dir)}
        command = [sys.executable, "-c", "from plexcut.cli import main; main()", *arguments]
        return subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)

    made = plexcut("backup", str(out), "--json")
    assert (made.returncode, made.stderr) == (0, "")
    answer = json.loads(made.stdout.splitlines()[-1])
    assert (answer["path"], answer["bytes"]) == (str(out), out.stat().st_size)
    assert plexcut("backup", str(out)).returncode == 6
    refused = plexcut("restore-backup", str(out))
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (8, "", 1)
    server.process.terminate()
    server.process.wait()
    done = plexcut("restore-backup", str(out), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert Path(json.loads(done.stdout.splitlines()[-1])["set_aside"]).exists()
    for wrong, code in (("missing", 3), (str(server.data_dir / "plexcut.db"), 4)):
        failed = plexcut("restore-backup", wrong)
        assert (failed.returncode, failed.stderr.count("\n")) == (code, 1)
    again = serve("--no-worker")
    again.wait_ready()
    assert again.get("/api/notices") == (200, {"notices": [], "total": 0})


def test_a_queue_that_is_down_does_not_stop_the_page(serve: Callable[..., Server], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        (tmp_path / "config.toml").write_text(
            f'[queue]\nurl = "redis://:geheim@127.0.0.1:{taken.getsockname()[1]}/0"\n'
        )
        server = serve()
        server.wait_ready()
        assert server.get("/api/jobs")[0] == 503
        health = wait_for(lambda: (found := server.get("/api/health"))[0] == 200 and found[1])
        assert health["queue"] == {"online": False, "workers": 0}
        server.process.terminate()
        out, err = server.process.communicate(timeout=60)
    assert server.process.returncode == 0
    logs = "".join(path.read_text() for path in (server.data_dir / "logs").iterdir())
    assert "geheim" not in out + err + logs


def test_an_end_while_starting(serve: Callable[..., Server]) -> None:
    for delay_s in (0.3, 0.6, 0.9, 1.2):
        server = serve()
        time.sleep(delay_s)
        children = server.children()
        server.process.send_signal(signal.SIGINT)
        server.process.communicate(timeout=60)
        assert server.process.returncode in (0, 130, -signal.SIGINT)
        wait_for(lambda children=children: not any(is_alive(child) for child in children))
