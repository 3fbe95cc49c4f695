"""Kinds of files that a cut can be written as."""

from __future__ import annotations

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
