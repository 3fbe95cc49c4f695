"""Shows, seasons and episodes of a section, from the files in it. Pure."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

from plexcut.domain.catalog import Item, Section
from plexcut.library.folder.listing import Draft, Parts, VersionFile
from plexcut.library.folder.names import (
    EpisodeName,
    Named,
    episode_name,
    has_episode_marker,
    movie_name,
    season_number,
    split_cut,
    split_extension,
    split_part,
)
from plexcut.library.folder.scan import FoundFile
from plexcut.library.text import display, episode_title, fold, sort_text

_POSTERS = ("poster", "folder", "show", "cover", "default")
_EDGES = " -_.,()[]"


@dataclass(slots=True)
class _Episode:
    id: str
    name: EpisodeName
    season: int | None
    files: list[tuple[FoundFile, int | None]] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """What the titles of all its versions begin with."""
        shared = os.path.commonprefix(self.titles)  # noqa: RUF071 - character by character is what is wanted
        if any(title[len(shared) : len(shared) + 1].isalnum() for title in self.titles):
            shared = shared.rstrip("".join(c for c in shared if c.isalnum()))
        return shared.strip(_EDGES) or self.titles[0]

    def versions(self) -> list[VersionFile]:
        """Its files, each labelled with what its title has beyond the shared one."""
        start = len(self.title) if all(title.startswith(self.title) for title in self.titles) else 0
        labelled = zip(self.files, self.titles, strict=True)
        return [VersionFile(file, title[start:].strip(_EDGES), part) for (file, part), title in labelled]


@dataclass(slots=True)
class _Show:
    """`folder` is None for a show whose episodes lie loose in the section."""

    id: str
    key: Parts
    named: Named
    folder: Parts | None
    episodes: dict[str, _Episode] = field(default_factory=dict)
    season_folders: dict[int | None, Parts] = field(default_factory=dict)


def add_shows(draft: Draft, section: Section, folder: Parts, files: list[FoundFile]) -> None:
    """Note a section of shows with all that is in it."""
    shows: dict[str, _Show] = {}
    by_title: dict[str, _Show] = {}
    loose: list[FoundFile] = []
    for file in files:
        home = _show_folder(file, len(folder))
        if home == folder and not (folder and _in_season(file, len(folder))):
            loose.append(file)
            continue
        key = draft.new_id("t", *home)
        if key not in shows:
            named = movie_name(home[-1]) if home else Named(section.title)
            shows[key] = by_title[fold(named.title)] = _Show(key, home, named, home)
        _add_episode(draft, shows[key], file)
    for file in loose:
        named = _loose_show(file, section)
        show = by_title.get(fold(named.title))
        if show is None:
            name_key = (*folder, fold(named.title), "loose")
            show = by_title[fold(named.title)] = _Show(draft.new_id("t", *name_key), name_key, named, None)
            shows[show.id] = show
        _add_episode(draft, show, file)
    draft.add_section(section, [_show_item(draft, section, show) for show in shows.values()])


def _show_folder(file: FoundFile, depth: int) -> Parts:
    """The show's own folder: the first above the file that is no season's and no single episode's."""
    folder = file.folder
    while len(folder) > depth and (season_number(folder[-1]) is not None or has_episode_marker(folder[-1])):
        folder = folder[:-1]
    return folder


def _in_season(file: FoundFile, depth: int) -> bool:
    return any(season_number(folder) is not None for folder in file.folder[depth:])


def _loose_show(file: FoundFile, section: Section) -> Named:
    stem = _uncut(split_extension(file.name)[0])
    name = episode_name(split_part(stem)[0])
    if name is None:
        return movie_name(split_part(stem)[0])
    return Named(name.show or section.title, name.show_year)


def _uncut(stem: str) -> str:
    cut = split_cut(stem)
    return cut[0] if cut else stem


def _add_episode(draft: Draft, show: _Show, file: FoundFile) -> None:
    stem = split_extension(file.name)[0]
    cut = split_cut(stem)
    if cut is not None and not draft.beside(file, cut[0]):
        cut = None
    base, part = split_part(cut[0] if cut else stem)
    within, season_folder = _season_of(file, show)
    name = episode_name(base, in_season=within is not None) or EpisodeName("", movie_name(base).title)
    season = name.season if name.season is not None else within
    if season is None and name.aired is not None:
        season = name.aired.year
    if season_folder is not None and season == within:
        show.season_folders.setdefault(season, season_folder)
    title = _title(name)
    if cut is not None:
        key, title, part = draft.new_id("e", *file.parts), f"{title} {cut[1]}", None
    elif name.episode is not None:
        numbers = (str(season), str(name.episode), str(name.last))
        key = draft.new_id("e", *show.key, *numbers, "number")
    elif part is not None:
        key = draft.new_id("e", *file.folder, base, "parts")
    else:
        key = draft.new_id("e", *file.parts)
    episode = show.episodes.setdefault(key, _Episode(key, name, season))
    episode.files.append((file, part))
    episode.titles.append(title)


