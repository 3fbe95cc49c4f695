"""What a library holds: sections, shows, seasons, episodes, movies, and the recordings behind them.

Every id matches `[A-Za-z0-9._~-]+`, is opaque, begins with its library's id followed by `~`, and stays the same over
restart, cut, replace and restore.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from plexcut.domain.media import Source
from plexcut.errors import CannotWrite

SectionType = Literal["movie", "show"]
ItemType = Literal["movie", "show", "season", "episode"]
SortKey = Literal["title", "-title", "added_at", "-added_at", "year", "-year"]
ItemState = Literal["all", "recent", "uncut", "kept", "cut", "proposed"]
"""Which items: those added in the last `RECENT_S`; never cut; never cut but with a keep list; cut; with proposed breaks
that nobody took over or dismissed."""
RECENT_S = 7 * 24 * 3600

ID_PATTERN = re.compile(r"^[A-Za-z0-9._~-]+$")
LIBRARY_ID_PATTERN = re.compile(r"^[A-Za-z0-9._-]+$")
"""A library's id never holds `~`, so that the text before the first `~` of any id names its library."""


def library_of(item_id: str) -> str:
    """The id of the library that an item, section or recording id belongs to."""
    return item_id.partition("~")[0]


@dataclass(frozen=True, slots=True)
class Section:
    """A library section."""

    id: str
    title: str
    section_type: SectionType
    library: str


@dataclass(frozen=True, slots=True)
class Version:
    """One media file behind a movie or an episode.

    An item with several versions (or with a version in several parts) has one entry for each file; `label` tells
    them apart ("1080p H.264", "part 2 of 2").
    """

    recording: str
    label: str
    container: str | None
    video_codec: str | None
    width: int | None
    height: int | None
    size_bytes: int | None
    duration_s: float | None
    part: int
    parts: int


@dataclass(frozen=True, slots=True)
class Edits:
    """What was done with a movie or an episode: a keep list is saved for one of its files, one of them was cut.

    `proposed`: neither was done, and a cut list that lies beside one of them proposes breaks.
    """

    kept: bool
    cut: bool
    proposed: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """A movie, show, season or episode.

    `recording` is the id of the first version's file on movies and episodes, None on shows and seasons.
    `parent` is the season of an episode and the show of a season; `show` the show of both.
    `added_at` is seconds since the epoch, `air_date` the day of the first broadcast (2024-05-31), `channel` what it was
    recorded from. `edits` is None on shows and seasons, and where it was not looked up.
    """

    id: str
    type: ItemType
    title: str
    library: str
    section: str
    year: int | None = None
    added_at: int | None = None
    duration_s: float | None = None
    recording: str | None = None
    parent: str | None = None
    show: str | None = None
    index: int | None = None
    parent_index: int | None = None
    show_title: str | None = None
    summary: str | None = None
    air_date: str | None = None
    channel: str | None = None
    has_thumb: bool = False
    versions: tuple[Version, ...] = ()
    edits: Edits | None = None


@dataclass(frozen=True, slots=True)
class ItemQuery:
    """Which top-level items of a section, in what order. `limit` is 1 to 1000. Libraries know nothing of `state`."""

    search: str = ""
    sort: SortKey = "title"
    state: ItemState = "all"
    offset: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of a longer list; `total` counts the whole list."""

    items: tuple[Item, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Thumb:
    """A poster: encoded picture and its media type."""

    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Viewing:
    """Somebody has a recording open on the library's own server. `user` and `player` may be empty.

    `state` is the server's word (`playing`, `paused`, `buffering`); `position_s` None: not said.
    """

    user: str
    player: str
    state: str
    position_s: float | None


@dataclass(frozen=True, slots=True)
class RecordingFile:
    """Where a recording's file lies for this process.

    `source` is the file itself, or ranges of it where only its host gives them. `root` is the folder that the file must
    stay within (the library's folder, or the mapped folder of a Plex path): the file has been checked to lie in it,
    links resolved. It is None where only the Plex server hands the file out. `place` is the file in the words of its
    library, which mean the same on every machine: the path as the Plex server names it, or from the library's folder
    on. `location` is where a file on a share lies, as `domain.places` has it.
    """

    recording: str
    item: str
    title: str
    source: Source
    root: Path | None
    library: str
    place: str = ""
    location: Path | None = None

    @property
    def path(self) -> Path:
        """Where the file is, here or on a share (`domain.places`), for what must lie beside it.

        Raises:
            CannotWrite: it can only be read through the Plex server.
        """
        if isinstance(self.source, Path):
            return self.source
        if self.location is not None:
            return self.location
        raise CannotWrite(
            f"{self.source.name} can be watched, but not be cut: its file can only be read through the Plex server",
            "say in the configuration where its folder is here ([[library.path]]), and see that it is mounted",
        )


@dataclass(frozen=True, slots=True)
class MovieData:
    """What a cut job needs, as plain JSON data: the seed's `MovieData`. Never holds a secret.

    `keep` are frames `[[start, end], ...]`, half-open; `fingerprint` is the file's at the time of the order.
    `container`: what kind of file the result is to be, None for the recording's own; `chapters`: one for each span.
    `keep` are frames `[[start, end], ...]`, half-open; `fingerprint` is the file's at the time of the order. A worker
    finds the file by `library` and `place` in its own configuration; `path` and `root` are where the server sees it.
    `storage` is what it lies on, for limits and estimates.
    """

    recording: str
    title: str
    section: str
    path: str
    root: str
    fingerprint: str
    keep: tuple[tuple[int, int], ...]
    mode: str
    output: str
    raw_duration_s: float
    cut_duration_s: float
    eta_s: float
    container: str | None = None
    chapters: bool = False
    library: str = ""
    place: str = ""
    storage: str = ""
