"""The clock is wrong, or jumps, as libfaketime shows it to a command, a server and all that it starts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_in_place import film, tree
from tests.cli.test_somebody_watches import ask, becomes
from tests.e2e.server import ROOT, Server
from tests.media_factory import CLIPS, ClipCache

__all__ = ["film"]


def _preload() -> str:
    """The library that fakes the time; empty where there is none."""
    if shutil.which("faketime") is None:
        return ""
    shown = subprocess.run(["faketime", "-m", "-f", "+0s", "env"], capture_output=True, text=True, check=False).stdout
    return next((line.partition("=")[2] for line in shown.splitlines() if line.startswith("LD_PRELOAD=")), "")


PRELOAD = _preload()
pytestmark = pytest.mark.skipif(not PRELOAD, reason="there is no faketime (on Debian: apt-get install faketime)")


def faked(home: Path, offset: str) -> dict[str, str]:
    """An environment in which the clock is off by what stands in a file, which may change at any time.

    A clock that is set does not change how time goes by: the monotonic one stays as it is. libfaketime then breaks
    Python's own `sleep`, which therefore is another one.
    """
    (home / "clock").write_text(f"{offset}\n")
    (home / "site").mkdir(exist_ok=True)
    sleep = "import select, time\ntime.sleep = lambda s: select.select([], [], [], s) and None\n"
    (home / "site" / "sitecustomize.py").write_text(sleep)
    return {
        "LD_PRELOAD": PRELOAD,
        "FAKETIME_TIMESTAMP_FILE": str(home / "clock"),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": f"{home / 'site'}:{ROOT / 'src'}",
    }


def plexcut(home: Path, offset: str, *arguments: str) -> str:
    env = {
        **os.environ,
        "PLEXCUT_DATA_DIR": str(home / "data"),
        "XDG_CONFIG_HOME": str(home / "config"),
        **faked(home, offset),
    }
    command = [sys.executable, "-c", "from plexcut.cli import main; main()", *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def kinds(home: Path, film: Path, offset: str = "+0s") -> list[str]:
    listed = json.loads(plexcut(home, offset, "trash", str(film.parent), "--json").splitlines()[-1])
    return [entry["kind"] for entry in listed["entries"]]


def test_the_clock_is_really_another_one(tmp_path: Path) -> None:
    env = {**os.environ, **faked(tmp_path, "+20y")}
    code = "import time; print(time.time(), time.monotonic())"
    seen = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout
    wall, steady = map(float, seen.split())
    assert wall - time.time() > 19 * 365 * 86400
    assert abs(steady - time.monotonic()) < 60


@pytest.mark.parametrize("offset", ["+20y", "-20y"])
def test_a_command_at_a_wrong_time_deletes_nothing(
    tmp_path: Path, film: Path, clip_cache: ClipCache, offset: str
) -> None:
    before = tree(film.parent)
    plexcut(tmp_path, "+0s", "cut", str(film), "--keep", "0-1.5", "--in-place")
    other = film.with_name("Other.ts")
    for _ in range(2):  # each of them looks through the trash afterwards
        shutil.copy(clip_cache.get(CLIPS["h264_open_gop_50p"]).path, other)
        plexcut(tmp_path, offset, "cut", str(other), "--keep", "0-0.5", "--in-place")
    assert kinds(tmp_path, film) == ["original"] * 3
    other.unlink()
    plexcut(tmp_path, "+0s", "restore", str(film))
    assert tree(film.parent) == before


def test_an_original_cut_at_a_wrong_time_is_kept_as_long_as_any(
    tmp_path: Path, film: Path, clip_cache: ClipCache
) -> None:
    before = tree(film.parent)
    plexcut(tmp_path, "-20y", "cut", str(film), "--keep", "0-1.5", "--in-place")
    assert kinds(tmp_path, film) == ["original"]
    other = film.with_name("Other.ts")
    shutil.copy(clip_cache.get(CLIPS["h264_open_gop_50p"]).path, other)
    plexcut(tmp_path, "+0s", "cut", str(other), "--keep", "0-0.5", "--in-place")
    assert kinds(tmp_path, film) == ["original"] * 2
    other.unlink()
    plexcut(tmp_path, "+0s", "restore", str(film))
    assert tree(film.parent) == before


@pytest.mark.parametrize("offset", ["+20y", "-20y"])
def test_the_clock_jumps_under_a_server_its_worker_and_its_queue(
    tmp_path: Path, film: Path, clip_cache: ClipCache, offset: str
) -> None:
    shutil.copy(clip_cache.get(CLIPS["h264_open_gop_50p"]).path, film.with_name("Other.ts"))
    before = tree(film.parent)
    server = Server(tmp_path, "--library", str(film.parents[1]), **faked(tmp_path, "+0s"))
    try:
        recordings = server.recordings()

        def cut(title: str) -> dict[str, Any]:
            order = {"keep": [[0, 1.5]], "output": "replace"}
            status, job = ask(server, f"/api/recordings/{recordings[title]}/cut", order)
            assert status == 202, job
            return dict(job)

        def done(job: dict[str, Any]) -> None:
            ended = becomes(server, job["id"], lambda job: job["state"] not in ("queued", "running"))
            assert (ended["state"], ended["error"], ended["attempts"]) == ("finished", None, 1)

        done(cut("Film"))
        ask(server, "/api/queue/pause")
        waiting = cut("Other")
        (tmp_path / "clock").write_text(f"{offset}\n")
        time.sleep(3)
        assert server.get("/api/health")["status"] == "ok"
        ask(server, "/api/queue/resume")
        done(waiting)
        assert [entry["kind"] for entry in server.get("/api/trash")["entries"]] == ["original"] * 2
        (tmp_path / "clock").write_text("+0s\n")
        time.sleep(1)
        for title in recordings:
            status, back = ask(server, f"/api/recordings/{recordings[title]}/restore")
            assert status == 200, back
        assert tree(film.parent) == before
    finally:
        server.stop()
