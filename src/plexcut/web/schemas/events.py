"""What `/api/events` sends, beside jobs, selections and progress, which look like their routes' answers."""

from __future__ import annotations

from plexcut.web.schemas.base import Answer


class KeepEvent(Answer):
    """Somebody saved the keep list of `recording`."""

    recording: str
    revision: int
    keep: list[tuple[float, float]]
