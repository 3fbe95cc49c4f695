"""Cuts in place: what is looked at before, the orders, restoring, and the trash."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plexcut.domain.catalog import Viewing
from plexcut.domain.trash import TrashedFile, TrashEntry
from plexcut.errors import (
    CannotWrite,
    DiskFull,
    LibraryOffline,
    NotAllowed,
    PlexcutError,
    RecordingBusy,
    TrashEntryNotFound,
)
from plexcut.plexdata import CutOrder
from tests.plexdata.world import World

R = "a~r.m2"


def order(output: str = "replace") -> CutOrder:
    return CutOrder(R, [(10, 20)], output=output)


def test_an_order_in_place(world: World) -> None:
    job = world.plexdata.cut(None, order())
    assert (job.meta["in_place"], job.meta["output_path"]) == (True, str(world.tmp / "m2.ts"))
    assert world.queue.orders[0][0].output == "replace"


def test_the_configuration_says_where_results_go(world: World) -> None:
    world.settings = replace(world.settings, cut=replace(world.settings.cut, output="replace"))
    world.restart()
    assert world.plexdata.cut(None, CutOrder(R, [(10, 20)])).meta["in_place"] is True


def checks(world: World, output: str = "replace") -> dict[str, Any]:
    return {check.name: check for check in world.plexdata.check_cut(order(output))}


def test_nothing_stands_in_the_way(world: World) -> None:
    assert all(check.ok for check in checks(world).values())
    assert list(checks(world)) == ["file", "job", "being_recorded", "writable", "space", "watching"]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("being_recorded", "recording_busy"),
        ("writable", "cannot_write"),
        ("space", "disk_full"),
        ("watching", "recording_busy"),
    ],
)
def test_each_check_has_its_message_and_refuses_the_cut(world: World, name: str, code: str) -> None:
    if name == "being_recorded":
        world.files.written = True
    elif name == "writable":
        world.files.fail = CannotWrite("the folder cannot be written", "check it")
    elif name == "space":
        world.files.free = 5 << 20
    else:
        world.libraries[0].viewings = (Viewing("Anna", "TV", "playing", 3.0),)
    bad = [check for check in checks(world).values() if not check.ok]
    assert [check.name for check in bad] in ([name], [name, "space"])
    assert bad[0].error.code == code
    assert bad[0].error.message
    with pytest.raises(PlexcutError) as refused:
        world.plexdata.cut(None, order())
    assert refused.value.code == code
    assert not world.queue.orders


def test_somebody_watches(world: World) -> None:
    world.libraries[0].viewings = (Viewing("Anna", "TV", "playing", 3.0), Viewing("", "Phone", "paused", None))
    watching = checks(world)["watching"]
    assert watching.error.message == "Anna, Phone are watching this recording"
    assert checks(world, "beside")["watching"].vital is False
    world.plexdata.cut(None, order("beside"))  # the recording itself stays


@pytest.mark.parametrize("error", [NotAllowed("only its owner"), LibraryOffline("away")])
def test_who_watches_is_not_known(world: World, error: Exception) -> None:
    def refuse(recording: str) -> Any:
        raise error

    world.libraries[0].watching = refuse  # type: ignore[method-assign]
    assert checks(world)["watching"].ok


def test_a_full_disk_is_a_warning_of_the_plan(world: World) -> None:
    world.files.free = 1 << 20
    assert "1 MB free" in world.plexdata.plan(order()).warnings[0]
    with pytest.raises(DiskFull):
        world.plexdata.cut(None, order())


def test_files_that_hang_hang_nothing_else(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plexcut.plexdata.in_time.ASKED_S", 0.2)
    answered = threading.Event()

    def hang(path: Path) -> bool:
        return answered.wait(20)

    world.files.writing = hang  # type: ignore[method-assign]
    with pytest.raises(LibraryOffline, match="do not answer"):
        world.plexdata.cut(None, order())
    with pytest.raises(LibraryOffline):
        world.plexdata.check_cut(order())
    assert not world.queue.orders
    answered.set()


def test_restore(world: World) -> None:
    back = world.plexdata.restore(R)
    assert (back.path, back.duration_s) == (str(world.tmp / "m2.ts"), 120.0)
    world.plexdata.cut(None, order())
    with pytest.raises(RecordingBusy):
        world.plexdata.restore(R)
    world.queue.up = False
    world.plexdata.restore(R)  # the queue tells of jobs, nothing else


def test_the_trash(world: World) -> None:
    file = TrashedFile("m9.ts", "recording", 1000, 1, "d")
    for n in (1, 2):
        entry = TrashEntry(f"e{n}", world.tmp / "m9.ts", "original", n, 5.0, None, 9.0, (file,), Path("/x"))
        world.files.trashed.append(entry)
    assert [entry.id for entry in world.plexdata.trash()] == ["e1", "e2"]
    assert world.plexdata.restore_entry("e2").path == str(world.tmp / "m9.ts")
    assert world.files.restored[-1][1] == "e2"
    with pytest.raises(TrashEntryNotFound):
        world.plexdata.restore_entry("e3")
    with pytest.raises(TrashEntryNotFound):
        world.plexdata.delete_trash("e3")
    assert world.plexdata.delete_trash("e1").freed_bytes == 1000
    assert world.plexdata.delete_trash().deleted == ("e2",)


def test_the_start_settles_what_was_interrupted(world: World) -> None:
    world.plexdata.start()
    assert world.plexdata.wait_ready(10)
    assert world.files.recovered == 1
