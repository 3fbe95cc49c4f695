"""Cut lists of other programs."""

from __future__ import annotations

import base64
import binascii
from typing import Literal

from pydantic import Field, model_validator

from plexcut.domain.cutlists import MAX_CUT_LIST_BYTES
from plexcut.web.schemas.base import Answer, Body, WrittenSpan

Format = Literal["edl", "comskip", "vdr", "enigma2", "ffmetadata", "ogm", "llc", "csv"]


class CutListFile(Body):
    """A cut list to read: `text`, or `base64` of its bytes (enigma2's cuts are no text)."""

    text: str | None = Field(None, max_length=MAX_CUT_LIST_BYTES)
    base64: str | None = Field(None, max_length=2 * MAX_CUT_LIST_BYTES)

    @model_validator(mode="after")
    def _one_of_them(self) -> CutListFile:
        if (self.text is None) == (self.base64 is None):
            raise ValueError("give either text or base64")
        _ = self.data
        return self

    @property
    def data(self) -> bytes:
        """The file's bytes."""
        if self.base64 is None:
            return (self.text or "").encode("utf-8", "replace")
        try:
            return base64.b64decode(self.base64, validate=True)
        except binascii.Error:
            raise ValueError("base64 cannot be read") from None


class CutListQuery(Body):
    """Which format, and what to write: `keep` as `A-B,A-B` in any written form, the saved keep list without it."""

    format: Format = "edl"
    keep: str | None = Field(None, max_length=100_000)


class ImportedKeep(Answer):
    """What a cut list keeps; nothing is saved. `labels` has one for each span, `notes` say what was left out.

    `name` is the file's where it lay beside the recording, else empty.
    """

    format: Format
    name: str
    keep: list[tuple[float, float]]
    keep_frames: list[tuple[int, int]]
    labels: list[str]
    notes: list[str]


class Break(Answer):
    """A proposed break, half-open. `confidence` is 0 to 1, null where it is not said; `evidence`: what says so.

    `dismissed`: somebody said that it is none.
    """

    start_s: float
    end_s: float
    start_frame: int
    end_frame: int
    confidence: float | None
    evidence: list[str]
    dismissed: bool


class Breaks(Answer):
    """What the best cut list beside a recording removes. Nothing is removed by that: breaks are proposals.

    `name` is the file's and `format` its format; empty and null where none lies there.
    """

    breaks: list[Break]
    total: int
    name: str
    format: Format | None


class Dismissed(Body):
    """All proposed breaks of a recording that are none, in place of those said before."""

    dismissed: list[WrittenSpan] = Field(max_length=10_000)
