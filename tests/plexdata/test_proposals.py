"""Proposed breaks: which recordings have some, what they are, and that they end when somebody decides."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from plexcut.cutlists import CutListFiles
from plexcut.domain.catalog import Edits, ItemQuery
from plexcut.domain.cutlists import CutListFormat
from plexcut.errors import SpanInvalid
from plexcut.plexdata import KeepOrder
from plexcut.storage.database import Database
from tests.plexdata.world import World

PLACE = ("a", "a~movies")
EDL = "0 10 0\n40 60 3\n"


@pytest.fixture
def films(world: World, tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    folder.mkdir()
    world.libraries[0].root = folder
    return folder


def look_again(world: World) -> None:
    world.libraries[0].beside.__init__()  # type: ignore[misc]


def proposed(world: World) -> list[str]:
    look_again(world)
    return [item.id for item in world.plexdata.items(*PLACE, ItemQuery(state="proposed")).items]


def test_items_with_a_proposal(world: World, films: Path) -> None:
    assert proposed(world) == []
    (films / "m1.edl").write_text(EDL)
    (films / "m2.txt").write_text("some notes\n")
    (films / "m3-proj.llc").write_text("{version: 1, cutSegments: [{start: 1, end: 2}]}")
    (films / "m4.edl").write_bytes(b"\0" * 600_000)
    assert proposed(world) == ["a~m1", "a~m3"]
    edits = {item.id: item.edits for item in world.plexdata.items(*PLACE).items}
    assert edits["a~m1"] == Edits(kept=False, cut=False, proposed=True)
    assert edits["a~m2"] == Edits(kept=False, cut=False)
    assert world.plexdata.item("a~m1").edits == edits["a~m1"]
    world.plexdata.save_keep(KeepOrder("a~r.m1", [("#10", "#20")], 0))
    assert proposed(world) == ["a~m3"]
    world.store.cuts.add("a~r.m3")
    assert proposed(world) == []


def test_a_file_is_read_once_until_it_changes(world: World, films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    opened = CutListFiles.open

    def counting(self: CutListFiles, path: Path) -> bytes:
        read.append(path.name)
        return opened(self, path)

    monkeypatch.setattr(CutListFiles, "open", counting)
    (films / "m1.edl").write_text("nothing\n")
    assert proposed(world) == []
    assert proposed(world) == []
    assert read == ["m1.edl"]
    (films / "m1.edl").write_text(EDL)
    assert proposed(world) == ["a~m1"]
    assert read == ["m1.edl"] * 2


def test_breaks_and_their_dismissal(world: World, films: Path) -> None:
    (films / "m1.edl").write_text(EDL)
    found = world.plexdata.breaks("a~r.m1")
    assert (found.name, found.format) == ("m1.edl", "edl")
    assert [(one.start_frame, one.end_frame) for one in found.breaks] == [(0, 249), (999, 1499)]
    assert [(one.start_s, one.end_s) for one in found.breaks] == [(0.0, 9.96), (39.96, 59.96)]
    assert {(one.confidence, one.evidence, one.dismissed) for one in found.breaks} == {(None, ("edl",), False)}
    # A keep list that is saved does not take the proposal away.
    world.plexdata.save_keep(KeepOrder("a~r.m2", [("#10", "#20")], 0))
    assert world.plexdata.breaks("a~r.m1") == found
    one = world.plexdata.dismiss_breaks("a~r.m1", [("#0", "#249")])
    assert [one.dismissed for one in one.breaks] == [True, False]
    assert proposed(world) == ["a~m1"]
    world.plexdata.dismiss_breaks("a~r.m1", [("#0", "#249"), ("#999", "#1499")])
    assert proposed(world) == []
    assert all(one.dismissed for one in world.plexdata.breaks("a~r.m1").breaks)
    # Another list is another proposal.
    (films / "m1.edl").write_text("20 30 3\n")
    os.utime(films / "m1.edl", (1, 1))
    assert proposed(world) == ["a~m1"]
    world.plexdata.dismiss_breaks("a~r.m1", [])
    assert not any(one.dismissed for one in world.plexdata.breaks("a~r.m1").breaks)
    with pytest.raises(SpanInvalid):
        world.plexdata.dismiss_breaks("a~r.m1", [("soon", "#3")])
    assert world.plexdata.breaks("a~r.m2").breaks == ()


def test_a_list_that_does_not_fit_is_no_proposal_any_more_once_that_is_known(world: World, films: Path) -> None:
    (films / "m1.edl").write_text("90000 90010 3\n")
    assert proposed(world) == ["a~m1"]
    assert world.plexdata.breaks("a~r.m1").breaks == ()
    assert proposed(world) == []


@pytest.mark.parametrize(
    ("data", "formats", "removes"),
    [
        (b"0 10 0\n", ("edl",), True),
        (b"0 10 0\n", ("csv",), False),
        (b"", ("edl",), False),
        (b"{version: 1, cutSegments: [{}]}", ("llc",), False),
    ],
)
def test_what_removes_nothing_is_no_proposal(data: bytes, formats: tuple[CutListFormat, ...], removes: bool) -> None:
    assert CutListFiles().removes(data, formats) is removes


def test_the_database_remembers_what_was_dismissed(tmp_path: Path) -> None:
    database = Database(tmp_path / "plexcut.db")
    assert database.load_dismissed("a~1") == ()
    database.save_dismissed("a~1", ((1, 5), (7, 9)), "")
    database.save_dismissed("a~2", ((1, 5),), "x.edl/5/1")
    assert database.load_dismissed("a~1") == ((1, 5), (7, 9))
    assert database.edited().dismissed == {"a~2": "x.edl/5/1"}
    database.save_dismissed("a~2", (), "")
    assert database.edited().dismissed == {}
    database.close()
