"""What stands out in a recording."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from plexcut.web.schemas.base import Answer, Body

_POSITION = "A time (83.5, 1:23.5, 00:01:23.500) or #4175"


class RangeQuery(Body):
    """Which range."""

    from_: str | None = Field(
        None, alias="from", max_length=40, description=f"{_POSITION}; the beginning without it. Clamped."
    )
    to: str | None = Field(None, max_length=40, description=f"{_POSITION}; the end without it. Clamped.")


class KeyframesQuery(RangeQuery):
    """Which range, and how many at most."""

    limit: int = Field(50_000, ge=1, le=100_000)


class Keyframes(Answer):
    """Numbers of the keyframes in `[from_frame, to_frame)`, in order: the first `limit` of `total`."""

    keyframes: list[int]
    total: int
    from_frame: int
    to_frame: int


class CopyStart(Answer):
    """A frame that a kept span can begin at with a copy; `reencoded` pictures are encoded there all the same.

    0 but in H.264 recordings whose keyframes are no IDR pictures.
    """

    frame: int
    reencoded: int


class CopyPoints(Answer):
    """Where a kept span begins and ends without re-encoding, within `[from_frame, to_frame)`.

    At most 20,000 frames are looked at: `to_frame` says how far. `ends` are the first frames that are not kept.
    """

    starts: list[CopyStart]
    ends: list[int]
    from_frame: int
    to_frame: int


class Chapter(Answer):
    """A chapter; `origin` is where it was found, `title` may be empty."""

    title: str
    start_s: float
    end_s: float
    origin: Literal["file", "library"]


class Marker(Answer):
    """A stretch that the Plex server has marked."""

    kind: Literal["intro", "credits", "commercial", "other"]
    start_s: float
    end_s: float


class Marks(Answer):
    """What stands out in a recording.

    `clock`: frames and their times; on the straight lines between them every frame's time lies within a millisecond.
    The last pair is the end. `silences`: stretches of the first audio track below -50 dB, known up to
    `silences_known_s`.
    """

    clock: list[tuple[int, float]]
    chapters: list[Chapter]
    markers: list[Marker]
    silences: list[tuple[float, float]]
    silences_known_s: float
