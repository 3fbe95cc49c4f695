"""Adding libraries in the page: trying what is given, writing it into the configuration, using it at once."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, NoReturn

from plexcut.config import DEMO_LIBRARY_ID, LibrarySettings, Settings, find_file, user_config_file, with_demo
from plexcut.config.adding import NewLibrary, add_library
from plexcut.domain.setup import (
    Folders,
    FolderTried,
    PlexAccess,
    PlexStep,
    PlexTried,
    SetupTools,
    Traced,
    TraceOrder,
    is_system,
)
from plexcut.errors import Cancelled, NotAllowed, PlexcutError, UsageError
from plexcut.plexdata.hosts import HANGS_AFTER_S, Hosts
from plexcut.plexdata.model import LibraryStatus, Ports

log = logging.getLogger(__name__)

DemoState = Literal["none", "making", "ready", "failed"]


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo library: whether it is there, how far its making is, and why that failed."""

    state: DemoState
    percent: float = 0.0
    message: str = ""


@dataclass(frozen=True, slots=True)
class SetupState:
    """What can be set up. `closed` says why nothing can (`off`, `command_line`), empty where it can.

    `configured`: how many libraries there are besides the demo. `demo_stays`: it is there at the next start too.
    `other_workers`: some may run elsewhere, which need the new library in their own configuration.
    """

    closed: Literal["", "off", "command_line"]
    configured: int
    config_file: str
    demo: Demo
    demo_stays: bool
    other_workers: bool


@dataclass(frozen=True, slots=True)
class LibraryOrder:
    """A library to add, and where results go that cannot be put beside its recordings (None: as it was)."""

    new: NewLibrary
    output_folder: Path | None = field(default=None)


