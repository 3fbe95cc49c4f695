"""Looking through the libraries."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from plexcut.domain.catalog import (
    RECENT_S,
    Edits,
    Item,
    ItemQuery,
    ItemState,
    Page,
    Section,
    Thumb,
    library_of,
)
from plexcut.domain.ports import EditedRecordings, Store
from plexcut.errors import ItemNotFound, SectionNotFound, UsageError
from plexcut.plexdata.hosts import Hosts

MAX_LIMIT = 1000
SEARCHED_S = 60.0
SEARCHES = 8
"""What searches with a filter found is good for a minute, so that scrolling does not list a section again."""
MIN_THUMB_PX, MAX_THUMB_PX = 16, 2000
LISTED_S = 300.0
"""So long the whole list of a server's section is good, unless the server reports a change, which it is asked for every
minute: 10,000 movies take several seconds to list."""


Proposed = Callable[[Iterable[Item], EditedRecordings], frozenset[str]]
"""Which recordings of some items have proposed breaks."""


def _none_proposed(_items: Iterable[Item], _edited: EditedRecordings) -> frozenset[str]:
    return frozenset()


class Browsing:
    """Sections, items and posters, each asked of its own library. Is the cascade's `Lister` too."""

    def __init__(
        self, hosts: Hosts, store: Store, proposed: Proposed = _none_proposed, clock: Callable[[], float] = time.time
    ) -> None:
        self._hosts = hosts
        self._proposed = proposed
        self._store = store
        self._clock = clock
        self._found: dict[tuple[str, str, str], tuple[float, tuple[Item, ...]]] = {}
        self._lock = threading.Lock()
        self._listed: dict[str, tuple[float, tuple[Item, ...]]] = {}

    def libraries_online(self) -> tuple[str, ...]:
        """The ids of the libraries that answer, in the order of the configuration."""
        return tuple(status.id for status in self._hosts.libraries() if status.online)

    def sections(self, library: str) -> tuple[Section, ...]:
        """The sections of a library. Raises `LibraryNotFound`, `LibraryOffline`."""
        return self._hosts.call(library, lambda lib: lib.sections())

    def section(self, section: str) -> Section:
        """One section. Raises `SectionNotFound`, `LibraryOffline`."""
        library = library_of(section)
        if library in self._hosts.ids:
            for found in self.sections(library):
                if found.id == section:
                    return found
        raise SectionNotFound(f"there is no section {section!r}", "list the sections again")

    def items(self, library: str, section: str, query: ItemQuery) -> Page:
        """Top-level items. Raises `LibraryNotFound`, `SectionNotFound`, `LibraryOffline`, `UsageError`."""
        if not 1 <= query.limit <= MAX_LIMIT:
            raise UsageError(f"limit is {query.limit}, possible is 1 to {MAX_LIMIT}")
        if query.offset < 0:
            raise UsageError(f"offset is {query.offset}, it cannot be negative")
        edited = self._store.edited()
        if query.state == "all":
            page = self._page(library, section, query)
            return Page(self._with_edits(page.items, edited), page.total)
        found = self._searched(library, section, query)
        proposed = self._proposed(found, edited) if query.state == "proposed" else frozenset()
        wanted = [item for item in found if self._is_in(_with_edits(item, edited, proposed), query.state)]
        return Page(self._with_edits(wanted[query.offset : query.offset + query.limit], edited), len(wanted))

    def _with_edits(self, items: Sequence[Item], edited: EditedRecordings) -> tuple[Item, ...]:
        """The items with what was done with their files; shows and seasons as they are."""
        proposed = self._proposed(items, edited)
        return tuple(_with_edits(item, edited, proposed) for item in items)

    def _page(self, library: str, section: str, query: ItemQuery) -> Page:
        return self._hosts.call(library, lambda lib: lib.items(section, query))

    def _is_in(self, item: Item, state: ItemState) -> bool:
        if state == "recent":
            return item.added_at is not None and item.added_at >= self._clock() - RECENT_S
        edits = item.edits or Edits(kept=False, cut=False)
        if state == "proposed":
            return edits.proposed
        if state == "cut":
            return edits.cut
        return not edits.cut and (edits.kept or state == "uncut")

    def _searched(self, library: str, section: str, query: ItemQuery) -> tuple[Item, ...]:
        """All that a search finds, in order; of a server it is good for a while, as its whole sections are."""
        key = (section, query.search, query.sort)
        with self._lock:
            known = self._found.get(key)
        if known is not None and time.monotonic() - known[0] < SEARCHED_S:
            self._hosts.call(library, lambda _: None)
            return known[1]
        found = self._all(Section(section, "", "movie", library), query)
        if self._hosts.host(library).library.kind != "folder":
            with self._lock:
                if len(self._found) >= SEARCHES:
                    self._found.clear()
                self._found[key] = (time.monotonic(), found)
        return found

    def item(self, item: str) -> Item:
        """One item. Raises `ItemNotFound`, `LibraryOffline`."""
        found = self._hosts.call(self._library(item), lambda lib: lib.item(item))
        return self._with_edits((found,), self._store.edited())[0]

    def children_of(self, item: str) -> tuple[Item, ...]:
        """Seasons of a show, episodes of a season. Raises `ItemNotFound`, `LibraryOffline`."""
        found = self._hosts.call(self._library(item), lambda lib: lib.children(item))
        return self._with_edits(found, self._store.edited())

    def thumb(self, item: str, width: int) -> Thumb | None:
        """The poster. Raises `ItemNotFound`, `LibraryOffline`, `UsageError`."""
        if not MIN_THUMB_PX <= width <= MAX_THUMB_PX:
            raise UsageError(f"width is {width}, possible is {MIN_THUMB_PX} to {MAX_THUMB_PX}")
        return self._hosts.call(self._library(item), lambda lib: lib.thumb(item, width))

    def top(self, section: Section) -> tuple[Item, ...]:
        """All movies, or all shows, of a section, however many."""
        with self._lock:
            listed = self._listed.get(section.id)
        if listed is not None and time.monotonic() - listed[0] < LISTED_S:
            self._hosts.call(section.library, lambda _: None)
            return listed[1]
        began = time.monotonic()
        items = self._all(section)
        if self._hosts.host(section.library).library.kind != "folder":
            with self._lock:
                self._listed[section.id] = (began, items)
        return items

    def forget(self, library: str) -> bool:
        """A library's content changed: list it again when it is asked for. Whether anything of it was remembered."""
        with self._lock:
            before = len(self._listed)
            self._listed = {key: value for key, value in self._listed.items() if library_of(key) != library}
            searched = {key: value for key, value in self._found.items() if library_of(key[0]) != library}
            forgotten = len(self._listed) < before or len(searched) < len(self._found)
            self._found = searched
            return forgotten

    def _all(self, section: Section, query: ItemQuery | None = None) -> tuple[Item, ...]:
        found: dict[str, Item] = {}
        offset = 0
        wanted = replace(query or ItemQuery(), state="all", limit=MAX_LIMIT)
        while True:
            page = self._page(section.library, section.id, replace(wanted, offset=offset))
            found.update((item.id, item) for item in page.items)
            offset += len(page.items)
            if not page.items or offset >= page.total:
                return tuple(found.values())

    def children(self, item: Item) -> tuple[Item, ...]:
        """As `children_of`, for the cascade."""
        return self.children_of(item.id)

    def _library(self, item: str) -> str:
        library = library_of(item)
        if library not in self._hosts.ids:
            raise ItemNotFound(f"there is no item {item!r}", "list them again")
        return library


def _with_edits(item: Item, edited: EditedRecordings, proposed: frozenset[str]) -> Item:
    """The item with what was done with its files; a show or season as it is."""
    if item.recording is None:
        return item
    files = {item.recording, *(version.recording for version in item.versions)}
    kept, cut = not files.isdisjoint(edited.kept), not files.isdisjoint(edited.cut)
    return replace(item, edits=Edits(kept, cut, proposed=not (kept or cut or files.isdisjoint(proposed))))
