"""The trash, what comes back from it, and what is looked at before a cut."""

from __future__ import annotations

from typing import Literal

from plexcut.web.schemas.base import Answer, Body


class Nothing(Body):
    """No body, or `{}`."""


class Restored(Answer):
    """The original that is back: where, and how long it is."""

    path: str
    duration_s: float


class TrashFile(Answer):
    """A file in the trash. `role`: `retimed` subtitles and files set `aside` go and come back with their recording."""

    name: str
    role: Literal["recording", "retimed", "aside"]
    size_bytes: int


class TrashEntry(Answer):
    """A recording in the trash, with its side files. `path` is where it lay; a `cut` was itself replaced later.

    `expires_at` null: it stays until somebody deletes it. `duration_s` null: it is not known.
    """

    id: str
    path: str
    name: str
    kind: Literal["original", "cut"]
    trashed_at: float
    expires_at: float | None
    duration_s: float | None
    size_bytes: int
    files: list[TrashFile]


class Trash(Answer):
    """What cuts in place have replaced, the newest first; `size_bytes` of all together."""

    entries: list[TrashEntry]
    total: int
    size_bytes: int


class Emptied(Answer):
    """What was deleted for good. `kept`: a line for each file that stays because it is not what was put there."""

    deleted: list[str]
    freed_bytes: int
    kept: list[str]


class PreCheck(Answer):
    """One thing that was looked at. Where it is not `ok`: what is wrong, and what to do; a cut is refused if `vital`.

    `file`: it is the one that was looked at. `job`: no other job has it. `being_recorded`: nobody still writes into it.
    `writable`: the result can be put there, tried. `space`: there is room. `watching`: nobody watches it.
    """

    name: Literal["file", "job", "being_recorded", "writable", "space", "watching"]
    ok: bool
    vital: bool
    code: str | None
    message: str
    hint: str


class PreChecks(Answer):
    """What stands in the way of a cut; `ok`: nothing that matters."""

    ok: bool
    checks: list[PreCheck]
