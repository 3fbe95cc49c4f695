"""The files that lie beside a recording under its name, and what a cut does to them.

Artwork and `.nfo` stay as they are, and so does whatever plexcut does not know. Text subtitles are moved to the new
time line. What counts in the old one, such as lists of breaks, chapters and indexes, is set aside with the original.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from plexcut.domain.files import Files
from plexcut.domain.subtitles import retimed
from plexcut.domain.trash import FileRole

_RETIMED = {".srt", ".vtt"}
_ASIDE = {
    *(".edl", ".vprj", ".cutlist", ".cuts", ".chp", ".chapters", ".ffmeta", ".ffmetadata"),
    *(".ap", ".sc", ".bif"),
    *(".ass", ".ssa", ".sub", ".idx", ".sup", ".smi", ".ttml", ".dfxp"),
}
_TOLD_BY = {
    ".txt": (b"FILE PROCESSING COMPLETE", b"CHAPTER01=", b";FFMETADATA"),
    ".xml": (b"<Chapters", b"<EditionEntry"),
    ".csv": (b"sceneBright", b"scene_change"),
}
"""Files of common names, by what they begin with: comskip's lists, chapters."""
_RECORDINGS = {
    *(".ts", ".m2ts", ".mts", ".mpg", ".mpeg", ".m2t", ".vob", ".vdr", ".rec"),
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".wtv", ".dvr-ms"),
}
_HEAD_BYTES = 4096
_MOST_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class SideFile:
    """A side file that a cut changes. `data`: what takes its place; None: nothing does."""

    name: str
    role: FileRole
    data: bytes | None


def side_files(files: Files, path: PurePath, kept_us: tuple[tuple[int, int], ...]) -> list[SideFile]:
    """Those of the recording at `path` that a cut to `kept_us` changes. Raises `OSError`."""
    found: list[SideFile] = []
    names = files.names(path.parent)
    for name in names:
        kind = _kind(files, path, name) if _belongs(name, path, names) else None
        if kind is None:
            continue
        data = retimed(files.read(path.parent / name), kept_us) if kind == "retimed" else None
        if kind == "aside":
            found.append(SideFile(name, "aside", None))
        elif data is not None:
            found.append(SideFile(name, "retimed", data))
    return found


def _belongs(name: str, path: PurePath, names: list[str]) -> bool:
    """Whether a name is that of a side file of this recording, and of no other with a longer name."""
    if name == path.name or not _begins(name, path.stem):
        return False
    return not any(
        len(PurePath(other).stem) > len(path.stem) and _begins(name, PurePath(other).stem)
        for other in names
        if other != name and PurePath(other).suffix.lower() in _RECORDINGS
    )


def _begins(name: str, stem: str) -> bool:
    return name.startswith((f"{stem}.", f"{stem}-", f"{stem}_"))


def _kind(files: Files, path: PurePath, name: str) -> Literal["retimed", "aside"] | None:
    suffix = PurePath(name).suffix.lower()
    if suffix not in _RETIMED | _ASIDE | _TOLD_BY.keys():
        return None
    status = files.status(path.parent / name)
    if status is None or status.kind != "file":
        return None
    if suffix in _ASIDE:
        return "aside"
    if suffix in _RETIMED:
        return "retimed" if status.size_bytes <= _MOST_BYTES else None
    head = files.read(path.parent / name, 0, _HEAD_BYTES)
    return "aside" if any(mark in head for mark in _TOLD_BY[suffix]) else None
