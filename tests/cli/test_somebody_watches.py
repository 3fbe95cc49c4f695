"""Somebody watches a recording on Plex, or Plex still records it: a cut in its place waits, by command and by HTTP.

A real server and a real worker, and a Plex stand-in that says who watches.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.server import ROOT, Server
from tests.media_factory import CLIPS, ClipCache
from tests.plex.server import PlexStandIn
from tests.processes import wait_for

SESSIONS = "/status/sessions"


@dataclass
class Home:
    """A Plex server with a film, and where its file is."""

    plex: PlexStandIn
    film: int
    file: Path
    config: Path
    original: str

    def configure(self, wait_s: int) -> None:
        self.config.write_text(
            f"[cut]\nin_use_wait_s = {wait_s}\n"
            f'[[library]]\nid = "home"\nkind = "plex"\nurl = "{self.plex.url}"\ntoken = "{self.plex.token}"\n'
            f'[[library.path]]\nplex = "/share"\nhere = "{self.file.parents[1]}"\n'
        )

    def untouched(self) -> bool:
        """Whether the original has its place, and nothing of ours is left."""
        same = hashlib.sha1(self.file.read_bytes()).hexdigest() == self.original
        return same and not (self.file.parents[1] / ".plexcut").exists()

    def watch_after_the_first_look(self) -> None:
        """Somebody begins to watch when the cut has been found free to begin."""
        self.plex.watch_later(1, self.film, user="Anna")


@pytest.fixture
def home(tmp_path: Path, clip_cache: ClipCache) -> Iterator[Home]:
    file = tmp_path / "share" / "Movies" / "Alien.ts"
    file.parent.mkdir(parents=True)
    shutil.copy(clip_cache.get(CLIPS["h264_open_gop_50p"]).path, file)
    os.utime(file, (1_700_000_000, 1_700_000_000))
    with PlexStandIn() as plex:
        section = plex.add_section("Movies", "movie", "/share/Movies")
        film = plex.add_movie(section, "Alien", ["/share/Movies/Alien.ts"])
        original = hashlib.sha1(file.read_bytes()).hexdigest()
        found = Home(plex, film, file, tmp_path / "config.toml", original)
        found.configure(30)
        yield found


# -- by command


def started(home: Home, *arguments: str) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PLEXCUT_DATA_DIR": str(home.config.parent / "data")}
    command = [sys.executable, "-c", "from plexcut.cli import main; main()", *arguments, "--config", str(home.config)]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def cut(home: Home) -> subprocess.Popen[str]:
    return started(home, "cut", str(home.file), "--keep", "0-1.5", "--in-place", "--json")


def test_a_command_is_refused(home: Home) -> None:
    home.plex.watch(home.film, user="Anna", state="paused")
    process = cut(home)
    _, err = process.communicate(timeout=120)
    assert (process.returncode, err.count("\n")) == (8, 1)
    assert "Anna is watching this recording" in err
    assert home.untouched()


def test_a_command_does_not_cut_what_plex_records(home: Home) -> None:
    home.plex.record("Alien", file="/share/Movies/Alien.ts")
    process = cut(home)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 8
    assert "Alien.ts is still being recorded by Plex" in err
    assert home.untouched()


def test_a_command_waits_before_the_swap(home: Home) -> None:
    home.watch_after_the_first_look()
    process = cut(home)
    assert process.stderr is not None
    assert "the cut is ready, and waits: Anna is watching this recording" in process.stderr.readline()
    assert home.file.stat().st_mtime == 1_700_000_000
    home.plex.sessions.clear()
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert json.loads(out.splitlines()[-1])["verified"] is True
    assert not home.untouched()


@pytest.mark.parametrize("how", ["too long", "cancelled", "changed"])
def test_a_command_that_does_not_come_to_it(home: Home, how: str) -> None:
    home.configure(2 if how == "too long" else 30)
    home.watch_after_the_first_look()
    process = cut(home)
    assert process.stderr is not None
    assert "waits" in process.stderr.readline()
    if how == "cancelled":
        process.send_signal(signal.SIGINT)
    elif how == "changed":
        home.file.write_bytes(home.file.read_bytes() + b"\0" * 188)
        home.original = hashlib.sha1(home.file.read_bytes()).hexdigest()
        os.utime(home.file, (1_700_000_100, 1_700_000_100))
        home.plex.sessions.clear()
    _, err = process.communicate(timeout=120)
    assert process.returncode == (130 if how == "cancelled" else 8)
    assert err.count("\n") == 1
    assert home.untouched()


@pytest.mark.parametrize("what", ["file", "folder", "another file comes"])
def test_it_is_renamed_while_a_finished_cut_waits(home: Home, what: str) -> None:
    home.watch_after_the_first_look()
    process = cut(home)
    assert process.stderr is not None
    assert "waits" in process.stderr.readline()
    folder = home.file.parent
    if what == "folder":
        folder = folder.rename(folder.with_name("Films"))
    else:
        home.file.rename(folder / "Renamed.ts")
    if what == "another file comes":
        home.file.write_bytes(b"\x47" * 188 * 100)
    home.plex.sessions.clear()
    _, err = process.communicate(timeout=120)
    assert process.returncode in (3, 8)
    assert err.count("\n") == 1
    left = {path.name: path.read_bytes() for path in home.file.parents[1].rglob("*") if path.is_file()}
    kept = left.pop("Alien.ts" if what == "folder" else "Renamed.ts")
    assert hashlib.sha1(kept).hexdigest() == home.original
    assert left == ({"Alien.ts": b"\x47" * 188 * 100} if what == "another file comes" else {})


def test_a_server_that_does_not_tell_stops_nobody(home: Home) -> None:
    home.plex.watch(home.film)
    home.plex.fail("401", SESSIONS)
    process = cut(home)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "who uses Alien.ts is not known" in err


# -- by HTTP


@pytest.fixture
def server(home: Home, tmp_path: Path) -> Iterator[Callable[[], Server]]:
    made: list[Server] = []

    def start() -> Server:
        made.append(Server(tmp_path, "--config", str(home.config)))
        return made[-1]

    yield start
    for one in made:
        one.stop()


def ask(server: Server, path: str, body: Any = None, method: str = "POST", timeout_s: float = 60) -> tuple[int, Any]:
    data = json.dumps(body if body is not None else {}).encode() if method != "GET" else None
    request = urllib.request.Request(
        server.address + path, data=data, headers={"Content-Type": "application/json"}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def order(server: Server, output: str = "replace") -> str:
    (recording,) = server.recordings().values()
    status, job = ask(server, f"/api/recordings/{recording}/cut", {"keep": [[0, 1.5]], "output": output})
    assert status == 202, job
    return str(job["id"])


def becomes(server: Server, job: str, what: Callable[[dict[str, Any]], bool], timeout_s: float = 120) -> dict[str, Any]:
    def look() -> dict[str, Any] | bool:
        found = server.get(f"/api/jobs/{job}")
        return what(found) and found

    return wait_for(look, timeout_s)  # type: ignore[return-value]


def waits(job: dict[str, Any]) -> bool:
    return bool(job["waiting"]) and job["waiting"]["code"] == "recording_busy"


def test_a_job_waits_in_the_queue_while_somebody_watches(home: Home, server: Callable[[], Server]) -> None:
    here = server()
    assert ask(here, "/api/queue/pause")[0] == 200
    job = order(here)
    session = home.plex.watch(home.film, user="Anna")
    assert ask(here, "/api/queue/resume")[0] == 200
    found = becomes(here, job, waits)
    assert (found["state"], found["waiting"]["message"]) == ("queued", "Anna is watching this recording")
    time.sleep(3)
    assert home.untouched()
    home.plex.unwatch(session)
    assert becomes(here, job, lambda job: job["state"] != "queued" and job["state"] != "running")["state"] == "finished"
    assert not home.untouched()
    said = [line["message"] for line in here.get(f"/api/jobs/{job}/log")["lines"]]
    assert said.count("waits: Anna is watching this recording") == 1


def test_a_job_waits_before_the_swap(home: Home, server: Callable[[], Server]) -> None:
    here = server()
    assert ask(here, "/api/queue/pause")[0] == 200
    job = order(here)
    home.watch_after_the_first_look()
    ask(here, "/api/queue/resume")
    found = becomes(here, job, waits)
    assert (found["state"], found["phase"], found["waiting"]["message"]) == (
        "running", "waiting", "Anna is watching this recording",
    )  # fmt: skip
    assert hashlib.sha1(home.file.read_bytes()).hexdigest() == home.original
    home.plex.sessions.clear()
    assert becomes(here, job, lambda job: job["state"] == "finished")["waiting"] is None
    assert not home.untouched()


@pytest.mark.parametrize("where", ["in the queue", "before the swap"])
def test_a_job_gives_up_with_the_reason(home: Home, server: Callable[[], Server], where: str) -> None:
    home.configure(3)
    here = server()
    ask(here, "/api/queue/pause")
    job = order(here)
    if where == "in the queue":
        home.plex.watch(home.film, user="Anna")
    else:
        home.watch_after_the_first_look()
    ask(here, "/api/queue/resume")
    error = becomes(here, job, lambda job: job["state"] == "failed")["error"]
    assert error["code"] == "recording_busy"
    assert error["message"] == "Anna is watching this recording, and plexcut has waited for 3 s"
    assert wait_for(home.untouched)


@pytest.mark.parametrize("where", ["in the queue", "before the swap"])
def test_a_job_that_waits_can_be_cancelled(home: Home, server: Callable[[], Server], where: str) -> None:
    here = server()
    ask(here, "/api/queue/pause")
    job = order(here)
    if where == "in the queue":
        home.plex.watch(home.film, user="Anna")
    else:
        home.watch_after_the_first_look()
    ask(here, "/api/queue/resume")
    becomes(here, job, waits)
    ask(here, f"/api/jobs/{job}", method="DELETE")
    becomes(here, job, lambda job: job["state"] == "cancelled")
    assert wait_for(home.untouched)
    home.plex.sessions.clear()
    assert becomes(here, order(here), lambda job: job["state"] == "finished")


def test_a_job_waits_for_plex_to_end_its_recording(home: Home, server: Callable[[], Server]) -> None:
    here = server()
    ask(here, "/api/queue/pause")
    job = order(here, "beside")
    grab = home.plex.record("Alien", item=home.film, status="postprocessing")
    ask(here, "/api/queue/resume")
    found = becomes(here, job, waits)
    assert found["waiting"]["message"] == "Alien.ts is still being recorded by Plex"
    (recording,) = here.recordings().values()
    status, checks = ask(here, f"/api/recordings/{recording}/check", {"keep": [[0, 1.5]], "output": "replace"})
    assert status == 200
    bad = {check["name"]: check["message"] for check in checks["checks"] if not check["ok"]}
    assert bad["being_recorded"] == "Alien.ts is still being recorded by Plex"
    home.plex.recorded(grab)
    becomes(here, job, lambda job: job["state"] == "finished")
