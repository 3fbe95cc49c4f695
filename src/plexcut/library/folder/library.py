"""The folder library: answers from a listing in memory that is swapped whole after each walk."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from plexcut.domain.catalog import Item, ItemQuery, Page, RecordingFile, Section, Thumb, Viewing
from plexcut.domain.cutlists import ListBeside
from plexcut.domain.folders import RemoteFolder
from plexcut.domain.landmarks import LibraryMarks
from plexcut.domain.places import shown
from plexcut.domain.uses import FileUse
from plexcut.errors import ItemNotFound, LibraryOffline, RecordingNotFound, SectionNotFound
from plexcut.library.bounded import Bounded, Stuck, T, Tick
from plexcut.library.folder.arrange import arrange
from plexcut.library.folder.listing import Listed, Listing, Parts
from plexcut.library.folder.scan import Scanner, inside
from plexcut.library.folder.watch import FolderWatch
from plexcut.library.paging import page_of
from plexcut.library.picture import PICTURE_BYTES_MAX, scaled
from plexcut.library.text import display

log = logging.getLogger(__name__)

_SILENCE_S = 8.0
"""How long the file system may be silent before the library counts as offline."""
_REMOTE_SILENCE_S = 45.0
"""A share has time limits of its own, and a large folder of it may take a while."""

_SEEN_FOR_S = 1.0
"""For how long it is believed that the folder is still there."""


class _DiskError(Exception):
    """The file system refused. No `OSError` itself, as `LibraryOffline` is one too."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class FolderLibrary:
    """Recordings below `path`, or below a folder on a share.

    With `watch` a thread lists a local folder again when something changes; of a share nobody tells, `refresh` asks.

    Nothing is read before the first call. All methods may be called from any thread.
    """

    kind = "folder"

    def __init__(
        self,
        id: str,  # noqa: A002 - the port's word
        name: str,
        path: Path | RemoteFolder,
        watch: bool = True,
    ) -> None:
        self.id = id
        self.name = name
        self._remote = None if isinstance(path, Path) else path
        self._path = path.expanduser().absolute() if isinstance(path, Path) else path.place
        self._watched = watch and self._remote is None
        self._bounded = Bounded(_SILENCE_S if self._remote is None else _REMOTE_SILENCE_S)
        self._scanner = Scanner(self._remote or self._path)
        self._listing: Listing | None = None
        self._listing_lock = threading.Lock()
        self._generation = 0
        self._told_generation = 0
        self._seen_at = 0.0
        self._listed_at = 0.0
        self._watch: FolderWatch | None = None
        self._watch_lock = threading.Lock()

    def check(self) -> None:
        """Raises `LibraryOffline` unless the folder is there and can be listed."""
        try:
            self._on_disk(self._peek)
        except _DiskError as error:
            self._seen_at = 0.0
            raise self._offline(error.cause) from None
        self._seen_at = time.monotonic()

    def _peek(self, _tick: Tick) -> None:
        if self._remote is not None:
            found = self._remote.entry(())
            if found is None:
                raise FileNotFoundError(2, "not there", shown(self._path))
            if found.kind != "folder":
                raise NotADirectoryError(20, "no folder", shown(self._path))
            return
        with os.scandir(self._path) as listing:
            next(listing, None)

    def refresh(self) -> bool:
        """List the folder again; whether anything changed since the last call, however it was noticed."""
        self._list()
        self._start_watch()
        with self._listing_lock:
            changed = self._generation != self._told_generation
            self._told_generation = self._generation
        return changed

    def sections(self) -> tuple[Section, ...]:
        return self._current().sections

    def items(self, section: str, query: ItemQuery) -> Page:
        top = self._current().top.get(section)
        if top is None:
            raise SectionNotFound(f"library {self.name!r} has no section {section!r}", "list the sections again")
        return page_of(top, query)

    def item(self, item: str) -> Item:
        return self._item(self._current(), item)

    def children(self, item: str) -> tuple[Item, ...]:
        listing = self._current()
        return listing.children.get(self._item(listing, item).id, ())

    def thumb(self, item: str, width: int) -> Thumb | None:
        listing = self._current()
        parts = listing.pictures.get(self._item(listing, item).id)
        if parts is None:
            return None

        def read(_tick: Tick) -> bytes:
            if self._remote is not None:
                return self._remote.read(parts, PICTURE_BYTES_MAX + 1)
            with self._inside(parts)[1].open("rb") as file:
                return file.read(PICTURE_BYTES_MAX + 1)

        try:
            return scaled(self._on_disk(read), width)
        except _DiskError:
            self.check()
            return None

    def recording(self, recording: str) -> RecordingFile:
        listing = self._current()
        listed = listing.recordings.get(recording)
        if listed is None and time.monotonic() - self._listed_at > _SEEN_FOR_S:
            listing = self._list()
            listed = listing.recordings.get(recording)
        if listed is None:
            raise RecordingNotFound(
                f"library {self.name!r} has no recording {recording!r}", "it may have been moved or deleted"
            )
        if self._remote is not None:
            return self._on_share(self._remote, recording, listed)
        try:
            root, path = self._on_disk(lambda _tick: self._inside(listed.parts))
        except _DiskError:
            self.check()
            raise self._gone(listed) from None
        return RecordingFile(recording, listed.item, listed.title, path, root, self.id, "/".join(listed.parts))

    def _on_share(self, remote: RemoteFolder, recording: str, listed: Listed) -> RecordingFile:
        try:
            entry = self._on_disk(lambda _tick: remote.entry(listed.parts))
        except _DiskError as error:
            raise self._offline(error.cause) from None
        if entry is None or entry.kind != "file":
            raise self._gone(listed)
        source, location = remote.source(listed.parts), self._path.joinpath(*listed.parts)
        place = "/".join(listed.parts)
        return RecordingFile(recording, listed.item, listed.title, source, self._path, self.id, place, location)

    @staticmethod
    def _gone(listed: Listed) -> RecordingNotFound:
        return RecordingNotFound(
            f"the file of {listed.title!r} is gone, or lies outside the library", "list the library again"
        )

    def marks(self, recording: str) -> LibraryMarks:
        return LibraryMarks()

    def lists_beside(self, recordings: Sequence[str]) -> Mapping[str, tuple[ListBeside, ...]]:
        listed = self._current().recordings
        found = {one: listed[one].lists for one in recordings if one in listed and listed[one].lists}
        return {
            one: tuple(replace(beside, path=self._path / beside.path) for beside in lists)
            for one, lists in found.items()
        }

    def previews(self, recording: str) -> bytes | None:
        return None

    def use_of(self, path: Path) -> FileUse:
        return FileUse()

    def watching(self, recording: str) -> tuple[Viewing, ...]:
        if self._current().recordings.get(recording) is None:
            self.recording(recording)
        return ()

    def upkeep(self) -> None:
        return None

    def close(self) -> None:
        with self._watch_lock:
            self._watched = False
            watch, self._watch = self._watch, None
        if watch is not None:
            watch.close()

    def _item(self, listing: Listing, item: str) -> Item:
        found = listing.items.get(item)
        if found is None:
            raise ItemNotFound(f"library {self.name!r} has no item {item!r}", "it may have been moved or deleted")
        return found

    def _inside(self, parts: Parts) -> tuple[Path, Path]:
        """Root and resolved path of a listed file.

        Raises:
            OSError: it is gone, no regular file, or leads out of the library.
        """
        root = os.path.realpath(self._path, strict=True)
        real = os.path.realpath(os.path.join(root, *parts), strict=True)  # noqa: PTH118 - text all the way
        if not inside(real, root) or not os.path.isfile(real):  # noqa: PTH113
            raise FileNotFoundError(real)
        return Path(root), Path(real)

    def _current(self) -> Listing:
        """The listing, made at the first call.

        Raises:
            LibraryOffline: the folder is not there (now).
        """
        listing = self._listing
        if listing is None:
            listing = self._list()
        elif time.monotonic() - self._seen_at > _SEEN_FOR_S:
            gone = self._seen_at == 0.0
            self.check()
            if gone:
                listing = self._list()
        self._start_watch()
        return listing

    def _list(self) -> Listing:
        """Walk the folder and swap the listing in, whole."""
        with self._listing_lock:
            try:
                found = self._on_disk(self._scanner.scan)
            except _DiskError as error:
                self._seen_at = 0.0
                raise self._offline(error.cause) from None
            listing = arrange(self.id, self.name, found)
            self._seen_at = self._listed_at = time.monotonic()
            if listing != self._listing:
                self._listing = listing
                self._generation += 1
            return listing

    def _look(self) -> bool:
        """For the watch: list again; False where the folder is not there."""
        try:
            self._list()
        except LibraryOffline as error:
            log.debug("%s", error.line)
            return False
        return True

    def _start_watch(self) -> None:
        if not self._watched:
            return
        with self._watch_lock:
            if self._watch is None:
                self._watch = FolderWatch(self._path, self._look)

    def _on_disk(self, work: Callable[[Tick], T]) -> T:
        try:
            return self._bounded(work)
        except OSError as error:
            raise _DiskError(error) from None
        except Stuck:
            self._seen_at = 0.0
            raise self._offline(None) from None

    def _offline(self, error: OSError | None) -> LibraryOffline:
        if error is None:
            why = "does not answer"
        elif self._remote is not None:
            why = self._remote.reason(error)
        elif isinstance(error, FileNotFoundError):
            why = "is not there"
        elif isinstance(error, NotADirectoryError):
            why = "is no folder"
        else:
            why = f"cannot be read: {error.strerror or 'unknown error'}"
        return LibraryOffline(
            f"the folder {display(shown(self._path))} of library {self.name!r} {why}",
            "is the disk or network share mounted?" if self._remote is None else "is the file server running?",
        )
