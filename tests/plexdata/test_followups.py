"""What a Plex server is told after a cut, over real HTTP, with the server away, deaf, slow, and restarted."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from plexcut.domain.followup import FollowUp
from plexcut.domain.upkeep import WatchState, moved, moved_back
from plexcut.library.plex import PlexAddress, PlexLibrary
from plexcut.plexdata.followups import FollowTimes
from tests.plex.server import PlexStandIn
from tests.plexdata.world import World, until

KEEP = ((10.0, 40.0), (60.0, 100.0))
"""Of a recording of 120 s."""
QUICK = FollowTimes(poll=0.02, offline=0.1, look_again=0.3, asks=2, later=0.5, later_for=60.0, adopt=0.05)


def measure(file: Path) -> int:
    """The stand-in's files say in their first line how long they are."""
    return int(float(file.read_text().split()[0]) * 1000)


class Home:
    """A Plex server with one film (and one episode), and a plexcut beside it."""

    def __init__(self, plex: PlexStandIn, tmp: Path) -> None:
        self.plex, self.tmp = plex, tmp
        self.folder = tmp / "share" / "Alien"
        self.folder.mkdir(parents=True)
        self.file = self.folder / "Alien.ts"
        self.file.write_text("120 s, the original")
        section = plex.add_section("Movies", "movie", "/share")
        self.film = plex.add_movie(section, "Alien", ["/share/Alien/Alien.ts"], Collection=None, duration=120_000)
        plex.mount("/share", tmp / "share")
        plex.live(measure)
        self.library = PlexLibrary.at(
            "home", "Home", PlexAddress(plex.url, plex.token, 2), (("/share", tmp / "share"),)
        )
        self.recording = self.library.item(f"home~{self.film}").recording
        self.world = World(tmp / "data", [self.library], clock=time.time)  # type: ignore[list-item,arg-type]
        self.begin()

    def begin(self) -> None:
        self.world.plexdata._watch.follow_ups._times = QUICK
        self.world.plexdata.start()

    def restart(self) -> None:
        self.world.plexdata._startup.close()
        self.world.plexdata._watch.close()
        self.world.restart()
        self.begin()

    def looks(self) -> None:
        until(lambda: self.world.plexdata._hosts.queue_online)
        self.world.plexdata._watch.look()

    def cut(self, *, in_place: bool, length_s: float = 70.0) -> str:
        """A cut that has just ended; the job's id."""
        path = self.file if in_place else self.folder / "Alien cut.ts"
        path.write_text(f"{length_s} s, what was kept")
        meta = {"in_place": in_place, "keep": [list(span) for span in KEEP]}
        job = self.world.plexdata._ports.queue.enqueue_cut(_movie(self.recording), meta, 600)
        result = {"path": str(path), "duration_s": length_s, "bytes": path.stat().st_size, "seconds": 1.0}
        self.world.queue.change(job.id, state="finished", result=result, ended_at=time.time())
        self.looks()
        return job.id

    def news(self, job: str) -> dict[str, object]:
        return self.world.plexdata.job(job).meta["plex"]

    def ends(self, job: str, state: str = "done") -> str:
        """Wait until Plex has it; the message."""
        until(lambda: self.news(job)["state"] == state)
        return str(self.news(job)["message"])


class _movie:  # noqa: N801 - as little of `MovieData` as the queue's stand-in reads
    def __init__(self, recording: str) -> None:
        self.recording, self.title = recording, "Alien"


@pytest.fixture
def home(tmp_path):
    with PlexStandIn() as plex:
        found = Home(plex, tmp_path)
        until(lambda: found.world.plexdata.health().status == "ok")
        yield found
        found.world.close()


def test_a_cut_in_place(home):
    home.plex._items[home.film].attributes |= {"viewOffset": 70_000, "viewCount": 2, "lastViewedAt": 1_700_000_000}
    job = home.cut(in_place=True)
    message = home.ends(job)
    assert message == "Plex shows the new file, 00:01:10 long; the resume point moved from 00:01:10 to 00:00:40"
    assert home.news(job)["duration_s"] == 70.0
    assert home.plex.watched(home.film) == (40_000, 2)
    assert home.plex.told == [f"progress {home.film} 40000", "refresh 1 /share/Alien", f"analyze {home.film}"]
    assert "warnings" not in home.world.plexdata.job(job).result
    home.looks()
    assert len(home.plex.told) == 3  # once is enough


def test_a_resume_point_that_was_cut_away(home):
    home.plex._items[home.film].attributes |= {"viewOffset": 50_000, "viewCount": 2, "lastViewedAt": 1_700_000_000}
    assert "the resume point at 00:00:50 was cut away, and is dropped" in home.ends(home.cut(in_place=True))
    assert home.plex.watched(home.film) == (None, 2)


