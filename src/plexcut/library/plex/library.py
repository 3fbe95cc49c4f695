"""The Plex library: every answer comes from the server, one page at a time."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from plexapi.video import Episode, Movie

from plexcut.domain.catalog import Item, ItemQuery, Page, RecordingFile, Section, Thumb, Viewing
from plexcut.domain.cutlists import ListBeside
from plexcut.domain.landmarks import LibraryMarks
from plexcut.domain.paths import PlexPath
from plexcut.domain.uses import FileUse
from plexcut.errors import (
    FileUnreadable,
    ItemNotFound,
    LibraryOffline,
    NotAllowed,
    NotFound,
    PlexcutError,
    RecordingNotFound,
    SectionNotFound,
)
from plexcut.library.bounded import Bounded, Stuck
from plexcut.library.paging import check_query
from plexcut.library.picture import scaled
from plexcut.library.plex.beside import PlexBeside
from plexcut.library.plex.bif import fetch_previews
from plexcut.library.plex.client import PlexAddress, PlexClient
from plexcut.library.plex.mapping import (
    changes_of,
    child_order,
    count_of,
    item_of,
    locations_of,
    marks_of,
    parts_of,
    recording_id,
    section_id,
    sections_of,
    thumb_of,
)
from plexcut.library.plex.paths import Here, Located, Unmapped, locate, named_by_plex
from plexcut.library.plex.ranges import PlexRanges
from plexcut.library.plex.sessions import KEY as SESSIONS
from plexcut.library.plex.sessions import viewings
from plexcut.library.plex.upkeep import PlexUpkeep
from plexcut.library.plex.uses import use_of
from plexcut.library.text import display, episode_title

log = logging.getLogger(__name__)

_SORTS = {"title": "titleSort", "added_at": "addedAt", "year": "year"}
_TYPES = {"movie": 1, "show": 2}
_SECTIONS_FOR_S = 10.0
_THUMBS_MAX = 50_000
_FILES_SILENCE_S = 8.0
_RANGES_MAX = 500

PathMappings = tuple[tuple[str, Here], ...]


class PlexLibrary:
    """The movie and show sections of the Plex server at `url`.

    `path_mappings` are pairs of a folder as Plex names it and the same folder as it is reached from here; a file that
    none of them reaches is read through the server. Nothing is asked before the first call. `at` makes one
    with other limits than the usual.
    """

    kind = "plex"

    def __init__(
        self,
        id: str,  # noqa: A002 - the port's word
        name: str,
        url: str,
        token: str,
        path_mappings: PathMappings = (),
    ) -> None:
        self.id = id
        self.name = name
        self._mappings = path_mappings
        self._client = PlexClient(name, PlexAddress(url, token))
        self._files = Bounded(_FILES_SILENCE_S)
        self._lock = threading.Lock()
        self._sections: tuple[float, tuple[Section, ...], dict[str, tuple[str, ...]]] | None = None
        self._state: object = None
        self._beside = PlexBeside(id)
        self._thumbs: OrderedDict[str, str | None] = OrderedDict()
        self._parents: set[str] = set()
        self._shown: frozenset[int] = frozenset()
        self._ranges: OrderedDict[tuple[str, str], PlexRanges] = OrderedDict()

    @classmethod
    def at(cls, id: str, name: str, address: PlexAddress, path_mappings: PathMappings = ()) -> Self:  # noqa: A002
        """A library whose requests have the time limit and the trusted certificates of `address`."""
        library = cls(id, name, address.url, address.token, path_mappings)
        library._client = PlexClient(name, address)
        return library

    def show_only(self, sections: Collection[int]) -> None:
        """Have only these of the server's sections; none: all."""
        self._shown = frozenset(sections)

    def check(self) -> None:
        self._client.check()

    def refresh(self) -> bool:
        """Ask for the sections again; whether the server reports a change in one of them since the last call."""
        state = self._load_sections()
        with self._lock:
            changed = state != self._state
            self._state = state
            return changed

    def sections(self) -> tuple[Section, ...]:
        self._load_sections()
        known = self._sections
        return known[1] if known is not None else ()

    def items(self, section: str, query: ItemQuery) -> Page:
        check_query(query)
        found = self._section(section)
        key = f"/library/sections/{self._key(section, SectionNotFound)}/all"
        params: dict[str, str | int] = {
            "type": _TYPES[found.section_type],
            "sort": _SORTS[query.sort.lstrip("-")] + (":desc" if query.sort.startswith("-") else ":asc"),
        }
        if query.search.strip():
            params["title"] = " ".join(query.search.split())
        window = {"X-Plex-Container-Start": str(query.offset), "X-Plex-Container-Size": str(query.limit)}
        data = self._client.xml(key, params, window, SectionNotFound)
        listed = [item for source in self._client.items(data, key) if (item := self._item(source, section)) is not None]
        total = count_of(data, "totalSize")
        if total is None:  # a server that knows no pages sends everything
            total = len(listed)
            listed = listed[query.offset :]
        return Page(tuple(listed[: query.limit]), max(total, len(listed)))

    def item(self, item: str) -> Item:
        source, section = self._source(item)
        found = self._item(source, section)
        if found is None:
            raise self._no_item(item)
        return found

    def children(self, item: str) -> tuple[Item, ...]:
        key = f"/library/metadata/{self._key(item, ItemNotFound)}/children"
        if item not in self._parents and isinstance(self._source(item)[0], Movie | Episode):
            return ()  # what a server answers for the children of a movie is not the same everywhere
        data = self._client.xml(key, {"excludeAllLeaves": 1})
        sources = self._client.items(data, key)
        section = section_id(self.id, data.attrib.get("librarySectionID", ""))
        children = []
        for source in sources:
            child = self._item(source, section, show=item)
            if child is not None and child.type == "season":
                children.append(replace(child, parent=item, show=item))
            elif child is not None and child.type == "episode" and child.show != item:
                children.append(replace(child, parent=item))
        return tuple(sorted(children, key=child_order))

    def thumb(self, item: str, width: int) -> Thumb | None:
        self._key(item, ItemNotFound)
        with self._lock:
            known = item in self._thumbs
            path = self._thumbs.get(item)
        if not known:
            path = thumb_of(self._source(item)[0])
            self._remember_thumb(item, path)
        return self._picture(path, min(max(width, 1), 2000)) if path is not None else None

    def recording(self, recording: str) -> RecordingFile:
        source, section, part = self.part_of(recording)
        listed = self._item(source, section)
        assert listed is not None
        title = listed.title
        if listed.type == "episode":
            title = episode_title(listed.show_title or "", (listed.parent_index, listed.index), title)
        try:
            found = self._locate(part.file, title, listed.section)
        except RecordingNotFound as error:
            ranges, named = self._from_server(recording, part, error), part.file or ""
            return RecordingFile(recording, listed.id, title, ranges, None, self.id, named)
        place = part.file or ""
        return RecordingFile(recording, listed.id, title, found.source, found.root, self.id, place, found.path)

    def lists_beside(self, recordings: Sequence[str]) -> Mapping[str, tuple[ListBeside, ...]]:
        return self._beside.lists(recordings, self._mappings, self._files)

    def previews(self, recording: str) -> bytes | None:
        try:
            _, _, part = self.part_of(recording)
        except PlexcutError:
            return None
        return fetch_previews(self._client, part)

    def watching(self, recording: str) -> tuple[Viewing, ...]:
        source, _, part = self.part_of(recording)
        try:
            answer = self._client.xml(SESSIONS, not_found=RecordingNotFound)
        except (NotAllowed, RecordingNotFound):
            raise NotAllowed(
                f"the Plex server of library {self.name!r} does not tell who is watching",
                "it tells its owner only: set the owner's token for this library",
            ) from None
        return viewings(answer, str(source.ratingKey), part, parts_of(source))

    def use_of(self, path: Path) -> FileUse:
        file = named_by_plex(str(path), self._mapped())
        return use_of(self, self._client, file or str(path))

    def marks(self, recording: str) -> LibraryMarks:
        try:
            key = self._key(recording.rpartition("~")[0], ItemNotFound)
            return marks_of(self._client.xml(f"/library/metadata/{key}", {"includeChapters": 1, "includeMarkers": 1}))
        except PlexcutError:
            return LibraryMarks()

    def upkeep(self) -> PlexUpkeep:
        return PlexUpkeep(self, self._client, self._mapped)

    def _mapped(self) -> tuple[tuple[str, str], ...]:
        return tuple((plex, str(self._real(here))) for plex, here in self._mappings)

    def close(self) -> None:
        self._client.close()

    def _key(self, some_id: str, error: type[NotFound]) -> str:
        """The server's number in an id of ours."""
        match = re.fullmatch(rf"{re.escape(self.id)}~{'s' if error is SectionNotFound else ''}([0-9]{{1,18}})", some_id)
        if match is None:
            raise error(f"library {self.name!r} has no {some_id!r}", "list it again")
        return match[1]

    def _no_item(self, item: str) -> ItemNotFound:
        return ItemNotFound(f"library {self.name!r} has no item {item!r}", "it may have been deleted")

    def _no_recording(self, recording: str) -> RecordingNotFound:
        return RecordingNotFound(
            f"library {self.name!r} has no recording {recording!r}", "it may have been moved or deleted"
        )

    def _source(self, item: str) -> tuple[Any, str]:
        """An item as plexapi has it, and its section. Raises `ItemNotFound`."""
        key = f"/library/metadata/{self._key(item, ItemNotFound)}"
        data = self._client.xml(key)
        section = section_id(self.id, data.attrib.get("librarySectionID", ""))
        for source in self._client.items(data, key):
            if self._item(source, section) is not None:
                return source, section
        raise self._no_item(item)

    def part_of(self, recording: str) -> tuple[Any, str, Any]:
        """The item of a recording as plexapi has it, its section, and the part that is the recording itself.

        Raises:
            RecordingNotFound, LibraryOffline, NotAllowed.
        """
        try:
            source, section = self._source(recording.rpartition("~")[0])
        except ItemNotFound:
            raise self._no_recording(recording) from None
        if not isinstance(source, Movie | Episode):
            raise self._no_recording(recording)
        key = str(source.ratingKey)
        part = next((part for part in parts_of(source) if recording_id(self.id, key, part) == recording), None)
        if part is None:
            raise self._no_recording(recording)
        return source, section, part

    def source_of(self, item: str) -> Any:
        """An item as plexapi has it. Raises `ItemNotFound`, `LibraryOffline`, `NotAllowed`."""
        return self._source(item)[0]

    def _real(self, here: Here) -> Path:
        """A mapped folder with its links resolved, as the paths of recordings are."""
        if not isinstance(here, Path):
            return here.place
        try:
            return self._files(lambda _tick: here.expanduser().resolve())
        except (Stuck, OSError, RuntimeError):
            return here

    def _item(self, source: Any, section: str, show: str | None = None) -> Item | None:
        try:
            item = item_of(self.id, source, section, show)
        except (ValueError, TypeError, AttributeError, KeyError):
            log.warning("library %s: an item of the server cannot be read and is left out", self.id, exc_info=True)
            return None
        if item is not None:
            self._remember_thumb(item.id, thumb_of(source))
            self._beside.note(source)
            if item.type in {"show", "season"}:
                self._parents.add(item.id)
        return item

    def _remember_thumb(self, item: str, path: str | None) -> None:
        with self._lock:
            self._thumbs[item] = path
            self._thumbs.move_to_end(item)
            while len(self._thumbs) > _THUMBS_MAX:
                self._thumbs.popitem(last=False)

    def _picture(self, path: str, width: int) -> Thumb | None:
        """The poster from the server's transcoder; the poster itself where that gives none."""
        transcoded: Mapping[str, str | int] = {
            "width": width,
            "height": width * 3 // 2,
            "minSize": 1,
            "upscale": 0,
            "url": path,
        }
        try:
            made = scaled(self._client.data("/photo/:/transcode", transcoded)[0], width * 2)
            if made is not None:
                return made
        except (ItemNotFound, LibraryOffline) as error:
            log.debug("no picture from the transcoder: %s", error.message)
        try:
            return scaled(self._client.data(path)[0], width)
        except ItemNotFound:
            return None

    def _section(self, section: str) -> Section:
        known = self._sections
        for fresh in (False, True):
            if known is None or fresh or time.monotonic() - known[0] > _SECTIONS_FOR_S:
                self._load_sections()
                known = self._sections
            found = next((s for s in known[1] if s.id == section), None) if known is not None else None
            if found is not None:
                return found
        raise SectionNotFound(f"library {self.name!r} has no section {section!r}", "list the sections again")

    def _load_sections(self) -> object:
        """Ask for the sections; returns what changes when something in them does."""
        key = "/library/sections"
        data = self._client.xml(key, not_found=LibraryOffline)
        sections, locations = sections_of(self.id, data, self._shown), locations_of(self.id, data)
        with self._lock:
            self._sections = (time.monotonic(), sections, locations)
        return sections, changes_of(data)

    def _from_server(self, recording: str, part: Any, unmapped: RecordingNotFound) -> PlexRanges:
        """The file as the server hands it out. Raises `unmapped` with what the server says where it does not."""
        key = part.key
        if not isinstance(key, str) or not key.startswith("/") or key.startswith("//"):
            raise unmapped
        with self._lock:
            ranges = self._ranges.get((recording, key))
        if ranges is None:
            name = PlexPath.of(part.file or key).parts[-1:] or ("recording",)
            ranges = PlexRanges(self._client, self.id, key, display(name[0]))
        try:
            ranges.status()
        except FileUnreadable as error:
            raise RecordingNotFound(f"{unmapped.message}; and {error.message}", unmapped.hint) from None
        with self._lock:
            if (recording, key) not in self._ranges:
                log.info("%s is read through the server: %s", recording, unmapped.message)
            self._ranges[recording, key] = ranges
            self._ranges.move_to_end((recording, key))
            while len(self._ranges) > _RANGES_MAX:
                self._ranges.popitem(last=False)
        return ranges

    def _locate(self, file: str | None, title: str, section: str) -> Located:
        if not file:
            raise RecordingNotFound(
                f"the Plex server does not say where the file of {title!r} is", "use the token of the server's owner"
            )
        if self._sections is None:
            self._load_sections()
        locations = self._sections[2].get(section, ()) if self._sections is not None else ()
        try:
            return self._files(lambda _tick: locate(file, self._mappings, locations))
        except Unmapped as error:
            raise RecordingNotFound(
                f"the file of {title!r}, {display(file)!r} on the Plex server, cannot be reached here: {error}",
                f"check the path mappings ([[library.path]]) of library {self.name!r}",
            ) from None
        except OSError as error:
            raise LibraryOffline(
                f"the share with the files of library {self.name!r} cannot be used: {error.strerror}",
                "is the file server running, and does it accept user and password?",
            ) from None
        except Stuck:
            raise LibraryOffline(
                f"the folder with the files of library {self.name!r} does not answer", "is the network share mounted?"
            ) from None
