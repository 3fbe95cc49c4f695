"""What stands out in a recording: its keyframes, places where copying can begin or end, chapters, markers, silences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MarkerKind = Literal["intro", "credits", "commercial", "other"]


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter `[start_us, end_us)`; `title` may be empty."""

    title: str
    start_us: int
    end_us: int


@dataclass(frozen=True, slots=True)
class Marker:
    """A stretch that the library itself has marked, `[start_us, end_us)` of its own clock."""

    kind: MarkerKind
    start_us: int
    end_us: int


@dataclass(frozen=True, slots=True)
class LibraryMarks:
    """What a library knows about places in one recording."""

    chapters: tuple[Chapter, ...] = ()
    markers: tuple[Marker, ...] = ()


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Of a whole recording.

    `clock`: `(frame, time_us)` pairs; on the straight lines between them every frame's time lies within a millisecond.
    The first is frame 0, the last one the end. `silences`: `[start_us, end_us)` of the first audio track, known up to
    `silences_known_us`.
    """

    clock: tuple[tuple[int, int], ...]
    chapters: tuple[Chapter, ...]
    silences: tuple[tuple[int, int], ...]
    silences_known_us: int


@dataclass(frozen=True, slots=True)
class Keyframes:
    """Shown keyframes in `[start, end)` (frames), in order: the first ones of `total`."""

    start: int
    end: int
    keyframes: tuple[int, ...]
    total: int


@dataclass(frozen=True, slots=True)
class CopyStart:
    """A frame that a kept span can begin at with a copy, and how many pictures are re-encoded there all the same."""

    frame: int
    reencoded: int


@dataclass(frozen=True, slots=True)
class CopyPoints:
    """Where copying can begin and end within `[start, end)` (frames); `ends` are the first frames that are not kept."""

    start: int
    end: int
    starts: tuple[CopyStart, ...]
    ends: tuple[int, ...]
