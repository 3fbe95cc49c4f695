"""Telling a Plex server that a file changed, and asking it what it makes of that.

What real servers take, as python-plexapi sends it: `GET /library/sections/N/refresh?path=FOLDER` (a partial scan),
`PUT /library/metadata/N/analyze`, `GET /:/progress`, `/:/scrobble` and `/:/unscrobble`. A progress of 0 is ignored, so
that a resume point can only be dropped together with the count of plays, which is then counted up again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from plexapi.video import Episode, Movie

from plexcut.domain.catalog import RecordingFile
from plexcut.domain.paths import PlexPath, beside
from plexcut.domain.places import place
from plexcut.domain.upkeep import ShownFile, WatchState
from plexcut.errors import ItemNotFound, LibraryOffline, NotInLibrary
from plexcut.library.plex.client import PlexClient
from plexcut.library.plex.mapping import item_id, parts_of, recording_id
from plexcut.library.plex.paths import named_by_plex
from plexcut.library.text import display

log = logging.getLogger(__name__)

_PLUGIN = "com.plexapp.plugins.library"
_OPTIMISED = "42"
_NEWEST = 100
"""Among so many items that were added or changed last a new file is looked for."""
_PAGE = 500
_KINDS = {"movie": 1, "show": 4}
"""What holds files, in a section of this type."""
_COUNTED_MAX = 50
"""So many plays at most are counted up again, one request each."""
_SAME_PLACE_S = 1.0


Mappings = Callable[[], tuple[tuple[str, str], ...]]


class Catalog(Protocol):
    """What is needed of the library itself."""

    id: str

    def part_of(self, recording: str) -> tuple[Any, str, Any]:
        """Item, section and part of a recording, as plexapi has them. Raises `RecordingNotFound`."""

    def source_of(self, item: str) -> Any:
        """An item, as plexapi has it. Raises `ItemNotFound`."""

    def recording(self, recording: str) -> RecordingFile:
        """Where its file is from here."""


class PlexUpkeep:
    """`domain.upkeep.Upkeep` of one server. `mappings()` are pairs of a folder for Plex and the same one from here."""

    def __init__(self, catalog: Catalog, client: PlexClient, mappings: Mappings) -> None:
        self._catalog = catalog
        self._client = client
        self._mappings = mappings

    def look_again(self, recording: str, path: str) -> None:
        _, section, part = self._catalog.part_of(recording)
        file = self._name(recording, part.file or "", path)
        key = section.rpartition("~s")[2]
        log.info("library %s looks again at the folder of %s", self._catalog.id, display(file))
        self._client.tell(f"/library/sections/{key}/refresh", {"path": beside(file, "")}, "GET")

    def find(self, path: str) -> str | None:
        name, sections = self._sections_of(path)
        wanted = PlexPath.of(name)
        for key, kind in sections:
            start = 0
            while True:
                found = self._page(key, kind, start)
                for source in found:
                    for part in parts_of(source) if isinstance(source, Movie | Episode) else ():
                        if part.file and PlexPath.of(part.file).same_as(wanted):
                            return recording_id(self._catalog.id, source.ratingKey, part)
                start += _PAGE
                if len(found) < _PAGE:
                    break
        return None

    def look_into(self, path: str) -> None:
        name, sections = self._sections_of(path)
        for key, _ in sections:
            log.info("library %s looks again at the folder of %s", self._catalog.id, display(name))
            self._client.tell(f"/library/sections/{key}/refresh", {"path": beside(name, "")}, "GET")

    def analyze(self, item: str) -> None:
        self._client.tell(f"/library/metadata/{self._key(item)}/analyze")

    def shown(self, recording: str, path: str) -> ShownFile | None:
        source, section, part = self._catalog.part_of(recording)
        wanted = PlexPath.of(self._name(recording, part.file or "", path))
        for find in self._places(source, section):
            for found in find():
                shown = self._as_shown(found, wanted)
                if shown is not None:
                    return shown
        return None

    def watch_state(self, item: str) -> WatchState:
        attributes = self._catalog.source_of(item)._data.attrib
        resume = _number(attributes.get("viewOffset"))
        return WatchState(
            resume_s=resume / 1000 if resume else None,
            count=_number(attributes.get("viewCount")) or 0,
            watched_at=_number(attributes.get("lastViewedAt")),
        )

    def set_watch_state(self, item: str, state: WatchState) -> None:
        key = self._key(item)
        now = self.watch_state(item)
        mark: dict[str, str | int] = {"key": key, "identifier": _PLUGIN}
        if (state.resume_s is None and now.resume_s is not None) or now.count > state.count:
            self._client.tell("/:/unscrobble", mark, "GET")
            now = WatchState(None, 0, None)
        for _ in range(min(state.count - now.count, _COUNTED_MAX)):
            self._client.tell("/:/scrobble", mark, "GET")
            now = WatchState(None, state.count, None)  # a play that is counted takes the resume point along
        if state.resume_s is not None and not _same(now.resume_s, state.resume_s):
            place: dict[str, str | int] = {"time": max(1, int(state.resume_s * 1000)), "state": "stopped"}
            self._client.tell("/:/progress", {**mark, **place}, "GET")

    def _key(self, item: str) -> str:
        library, _, key = item.rpartition("~")
        if library != self._catalog.id or not (key.isascii() and key.isdigit()):
            raise ItemNotFound(f"there is no item {item!r}")
        return key

    def _name(self, recording: str, file: str, path: str) -> str:
        """The file at `path` as Plex names it. Raises `NotInLibrary`."""
        path = str(place(path))
        name = named_by_plex(path, self._mappings())
        if name is not None:
            return name
        here = str(self._catalog.recording(recording).path)
        if path == here:
            return file
        folder, _, last = path.rpartition("/")
        if file and folder == here.rpartition("/")[0]:
            return beside(file, last)
        raise NotInLibrary(
            f"{display(path)!r} lies in no folder of the Plex server that is known here",
            "map the folder ([[library.path]]) if the server can see it",
        )

    def _sections_of(self, path: str) -> tuple[str, list[tuple[str, int]]]:
        """The file at `path` as Plex names it, and the sections that it may be in: their keys, and what they list."""
        path = str(place(path))
        name = named_by_plex(path, self._mappings()) or path
        wanted = PlexPath.of(name)
        found = []
        for directory in self._client.xml("/library/sections", not_found=LibraryOffline).iter("Directory"):
            kind = _KINDS.get(directory.attrib.get("type", ""))
            folders = [PlexPath.of(location.attrib.get("path", "")) for location in directory.iter("Location")]
            if kind is not None and any(folder.parts and wanted.below(folder) for folder in folders):
                found.append((directory.attrib.get("key", ""), kind))
        if not found:
            raise NotInLibrary(
                f"{display(path)!r} lies in no section of the Plex server",
                "map its folder ([[library.path]]) if the server can see it",
            )
        return name, found

    def _page(self, key: str, kind: int, start: int) -> list[Any]:
        params: dict[str, str | int] = {"type": kind, "sort": "updatedAt:desc"}
        window = {"X-Plex-Container-Start": str(start), "X-Plex-Container-Size": str(_PAGE)}
        address = f"/library/sections/{key}/all"
        return self._client.items(self._client.xml(address, params, window), address)

    def _places(self, source: Any, section: str) -> Iterator[Callable[[], list[Any]]]:
        """Where a file may be found, the likely places first; each asks the server when it is called."""
        yield lambda: [source]
        if isinstance(source, Episode) and source.grandparentRatingKey:
            leaves = f"/library/metadata/{source.grandparentRatingKey}/allLeaves"
            yield lambda: self._list(leaves, {})
        kind = 4 if isinstance(source, Episode) else 1
        for order in ("addedAt:desc", "updatedAt:desc"):
            params: dict[str, str | int] = {"type": kind, "sort": order}
            yield lambda params=params: self._list(f"/library/sections/{section.rpartition('~s')[2]}/all", params)  # type: ignore[misc]

    def _list(self, key: str, params: dict[str, str | int]) -> list[Any]:
        window = {"X-Plex-Container-Start": "0", "X-Plex-Container-Size": str(_NEWEST)} if params else {}
        try:
            return self._client.items(self._client.xml(key, params, window), key)
        except ItemNotFound:
            return []

    def _as_shown(self, source: Any, wanted: PlexPath) -> ShownFile | None:
        if not isinstance(source, Movie | Episode):
            return None
        for media in source.media:
            for part in media.parts:
                if part.file and PlexPath.of(part.file).same_as(wanted):
                    duration = _number(part.duration)
                    return ShownFile(
                        item=item_id(self._catalog.id, source.ratingKey),
                        size_bytes=_number(part.size),
                        duration_s=duration / 1000 if duration else None,
                        optimised=any(_optimised(other) for other in source.media),
                    )
        return None


def _optimised(media: Any) -> bool:
    """Whether a version is one that Plex made itself ("optimised version")."""
    return bool(media._data.attrib.get("proxyType") == _OPTIMISED)


def _same(now_s: float | None, wanted_s: float) -> bool:
    return now_s is not None and abs(now_s - wanted_s) < _SAME_PLACE_S


def _number(value: Any) -> int | None:
    text = str(value) if value is not None else ""
    return int(text) if text.isascii() and text.isdigit() else None
