"""The history of keep lists, and the answer to a save that came too late."""

from __future__ import annotations

from pydantic import Field

from plexcut.web.schemas.base import Answer, Body, ErrorDetail
from plexcut.web.schemas.naming import SpanName
from plexcut.web.schemas.recordings import Keep


class KeepStep(Answer):
    """A keep list as it was, or will be again after a redo; `label` is what made it, `saved_at` when.

    `names`: what its spans were called, and where they were divided; null where it is not known.
    """

    revision: int
    keep: list[tuple[float, float]]
    keep_frames: list[tuple[int, int]]
    label: str
    saved_at: float | None
    names: list[SpanName] | None


class KeepHistory(Keep):
    """The saved keep list, and what undo and redo lead to: `steps`, oldest first; the one at `position` is saved."""

    steps: list[KeepStep]
    total: int
    position: int
    can_undo: bool
    can_redo: bool


class HistoryQuery(Body):
    """How much of the history."""

    limit: int = Field(200, ge=1, le=1000, description="States in each direction.")


class HistoryStep(Body):
    """Which list is to be changed: the one that has `revision`; and by how many steps."""

    revision: int = Field(ge=0, strict=True)
    steps: int = Field(1, ge=1, le=1000, strict=True)


class StaleDetail(ErrorDetail):
    """`code` is `stale_revision`; `current` is the keep list that is saved now."""

    current: Keep | None


class StaleKeep(Answer):
    """Somebody else saved since `revision` was read; nothing was changed."""

    error: StaleDetail
