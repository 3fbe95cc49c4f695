"""Paths as a library names them, and which of them a worker reaches."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_DRIVE = re.compile(r"[A-Za-z]:(?=[\\/]|$)")

ANY_WORD = "*"
"""Declared by a worker that takes what a library names as it is."""

Reach = Mapping[str, Sequence[Sequence[object]]]
"""By library: what the library's paths begin with, each with whether the folder for it is there now."""


@dataclass(frozen=True, slots=True)
class PlexPath:
    """A path in components. Windows paths compare without case; drive or server is their first component."""

    parts: tuple[str, ...]
    windows: bool

    @classmethod
    def of(cls, path: str) -> PlexPath:
        """Split a POSIX, drive or UNC path; empty components and `.` fall away."""
        windows = bool(_DRIVE.match(path)) or path.startswith("\\\\")
        pieces = re.split(r"[\\/]", path) if windows else path.split("/")
        parts = [piece for piece in pieces if piece not in {"", "."}]
        if path.startswith("\\\\") and parts:
            parts[0] = "\\\\" + parts[0]
        return cls(tuple(parts), windows)

    def below(self, prefix: PlexPath) -> tuple[str, ...] | None:
        """The components after `prefix`; None where it is no prefix in whole components."""
        if self.windows != prefix.windows:
            return None
        head = self.parts[: len(prefix.parts)]
        same = [unicodedata.normalize("NFC", part.casefold() if self.windows else part) for part in head]
        want = [unicodedata.normalize("NFC", part.casefold() if self.windows else part) for part in prefix.parts]
        return self.parts[len(prefix.parts) :] if same == want else None

    def same_as(self, other: PlexPath) -> bool:
        """Whether both name the same file."""
        return len(self.parts) == len(other.parts) and self.below(other) == ()


def beside(file: str, name: str) -> str:
    """The path of `name` in the folder of `file`, as Plex writes it; of the folder itself where `name` is empty."""
    windows = PlexPath.of(file).windows
    cut = max(file.rfind("/"), file.rfind("\\") if windows else -1)
    if not name:
        return file[:cut] or file[: cut + 1]
    return file[: cut + 1] + name


def reaches(declared: Reach, library: str, place: str) -> bool:
    """Whether a worker that declared this reaches `place` of `library`: the longest beginning that fits decides."""
    best: tuple[int, bool] | None = None
    path = PlexPath.of(place)
    for word, there in declared.get(library, ()):
        prefix = PlexPath.of(str(word)) if word not in ("", ANY_WORD) else None
        if prefix is not None and path.below(prefix) is None:
            continue
        length = len(prefix.parts) if prefix is not None else 0
        if best is None or length >= best[0]:
            best = (length, bool(there))
    return best is not None and best[1]
