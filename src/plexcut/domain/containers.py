"""Kinds of files that a cut can be written as."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Literal

from plexcut.errors import FormatUnsupported

Container = Literal["ts", "mp4", "mkv"]
CONTAINERS: tuple[Container, ...] = ("ts", "mp4", "mkv")
"""MP4 with what is like it (MOV, M4V), MKV with WebM."""

_SUFFIXES: dict[str, Container] = {
    ".ts": "ts", ".m2ts": "ts", ".mts": "ts", ".trp": "ts", ".tp": "ts",
    ".mp4": "mp4", ".m4v": "mp4", ".mov": "mp4",
    ".mkv": "mkv", ".webm": "mkv",
}  # fmt: skip


NOT_WRITTEN = frozenset({".avi", ".wmv", ".asf", ".flv", ".ogv"})
"""Names that promise a kind of file that nothing but a cut of such a file is."""


def named(path: Path) -> Container | None:
    """The kind of file that a name promises; None where it promises none."""
    return _SUFFIXES.get(path.suffix.lower())


def of_format(name: str) -> Container | None:
    """The kind of file that FFmpeg calls `name`; None for others (AVI, ...), which are cut into their own kind."""
    names = name.split(",")
    if "mpegts" in names:
        return "ts"
    return "mp4" if "mp4" in names or "mov" in names else "mkv" if "matroska" in names else None


def suffix_for(source: Path, wanted: Container | None) -> str:
    """What the name of a result ends in, dot included: as the source's, unless it is to be of another kind."""
    return source.suffix if wanted is None or named(source) == wanted else f".{wanted}"


def result_names(source: Path, wanted: Container | None = None) -> Iterator[str]:
    """The names of a result, the first free one is taken: `<name> cut.<ext>`, `<name> cut 2.<ext>`, ... without end."""
    suffix = suffix_for(source, wanted)
    yield f"{source.stem} cut{suffix}"
    for number in count(2):
        yield f"{source.stem} cut {number}{suffix}"


def free_name(source: Path, wanted: Container | None, folder: Path) -> Path:
    """The first of them that nothing has in `folder`, a link that leads nowhere among what has it."""
    return next(folder / name for name in result_names(source, wanted) if not os.path.lexists(folder / name))


def written_as(name: str, own: Container | None, wanted: Container | None, *, chapters: bool) -> Container | None:
    """The kind of file that a cut of recording `name`, itself `own`, is written as; None for its own of another kind.

    Raises:
        FormatUnsupported: it cannot be written as what is wanted, or cannot hold chapters.
    """
    if wanted == "ts" and own != "ts":
        raise FormatUnsupported(
            f"{name} cannot be cut into a transport stream", "cut it to mp4 or mkv, or leave it as it is"
        )
    result = wanted or own
    if chapters and result not in ("mp4", "mkv"):
        what = "a transport stream" if result == "ts" else "a file of this kind"
        raise FormatUnsupported(f"{what} holds no chapters", "cut it to mkv or mp4 to have them")
    return result
