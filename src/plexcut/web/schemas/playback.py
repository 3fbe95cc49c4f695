"""What is played."""

from __future__ import annotations

from pydantic import Field

from plexcut.web.schemas.base import Body

_POSITION = "A time (83.5, 1:23.5, 00:01:23.500) or #4175 (a frame number)"


class VideoQuery(Body):
    """What to play: of the kept spans (or of everything) what lies between `from` and `to`."""

    from_: str | None = Field(None, alias="from", max_length=40, description=f"{_POSITION}; the beginning without it.")
    to: str | None = Field(None, max_length=40, description=f"{_POSITION}, not included; the end without it.")
    keep: str | None = Field(
        None,
        max_length=60_000,
        description="Kept spans, played one after the other: A-B,A-B with A and B as above; may be repeated.",
    )
    audio: int | None = Field(None, ge=0, le=10**9, description="An audio track's id; the first one without it.")
    fingerprint: str | None = Field(None, max_length=300, description="409 if the file is another one by now.")
