"""What a Plex server is told when an original is brought back: by command, by the trash, and when it is away."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from plexcut.media.engine import Engine
from tests.cli.test_somebody_watches import Home, ask, becomes, home, server, started
from tests.e2e.server import Server
from tests.processes import wait_for

__all__ = ["home", "server"]


@pytest.fixture
def living(home: Home) -> Iterator[Home]:
    """A Plex server that knows what it has scanned, and a film that was watched."""
    engine = Engine(None)
    home.plex.mount("/share", home.file.parents[1])
    home.plex.live(lambda file: round(1000 * engine.probe(file).duration_s))
    yield home
    engine.close()


def resume(home: Home, at_ms: int) -> None:
    attributes = home.plex._items[home.film].attributes
    attributes |= {"viewOffset": at_ms, "viewCount": 1, "lastViewedAt": int(time.time()) - 3600}


def run(home: Home, *arguments: str) -> str:
    process = started(home, *arguments)
    _, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    return err


def cut(home: Home) -> str:
    return run(home, "cut", str(home.file), "--keep", "1.2-3", "--in-place")


def shown_s(home: Home) -> float:
    return home.plex.durations_ms["/share/Movies/Alien.ts"] / 1000


def test_by_command(living: Home) -> None:
    whole_s = shown_s(living)
    resume(living, 2600)
    assert "the resume point moved from 00:00:02 to 00:00:01" in cut(living)
    assert shown_s(living) == pytest.approx(1.8, abs=0.1)
    assert living.plex.watched(living.film) == (1400, 1)
    living.plex.told.clear()
    assert "Plex shows the new file" in run(living, "restore", str(living.file))
    assert shown_s(living) == whole_s
    assert living.plex.watched(living.film) == (2599, 1)  # 2.6 s, less what the cut's first frame lies off 1.2 s
    assert living.plex.told == [
        "refresh 1 /share/Movies", f"analyze {living.film}", f"progress {living.film} 2599",
    ]  # fmt: skip


def entry(here: Server) -> str:
    (found,) = here.get("/api/trash")["entries"]
    return str(found["id"])


def test_out_of_the_trash(living: Home, server: Callable[[], Server]) -> None:
    whole_s = shown_s(living)
    here = server()
    (recording,) = here.recordings().values()
    order = {"keep": [[1.2, 3]], "output": "replace"}
    job = ask(here, f"/api/recordings/{recording}/cut", order)[1]["id"]
    becomes(here, job, lambda job: bool(job.get("plex")) and job["plex"]["state"] == "done")
    assert shown_s(living) == pytest.approx(1.8, abs=0.1)
    resume(living, 1400)
    status, back = ask(here, f"/api/trash/{entry(here)}/restore")
    assert (status, back["duration_s"]) == (200, pytest.approx(whole_s, abs=0.1))
    wait_for(lambda: shown_s(living) == whole_s, 30)
    wait_for(lambda: living.plex.watched(living.film) == (2599, 1), 30)


def test_out_of_the_trash_where_nothing_lies_any_more(living: Home, server: Callable[[], Server]) -> None:
    """The file is gone, and so is Plex's item: it is found when Plex has looked into the folder."""
    here = server()
    cut(living)
    living.file.unlink()
    living.plex.delete(living.film)
    assert ask(here, f"/api/trash/{entry(here)}/restore")[0] == 200
    wait_for(lambda: [item for item in living.plex._items.values() if item.type == "movie"], 30)
    wait_for(lambda: any(line.startswith("analyze") for line in living.plex.told[-1:]), 30)


@pytest.mark.parametrize("running", [True, False], ids=["a server runs", "at the next start"])
def test_plex_is_away(living: Home, server: Callable[[], Server], running: bool) -> None:
    whole_s = shown_s(living)
    cut(living)
    if running:
        server()
    living.plex.fail("gone")
    assert "plexcut serve goes on with it" in run(living, "restore", str(living.file))
    assert shown_s(living) != whole_s
    living.plex.fail(None)
    if not running:
        server()
    wait_for(lambda: shown_s(living) == whole_s, 60)


def test_a_file_that_no_section_holds(living: Home, tmp_path: Path) -> None:
    other = tmp_path / "share" / "Elsewhere" / "Film.ts"
    other.parent.mkdir()
    other.write_bytes(living.file.read_bytes())
    said: Any = run(living, "cut", str(other), "--keep", "1.2-3", "--in-place")
    assert "lies in no section of the Plex server" in said
    assert living.plex.told == []
