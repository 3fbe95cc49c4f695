"""The composition root: settings in, a whole `Plexdata` out. The only place that builds things.

Everything heavy (PyAV, NumPy, SQLAlchemy, plexapi, RQ) is imported where it is built, so that importing this module
costs nothing.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from plexcut import config
from plexcut.config import LibrarySettings, Settings
from plexcut.domain.places import is_share
from plexcut.errors import CannotWrite, ConfigError, PlexcutError

if TYPE_CHECKING:
    from plexcut.domain.delivery import ShareDelivery
    from plexcut.domain.filestore import FileStore
    from plexcut.domain.folders import RemoteFolder
    from plexcut.domain.ports import CutLists, JobQueue, Library, MediaEngine, Store
    from plexcut.domain.setup import PlexAccess, PlexStep, SetupTools, TraceOrder
    from plexcut.domain.uses import Audience
    from plexcut.library.places import Places
    from plexcut.plexdata import Plexdata
    from plexcut.storage.files import DataFolderLock
    from plexcut.storage.smb.shares import Shares

log = logging.getLogger(__name__)


def build(settings: Settings, queue_url: str | None = None) -> Plexdata:
    """Everything that a server needs, wired up; nothing runs before `Plexdata.start()`.

    `queue_url` is the address of the queue that the caller started, None: `settings.queue.url`. The caller holds the
    data folder (`lock`) for as long as the server runs, and calls `Plexdata.close()` at the end.

    Raises:
        CannotWrite: the data folder cannot be used. ConfigError: there is no queue.
    """
    from plexcut.plexdata import Plexdata, Ports

    reached = shares(settings.libraries)
    libraries = {entry.id: library(entry, reached) for entry in settings.libraries}
    ports = Ports(
        libraries=libraries,
        engine=engine(settings),
        queue=queue(settings, queue_url),
        store=store(settings),
        cut_lists=cut_lists(),
        files=files(settings),
        share_trouble=reached.trouble,
        setup=setup_tools(settings),
    )
    return Plexdata(ports, settings)


def lock(settings: Settings) -> DataFolderLock:
    """Hold the data folder for one server; close it, or leave the `with`, to let go.

    Raises:
        DataFolderInUse: another server has it. CannotWrite.
    """
    from plexcut.storage.files import DataFolderLock

    return DataFolderLock(settings.data_dir)


def shares(libraries: Iterable[LibrarySettings]) -> Shares:
    """The shares that these libraries lie on; nothing is asked of their servers yet."""
    from plexcut.storage.smb.shares import Shares

    return Shares((share.address, share.login) for entry in libraries for share in entry.shares)


def try_share(entry: LibrarySettings, folder: Path) -> str:
    """Reach a folder on a share of a library, and write into it by trying; a line that says how it is.

    Raises:
        LibraryOffline, CannotWrite.
    """
    from plexcut.storage.smb.files import try_folder

    reached = shares([entry])
    try:
        return try_folder(reached, folder)
    finally:
        reached.close()


def library(entry: LibrarySettings, reached: Shares | None = None) -> Library:
    """The adapter for one configured library; nothing is asked of its host yet. `reached`: the shares of all."""
    reached = reached or shares([entry])
    if entry.kind == "folder":
        from plexcut.library.folder import FolderLibrary

        assert entry.path is not None
        return FolderLibrary(id=entry.id, name=entry.name, path=_folder(entry.path, reached), watch=True)
    from plexcut.library.plex import PlexLibrary

    mappings = tuple((mapping.plex, _folder(mapping.here, reached)) for mapping in entry.paths)
    found = PlexLibrary(id=entry.id, name=entry.name, url=entry.url, token=entry.token, path_mappings=mappings)
    found.show_only(entry.sections)
    return found


def _folder(place: Path, reached: Shares) -> Path | RemoteFolder:
    if not is_share(place):
        return place
    from plexcut.storage.smb.folder import SmbFolder

    return SmbFolder(reached, place)


def engine(settings: Settings) -> MediaEngine:
    """The media engine, with its indexes under the data folder; without a cache where that cannot be written."""
    from plexcut.media.engine import Engine
    from plexcut.storage.files import make_data_folder

    try:
        make_data_folder(settings.data_dir)
        make_data_folder(settings.cache_dir)
    except CannotWrite as error:
        log.warning("indexes are not kept: %s", error.line)
        return Engine(None, at_once=True)
    return Engine(settings.cache_dir, at_once=True)


def queue(settings: Settings, url: str | None = None) -> JobQueue:
    """The queue at `url` (None: the configured one); it need not answer yet.

    Raises:
        ConfigError: there is no address.
    """
    url = url or settings.queue.url
    if not url:
        raise ConfigError("there is no queue", "set queue.url, or let `plexcut serve` start one")
    from plexcut.jobs.queue import RqJobQueue

    limits: dict[str, int] = {}
    for entry in settings.libraries:
        if entry.max_jobs:
            limits[entry.lies_on] = min(entry.max_jobs, limits.get(entry.lies_on, entry.max_jobs))
    return RqJobQueue(url, limits=limits, stall_s=settings.queue.stall_s)


def places(settings: Settings) -> Places:
    """Where recordings lie for this process."""
    from plexcut.library.places import Place, Places

    found = {}
    reached = shares(settings.libraries)
    for entry in settings.libraries:
        if entry.path is not None:
            found[entry.id] = Place((("", _folder(entry.path, reached)),), as_named=False)
        elif entry.kind == "plex":
            mappings = tuple((one.plex, _folder(one.here, reached)) for one in entry.paths)
            found[entry.id] = Place(mappings, as_named=True)
    return Places(found)


def audience(settings: Settings, tell: Callable[[str], None] | None = None) -> Audience:
    """Who knows whether somebody watches a file; `tell` gets a line where a server cannot be asked."""
    from plexcut.library.audience import Servers

    served = [entry for entry in settings.libraries if entry.kind == "plex"]
    return Servers([library(entry) for entry in served], settings.cut.in_use_wait_s, tell)


class FreshPlaces:
    """Where recordings lie, by the configuration as it is now: a library that is added needs no restart of workers."""

    def __init__(self, config_file: Path | None = None) -> None:
        self._config_file = config_file
        self._lock = threading.Lock()
        self._seen: object = None
        self._places: Places | None = None
        self._now()

    def find(self, library: str, place: str, root: str) -> tuple[Path, Path]:
        """As `Places.find`."""
        return self._now().find(library, place, root)

    def reach(self) -> dict[str, list[tuple[str, bool]]]:
        """As `Places.reach`."""
        return self._now().reach()

    def _now(self) -> Places:
        with self._lock:
            seen = self._look()
            if self._places is None or seen != self._seen:
                try:
                    self._places = places(config.load(replace(served(), config=self._config_file)))
                except PlexcutError as error:
                    if self._places is None:
                        raise
                    log.warning("the configuration is left as it was: %s", error.line)
                self._seen = seen
            return self._places

    def _look(self) -> object:
        """What changes when a file does that says what is served."""
        files = [Path(os.environ[SERVED])] if os.environ.get(SERVED) else []
        try:
            file = config.find_file(self._config_file, os.environ)
        except PlexcutError:
            file = None
        return tuple(_mark(one) for one in (*files, *([file] if file is not None else [])))


def _mark(file: Path) -> tuple[str, int, int, int]:
    try:
        found = file.stat()
    except OSError:
        return (str(file), 0, 0, 0)
    return (str(file), found.st_mtime_ns, found.st_size, found.st_ino)


def setup_tools(settings: Settings) -> SetupTools:
    """What adding libraries in the page needs."""
    from plexcut.domain.setup import Folders, FolderTried, PlexTried, SetupTools, Traced, Tried

    def try_plex(access: PlexAccess, step: PlexStep) -> PlexTried:
        from plexcut.library.plex.trial import PlexTrial

        return PlexTrial(access).step(step)

    def trace(access: PlexAccess, order: TraceOrder) -> tuple[Traced, ...]:
        from plexcut.library.plex.tracing import Tracing
        from plexcut.library.walking import media_places

        return Tracing(access, media_places()).find(order)

    def count(folder: Path) -> FolderTried:
        from plexcut.library.folder.trial import try_folder

        return try_folder(folder)

    def write(folder: Path) -> tuple[Tried, ...]:
        from plexcut.storage.trial import try_write

        return try_write(folder)

    def folders(written: str, also: Sequence[Path]) -> Folders:
        from plexcut.library.walking import folders_like

        return folders_like(written, also, (settings.data_dir,))

    def make_demo(on_progress: Callable[[float, str], None]) -> None:
        from plexcut.demo import make_demo_library

        make_demo_library(settings.demo_dir, on_progress)

    return SetupTools(try_plex, trace, count, write, folders, library, make_demo, write_served)


def cut_lists() -> CutLists:
    """Reads and writes the cut lists of other programs."""
    from plexcut.cutlists import CutListFiles

    return CutListFiles()


def store(settings: Settings) -> Store:
    """The database under the data folder.

    Raises:
        CannotWrite, FormatUnsupported.
    """
    # Alembic tells of every plug-in of its own as it is imported, and of every look at the tables.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from plexcut.storage.database import Database

    return Database(settings.database)


def files(settings: Settings, tell: Callable[[str], None] | None = None) -> FileStore:
    """What replaces recordings and keeps the originals; it remembers under the data folder where trashes are.

    `tell` gets a line for each thing that an interrupted process had left and that was finished or undone.
    """
    from plexcut.storage.local import LocalFiles
    from plexcut.storage.routed import RoutedFiles
    from plexcut.storage.smb.files import SmbFiles
    from plexcut.storage.trash.known import KnownPlaces
    from plexcut.storage.trash.store import RecordingStore, StoreSettings

    known = KnownPlaces(settings.data_dir / "trash")
    either = RoutedFiles(LocalFiles(), SmbFiles(shares(settings.libraries), settings.data_dir / "locks"))
    cut = settings.cut
    return RecordingStore(either, known, StoreSettings(cut.keep_original_days, cut.output_folder, tell))


def library_folders(settings: Settings) -> tuple[Path, ...]:
    """The folders of the libraries as they are reached from here, links resolved; those that are not there too."""
    folders = [library.path for library in settings.libraries if library.path is not None]
    folders += [mapping.here for library in settings.libraries for mapping in library.paths]
    resolved = (folder if is_share(folder) else folder.expanduser().resolve() for folder in folders)
    return tuple(dict.fromkeys(resolved))


SERVED = "PLEXCUT_SERVED"
"""The file that says what a server serves that is not in its configuration, for the worker that it starts."""


def served_file(settings: Settings) -> Path:
    """Where that file is."""
    return settings.data_dir / "served.json"


def write_served(settings: Settings) -> None:
    """Say what is served now: folders of the command line, the demo library.

    Raises:
        CannotWrite.
    """
    told = {"library_dirs": [str(folder) for folder in settings.library_dirs], "demo": settings.demo}
    config.replace_file(served_file(settings), json.dumps(told))


def served() -> config.Choices:
    """What the server that started this process serves besides its configuration; nothing where nobody did."""
    named = os.environ.get(SERVED)
    try:
        told = json.loads(Path(named).read_text(encoding="utf-8")) if named else {}
    except (OSError, ValueError):
        log.warning("%s cannot be read", named)
        told = {}
    return config.Choices(
        library_dirs=tuple(Path(folder) for folder in told.get("library_dirs", ())), demo=bool(told.get("demo"))
    )


def task_tools() -> tuple[MediaEngine, Store | None]:
    """What a task of a worker process works with: the engine, and no store.

    How fast jobs are is learnt by the server from their results, because a worker may run on another machine. The
    settings are found as by any command: `$PLEXCUT_CONFIG` and the environment.
    """
    return engine(config.load()), None


def task_engine() -> MediaEngine:
    """The engine of a worker's task."""
    return task_tools()[0]


def task_files() -> FileStore:
    """What a worker's task replaces recordings with."""
    return files(config.load(served()))


def task_sharing() -> ShareDelivery:
    """What a worker's task brings results to shares with."""
    from plexcut.storage.smb.delivery import Delivery

    settings = config.load(served())
    return Delivery(shares(settings.libraries), settings.data_dir / "locks", settings.data_dir / "work")


def task_audience() -> Audience:
    """Whom a worker's task asks who watches."""
    return audience(config.load(served()))


def task_places() -> Places:
    """Where a worker's task finds recordings."""
    return places(config.load(served()))
