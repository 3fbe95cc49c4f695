"""The update cascade: whatever is selected in whatever order, the parts fit together."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plexcut.domain.catalog import Item, Section
from plexcut.domain.selection import (
    Selection,
    inconsistency,
    select_movie,
    select_season,
    select_section,
    select_show,
)
from plexcut.errors import ItemNotFound, LibraryOffline

_MOVIES = Section("s.films", "Films", "movie", "lib")
_SHOWS = Section("s.shows", "Shows", "show", "lib")


class FakeLibrary:
    """Lists of a movie section and of a show section: `shape[show][season]` is how many episodes that season has."""

    def __init__(self, movies: int, shape: list[list[int]]) -> None:
        self.lists: dict[str, tuple[Item, ...]] = {
            _MOVIES.id: tuple(_item("movie", f"m{i}", _MOVIES) for i in range(movies)),
            _SHOWS.id: tuple(_item("show", f"t{i}", _SHOWS) for i in range(len(shape))),
        }
        for i, seasons in enumerate(shape):
            show = f"t{i}"
            self.lists[show] = tuple(_item("season", f"{show}s{j}", _SHOWS, show, show) for j in range(len(seasons)))
            for j, episodes in enumerate(seasons):
                season = f"{show}s{j}"
                self.lists[season] = tuple(
                    _item("episode", f"{season}e{k}", _SHOWS, season, show) for k in range(episodes)
                )
        self.offline_after: int | None = None

    def top(self, section: Section) -> tuple[Item, ...]:
        return self._list(section.id)

    def children(self, item: Item) -> tuple[Item, ...]:
        return self._list(item.id)

    def _list(self, parent: str) -> tuple[Item, ...]:
        if self.offline_after is not None:
            self.offline_after -= 1
            if self.offline_after < 0:
                raise LibraryOffline("gone")
        return self.lists[parent]


def _item(kind: str, item_id: str, section: Section, parent: str | None = None, show: str | None = None) -> Item:
    recording = f"r.{item_id}" if kind in ("movie", "episode") else None
    return Item(
        id=item_id,
        type=kind,  # type: ignore[arg-type]
        title=item_id,
        library="lib",
        section=section.id,
        recording=recording,
        parent=parent,
        show=show,
    )


_shapes = st.lists(st.lists(st.integers(0, 3), max_size=3), max_size=3)


@given(st.integers(0, 4), _shapes, st.data())
def test_every_cascade_is_consistent(movies: int, shape: list[list[int]], data: st.DataObject) -> None:
    library = FakeLibrary(movies, shape)
    selection = Selection()
    assert inconsistency(selection) is None
    for _ in range(data.draw(st.integers(1, 8))):
        before = selection
        choices = [("section", _MOVIES), ("section", _SHOWS)]
        choices += [("show", s.id) for s in selection.shows or ()]
        choices += [("season", s.id) for s in selection.seasons or ()]
        choices += [("movie", m.id) for m in selection.movies]
        what, target = data.draw(st.sampled_from(choices))
        if what == "section":
            selection = select_section(target, library)
        elif what == "show":
            selection = select_show(selection, target, library)
            assert selection.show is not None and selection.show.id == target
            assert selection.season == next(iter(library.lists[target]), None)
        elif what == "season":
            selection = select_season(selection, target, library)
            assert selection.season is not None and selection.season.id == target
            assert selection.show == before.show
        else:
            selection = select_movie(selection, target)
            assert selection.movie is not None and selection.movie.id == target
            assert selection.movies == before.movies
        assert inconsistency(selection) is None
        assert selection.pos_s == 0
        assert selection.eta_s is None
        if what != "movie":
            assert selection.movie == next(iter(selection.movies), None)


def test_a_movie_section_has_no_shows() -> None:
    selection = select_section(_MOVIES, FakeLibrary(3, [[2]]))
    assert (selection.shows, selection.show, selection.seasons, selection.season) == (None, None, None, None)
    assert [movie.id for movie in selection.movies] == ["m0", "m1", "m2"]
    assert selection.section_type == "movie"


def test_an_empty_section_has_nothing_selected() -> None:
    library = FakeLibrary(0, [])
    assert select_section(_MOVIES, library).movie is None
    shows = select_section(_SHOWS, library)
    assert (shows.shows, shows.show, shows.seasons, shows.season) == ((), None, (), None)
    assert (shows.movies, shows.movie) == ((), None)


def test_an_unknown_name_is_an_error_and_never_another_movie() -> None:
    library = FakeLibrary(2, [[2, 1], [1]])
    films, shows = select_section(_MOVIES, library), select_section(_SHOWS, library)
    with pytest.raises(ItemNotFound):
        select_movie(films, "m9")
    with pytest.raises(ItemNotFound):
        select_movie(films, "t0s0e0")
    with pytest.raises(ItemNotFound):
        select_show(films, "t0", library)
    with pytest.raises(ItemNotFound):
        select_season(shows, "t1s0", library)
    with pytest.raises(ItemNotFound):
        select_movie(shows, "t0s1e0")


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_a_library_that_goes_away_half_way_leaves_the_old_selection(calls: int) -> None:
    library = FakeLibrary(2, [[2, 1], [1]])
    old = select_section(_SHOWS, library)
    library.offline_after = calls
    with pytest.raises(LibraryOffline):
        select_section(_SHOWS, library)
    assert inconsistency(old) is None
    assert old.movie is not None and old.movie.id == "t0s0e0"


def test_a_half_changed_selection_is_told() -> None:
    library = FakeLibrary(2, [[2, 1], [1]])
    films, shows = select_section(_MOVIES, library), select_section(_SHOWS, library)
    other = select_show(shows, "t1", library)
    mixed = [
        Selection("lib", "movie", _MOVIES, movies=films.movies, movie=shows.movie),
        Selection("lib", "show", _MOVIES, movies=films.movies, movie=films.movie),
        Selection("lib", "movie", _MOVIES, shows=shows.shows, movies=films.movies, movie=films.movie),
        Selection("lib", "movie", _MOVIES, movies=films.movies, movie=None),
        Selection("lib", "movie", _MOVIES, movies=shows.movies, movie=shows.movie),
        Selection(movies=films.movies, movie=films.movie),
        replace(shows, show=other.show),
        replace(shows, season=(shows.seasons or ())[1], movies=other.movies, movie=other.movie),
        replace(shows, seasons=other.seasons, season=other.season),
        replace(shows, shows=None),
    ]
    assert all(inconsistency(selection) for selection in mixed)
