"""What each client has selected: the cascade, its atomic swap, and its life over restarts."""

from __future__ import annotations

import logging
import math
import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Any

from plexcut.domain.catalog import Item
from plexcut.domain.ports import Store
from plexcut.domain.selection import (
    Selection,
    inconsistency,
    select_movie,
    select_season,
    select_section,
    select_show,
)
from plexcut.errors import HostUnreachable, ItemNotFound, NotFound, PositionInvalid, SectionNotFound
from plexcut.plexdata import views
from plexcut.plexdata.browsing import Browsing
from plexcut.plexdata.events import Events
from plexcut.plexdata.keeping import Keeping
from plexcut.plexdata.model import SelectionChange

log = logging.getLogger(__name__)

SHARED = ""
"""The store's name for the selection of those without a cookie."""
MAX_CLIENTS = 1000
"""Selections held in memory; the store has all of them."""
DURATION_TOLERANCE_S = 1.0
"""A library's duration is rounded, and Plex's is now and then short."""


@dataclass(slots=True)
class _Entry:
    """One client's selection. `wanted` are saved ids whose library was offline; `stale`: the library changed since."""

    selection: Selection = field(default_factory=Selection)
    wanted: dict[str, Any] | None = None
    stale: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock)


@dataclass(frozen=True, slots=True)
class _Way:
    """An item, and the show and season that it lies in (or is)."""

    item: Item
    show: str | None
    season: str | None


