"""Libraries, sections, items, the selection, health."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from plexcut.web.schemas.base import Answer, Body, ErrorDetail, Written

SectionType = Literal["movie", "show"]
ItemType = Literal["movie", "show", "season", "episode"]


class LibraryState(Answer):
    """A library and whether it answers."""

    id: str
    name: str
    kind: Literal["plex", "folder"]
    online: bool


class Library(LibraryState):
    """A library; `message` says why it is offline, empty when it is not."""

    message: str


class Libraries(Answer):
    """All libraries, in the order of the configuration."""

    libraries: list[Library]
    total: int


class QueueState(Answer):
    """Whether the queue answers, and how many workers listen to it."""

    online: bool
    workers: int


class Health(Answer):
    """`ok` once the initial selection stands and every reachable folder library was listed."""

    status: Literal["ok"]
    version: str
    libraries: list[LibraryState]
    queue: QueueState


class Notices(Answer):
    """What somebody has to know and to do something about."""

    notices: list[ErrorDetail]
    total: int


class HealthWithNotices(Health):
    """Where there is something that somebody has to know."""

    notices: list[ErrorDetail]


class Starting(Answer):
    """The answer of the first seconds, with status 503."""

    status: Literal["starting"]


class Section(Answer):
    """A library section."""

    id: str
    title: str
    section_type: SectionType


class Sections(Answer):
    """The sections of a library, in its order."""

    sections: list[Section]
    total: int


class Version(Answer):
    """One media file behind a movie or an episode; `part` of `parts` where a version is split over files."""

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


class Edits(Answer):
    """What was done with a movie or an episode: a keep list is saved for one of its files, one of them was cut.

    `proposed`: neither, and a cut list that lies beside one of them proposes breaks.
    """

    kept: bool
    cut: bool
    proposed: bool


class Item(Answer):
    """A movie, show, season or episode.

    `recording` is null on shows and seasons. `parent` is the season of an episode and the show of a season. `thumb` is
    the address of the poster. `air_date` is the day of the first broadcast (2024-05-31), `channel` what it was recorded
    from, where the library knows.
    `edits` is null on shows and seasons, and in a selection.
    """

    id: str
    type: ItemType
    title: str
    library: str
    section: str
    year: int | None
    added_at: int | None
    duration_s: float | None
    recording: str | None
    parent: str | None
    show: str | None
    index: int | None
    parent_index: int | None
    show_title: str | None
    summary: str | None
    air_date: str | None
    channel: str | None
    thumb: str | None
    versions: list[Version]
    edits: Edits | None


class Items(Answer):
    """A stretch of a list; `total` counts the whole list."""

    items: list[Item]
    total: int


class ItemsQuery(Body):
    """Which items of a section, in what order."""

    search: str = Field("", max_length=200, description="Part of the title; upper and lower case are the same.")
    sort: Literal["title", "-title", "added_at", "-added_at", "year", "-year"] = "title"
    state: Literal["all", "recent", "uncut", "kept", "cut", "proposed"] = Field(
        "all",
        description="`recent`: added in the last seven days; `kept`: with a saved keep list, and never cut;"
        " `proposed`: neither, and a cut list beside it proposes breaks.",
    )
    offset: int = Field(0, ge=0, le=10_000_000)
    limit: int = Field(100, ge=1, le=1000)


class ThumbQuery(Body):
    """How wide the poster should be."""

    width: int = Field(300, ge=16, le=2000, description="Pixels.")


class Selection(Answer):
    """What this client has selected. In a movie section shows, show, seasons and season are null.

    `eta_s`: estimated seconds to cut the selected movie with its saved keep list, null until known.
    """

    library: str | None
    section_type: SectionType | None
    section: Section | None
    shows: list[Item] | None
    show: Item | None
    seasons: list[Item] | None
    season: Item | None
    movies: list[Item]
    movie: Item | None
    pos_s: float
    eta_s: float | None


class SelectionChange(Body):
    """Any of these, as ids; what lies below a changed one is set to its first."""

    library: str | None = Field(None, max_length=300)
    section: str | None = Field(None, max_length=300)
    show: str | None = Field(None, max_length=300)
    season: str | None = Field(None, max_length=300)
    movie: str | None = Field(None, max_length=300)
    pos_s: Written | None = None
