"""What one client has selected, and the update cascade, as pure functions.

The cascade is computed whole from a `Lister` and returned as a new `Selection`; nothing is ever half changed, and an
error leaves the caller with the old one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from plexcut.domain.catalog import Item, Section, SectionType
from plexcut.errors import ItemNotFound


@dataclass(frozen=True, slots=True)
class Selection:
    """The selected context.

    In a movie section `shows`, `show`, `seasons` and `season` are None. An empty section has `movies == ()` and
    `movie` None. `eta_s`: estimated seconds to cut the selected movie with its saved keep list, None until known.
    """

    library: str | None = None
    section_type: SectionType | None = None
    section: Section | None = None
    shows: tuple[Item, ...] | None = None
    show: Item | None = None
    seasons: tuple[Item, ...] | None = None
    season: Item | None = None
    movies: tuple[Item, ...] = ()
    movie: Item | None = None
    pos_s: float = 0.0
    eta_s: float | None = None


class Lister(Protocol):
    """Where the cascade finds the lists."""

    def top(self, section: Section) -> tuple[Item, ...]:
        """All movies, or all shows, of a section."""

    def children(self, item: Item) -> tuple[Item, ...]:
        """The seasons of a show, the episodes of a season."""


def select_section(section: Section, lister: Lister) -> Selection:
    """`section` with the defaults (the first of each list) below it."""
    top = lister.top(section)
    base = Selection(library=section.library, section_type=section.section_type, section=section)
    if section.section_type == "movie":
        return replace(base, movies=top, movie=_first(top))
    return _with_show(replace(base, shows=top), _first(top), lister)


def select_show(selection: Selection, show_id: str, lister: Lister) -> Selection:
    """Another show of the section, with its first season and first episode.

    Raises:
        ItemNotFound: the section has no such show.
    """
    return _with_show(selection, _pick(selection.shows, show_id, "show"), lister)


def select_season(selection: Selection, season_id: str, lister: Lister) -> Selection:
    """Another season of the show, with its first episode.

    Raises:
        ItemNotFound: the show has no such season.
    """
    return _with_season(selection, _pick(selection.seasons, season_id, "season"), lister)


def select_movie(selection: Selection, movie_id: str) -> Selection:
    """Another movie or episode of the current list, at position 0.

    Raises:
        ItemNotFound: the list has no such movie.
    """
    return replace(selection, movie=_pick(selection.movies, movie_id, "movie"), pos_s=0.0, eta_s=None)


def _with_show(selection: Selection, show: Item | None, lister: Lister) -> Selection:
    seasons = lister.children(show) if show else ()
    return _with_season(replace(selection, show=show, seasons=seasons), _first(seasons), lister)


def _with_season(selection: Selection, season: Item | None, lister: Lister) -> Selection:
    movies = lister.children(season) if season else ()
    return replace(selection, season=season, movies=movies, movie=_first(movies), pos_s=0.0, eta_s=None)


def _first(items: tuple[Item, ...]) -> Item | None:
    return items[0] if items else None


def _pick(items: tuple[Item, ...] | None, item_id: str, what: str) -> Item:
    for item in items or ():
        if item.id == item_id:
            return item
    raise ItemNotFound(f"there is no {what} {item_id!r} in the current selection", "list them again")


def inconsistency(selection: Selection) -> str | None:
    """What does not fit together in `selection`, or None. For tests and for checking a stored selection."""
    s = selection
    if s.section is None:
        return None if s.movie is None and not s.movies else "movies without a section"
    if s.section.section_type != s.section_type or s.section.library != s.library:
        return "section and section_type or library differ"
    if s.movie is None and s.movies:
        return "no movie of the movies is selected"
    if s.movie is not None and s.movie not in s.movies:
        return "the movie is not one of the movies"
    if s.section_type == "movie":
        if (s.shows, s.show, s.seasons, s.season) != (None, None, None, None):
            return "a movie section with shows"
        return next((f"{m.id} is of another section" for m in s.movies if m.section != s.section.id), None)
    return _show_inconsistency(s)


def _show_inconsistency(s: Selection) -> str | None:
    if s.shows is None or s.seasons is None:
        return "a show section without its lists"
    if s.show is not None and s.show not in s.shows:
        return "the show is not one of the shows"
    if s.season is not None and s.season not in s.seasons:
        return "the season is not one of the seasons"
    if any(season.parent != (s.show.id if s.show else None) for season in s.seasons):
        return "a season of another show"
    if any(movie.parent != (s.season.id if s.season else None) for movie in s.movies):
        return "a movie of another season"
    if s.section and any(show.section != s.section.id for show in s.shows):
        return "a show of another section"
    return None
