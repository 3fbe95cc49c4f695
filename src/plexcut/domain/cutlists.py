"""Cut lists of other programs: what they say of a recording, before it is known which frames that are."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

from plexcut.domain.timecode import Position

CutListFormat = Literal["edl", "comskip", "vdr", "enigma2", "ffmetadata", "ogm", "llc", "csv"]
CUT_LIST_FORMATS: tuple[CutListFormat, ...] = ("edl", "comskip", "vdr", "enigma2", "ffmetadata", "ogm", "llc", "csv")

MAX_CUT_LIST_BYTES = 1 << 19
"""A longer file is no cut list."""


@dataclass(frozen=True, slots=True)
class CutListFacts:
    """What reading and writing a cut list takes to know of the recording; `name` is its file's name."""

    name: str
    frames: int
    fps: Fraction
    duration_s: float


@dataclass(frozen=True, slots=True)
class ListedSpan:
    """A span that a cut list names: kept, or removed. `end` None is the end of the recording.

    Times are already a little earlier than written, by how far they may have been rounded up (see `cutlists`).
    """

    start: Position
    end: Position | None
    kept: bool
    label: str = ""


@dataclass(frozen=True, slots=True)
class ReadCutList:
    """A cut list that was read. Its spans are all kept or all removed; `notes` say what of it was left out."""

    format: CutListFormat
    spans: tuple[ListedSpan, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeptSpan:
    """A span to write, by frames and by their times in microseconds; all of it half-open."""

    start_frame: int
    end_frame: int
    start_us: int
    end_us: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class WrittenCutList:
    """A cut list as a file: `name` is what programs that read it expect beside the recording."""

    format: CutListFormat
    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class FoundCutList:
    """A file beside a recording whose name says that it is a cut list, of one of `formats`."""

    name: str
    data: bytes
    formats: tuple[CutListFormat, ...]


@dataclass(frozen=True, slots=True)
class ListBeside:
    """A file beside a recording under a name that cut lists have, as it was when its folder was looked at."""

    path: Path
    size_bytes: int
    mtime_ns: int
    formats: tuple[CutListFormat, ...]

    @property
    def stamp(self) -> str:
        """The same as long as the file is."""
        return f"{self.path.name}/{self.size_bytes}/{self.mtime_ns}"


_BESIDE: tuple[tuple[str, tuple[CutListFormat, ...]], ...] = (
    ("{stem}-proj.llc", ("llc",)),
    ("{stem}.llc", ("llc",)),
    ("{name}.cuts", ("enigma2",)),
    ("{stem}.cuts", ("enigma2",)),
    ("marks", ("vdr",)),
    ("{stem}.edl", ("edl",)),
    ("{name}.edl", ("edl",)),
    ("{stem}.txt", ("comskip",)),
    ("{stem}.chapters.txt", ("ogm",)),
    ("{stem}.ffmeta", ("ffmetadata",)),
    ("{stem}.ffmetadata", ("ffmetadata",)),
    ("{stem}.csv", ("csv",)),
)
"""What is looked for beside a recording, what a person made before what a program found, and what it must hold."""
_VDR_FOLDER = ".rec"
"""VDR's marks have no name of their own: the folder is the recording's."""
_ENDINGS = tuple(pattern[pattern.rindex(".") :] for pattern, _ in _BESIDE if "." in pattern)


def may_be_beside(name: str) -> bool:
    """Whether a file of this name can be a cut list beside some recording."""
    return name == "marks" or name.endswith(_ENDINGS)


def names_beside(name: str, folder: str) -> tuple[tuple[str, tuple[CutListFormat, ...]], ...]:
    """The names that cut lists of a recording called `name`, in a folder called `folder`, have beside it, the best
    first, and what each must hold.
    """
    stem = Path(name).stem
    return tuple(
        (pattern.format(stem=stem, name=name), formats)
        for pattern, formats in _BESIDE
        if formats != ("vdr",) or folder.endswith(_VDR_FOLDER)
    )
