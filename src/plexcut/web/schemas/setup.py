"""Adding a library in the page."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from plexcut.web.schemas.base import Answer, Body

_PATH = 4096


class Demo(Answer):
    """The demo library. `message` says why it could not be made, empty otherwise."""

    state: Literal["none", "making", "ready", "failed"]
    percent: float
    message: str


class Setup(Answer):
    """What can be set up.

    `closed` says why nothing can: `off` (`server.setup`), `command_line` (`--library` stands for all libraries); empty
    where it can. `configured` counts libraries besides the demo. `demo_stays`: it is there at the next start too.
    `other_workers`: some may run on other machines, which need the library in a configuration of their own.
    """

    closed: Literal["", "off", "command_line"]
    configured: int
    config_file: str
    demo: Demo
    demo_stays: bool
    other_workers: bool


class Tried(Answer):
    """One thing that was tried. `code` names what is wrong (or worth knowing), `message` and `hint` say it."""

    step: str
    ok: bool
    code: str
    message: str
    hint: str


class PlexAccess(Body):
    """A Plex server's address and token. The token is used for this request and never answered."""

    address: str = Field(max_length=2000)
    token: str = Field(default="", max_length=500)


class PlexTry(PlexAccess):
    """One step of reaching a Plex server; those before it have worked."""

    step: Literal["address", "certificate", "server", "token", "sections"]


class PlexSection(Answer):
    """A section of the server: its number there, how many files it has, and where they are for the server."""

    key: int
    title: str
    section_type: Literal["movie", "show"]
    recordings: int
    locations: list[str]


class PlexTried(Answer):
    """What a step found out. `address` is how the address is best written; what the step does not tell is empty."""

    tried: Tried
    address: str
    name: str
    version: str
    sections: list[PlexSection]


class Mapping(Body):
    """The folder that Plex calls `plex` is `here` on this machine."""

    plex: str = Field(min_length=1, max_length=_PATH)
    here: str = Field(min_length=1, max_length=_PATH)


class TraceOrder(PlexAccess):
    """Which files to look for: those of `sections` (none: all), also below `folders`; or `mappings` to check."""

    sections: list[int] = Field(default_factory=list, max_length=100)
    folders: list[str] = Field(default_factory=list, max_length=20)
    mappings: list[Mapping] | None = Field(default=None, max_length=100)


class Traced(Answer):
    """A folder as Plex names it, and where it is here (null: nowhere).

    `found`: `reached` of `looked_for` files are there with the size that Plex knows, and where `same_bytes` is true
    with the same bytes that the server sends (null: it sends none). `same`: the path is the same here, as it is.
    `wrong_size`, `wrong_content`: a file of that name is another one. `not_there`: there is no such folder. `no_file`:
    Plex has no file there. `example` is the file here that was found, or the wrong one, and `file` what Plex calls it.
    """

    plex: str
    here: str | None
    state: Literal["found", "same", "wrong_size", "wrong_content", "not_found", "not_there", "no_file"]
    file: str
    example: str | None
    reached: int
    looked_for: int
    same_bytes: bool | None


class TracedMappings(Answer):
    """What became of each folder of the server."""

    mappings: list[Traced]
    total: int


class FoldersQuery(BaseModel):
    """What was written of a folder so far."""

    path: str = Field(default="", max_length=_PATH)


class Folders(Answer):
    """Folders that complete what was written. `more`: not all are listed."""

    folder: str
    folders: list[str]
    total: int
    more: bool


class FolderTry(Body):
    """A folder to read and to write in. `below`: a folder in it in which recordings lie, written in as well."""

    path: str = Field(min_length=1, max_length=_PATH)
    below: str = Field(default="", max_length=_PATH)


class FolderTried(Answer):
    """What trying a folder found out; the steps after one that failed are left out.

    Steps: `there`, `read`, `write`, `rename`, `remove`, `recordings`. `recordings` is null where they were not counted.
    """

    steps: list[Tried]
    readable: bool
    writable: bool
    recordings: int | None
    sections: list[str]


class ChosenSection(Body):
    """A section that is to be shown."""

    key: int = Field(ge=0)
    title: str = Field(max_length=300)


class NewLibrary(Body):
    """A library to add: `path` for a folder, `address` and `token` for a Plex server.

    `sections` none: all. `output_folder`: where results go that cannot be put beside their recordings.
    """

    kind: Literal["plex", "folder"]
    name: str = Field(min_length=1, max_length=100)
    path: str = Field(default="", max_length=_PATH)
    address: str = Field(default="", max_length=2000)
    token: str = Field(default="", max_length=500)
    sections: list[ChosenSection] = Field(default_factory=list, max_length=100)
    mappings: list[Mapping] = Field(default_factory=list, max_length=100)
    output_folder: str = Field(default="", max_length=_PATH)
