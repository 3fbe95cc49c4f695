"""Filmstrips."""

from __future__ import annotations

from pydantic import Field

from plexcut.web.schemas.base import Answer, Body

_POSITION = "A time (83.5, 1:23.5, 00:01:23.500) or #4175"


class FilmstripQuery(Body):
    """Which pictures of which range.

    The range is divided into `count` slots of the same length, and each shows one frame; a range with fewer frames
    than that shows each of them. To ask for pictures that are found again when the view moves, divide the recording as
    maps are: at zoom level L and for sheet j of N pictures ask for `step=2^L`, `from=#(j*N*2^L)`, `to=#((j+1)*N*2^L)`.
    Picture i of the sheet then stands for the `2^L` frames from `(j*N+i)*2^L` on: it shows that very frame while the
    step is small beside the distance of the keyframes, and the nearest keyframe among them beyond. Single pictures are
    kept, so that those of one level that the next one needs are not made again.
    """

    from_: str | None = Field(
        None, alias="from", max_length=40, description=f"{_POSITION}; the beginning without it. Clamped."
    )
    to: str | None = Field(None, max_length=40, description=f"{_POSITION}; the end without it. Clamped.")
    count: int = Field(100, ge=1, le=1000, description="How many pictures at most.")
    height: int = Field(90, ge=16, le=1080, description="Of a picture in pixels; rounded down to an even number.")
    step: int | None = Field(
        None, ge=1, le=10**9, description="Frames: one picture for each multiple of it, instead of `count` slots."
    )


class SpriteQuery(FilmstripQuery):
    """As for the tiles; their answer has the whole address."""

    fingerprint: str | None = Field(None, max_length=300, description="Of the recording; 409 if it changed since.")
    provisional: bool = Field(False, description="The image of provisional tiles, even if the index is ready by now.")


class Tile(Answer):
    """One picture: the frame it shows (null where the number is not known yet), its time, its place in pixels."""

    frame: int | None
    time_s: float
    x: int
    y: int
    w: int
    h: int


class Filmstrip(Answer):
    """Pictures of `[from_s, to_s)`, in order of time, in the image at `url`, which is `width` x `height` pixels.

    `step`: pictures lie at multiples of so many frames where that is possible. `provisional`: made of the Plex server's
    own previews, with times that are about right, because the index is not ready; ask again when it is.
    """

    tiles: list[Tile]
    url: str
    width: int
    height: int
    from_s: float
    to_s: float
    step: int
    provisional: bool
    fingerprint: str