class SettingUp:
    """See the module. `use(settings)` is called when they have changed."""

    def __init__(self, hosts: Hosts, ports: Ports, settings: Settings, use: Callable[[Settings], None]) -> None:
        self._hosts = hosts
        self._tools = ports.setup
        self._settings = settings
        self._use = use
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._demo = Demo("ready" if settings.demo else "none", 100.0 if settings.demo else 0.0)

    def close(self) -> None:
        """Give up making the demo library."""
        self._ended.set()

    def state(self) -> SetupState:
        """What can be set up now."""
        settings = self._settings
        return SetupState(
            closed=self._closed(),
            configured=sum(library.id != DEMO_LIBRARY_ID or not settings.demo for library in settings.libraries),
            config_file=str(self._file()) if self._tools is not None else "",
            demo=self._demo,
            demo_stays=settings.demo_asked or not settings.demo or (settings.file is None and self._is_first()),
            other_workers=settings.queue.url.startswith(("redis:", "rediss:")),
        )

    def _is_first(self) -> bool:
        return all(library.id == DEMO_LIBRARY_ID for library in self._settings.libraries)

    def _closed(self) -> Literal["", "off", "command_line"]:
        if not self._settings.server.setup or self._tools is None:
            return "off"
        return "command_line" if self._settings.library_dirs else ""

    def _open(self) -> SetupTools:
        closed = self._closed()
        if closed == "command_line":
            raise NotAllowed(
                "plexcut was started with --library, which stands for all libraries", "start it without, then add some"
            )
        if closed or self._tools is None:
            raise NotAllowed("libraries cannot be added in the page (server.setup)", "write them into config.toml")
        return self._tools

    # -- trying -----------------------------------------------------------------------------------------------------

    def try_plex(self, access: PlexAccess, step: PlexStep) -> PlexTried:
        """One step of reaching a Plex server."""
        return self._open().try_plex(access, step)

    def trace(self, access: PlexAccess, order: TraceOrder) -> tuple[Traced, ...]:
        """Where the server's files are here; the folders of libraries that are there already are looked into too."""
        known = [library.path for library in self._settings.libraries if library.path is not None]
        known += [mapping.here for library in self._settings.libraries for mapping in library.paths]
        return self._open().trace(access, replace(order, folders=(*order.folders, *known)))

    def try_folder(self, folder: Path, below: Path | None) -> FolderTried:
        """Read a folder and write into it; results are made in `below` too, where recordings lie."""
        tools = self._open()
        self._refuse_own(folder)
        tried = tools.count(folder)
        if not tried.readable:
            return tried
        steps = tools.try_write(folder)
        if below is not None and below != folder and all(step.ok for step in steps):
            if folder not in below.parents or ".." in below.parts:
                raise UsageError("the second folder does not lie in the first")
            steps = tools.try_write(below)
        at = next((n for n, one in enumerate(tried.steps) if one.step == "recordings"), len(tried.steps))
        return replace(tried, steps=(*tried.steps[:at], *steps, *tried.steps[at:]))

    def folders(self, written: str) -> Folders:
        """Folders that complete what was written."""
        known = [library.path for library in self._settings.libraries if library.path is not None]
        tools = self._open()
        return tools.folders(written, [path for path in known if path != self._settings.demo_dir])

    def _refuse_own(self, folder: Path) -> None:
        own = self._settings.data_dir
        if folder == own or own in folder.parents:
            raise UsageError("plexcut keeps its own data there", "choose another folder")

    def _refuse_system(self, folder: Path) -> None:
        if is_system(folder):
            raise UsageError(f"{folder} belongs to the system", "choose another folder")

    # -- adding -----------------------------------------------------------------------------------------------------

    def add(self, order: LibraryOrder) -> LibraryStatus:
        """Write a library into the configuration, and have it at once. Raises as `Plexdata.add_library`."""
        tools = self._open()
        with self._lock:
            self._refuse_twice(order.new)
            for folder in (order.new.path, order.output_folder, *(here for _, here in order.new.paths)):
                if folder is not None:
                    self._refuse_own(folder)
                    self._refuse_system(folder)
            file = self._file()
            library_id, fresh = add_library(file, order.new, order.output_folder)
            entry = next(library for library in fresh.libraries if library.id == library_id)
            log.info("library %s (%s) was added to %s", library_id, entry.kind, file)
            changed = replace(self._settings, libraries=(*self._settings.libraries, entry), file=file)
            if order.output_folder is not None:
                changed = replace(changed, cut=replace(changed.cut, output_folder=fresh.cut.output_folder))
            checking = self._take(changed, entry, tools)
        checking.join(HANGS_AFTER_S)
        return self._hosts.status(library_id)

    def _take(self, settings: Settings, entry: LibrarySettings, tools: SetupTools) -> threading.Thread:
        self._settings = settings
        self._use(settings)
        tools.told(settings)
        return self._hosts.add(tools.open_library(entry), entry)

    def _file(self) -> Path:
        """Where libraries are written: the file that was read, else the one in the user's config folder."""
        if self._settings.file is not None:
            return self._settings.file
        return (find_file(None, os.environ) or user_config_file(os.environ)).absolute()

    def _refuse_twice(self, new: NewLibrary) -> None:
        for library in self._settings.libraries:
            if new.kind == "folder" and library.path is not None and library.path == new.path:
                _refuse(f"that folder is library {library.name!r} already")
            if new.kind == "plex" and library.url == new.url:
                _refuse(f"that server is library {library.name!r} already")

    # -- the demo ---------------------------------------------------------------------------------------------------

    def start_demo(self) -> SetupState:
        """Have the demo library, making it in a thread where it is not there."""
        tools = self._open()
        with self._lock:
            if self._demo.state in ("none", "failed"):
                self._demo = Demo("making")
                threading.Thread(target=self._make_demo, args=(tools,), name="demo", daemon=True).start()
        return self.state()

    def _make_demo(self, tools: SetupTools) -> None:
        def on_progress(share: float, _title: str) -> None:
            if self._ended.is_set():
                raise Cancelled("plexcut ends")
            self._demo = Demo("making", round(100 * share, 1))

        try:
            tools.make_demo(on_progress)
        except Cancelled:
            return
        except PlexcutError as error:
            log.warning("the demo library could not be made: %s", error.line)
            self._demo = Demo("failed", 0.0, error.line)
            return
        except Exception:
            log.exception("the demo library could not be made")
            self._demo = Demo("failed", 0.0, "the log says why")
            return
        with self._lock:
            settings = replace(with_demo(self._settings), demo_asked=False)
            entry = next(library for library in settings.libraries if library.id == DEMO_LIBRARY_ID)
            checking = self._take(settings, entry, tools)
        checking.join(HANGS_AFTER_S)
        self._demo = Demo("ready", 100.0)


def _refuse(message: str) -> NoReturn:
    raise UsageError(message, "choose another")


class SetupDoor:
    """Part of the one door, `Plexdata`: adding libraries. All of it raises `NotAllowed` where that is switched off."""

    _setting_up: SettingUp

    def setup_state(self) -> SetupState:
        """What can be set up. Raises nothing."""
        return self._setting_up.state()

    def try_plex(self, access: PlexAccess, step: PlexStep) -> PlexTried:
        """One step of reaching a Plex server; that it does not work is an answer, no error."""
        return self._setting_up.try_plex(access, step)

    def trace_plex(self, access: PlexAccess, order: TraceOrder) -> tuple[Traced, ...]:
        """Where the files that a Plex server names are on this machine. Raises `LibraryOffline`."""
        return self._setting_up.trace(access, order)

    def try_folder(self, folder: Path, below: Path | None = None) -> FolderTried:
        """Whether recordings can be read and results be made in a folder, by doing both. Raises `UsageError`."""
        return self._setting_up.try_folder(folder, below)

    def folders_like(self, written: str) -> Folders:
        """Folders that complete what was written."""
        return self._setting_up.folders(written)

    def add_library(self, order: LibraryOrder) -> LibraryStatus:
        """Write a library into the configuration and use it from now on, here and in this machine's workers.

        Raises:
            UsageError: it is there already. ConfigError: the file cannot be changed as it is written. CannotWrite.
        """
        return self._setting_up.add(order)

    def start_demo(self) -> SetupState:
        """Have the demo library until plexcut ends; where it is not there it is made, which takes a minute or two."""
        return self._setting_up.start_demo()
