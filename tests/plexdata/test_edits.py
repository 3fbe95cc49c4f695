"""What was done with recordings: told of items, and asked for by state."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from plexcut.domain.catalog import Edits, ItemQuery, ItemState
from plexcut.domain.jobs import Job, StoredJob
from plexcut.plexdata import KeepOrder
from plexcut.storage.database import Database
from tests.plexdata.world import World

PLACE = ("a", "a~movies")
JOB = Job("j", "cut", "finished", "Film", "a~1", "move", 100.0, None, 1.0, 1.0, 2.0, {}, None, {})


def ids(world: World, state: ItemState, **more: object) -> list[str]:
    page = world.plexdata.items(*PLACE, ItemQuery(state=state, **more))  # type: ignore[arg-type]
    assert page.total >= len(page.items)
    return [item.id for item in page.items]


def test_items_tell_what_was_done(world: World) -> None:
    assert {item.edits for item in world.plexdata.items(*PLACE).items} == {Edits(kept=False, cut=False)}
    world.plexdata.save_keep(KeepOrder("a~r.m2", [("#10", "#20")], 0))
    world.store.cuts.add("a~r.m3")
    edits = {item.id: item.edits for item in world.plexdata.items(*PLACE).items}
    assert edits["a~m2"] == Edits(kept=True, cut=False)
    assert edits["a~m3"] == Edits(kept=False, cut=True)
    assert world.plexdata.item("a~m3").edits == Edits(kept=False, cut=True)
    assert world.plexdata.items("a", "a~shows").items[0].edits is None
    episode = world.plexdata.children("a~s1.1")[0]
    assert episode.edits == Edits(kept=False, cut=False)


def test_items_by_state(world: World) -> None:
    world.plexdata.save_keep(KeepOrder("a~r.m2", [("#10", "#20")], 0))
    world.plexdata.save_keep(KeepOrder("a~r.m3", [("#10", "#20")], 0))
    world.store.cuts.add("a~r.m3")
    assert ids(world, "kept") == ["a~m2"]
    assert ids(world, "cut") == ["a~m3"]
    assert ids(world, "uncut") == ["a~m1", "a~m2", "a~m4"]
    assert ids(world, "uncut", offset=1, limit=1) == ["a~m2"]
    assert world.plexdata.items(*PLACE, ItemQuery(state="uncut", limit=1)).total == 3
    world.store.forget_cut("a~r.m3")
    assert ids(world, "cut") == []


def test_items_added_lately(world: World) -> None:
    library = world.libraries[0]
    for number, added_at in (("a~m1", 1_000_000 - 6 * 86400), ("a~m2", 1_000_000 - 8 * 86400)):
        library._items[number] = replace(library._items[number], added_at=added_at)
    assert ids(world, "recent") == ["a~m1"]


def test_a_cut_is_known_until_its_original_is_back(tmp_path: Path) -> None:
    database = Database(tmp_path / "plexcut.db")
    for number, state in enumerate(("finished", "failed", "finished")):
        database.save_jobs([(StoredJob(replace(JOB, id=f"j{number}", recording=f"a~{number}", state=state), None), ())])
    assert database.edited().cut == {"a~0", "a~2"}
    database.forget_cut("a~0")
    assert database.edited().cut == {"a~2"}
    last = replace(JOB, id="j9", recording="a~0", created_at=time.time() + 1)
    database.save_jobs([(StoredJob(last, None), ())])
    assert database.edited().cut == {"a~0", "a~2"}
    database.close()
