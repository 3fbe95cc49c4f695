"""The cascade, its atomicity, one selection for each client, and its life over restarts."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plexcut.domain.selection import Selection, inconsistency
from plexcut.errors import (
    CannotWrite,
    ItemNotFound,
    LibraryNotFound,
    LibraryOffline,
    PlexcutError,
    PositionInvalid,
    SectionNotFound,
)
from plexcut.plexdata import SelectionChange
from tests.plexdata.fakes import FakeLibrary
from tests.plexdata.world import World, fill, until


def start(world: World) -> None:
    world.plexdata.start()
    assert world.plexdata.wait_ready(10)


def ids(selection: Selection) -> tuple[str | None, ...]:
    found = (selection.section, selection.show, selection.season, selection.movie)
    return tuple(one.id if one else None for one in found)


def test_begins_with_the_first_section_and_its_first_movie(world: World) -> None:
    start(world)
    selection = world.plexdata.selection()
    assert ids(selection) == ("a~movies", None, None, "a~m1")
    assert [movie.id for movie in selection.movies] == ["a~m1", "a~m2", "a~m3", "a~m4"]
    assert (selection.shows, selection.seasons, selection.pos_s) == (None, None, 0.0)


def test_each_level_sets_what_is_below(world: World) -> None:
    start(world)
    plexdata = world.plexdata
    assert ids(plexdata.update_section(None, "a~shows")) == ("a~shows", "a~s1", "a~s1.1", "a~s1.1.1")
    assert ids(plexdata.update_show(None, "a~s2")) == ("a~shows", "a~s2", "a~s2.1", "a~s2.1.1")
    assert ids(plexdata.update_season(None, "a~s2.2")) == ("a~shows", "a~s2", "a~s2.2", "a~s2.2.1")
    assert ids(plexdata.update_movie(None, "a~s2.2.3")) == ("a~shows", "a~s2", "a~s2.2", "a~s2.2.3")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (SelectionChange(movie="b~s1.2.2"), ("b~shows", "b~s1", "b~s1.2", "b~s1.2.2")),
        (SelectionChange(movie="b~m2"), ("b~movies", None, None, "b~m2")),
        (SelectionChange(season="a~s2.2"), ("a~shows", "a~s2", "a~s2.2", "a~s2.2.1")),
        (SelectionChange(show="b~s1"), ("b~shows", "b~s1", "b~s1.1", "b~s1.1.1")),
        (SelectionChange(library="b"), ("b~movies", None, None, "b~m1")),
        (SelectionChange(section="a~shows", movie="a~s2.2.3"), ("a~shows", "a~s2", "a~s2.2", "a~s2.2.3")),
        (SelectionChange(library="a", section="a~shows", show="a~s2"), ("a~shows", "a~s2", "a~s2.1", "a~s2.1.1")),
    ],
)
def test_any_id_alone_finds_its_way(world: World, change: SelectionChange, expected: tuple[str | None, ...]) -> None:
    start(world)
    assert ids(world.plexdata.update("x", change)) == expected
    assert ids(world.plexdata.selection("x")) == expected
    assert ids(world.plexdata.selection(None)) == ("a~movies", None, None, "a~m1")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (SelectionChange(movie="a~m99"), ItemNotFound),
        (SelectionChange(movie="nowhere~m1"), ItemNotFound),
        (SelectionChange(movie="no library"), ItemNotFound),
        (SelectionChange(movie="a~s1"), ItemNotFound),
        (SelectionChange(show="a~m1"), ItemNotFound),
        (SelectionChange(season="a~s1"), ItemNotFound),
        (SelectionChange(section="a~shows", movie="a~m1"), ItemNotFound),
        (SelectionChange(show="a~s2", movie="a~s1.1.1"), ItemNotFound),
        (SelectionChange(season="a~s1.2", movie="a~s1.1.1"), ItemNotFound),
        (SelectionChange(library="b", movie="a~m1"), ItemNotFound),
        (SelectionChange(library="b", section="a~movies"), SectionNotFound),
        (SelectionChange(section="a~radio"), SectionNotFound),
        (SelectionChange(section="c~movies"), SectionNotFound),
        (SelectionChange(library="c"), LibraryNotFound),
        (SelectionChange(pos_s=-0.5), PositionInvalid),
        (SelectionChange(pos_s=500.0), PositionInvalid),
        (SelectionChange(pos_s=float("nan")), PositionInvalid),
        (SelectionChange(movie="a~m3", pos_s=500.0), PositionInvalid),
    ],
)
def test_what_is_unknown_is_an_error_and_leaves_the_old(
    world: World, change: SelectionChange, error: type[Exception]
) -> None:
    start(world)
    world.plexdata.update("x", SelectionChange(movie="a~m2", pos_s=3.0))
    before = world.plexdata.selection("x")
    with pytest.raises(error):
        world.plexdata.update("x", change)
    assert world.plexdata.selection("x") == before


def test_a_failure_in_the_middle_leaves_the_old(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    start(world)
    before = world.plexdata.selection()

    def fails(item: str) -> Any:
        raise LibraryOffline("gone in the middle")

    monkeypatch.setattr(world.libraries[0], "children", fails)
    with pytest.raises(LibraryOffline):
        world.plexdata.update_section(None, "a~shows")
    assert world.plexdata.selection() == before
    monkeypatch.undo()
    world.store.fail = CannotWrite("disk full")
    with pytest.raises(CannotWrite):
        world.plexdata.update_movie(None, "a~m2")
    assert world.plexdata.selection() == before


def test_a_new_movie_begins_at_0_and_the_same_stays_where_it_is(world: World) -> None:
    start(world)
    plexdata = world.plexdata
    assert plexdata.set_position(None, 12.5).pos_s == 12.5
    assert plexdata.update_movie(None, "a~m1").pos_s == 12.5
    assert plexdata.update_movie(None, "a~m2").pos_s == 0.0
    assert plexdata.update(None, SelectionChange(movie="a~s1.1.1", pos_s=4.0)).pos_s == 4.0
    assert plexdata.update_section(None, "a~shows").pos_s == 0.0


def test_each_client_has_its_own_and_begins_with_the_shared_one(world: World) -> None:
    start(world)
    plexdata = world.plexdata
    plexdata.update_movie(None, "a~m3")
    assert ids(plexdata.selection("x"))[-1] == "a~m3"
    plexdata.update_movie("x", "a~m2")
    plexdata.update_movie(None, "a~m4")
    assert ids(plexdata.selection("x"))[-1] == "a~m2"
    assert ids(plexdata.selection("y"))[-1] == "a~m4"


def test_survives_a_restart(world: World) -> None:
    start(world)
    world.plexdata.update("x", SelectionChange(movie="b~s1.2.3", pos_s=7.25))
    world.plexdata.update(None, SelectionChange(movie="a~m4"))
    world.restart()
    start(world)
    restored = world.plexdata.selection("x")
    assert ids(restored) == ("b~shows", "b~s1", "b~s1.2", "b~s1.2.3")
    assert restored.pos_s == 7.25
    assert ids(world.plexdata.selection())[-1] == "a~m4"


def test_what_is_gone_after_a_restart_gives_way_to_the_nearest_default(world: World) -> None:
    start(world)
    for client, movie in (("x", "b~s1.2.3"), ("y", "b~m2"), ("z", "b~m1")):
        world.plexdata.update(client, SelectionChange(movie=movie, pos_s=5.0))
    library = world.libraries[1]
    library.remove(library.item("b~s1.2.3"))
    library.remove(library.item("b~m2"))
    world.restart()
    start(world)
    assert ids(world.plexdata.selection("x")) == ("b~shows", "b~s1", "b~s1.2", "b~s1.2.1")
    assert world.plexdata.selection("x").pos_s == 0.0
    assert ids(world.plexdata.selection("y")) == ("b~movies", None, None, "b~m1")
    assert (ids(world.plexdata.selection("z"))[-1], world.plexdata.selection("z").pos_s) == ("b~m1", 5.0)


def test_a_saved_selection_waits_for_its_library(world: World) -> None:
    start(world)
    world.plexdata.update(None, SelectionChange(movie="a~m4"))
    world.libraries[0].online = False
    world.restart()
    start(world)
    assert ids(world.plexdata.selection())[-1] == "b~m1"
    assert world.store.selections[""]["movie"] == "a~m4"
    world.libraries[0].online = True
    until(lambda: ids(world.plexdata.selection())[-1] == "a~m4")


def test_the_first_library_that_comes_gives_the_selection(world: World) -> None:
    for library in world.libraries:
        library.online = False
    start(world)
    assert world.plexdata.health().status == "ok"
    assert world.plexdata.selection() == Selection()
    told: list[Any] = []
    world.plexdata.subscribe(told.append)
    world.libraries[1].online = True
    until(lambda: ids(world.plexdata.selection())[-1] == "b~m1")
    assert [e.data["movie"]["id"] for e in told if e.name == "selection"] == ["b~m1"]


def test_a_change_in_the_library_shows_in_the_selection(world: World) -> None:
    start(world)
    library = world.libraries[0]
    world.plexdata.update("x", SelectionChange(movie="a~m2", pos_s=6.0))
    library.remove(library.item("a~m1"))
    world.plexdata._hosts.relist("a")
    until(lambda: len(world.plexdata.selection("x").movies) == 3)
    assert (ids(world.plexdata.selection("x"))[-1], world.plexdata.selection("x").pos_s) == ("a~m2", 6.0)
    assert ids(world.plexdata.selection())[-1] == "a~m2"


def test_an_empty_section_is_passed_over_at_the_beginning(tmp_path: Path) -> None:
    library = FakeLibrary("a")
    library.section_of("empty", "movie")
    library.section_of("bare", "show")
    fill(library)
    world = World(tmp_path, [library])
    try:
        start(world)
        assert ids(world.plexdata.selection()) == ("a~movies", None, None, "a~m1")
        assert ids(world.plexdata.update_section(None, "a~bare")) == ("a~bare", None, None, None)
        with pytest.raises(PositionInvalid):
            world.plexdata.set_position(None, 1.0)
    finally:
        world.close()


def test_selections_are_told_to_their_own_client(world: World) -> None:
    start(world)
    told: list[Any] = []
    end = world.plexdata.subscribe(told.append)
    world.plexdata.update_movie("x", "a~m2")
    (event,) = (event for event in told if event.name == "selection")
    assert (event.is_for("x"), event.is_for("y"), event.is_for(None)) == (True, False, False)
    assert event.data["movie"]["id"] == "a~m2"
    end()
    world.plexdata.update_movie("x", "a~m3")
    assert len([event for event in told if event.name == "selection"]) == 1


NAMES = ["m1", "m4", "s1", "s2", "s1.1", "s1.2", "s2.2", "s1.1.1", "s2.2.3", "movies", "shows", "radio", "m9"]
IDS = st.none() | st.builds(lambda lib, name: f"{lib}~{name}", st.sampled_from("abc"), st.sampled_from(NAMES))
CHANGES = st.builds(
    SelectionChange,
    library=st.none() | st.sampled_from("abc"),
    section=IDS,
    show=IDS,
    season=IDS,
    movie=IDS,
    pos_s=st.none() | st.floats(-1, 200, allow_nan=False),
)
SINGLE = st.one_of(
    *(st.builds(SelectionChange, **{name: IDS}) for name in ("section", "show", "season", "movie")), CHANGES
)
STEPS = st.lists(st.tuples(st.sampled_from([None, "x", "y"]), SINGLE), min_size=1, max_size=25)


def apply(world: World, client: str | None, change: SelectionChange) -> None:
    before = world.plexdata.selection(client)
    try:
        after = world.plexdata.update(client, change)
    except PlexcutError:
        assert world.plexdata.selection(client) == before
        return
    assert inconsistency(after) is None
    assert world.plexdata.selection(client) == after
    wanted = (change.section, change.show, change.season, change.movie)
    for given_id, has in zip(wanted, ids(after), strict=True):
        assert given_id in (None, has)
    if change.pos_s is not None:
        assert after.pos_s == change.pos_s


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_random_cascades_stay_consistent(world: World, steps: list[tuple[str | None, SelectionChange]]) -> None:
    for client, change in steps:
        apply(world, client, change)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scripts=st.lists(st.lists(SINGLE, min_size=1, max_size=12), min_size=2, max_size=4))
def test_concurrent_cascades_of_one_client_stay_consistent(world: World, scripts: list[list[SelectionChange]]) -> None:
    wrong: list[str] = []
    done = threading.Event()

    def write(changes: list[SelectionChange]) -> None:
        for change in changes:
            try:
                found = inconsistency(world.plexdata.update("x", change))
            except PlexcutError:
                continue
            if found:
                wrong.append(found)

    def read() -> None:
        while not done.is_set():
            if found := inconsistency(world.plexdata.selection("x")):
                wrong.append(found)

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(script,)) for script in scripts]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert not wrong
    last = world.plexdata.selection("x")
    saved = world.store.selections.get("x")
    assert saved is None or saved["movie"] == (last.movie.id if last.movie else None)
