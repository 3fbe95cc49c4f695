"""Where the files that a Plex server names lie on this machine.

A few files of each of the server's folders are looked for below folders of this machine: first by the end of their path
as it is, then by their name in all that lies there. What has the same size is compared with what the server itself
sends of the file.
"""

from __future__ import annotations

import logging
import os
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from plexcut.domain.paths import PlexPath, beside
from plexcut.domain.setup import MappingState, PlexAccess, PlexSection, Traced, TraceOrder
from plexcut.errors import HostUnreachable, LibraryOffline, PlexcutError
from plexcut.library.bounded import Bounded, Stuck, Tick
from plexcut.library.plex.client import PlexAddress, PlexClient
from plexcut.library.plex.trial import TRY_S, sections_with_counts, written_well
from plexcut.library.walking import Search

log = logging.getLogger(__name__)

_LISTED = 60
"""So many of a section's files are asked for: the newest, and the first by title where those are not enough."""
_WANTED = 5
"""So many of them are looked for in each folder."""
_SPOT_BYTES = 4096
_SILENCE_S = 3.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file as the server names it; `key` is its address there."""

    file: str
    size: int
    key: str

    @property
    def parts(self) -> tuple[str, ...]:
        return PlexPath.of(self.file).parts


class Tracing:
    """One search. `places`: folders of this machine where files may lie."""

    def __init__(self, access: PlexAccess, places: Iterable[Path], ca_file: Path | None = None) -> None:
        address = PlexAddress(written_well(access.url), access.token.strip(), TRY_S, ca_file)
        self._client = PlexClient("plex", address)
        self._places = tuple(dict.fromkeys(places))
        self._bounded = Bounded(_SILENCE_S, hanging_max=8)
        self._compared: dict[tuple[str, Path], bool | None] = {}

    def find(self, order: TraceOrder) -> tuple[Traced, ...]:
        """What became of each folder of the server, in its order.

        Raises:
            LibraryOffline, NotAllowed.
        """
        try:
            sections = sections_with_counts(self._client)
            chosen = [one for one in sections if not order.sections or one.key in order.sections]
            wanted = self._wanted(chosen)
            given = order.given
            if given is not None:
                return tuple(self._checked(plex, here, _all_below(wanted, plex)) for plex, here in given)
            search = Search((*order.folders, *self._places))
            return tuple(self._looked_for(location, files, search) for location, files in wanted.items())
        finally:
            self._client.close()

    # -- what to look for -------------------------------------------------------------------------------------------

    def _wanted(self, sections: Iterable[PlexSection]) -> dict[str, list[Wanted]]:
        found: dict[str, list[Wanted]] = {}
        for section in sections:
            places = {location: found.setdefault(location, []) for location in section.locations}
            for sort in ("addedAt:desc", "titleSort:asc"):
                for file in self._files(section, sort):
                    location = _location_of(file, places)
                    if location is not None and len(places[location]) < _WANTED and file not in places[location]:
                        places[location].append(file)
                if all(places.values()):
                    break
        return found

    def _files(self, section: PlexSection, sort: str) -> Iterator[Wanted]:
        params: dict[str, str | int] = {"type": 4 if section.section_type == "show" else 1, "sort": sort}
        window = {"X-Plex-Container-Start": "0", "X-Plex-Container-Size": str(_LISTED)}
        for part in self._client.xml(f"/library/sections/{section.key}/all", params, window, LibraryOffline).iter(
            "Part"
        ):
            file, size, key = (part.attrib.get(name, "") for name in ("file", "size", "key"))
            if file and ".." not in PlexPath.of(file).parts and size.isascii() and size.isdigit():
                yield Wanted(file, int(size), key)

    # -- looking ----------------------------------------------------------------------------------------------------

    def _looked_for(self, location: str, files: list[Wanted], search: Search) -> Traced:
        if not files:
            return Traced(location, None, "no_file")
        if location.startswith("/") and self._is_dir(Path(location)):
            same = self._checked(location, Path(location), files)
            if same.state == "found":
                return Traced(
                    location, Path(location), "same", same.file, same.example, same.reached, len(files), same.same_bytes
                )
        best: Traced | None = None
        wrong: Traced | None = None
        names = {_plain(wanted.parts[-1]) for wanted in files}
        for wanted in files:
            for path in search.tails(wanted.parts):
                best, wrong = self._weighed(location, files, (wanted, path), (best, wrong))
            if best is not None:
                break
        if best is None:
            for path in search.named(names):
                for wanted in files:
                    if _plain(wanted.parts[-1]) == _plain(path.name):
                        best, wrong = self._weighed(location, files, (wanted, path), (best, wrong))
                if best is not None and best.reached == len(files):
                    break
        return best or wrong or Traced(location, None, "not_found", files[0].file, None, 0, len(files))

    def _weighed(
        self, location: str, files: list[Wanted], pair: tuple[Wanted, Path], so_far: tuple[Traced | None, Traced | None]
    ) -> tuple[Traced | None, Traced | None]:
        """The best mapping so far, and a wrong file, with what another path of this name tells."""
        best, wrong = so_far
        wanted, path = pair
        state = self._compare(wanted, path)
        if state in ("wrong_size", "wrong_content"):
            return best, wrong or Traced(location, None, state, wanted.file, path, 0, len(files))
        if state == "not_found":
            return best, wrong
        plex, here = _mapping(location, wanted, path)
        found = self._checked(plex, here, files)
        better = found.state == "found" and (best is None or found.reached > best.reached)
        return (found if better else best), wrong

    def _checked(self, plex: str, here: Path, files: list[Wanted]) -> Traced:
        """What a mapping reaches of some files."""
        if not self._is_dir(here):
            return Traced(plex, here, "not_there", "", None, 0, len(files))
        if not files:
            return Traced(plex, here, "no_file")
        reached: list[tuple[Wanted, Path]] = []
        wrong: Traced | None = None
        for wanted in files:
            below = PlexPath.of(wanted.file).below(PlexPath.of(plex))
            path = self._entry(here, below) if below else None
            state: MappingState = self._compare(wanted, path) if path is not None else "not_found"
            if path is not None and state == "found":
                reached.append((wanted, path))
            elif path is not None and state != "not_found" and wrong is None:
                wrong = Traced(plex, here, state, wanted.file, path, 0, len(files))
        if not reached:
            return wrong or Traced(plex, here, "not_found", files[0].file, None, 0, len(files))
        wanted, path = reached[0]
        same = self._compared.get((wanted.file, path))
        return Traced(plex, here, "found", wanted.file, path, len(reached), len(files), same)

    def _entry(self, here: Path, below: tuple[str, ...]) -> Path | None:
        for form in (None, "NFC", "NFD"):
            parts = below if form is None else tuple(unicodedata.normalize(form, part) for part in below)
            path = here.joinpath(*parts)
            if self._size(path) is not None:
                return path
        return None

    # -- comparing --------------------------------------------------------------------------------------------------

    def _compare(self, wanted: Wanted, path: Path) -> MappingState:
        size = self._size(path)
        if size is None:
            return "not_found"
        if size != wanted.size:
            return "wrong_size"
        if (wanted.file, path) not in self._compared:
            self._compared[wanted.file, path] = self._same_bytes(wanted, path)
        return "wrong_content" if self._compared[wanted.file, path] is False else "found"

    def _same_bytes(self, wanted: Wanted, path: Path) -> bool | None:
        """Whether the server's file has the same bytes at its beginning, middle and end; None: it sends none."""
        if not wanted.key.startswith("/") or wanted.key.startswith("//"):
            return None
        compared = False
        for at in dict.fromkeys((0, wanted.size // 2, max(0, wanted.size - _SPOT_BYTES))):
            size = min(_SPOT_BYTES, wanted.size - at)
            if size <= 0:
                continue
            try:
                piece = self._client.piece(wanted.key, at, size)
            except (HostUnreachable, PlexcutError) as error:
                log.debug("no bytes to compare: %s", error.message)
                return True if compared else None
            if piece.status != 206 or len(piece.data) != size:
                return True if compared else None
            if self._bytes(path, at, size) != piece.data:
                return False
            compared = True
        return compared or None

    # -- the file system, which may hang ----------------------------------------------------------------------------

    def _size(self, path: Path) -> int | None:
        def look(_tick: Tick) -> int | None:
            try:
                found = os.stat(path)  # noqa: PTH116
            except (OSError, ValueError):
                return None
            return found.st_size if os.path.isfile(path) else None  # noqa: PTH113

        try:
            return self._bounded(look)
        except Stuck:
            return None

    def _is_dir(self, path: Path) -> bool:
        try:
            return self._bounded(lambda _tick: os.path.isdir(path))  # noqa: PTH112
        except Stuck:
            return False

    def _bytes(self, path: Path, at: int, size: int) -> bytes:
        def read(_tick: Tick) -> bytes:
            with path.open("rb") as file:
                file.seek(at)
                return file.read(size)

        try:
            return self._bounded(read)
        except (Stuck, OSError):
            return b""


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _location_of(file: Wanted, places: Iterable[str]) -> str | None:
    path = PlexPath.of(file.file)
    fitting = [place for place in places if path.below(PlexPath.of(place))]
    return max(fitting, key=lambda place: len(PlexPath.of(place).parts), default=None)


def _all_below(wanted: dict[str, list[Wanted]], plex: str) -> list[Wanted]:
    prefix = PlexPath.of(plex)
    return [file for files in wanted.values() for file in files if PlexPath.of(file.file).below(prefix)]


def _mapping(location: str, wanted: Wanted, path: Path) -> tuple[str, Path]:
    """What maps the file to `path`: the server's folder where that is possible, else the part of it that differs."""
    theirs = wanted.parts
    ours = path.parts[1:]
    windows = PlexPath.of(wanted.file).windows
    alike = 0
    for one, other in zip(reversed(theirs), reversed(ours), strict=False):
        one, other = _plain(one), _plain(other)  # noqa: PLW2901
        if one != other and not (windows and one.casefold() == other.casefold()):
            break
        alike += 1
    below = len(theirs) - len(PlexPath.of(location).parts)
    if alike >= below:
        return location, path.parents[below - 1]
    plex = wanted.file
    for _ in range(max(1, alike)):
        plex = beside(plex, "")
    return plex, path.parents[max(1, alike) - 1]