def test_a_resume_point_in_the_last_tenth_is_left_to_plex(home):
    home.plex._items[home.film].attributes |= {"viewOffset": 98_000, "lastViewedAt": 1_700_000_000}
    home.ends(home.cut(in_place=True))
    assert home.plex.watched(home.film) == (68_000, 0)  # told before Plex knows that only 70 s are left


def test_who_watches_on_meanwhile_keeps_their_place(home):
    home.plex.fail("gone")
    job = home.cut(in_place=True)
    home.plex._items[home.film].attributes |= {"viewOffset": 70_000, "lastViewedAt": int(time.time()) + 5}
    home.plex.fail(None)
    assert "watched since" in home.ends(job)
    assert home.plex.watched(home.film) == (70_000, 0)


@pytest.mark.parametrize("merges", [False, True])
def test_a_cut_beside(home, merges):
    home.plex.merges = merges
    home.plex._items[home.film].attributes |= {"viewOffset": 50_000}
    job = home.cut(in_place=False)
    assert home.ends(job) == "Plex shows the new file, 00:01:10 long"
    assert home.plex.watched(home.film) == (50_000, 0)
    assert len(home.library.item(f"home~{home.film}").versions) == (2 if merges else 1)


def test_an_episode_beside(home):
    section = home.plex.add_section("Shows", "show", "/shows")
    folder = home.tmp / "shows" / "Dark"
    folder.mkdir(parents=True)
    (folder / "Dark s01e01.ts").write_text("120 s")
    home.plex.mount("/shows", home.tmp / "shows")
    show = home.plex.add_show(section, "Dark")
    episode = home.plex.add_episode(show, 1, 1, "Secrets", ["/shows/Dark/Dark s01e01.ts"])
    home.plex.live(measure)
    home.library._mappings = (*home.library._mappings, ("/shows", home.tmp / "shows"))
    home.recording = home.library.item(f"home~{episode}").recording
    home.folder = folder
    assert "00:01:10 long" in home.ends(home.cut(in_place=False))
    assert "refresh 2 /shows/Dark" in home.plex.told


def test_plex_is_away_and_both_are_restarted(home):
    home.plex._items[home.film].attributes |= {"viewOffset": 70_000, "viewCount": 1}
    home.plex.fail("gone")
    job = home.cut(in_place=True)
    until(lambda: "when it answers again" in str(home.news(job)["message"]))
    assert home.news(job)["state"] == "waiting"
    home.restart()
    assert home.news(job)["state"] == "waiting"
    home.plex.fail(None)
    assert "moved from" in home.ends(job)
    assert home.plex.watched(home.film) == (40_000, 1) and home.plex.told.count(f"progress {home.film} 40000") == 1


def test_a_job_that_ended_while_the_server_was_down(home):
    home.restart()
    home.world.plexdata._watch.close()
    path = home.file
    path.write_text("70 s, what was kept")
    job = home.world.queue.enqueue_cut(_movie(home.recording), {"in_place": True, "keep": []}, 600)
    result = {"path": str(path), "duration_s": 70.0, "bytes": path.stat().st_size, "seconds": 1.0}
    home.world.queue.change(job.id, state="finished", result=result, ended_at=time.time())
    home.restart()
    home.looks()
    assert "00:01:10 long" in home.ends(job.id)


def test_the_server_ends_between_two_steps(home):
    """What was begun is known after a restart: the resume point is not moved twice."""
    home.plex._items[home.film].attributes |= {"viewOffset": 70_000}
    home.plex.fail("500", "/library/sections/1/refresh")
    job = home.cut(in_place=True)
    until(lambda: home.plex.watched(home.film) == (40_000, 0))
    home.restart()
    home.plex.fail(None)
    assert "moved from 00:01:10 to 00:00:40" in home.ends(job)
    assert home.plex.watched(home.film) == (40_000, 0)


def test_plex_does_not_notice(home):
    home.plex.deaf = True
    job = home.cut(in_place=True)
    message = home.ends(job, "failed")
    assert message.startswith("Plex has not noticed yet that the file is another one (the cut itself is done")
    assert home.plex.told.count("refresh 1 /share/Alien") >= 2
    assert home.world.plexdata.job(job).result["warnings"] == [message]
    home.plex.deaf = False
    assert "00:01:10 long" in home.ends(job)
    assert "warnings" not in home.world.plexdata.job(job).result


def test_plex_shows_another_duration(home):
    home.plex._measure = lambda file: 120_000
    job = home.cut(in_place=True)
    assert home.ends(job, "failed").startswith("Plex shows 00:02:00 instead of 00:01:10")
    assert home.news(job)["duration_s"] == 120.0
    job = home.cut(in_place=False)
    assert "Plex shows 00:02:00" in home.ends(job, "failed")


