"""Start-up, health, and hosts that go and return."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest

from plexcut.domain.catalog import ItemQuery, RecordingFile
from plexcut.errors import (
    FileUnreadable,
    ItemNotFound,
    LibraryNotFound,
    LibraryOffline,
    RecordingNotFound,
    SectionNotFound,
    UsageError,
)
from plexcut.plexdata.hosts import RETRY_S
from tests.plexdata.fakes import FakeLibrary
from tests.plexdata.world import World, fill, until


def test_each_step_of_the_start_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="plexcut")
    world.libraries[1].online = False
    world.plexdata.start()
    assert world.plexdata.wait_ready(10)
    until(lambda: "start 5/5" in caplog.text)
    for step in (
        "start 1/5: configuration",
        "start 2/5: host of library a: online",
        "start 2/5: host of library b: B does not answer",
        "start 3/5: 2 library interface(s)",
        "start 4/5: initial selection: a~m1",
        "start 5/5: queue VueCutter connected",
    ):
        assert step in caplog.text


def test_health_says_starting_until_the_selection_stands(world: World) -> None:
    assert world.plexdata.health().status == "starting"
    world.plexdata.start()
    assert world.plexdata.wait_ready(10)
    health = world.plexdata.health()
    assert (health.status, [(lib.id, lib.online) for lib in health.libraries]) == ("ok", [("a", True), ("b", True)])
    until(lambda: world.plexdata.health().queue_online and world.plexdata.health().workers == 1)


def test_a_folder_that_is_still_being_listed_holds_health_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()
    monkeypatch.setattr(world.libraries[1], "refresh", lambda: go.wait(20))
    world.plexdata.start()
    assert not world.plexdata.wait_ready(0.5)
    go.set()
    assert world.plexdata.wait_ready(10)


def test_a_host_that_hangs_does_not_delay_the_start(world: World) -> None:
    world.libraries[0].hang = threading.Event()
    world.plexdata.start()
    assert world.plexdata.wait_ready(8)
    movie = world.plexdata.selection().movie
    assert movie is not None
    assert movie.id == "b~m1"
    world.libraries[0].hang.set()
    until(lambda: world.plexdata.libraries()[0].online)


def test_a_wrong_token_is_shown_and_the_others_work(world: World) -> None:
    world.libraries[0].refused = True
    world.plexdata.start()
    assert world.plexdata.wait_ready(10)
    a, b = world.plexdata.libraries()
    assert (a.online, b.online) == (False, True)
    assert "refuses the token" in a.message


def test_a_token_that_is_refused_later_makes_the_library_offline_until_it_is_taken_again(world: World) -> None:
    world.plexdata.start()
    assert world.plexdata.wait_ready(10)
    library = world.libraries[0]
    library.refused = True
    for ask in (lambda: world.plexdata.sections("a"), lambda: world.plexdata.recording_file("a~r.m1")):
        with pytest.raises(LibraryOffline, match="refuses the token"):
            ask()
    until(lambda: not world.plexdata.libraries()[0].online)
    library.refused = False

    def is_back() -> bool:
        world.clock.now += RETRY_S
        try:
            return bool(world.plexdata.sections("a"))
        except LibraryOffline:
            return False

    until(is_back)


@pytest.mark.logs_error("the check of library a failed")
def test_an_adapter_that_breaks_is_offline(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks() -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(world.libraries[0], "check", breaks)
    world.plexdata.start()
    assert world.plexdata.wait_ready(10)
    assert not world.plexdata.libraries()[0].online


def test_going_and_returning_is_told(world: World) -> None:
    world.plexdata.start()
    assert world.plexdata.wait_ready(10)
    told: list[tuple[str, bool]] = []
    world.plexdata.subscribe(lambda e: told.append((e.data["id"], e.data["online"])) if e.name == "library" else None)
    world.libraries[0].online = False
    with pytest.raises(LibraryOffline):
        world.plexdata.sections("a")
    assert not world.plexdata.libraries()[0].online
    world.libraries[0].online = True
    until(lambda: world.plexdata.libraries()[0].online)
    until(lambda: ("a", True) in told)
    assert ("a", False) in told


def test_an_offline_host_is_asked_at_most_every_5_seconds(world: World) -> None:
    library = world.libraries[0]
    library.online = False
    for _ in range(3):
        with pytest.raises(LibraryOffline):
            world.plexdata.frame("a~r.m1", 1.0)
    assert library.checks == 1
    library.online = True
    with pytest.raises(LibraryOffline):
        world.plexdata.frame("a~r.m1", 1.0)
    world.clock.now += 5
    assert world.plexdata.frame("a~r.m1", 1.0).frame == 25
    assert library.checks == 2


def test_a_file_that_cannot_be_read_any_more_may_mean_that_the_host_has_gone(world: World) -> None:
    assert world.plexdata.frame("a~r.m1", 0).frame == 0
    world.engine.fail = FileUnreadable("gone")
    with pytest.raises(FileUnreadable):
        world.plexdata.frame("a~r.m1", 0)
    world.libraries[0].check = lambda: (_ for _ in ()).throw(LibraryOffline("unmounted"))  # type: ignore[method-assign]
    with pytest.raises(LibraryOffline):
        world.plexdata.frame("a~r.m1", 0)


def test_a_mapped_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    from dataclasses import replace

    from plexcut.config import PathMapping

    library = FakeLibrary("p", kind="plex")
    fill(library)
    world = World(tmp_path, [library])
    mapped = replace(world.settings.libraries[0], paths=(PathMapping("/plex", tmp_path / "not mounted"),))
    world.settings = replace(world.settings, libraries=(mapped,))
    try:
        world.restart().start()
        assert world.plexdata.wait_ready(10)
        (status,) = world.plexdata.libraries()
        assert status.online
        assert "not mounted" in status.message
    finally:
        world.close()


def test_a_server_is_not_asked_for_every_frame_where_a_file_lies(tmp_path: Path) -> None:
    library = FakeLibrary("p", kind="plex", root=tmp_path)
    fill(library)
    world = World(tmp_path, [library])
    asked: list[str] = []
    real = library.recording

    def recording(wanted: str) -> RecordingFile:
        asked.append(wanted)
        return real(wanted)

    library.recording = recording  # type: ignore[method-assign]
    for n in range(5):
        assert world.plexdata.frame("p~r.m1", n).frame == 25 * n
    assert asked == ["p~r.m1"]
    world.clock.now += 10
    library.remove(library.item("p~m1"))
    with pytest.raises(RecordingNotFound):
        world.plexdata.frame("p~r.m1", 0)
    world.close()


def test_a_share_that_does_not_answer_leaves_its_server_online(tmp_path: Path) -> None:
    library = FakeLibrary("p", kind="plex", root=tmp_path)
    fill(library)
    world = World(tmp_path, [library])
    asked: list[str] = []
    real = library.recording

    def silent(wanted: str) -> RecordingFile:
        asked.append(wanted)
        raise LibraryOffline("the share does not answer")

    library.recording = silent  # type: ignore[method-assign]
    for _ in range(3):
        with pytest.raises(LibraryOffline):
            world.plexdata.frame("p~r.m1", 0)
    assert len(asked) == 1
    assert world.plexdata.item("p~m1").title == "m1"
    assert world.plexdata.libraries()[0].online
    library.recording = real  # type: ignore[method-assign]
    world.clock.now += 5
    assert world.plexdata.frame("p~r.m1", 0).frame == 0
    world.close()


def test_browsing(world: World) -> None:
    plexdata = world.plexdata
    assert [s.id for s in plexdata.sections("a")] == ["a~movies", "a~shows"]
    page = plexdata.items("a", "a~movies", ItemQuery(offset=1, limit=2))
    assert ([i.id for i in page.items], page.total) == (["a~m2", "a~m3"], 4)
    assert [i.id for i in plexdata.children("a~s1")] == ["a~s1.1", "a~s1.2"]
    assert plexdata.item("b~m1").title == "m1"
    assert plexdata.thumb("a~m1") is not None
    for query in (ItemQuery(limit=0), ItemQuery(limit=1001), ItemQuery(offset=-1)):
        with pytest.raises(UsageError):
            plexdata.items("a", "a~movies", query)
    for error, ask in (
        (LibraryNotFound, lambda: plexdata.sections("c")),
        (SectionNotFound, lambda: plexdata.items("a", "a~radio")),
        (ItemNotFound, lambda: plexdata.item("c~m1")),
        (ItemNotFound, lambda: plexdata.children("a~m9")),
        (RecordingNotFound, lambda: plexdata.frame("c~m1", 0)),
        (RecordingNotFound, lambda: plexdata.frame("a", 0)),
        (RecordingNotFound, lambda: plexdata.recording("a~r.m9")),
        (UsageError, lambda: plexdata.thumb("a~m1", 5)),
    ):
        with pytest.raises(error):
            ask()


def test_closing_lets_go_of_everything(world: World) -> None:
    world.plexdata.start()
    assert world.plexdata.wait_ready(10)
    world.plexdata.close()
    assert world.queue.closed
    assert all(library.closed for library in world.libraries)
    names = [t.name for t in threading.enumerate()]
    assert not {"monitor", "watch-queue", "start"} & set(names)
