"""From the files that a walk found to sections, movies, shows, seasons and episodes. Pure.

An item's id never depends on which other files there are, so that it stays the same when a cut appears beside it: a
movie in its own folder is identified by the folder, any other by its file; a show by its folder, a season by show and
number, an episode by show, season and number, or by its file where its name carries no number.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from plexcut.domain.catalog import Item, Section
from plexcut.library.folder.listing import Draft, Listing, Parts, VersionFile
from plexcut.library.folder.names import (
    EXTRAS_FOLDERS,
    Named,
    has_episode_marker,
    movie_name,
    season_number,
    split_cut,
    split_extension,
    split_part,
    version_label,
)
from plexcut.library.folder.scan import Found, FoundFile
from plexcut.library.folder.shows import add_shows
from plexcut.library.text import display, fold, sort_text

_POSTERS = ("poster", "folder", "cover", "movie", "default")


def arrange(library: str, name: str, found: Found) -> Listing:
    """The listing of the library with that id and name."""
    draft = Draft(library, found)
    by_section: dict[Parts, list[FoundFile]] = {(folder,): [] for folder in found.top}
    for file in found.recordings:
        by_section.setdefault(file.parts[:1] if len(file.parts) > 1 else (), []).append(file)
    for folder, files in sorted(by_section.items(), key=lambda entry: _section_order(entry[0])):
        title = (display(folder[0]) if folder else display(name)) or "?"
        shows = any(_is_of_show(file, len(folder)) for file in files)
        section = Section(draft.new_id("s", *folder), title, "show" if shows else "movie", library)
        listed = [file for file in files if not _is_extra(file, len(folder))]
        if shows:
            add_shows(draft, section, folder, listed)
        else:
            draft.add_section(section, _movies(draft, section, folder, listed))
    return draft.done()


def _section_order(folder: Parts) -> tuple[object, ...]:
    return (0, sort_text(display(folder[0])), folder) if folder else (1,)


def _is_of_show(file: FoundFile, depth: int) -> bool:
    """Whether the file makes its section one of shows.

    `Specials` counts within a show only: a folder of that name directly in the section may be anything.
    """
    if has_episode_marker(file.name):
        return True
    for level, folder in enumerate(file.folder[depth:]):
        season = season_number(folder)
        if season is not None and (season > 0 or level > 0):
            return True
    return False


def _is_extra(file: FoundFile, depth: int) -> bool:
    """Whether the file lies in a folder of extras (trailers, interviews, ...) of a movie or show."""
    return any(fold(display(folder)) in EXTRAS_FOLDERS for folder in file.folder[depth + 1 :])


@dataclass(slots=True)
class _Movie:
    id: str
    named: Named
    own_folder: Parts | None = None
    files: list[VersionFile] = field(default_factory=list)


def _movies(draft: Draft, section: Section, folder: Parts, files: list[FoundFile]) -> list[Item]:
    movies: dict[str, _Movie] = {}
    for file in files:
        movie, version = _place(draft, file, at_top=file.folder == folder)
        movies.setdefault(movie.id, movie).files.append(version)
    return [_movie_item(draft, section, movie) for movie in movies.values()]


def _place(draft: Draft, file: FoundFile, at_top: bool) -> tuple[_Movie, VersionFile]:
    """Which movie a file belongs to, and as which version. `at_top`: it lies in the section's folder itself."""
    stem = split_extension(file.name)[0]
    cut = split_cut(stem)
    if cut is not None and draft.beside(file, cut[0]):
        named = movie_name(cut[0])
        return _Movie(draft.new_id("m", *file.parts), Named(f"{named.title} {cut[1]}", named.year)), VersionFile(file)
    base, part = split_part(stem)
    if not at_top:
        label = version_label(base, file.folder[-1])
        if label is not None:
            own = _Movie(draft.new_id("m", *file.folder), movie_name(file.folder[-1]), file.folder)
            return own, VersionFile(file, label, part)
    if part is not None:
        return _Movie(draft.new_id("m", *file.folder, base, "parts"), movie_name(base)), VersionFile(file, "", part)
    named = movie_name(stem)
    if not any(c.isalpha() for c in named.title) and not at_top:
        named = Named(f"{movie_name(file.folder[-1]).title} {named.title}", named.year)
    return _Movie(draft.new_id("m", *file.parts), named), VersionFile(file)


def _movie_item(draft: Draft, section: Section, movie: _Movie) -> Item:
    title = movie.named.title
    versions = draft.versions(movie.id, title, movie.files)
    first = movie.files[0].file
    stems = [name for v in movie.files for name in _picture_stems(v.file)]
    if movie.own_folder is not None:
        stems = [*_POSTERS, movie.own_folder[-1], *stems]
    picture = draft.picture(first.folder, stems)
    item = Item(
        id=movie.id,
        type="movie",
        title=title,
        library=section.library,
        section=section.id,
        year=movie.named.year,
        added_at=max(v.file.mtime_s for v in movie.files),
        recording=versions[0].recording,
        has_thumb=picture is not None,
        versions=versions,
    )
    return draft.add(item, picture)


def _picture_stems(file: FoundFile) -> tuple[str, str]:
    stem = split_extension(file.name)[0]
    return stem, f"{stem}-poster"
