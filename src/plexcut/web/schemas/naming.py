"""Names of spans."""

from __future__ import annotations

from pydantic import Field

from plexcut.web.schemas.base import Answer, Body


class SpanName(Answer):
    """What a span of frames is called; `name` may be empty: then it was only divided there."""

    start_frame: int
    end_frame: int
    name: str


class Names(Answer):
    """The names of a recording's spans, in order."""

    names: list[SpanName]
    total: int


class NewName(Body):
    """One of them."""

    start_frame: int = Field(ge=0, le=10**12, strict=True)
    end_frame: int = Field(ge=1, le=10**12, strict=True)
    name: str = Field("", max_length=80)


class NamesChange(Body):
    """All names, in place of those that were there."""

    names: list[NewName] = Field(max_length=1000)
