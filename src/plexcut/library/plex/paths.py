"""From a path as a Plex server names it to the file as it is reached from here."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from plexcut.domain.folders import RemoteFolder
from plexcut.domain.media import Source
from plexcut.domain.paths import PlexPath
from plexcut.domain.places import shown

Here = Path | RemoteFolder
"""A mapped folder as it is reached from here."""


class Unmapped(Exception):
    """No file for this path; the text says why."""


def named_by_plex(path: str, mappings: Iterable[tuple[str, str]]) -> str | None:
    """How Plex names the file at `path` (as it is reached from here), by the mapping with the longest folder; or None.

    `mappings` are pairs of a folder as Plex names it and the same one from here.
    """
    best: tuple[int, str] | None = None
    for plex, here in mappings:
        folder = here.rstrip("/")
        if path.startswith(folder + "/") and (best is None or len(folder) > best[0]):
            rest = path[len(folder) + 1 :]
            prefix = PlexPath.of(plex)
            separator = "\\" if prefix.windows and "\\" in plex else "/"
            best = (len(folder), plex.rstrip("/\\") + separator + rest.replace("/", separator))
    return best[1] if best is not None else None


@dataclass(frozen=True, slots=True)
class Located:
    """Where a file is: the folder that it must stay within, its path (on a share: its place), and how to read it."""

    root: Path
    path: Path
    source: Source


def mapped(path: PlexPath, mappings: Iterable[tuple[PlexPath, Here]]) -> tuple[Here, tuple[str, ...]] | None:
    """The folder that the mapping with the longest prefix of `path` leads to, and the rest of it; None: none fits."""
    fitting = [(prefix, here, rest) for prefix, here in mappings if (rest := path.below(prefix)) is not None]
    if not fitting:
        return None
    _, here, rest = max(fitting, key=lambda found: len(found[0].parts))
    return here, rest


def locate(file: str, mappings: Iterable[tuple[str, Here]], locations: Iterable[str]) -> Located:
    """Where `file` is, by the mapping with the longest prefix.

    Where no mapping fits, the path is tried as it is, with the section's location (one of `locations`) that holds it
    as its root.

    Raises:
        Unmapped: no such file here, or it lies outside the root. OSError: its share does not answer.
    """
    path = PlexPath.of(file)
    if ".." in path.parts or "\0" in file:
        raise Unmapped("its path holds '..'")
    best = mapped(path, ((PlexPath.of(plex), here) for plex, here in mappings))
    if best is not None:
        here, rest = best
        return _resolved(here, rest) if isinstance(here, Path) else _on_share(here, rest)
    roots = [PlexPath.of(location) for location in locations if location.startswith("/")]
    fitting = [root for root in roots if ".." not in root.parts and path.below(root) is not None]
    if not fitting:
        raise Unmapped("no path mapping fits its path")
    root = max(fitting, key=lambda candidate: len(candidate.parts))
    return _resolved(Path("/", *root.parts), path.below(root) or ())


def _forms(rest: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    """A server on another system may name a file in another Unicode form than the one it has here."""
    yield rest
    for form in ("NFC", "NFD"):
        yield tuple(unicodedata.normalize(form, part) for part in rest)


def _on_share(folder: RemoteFolder, rest: tuple[str, ...]) -> Located:
    tried: set[tuple[str, ...]] = set()
    for parts in _forms(rest):
        if parts in tried:
            continue
        tried.add(parts)
        found = folder.entry(parts)
        if found is not None and found.kind != "file":
            raise Unmapped("it is no file")
        if found is not None:
            return Located(folder.place, folder.place.joinpath(*parts), folder.source(parts))
    raise Unmapped(f"there is no such file below {shown(folder.place)!r}")


def _resolved(root: Path, rest: tuple[str, ...]) -> Located:
    try:
        real_root = root.expanduser().resolve(strict=True)
    except (OSError, RuntimeError):
        raise Unmapped(f"the folder {str(root)!r} is not there") from None
    for parts in _forms(rest):
        try:
            real = real_root.joinpath(*parts).resolve(strict=True)
        except (OSError, RuntimeError, ValueError):
            continue
        if not real.is_relative_to(real_root):
            raise Unmapped("it leads out of the mapped folder")
        if not os.path.isfile(real):  # noqa: PTH113 - follows nothing: the path is resolved
            raise Unmapped("it is no file")
        return Located(real_root, real, real)
    raise Unmapped(f"there is no such file below {str(root)!r}")