def test_two_cuts_in_place_while_plex_is_away(home):
    """Both time lines are gone through in their order; only the last file is waited for."""
    home.plex._items[home.film].attributes |= {"viewOffset": 90_000}
    home.plex.fail("gone")
    first = home.cut(in_place=True)
    second = home.cut(in_place=True, length_s=55.0)
    home.plex.fail(None)
    assert home.ends(first) == "a later job changed the file again"
    assert "moved from 00:01:00 to 00:00:30" not in home.news(first)["message"]
    assert "moved from 00:01:00 to" in home.ends(second) and "00:00:55 long" in home.ends(second)


def test_brought_back(home):
    home.plex._items[home.film].attributes |= {"viewOffset": 40_000, "viewCount": 1}
    home.file.write_text("130 s, brought back")
    follow_ups = home.world.plexdata._watch.follow_ups
    follow_ups.add(
        FollowUp(
            "restore-1", "home", home.recording, "restore", str(home.file), home.file.stat().st_size, 130.0, KEEP,
            time.time(),
        )
    )  # fmt: skip
    until(lambda: follow_ups._known["restore-1"].state == "done")
    assert home.plex.watched(home.film) == (70_000, 1)
    assert "moved from 00:00:40 to 00:01:10" in follow_ups._known["restore-1"].message


def test_what_a_command_left_is_taken_up(home):
    """By the server that runs; the recording is found by its file."""
    home.plex._items[home.film].attributes |= {"viewOffset": 40_000, "viewCount": 1}
    home.file.write_text("130 s, brought back")
    size = home.file.stat().st_size
    left = FollowUp("command-1", "home", "", "restore", str(home.file), size, 130.0, KEEP, time.time(), step="find")
    home.world.store.save_follow_up(left.job, left.as_json())
    follow_ups = home.world.plexdata._watch.follow_ups
    until(lambda: "command-1" in follow_ups._known and follow_ups._known["command-1"].state == "done")
    assert follow_ups._known["command-1"].recording == home.recording
    assert home.plex.watched(home.film) == (70_000, 1)


def test_a_resume_point_behind_the_end_of_the_cut_is_no_play(home):
    """The server still knows the file of 70 s when it is told where the resume point belongs in the one of 120 s."""
    home.ends(home.cut(in_place=True))
    home.plex._items[home.film].attributes |= {"viewOffset": 60_000, "viewCount": 1}
    home.file.write_text("120 s, the original")
    follow_ups = home.world.plexdata._watch.follow_ups
    size = home.file.stat().st_size
    follow_ups.add(
        FollowUp("restore-1", "home", home.recording, "restore", str(home.file), size, 120.0, KEEP, time.time() + 1)
    )
    until(lambda: follow_ups._known["restore-1"].state == "done")
    assert home.plex.watched(home.film) == (90_000, 1)


def test_what_is_not_ours_stays(home):
    """Optimised versions and collections are neither told of anything nor touched."""
    item = home.plex._items[home.film]
    item.files.append("/share/Plex Versions/Alien.mp4")
    item.media["media"] = [{}, {"proxyType": 42, "target": "Mobile"}]
    item.attributes["titleSort"] = "Alien 1"
    before = dict(item.attributes)
    assert "an optimised version there still has the content of before" in home.ends(home.cut(in_place=True))
    assert item.attributes == before and len(item.files) == 2
    asked = [f"{request.method} {request.path.partition('?')[0]}" for request in home.plex.requests]
    assert {line for line in asked if not line.startswith("GET /library/metadata")} <= {
        "GET /", "GET /library/sections", "GET /library/sections/1/all", "GET /library/sections/1/refresh",
        f"PUT /library/metadata/{home.film}/analyze",
    }  # fmt: skip


def test_a_result_where_plex_does_not_look(home):
    elsewhere = home.tmp / "elsewhere"
    elsewhere.mkdir()
    home.folder = elsewhere
    assert "lies in no folder of the Plex server" in home.ends(home.cut(in_place=False))


def test_a_deleted_item(home):
    home.plex.delete(home.film)
    assert "has no recording" in home.ends(home.cut(in_place=True), "failed")


def test_watch_states(home):
    upkeep = home.library.upkeep()
    item = f"home~{home.film}"
    for state in (
        WatchState(30.0, 0, None), WatchState(None, 0, None), WatchState(None, 3, None), WatchState(12.0, 3, None),
        WatchState(13.5, 1, None), WatchState(None, 1, None),
    ):  # fmt: skip
        upkeep.set_watch_state(item, state)
        found = upkeep.watch_state(item)
        assert (found.resume_s, found.count) == (state.resume_s, state.count)
    before = len(home.plex.told)
    upkeep.set_watch_state(item, WatchState(None, 1, None))
    assert len(home.plex.told) == before


def test_the_time_line():
    assert [moved(t, KEEP) for t in (5.0, 10.0, 39.0, 40.0, 60.0, 99.0, 100.0)] == [
        None, 0.0, 29.0, None, 30.0, 69.0, None,
    ]  # fmt: skip
    for t in (10.0, 25.0, 60.0, 99.5):
        assert moved_back(moved(t, KEEP), KEEP) == t
    assert moved_back(70.0, KEEP) is None