class Selecting:
    """Selections by client. Reading takes the last whole one; changing is one after the other for each client."""

    def __init__(self, browsing: Browsing, store: Store, keeping: Keeping, events: Events) -> None:
        self._browsing = browsing
        self._store = store
        self._keeping = keeping
        self._events = events
        self._lock = threading.Lock()
        self._clients: OrderedDict[str, _Entry] = OrderedDict()
        self._shared = _Entry(stale=True)

    # -- reading ----------------------------------------------------------------------------------------------------

    def selection(self, client: str | None) -> Selection:
        """What the client has selected."""
        return self._with_eta(self._current(self._entry(client), client))

    def selected_movie(self, client: str | None) -> Item:
        """The selected movie. Raises `ItemNotFound` when there is none."""
        movie = self._current(self._entry(client), client).movie
        if movie is None:
            raise ItemNotFound("no movie is selected", "select one first")
        return movie

    # -- changing ---------------------------------------------------------------------------------------------------

    def update(self, client: str | None, change: SelectionChange) -> Selection:
        """Select, with the cascade, all or nothing.

        Raises:
            LibraryNotFound, SectionNotFound, ItemNotFound, LibraryOffline, PositionInvalid.
        """
        entry = self._entry(client)
        with entry.lock:
            old = self._current(entry, client)
            new = self._positioned(self._changed(old, change), change.pos_s)
            if wrong := inconsistency(new):
                raise ItemNotFound(f"the library changed meanwhile: {wrong}", "list it again")
            entry.wanted = None
            self._swap(entry, client, new)
            return self._with_eta(new)

    def _changed(self, old: Selection, change: SelectionChange) -> Selection:
        if change.movie or change.season or change.show:
            if near := self._near(old, change):
                return near
            way = self._way(change)
            try:
                return self._along(way, old)
            except ItemNotFound:
                # Perhaps it is newer than the list that is remembered of a large section.
                if not self._browsing.forget(way.item.library):
                    raise
            return self._along(way, old)
        if change.section:
            section = self._browsing.section(change.section)
            if change.library not in (None, section.library):
                raise SectionNotFound(f"library {change.library!r} has no section {change.section!r}")
            return select_section(section, self._browsing)
        if change.library:
            sections = self._browsing.sections(change.library)
            if not sections:
                raise SectionNotFound(f"library {change.library!r} has no sections")
            return select_section(sections[0], self._browsing)
        return old

    def _near(self, old: Selection, change: SelectionChange) -> Selection | None:
        """The change within the lists that are selected already; None where it leads out of them."""
        above = (
            (change.library, old.library),
            (change.section, old.section and old.section.id),
            (change.show if change.season or change.movie else None, old.show and old.show.id),
            (change.season if change.movie else None, old.season and old.season.id),
        )
        if any(given is not None and given != has for given, has in above):
            return None
        try:
            if change.movie:
                same = old.movie is not None and old.movie.id == change.movie
                return old if same else select_movie(old, change.movie)
            if change.season:
                return select_season(old, change.season, self._browsing)
            return select_show(old, change.show or "", self._browsing)
        except ItemNotFound:
            return None

    def _way(self, change: SelectionChange) -> _Way:
        """The way from the top to the deepest id that was given; what else was given must lie on it."""
        wanted = change.movie or change.season or change.show or ""
        item = self._browsing.item(wanted)
        kinds = ("movie", "episode") if change.movie else ("season",) if change.season else ("show",)
        if item.type not in kinds:
            raise ItemNotFound(f"{wanted!r} is a {item.type}, not a {kinds[0]}")
        is_movie = item.type == "movie"
        show = None if is_movie else item.id if item.type == "show" else item.show or item.parent
        season = item.id if item.type == "season" else item.parent if item.type == "episode" else None
        stations = (
            ("library", change.library, item.library),
            ("section", change.section, item.section),
            ("show", change.show, show),
            ("season", change.season if change.movie else None, season),
        )
        for what, given, real in stations:
            if given is not None and given != real:
                raise ItemNotFound(f"{wanted!r} is not in {what} {given!r}")
        return _Way(item, show, season)

    def _along(self, way: _Way, old: Selection) -> Selection:
        new = select_section(self._browsing.section(way.item.section), self._browsing)
        if way.show:
            new = select_show(new, way.show, self._browsing)
        if way.season:
            new = select_season(new, way.season, self._browsing)
        if way.item.type in ("movie", "episode"):
            new = select_movie(new, way.item.id)
            if old.movie is not None and old.movie.id == way.item.id:
                new = replace(new, pos_s=old.pos_s)
        return new

    def _positioned(self, selection: Selection, pos_s: float | None) -> Selection:
        if pos_s is None:
            return selection
        if isinstance(pos_s, bool) or not math.isfinite(pos_s) or pos_s < 0:
            raise PositionInvalid(f"{pos_s} is no position", "give seconds from the start of the recording")
        movie = selection.movie
        if movie is None:
            raise PositionInvalid("there is no position without a movie", "select a movie first")
        told_s = movie.duration_s
        if pos_s > 0 and (told_s is None or pos_s > told_s + DURATION_TOLERANCE_S):
            exact_s = self._keeping.known_duration_s(movie.recording)
            end_s = max((one for one in (told_s, exact_s) if one is not None), default=math.inf)
            if pos_s > end_s:
                raise PositionInvalid(f"{pos_s} s is beyond the end of the recording at {end_s:.3f} s")
        return replace(selection, pos_s=float(pos_s))

    # -- over restarts and outages -----------------------------------------------------------------------------------

    def begin(self) -> Selection:
        """Set the initial selection: the saved one where it still stands, else the first section's first movie."""
        return self._current(self._shared, None)

    def library_changed(self, library: str) -> None:
        """A library came, or its content changed: look at the selections that it concerns again."""
        self._browsing.forget(library)
        with self._lock:
            entries = [(SHARED, self._shared), *self._clients.items()]
        for _, entry in entries:
            if entry.selection.section is None or entry.wanted or entry.selection.library == library:
                entry.stale = True

    def _entry(self, client: str | None) -> _Entry:
        if not client:
            return self._shared
        with self._lock:
            entry = self._clients.get(client)
            if entry is None:
                saved = self._store.load_selection(client)
                entry = _Entry(wanted=saved, stale=saved is not None)
                if saved is None:
                    entry.selection = self._shared.selection
                    entry.stale = self._shared.selection.section is None
                self._clients[client] = entry
                while len(self._clients) > MAX_CLIENTS:
                    self._clients.popitem(last=False)
            self._clients.move_to_end(client)
            return entry

    def _current(self, entry: _Entry, client: str | None) -> Selection:
        if not entry.stale:
            return entry.selection
        with entry.lock:
            entry.stale = False
            old = entry.selection
            try:
                entry.selection = self._restored(entry, client)
            except HostUnreachable as error:
                log.info("the selection stays as it was: %s", error.message)
                entry.stale = entry.stale or old.section is None
            except NotFound as error:
                log.info("the selection is looked at again: %s", error.message)
                entry.stale = True
            if entry.selection != old:
                self._tell(client, entry.selection)
            return entry.selection

    def _restored(self, entry: _Entry, client: str | None) -> Selection:
        old = entry.selection
        ids = entry.wanted or (_ids(old) if old.section else None)
        if ids is None and not client:
            ids = entry.wanted = self._store.load_selection(SHARED)
        if ids is not None:
            try:
                found = self._from_ids(ids)
            except HostUnreachable:
                if old.section is not None:
                    raise
                # Shown until the library is back: `wanted` stays, and nothing is saved over it.
                return self._shared.selection if client else self._default()
            entry.wanted = None
            if found is not None:
                return found
        return self._shared.selection if client and self._shared.selection.section else self._default()

    def _from_ids(self, ids: dict[str, Any]) -> Selection | None:
        """The selection that was saved; from the first level that is gone on downwards, the defaults."""
        try:
            new = select_section(self._browsing.section(str(ids.get("section"))), self._browsing)
        except SectionNotFound:
            return None
        try:
            if new.section_type == "show" and ids.get("show"):
                new = select_show(new, ids["show"], self._browsing)
                if ids.get("season"):
                    new = select_season(new, ids["season"], self._browsing)
            if ids.get("movie"):
                new = select_movie(new, ids["movie"])
                new = self._positioned(new, float(ids.get("pos_s") or 0.0))
        except (ItemNotFound, PositionInvalid) as error:
            log.info("the saved selection is not all there any more: %s", error.message)
        return new

    def _default(self) -> Selection:
        """First section, first movie, of the first library that answers; an empty section only where all are."""
        fallback: Selection | None = None
        for library in self._browsing.libraries_online():
            try:
                for section in self._browsing.sections(library):
                    found = select_section(section, self._browsing)
                    if found.movie is not None:
                        return found
                    fallback = fallback or found
            except (HostUnreachable, NotFound) as error:
                log.info("library %s gives no selection: %s", library, error.message)
        return fallback or Selection()

    def _swap(self, entry: _Entry, client: str | None, new: Selection) -> None:
        changed = new != entry.selection
        self._store.save_selection(client or SHARED, _ids(new))
        entry.selection = new
        if changed:
            self._tell(client, new)

    def _tell(self, client: str | None, selection: Selection) -> None:
        if self._events.listeners:
            self._events.emit("selection", views.selection(self._with_eta(selection)), client or None)

    def _with_eta(self, selection: Selection) -> Selection:
        movie = selection.movie
        eta_s = self._keeping.eta_s(movie.recording) if movie and movie.recording else None
        return replace(selection, eta_s=eta_s)


def _ids(selection: Selection) -> dict[str, Any]:
    def of(item: Item | None) -> str | None:
        return item.id if item else None

    return {
        "library": selection.library,
        "section": selection.section.id if selection.section else None,
        "show": of(selection.show),
        "season": of(selection.season),
        "movie": of(selection.movie),
        "pos_s": selection.pos_s,
    }