def _season_of(file: FoundFile, show: _Show) -> tuple[int | None, Parts | None]:
    """The season that the file's folders name, and that folder."""
    depth = len(show.folder) if show.folder is not None else 0
    for end in range(len(file.folder), depth, -1):
        number = season_number(file.folder[end - 1])
        if number is not None:
            return number, file.folder[:end]
    return None, None


def _title(name: EpisodeName) -> str:
    if name.aired is not None:  # there is no number to tell a daily programme's episodes apart
        return " - ".join(filter(None, (f"{name.aired.isoformat()} {name.clock}".strip(), name.title)))
    if name.title:
        return name.title
    if name.last is not None and name.last != name.episode:
        return f"Episodes {name.episode}-{name.last}"
    return f"Episode {name.episode}"


def _show_item(draft: Draft, section: Section, show: _Show) -> Item:
    stems = (*_POSTERS, show.folder[-1]) if show.folder else ()
    picture = draft.picture(show.folder, stems) if show.folder else None
    years = [e.name.show_year for e in show.episodes.values() if e.name.show_year is not None]
    item = Item(
        id=show.id,
        type="show",
        title=show.named.title,
        library=section.library,
        section=section.id,
        year=show.named.year or next(iter(years), None),
        has_thumb=picture is not None,
    )
    by_season: dict[int | None, list[_Episode]] = {}
    for episode in show.episodes.values():
        by_season.setdefault(episode.season, []).append(episode)
    seasons = [
        _season_item(draft, replace(item, index=number), show, by_season[number], picture)
        for number in sorted(by_season, key=_season_order)
    ]
    item = replace(item, added_at=max(season.added_at or 0 for season in seasons))
    return draft.add(item, picture, seasons)


def _season_order(number: int | None) -> tuple[int, int]:
    """By number, specials (0) first as in Plex; episodes of no season last."""
    return (1, 0) if number is None else (0, number)


def _season_item(
    draft: Draft, of_show: Item, show: _Show, episodes: list[_Episode], show_picture: Parts | None
) -> Item:
    number = of_show.index
    picture = _season_picture(draft, show, number) or show_picture
    season = replace(
        of_show,
        id=draft.new_id("n", *show.key, str(number), "season"),
        type="season",
        title="Other episodes" if number is None else "Specials" if number == 0 else f"Season {number}",
        year=number if number is not None and 1900 <= number < 2100 else None,
        parent=of_show.id,
        show=of_show.id,
        show_title=of_show.title,
        has_thumb=picture is not None,
    )
    items = [_episode_item(draft, season, episode) for episode in sorted(episodes, key=_episode_order)]
    season = replace(season, added_at=max(item.added_at or 0 for item in items))
    return draft.add(season, picture, items)


def _season_picture(draft: Draft, show: _Show, number: int | None) -> Parts | None:
    if number is None:
        return None
    numbered = [f"season{number:02}", f"season{number}", f"season{number:02}-poster", f"season {number}"]
    if number == 0:
        numbered += ["season-specials-poster", "specials", "season-specials"]
    folder = show.season_folders.get(number)
    found = draft.picture(folder, [*numbered, *_POSTERS, display(folder[-1])]) if folder else None
    return found or (draft.picture(show.folder, numbered) if show.folder else None)


def _episode_order(episode: _Episode) -> tuple[object, ...]:
    name = episode.name
    if name.episode is not None:
        place: tuple[int, int] = (0, name.episode)
    else:
        place = (1, name.aired.toordinal()) if name.aired else (2, 0)
    return (*place, sort_text(episode.title), episode.id)


def _episode_item(draft: Draft, season: Item, episode: _Episode) -> Item:
    full = episode_title(season.show_title or "", (episode.season, episode.name.episode), episode.title)
    versions = draft.versions(episode.id, full, episode.versions())
    picture = draft.picture(episode.files[0][0].folder, [n for file, _ in episode.files for n in _picture_stems(file)])
    item = Item(
        id=episode.id,
        type="episode",
        title=episode.title,
        library=season.library,
        section=season.section,
        year=episode.name.aired.year if episode.name.aired else None,
        added_at=max(file.mtime_s for file, _ in episode.files),
        recording=versions[0].recording,
        parent=season.id,
        show=season.show,
        index=episode.name.episode,
        parent_index=episode.season,
        show_title=season.show_title,
        has_thumb=picture is not None,
        versions=versions,
    )
    return draft.add(item, picture)


def _picture_stems(file: FoundFile) -> tuple[str, str]:
    stem = split_extension(file.name)[0]
    return stem, f"{stem}-thumb"
