"""What the trash holds, and what a replacement is. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

EntryKind = Literal["original", "cut"]
FileRole = Literal["recording", "retimed", "aside"]


@dataclass(frozen=True, slots=True)
class Spot:
    """A recording's file and the library's folder that it lies in; both absolute, links resolved."""

    path: Path
    root: Path


@dataclass(frozen=True, slots=True)
class Rendered:
    """A finished, proved and synced cut under a temporary name, on the file system where it is to lie.

    `kept_us`: what was kept of the source, in microseconds of its time line. `source_duration_s` is the source's.
    """

    path: Path
    kept_us: tuple[tuple[int, int], ...]
    source_duration_s: float


@dataclass(frozen=True, slots=True)
class TrashedFile:
    """A file in the trash. `digest` is of its size and parts of its content."""

    name: str
    role: FileRole
    size_bytes: int
    mtime_ns: int
    digest: str


@dataclass(frozen=True, slots=True)
class TrashEntry:
    """A recording in the trash, with the side files that belong to it.

    `path` is where it lay. `kind` tells an original from a cut that was replaced in turn. `sequence` rises with each
    entry of a trash, whatever the clock says. `trashed_at` and `expires_at` are seconds since the epoch; `expires_at`
    None: never. `duration_s` None: it is not known. `folder` is where the entry lies.
    """

    id: str
    path: Path
    kind: EntryKind
    sequence: int
    trashed_at: float
    expires_at: float | None
    duration_s: float | None
    files: tuple[TrashedFile, ...]
    folder: Path

    @property
    def size_bytes(self) -> int:
        """Of all its files."""
        return sum(file.size_bytes for file in self.files)


@dataclass(frozen=True, slots=True)
class Restored:
    """An original that is back; `entry` was its one. `duration_s` None: nobody wrote it down.

    `kept_us`: what the first cut in its place had kept of it, in microseconds.
    """

    path: Path
    duration_s: float | None
    entry: str
    kept_us: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Emptied:
    """What emptying the trash did. `kept`: a line for each thing that was left, as it is not what was put there."""

    deleted: tuple[str, ...]
    freed_bytes: int
    kept: tuple[str, ...]
