"""The part of the fake `Plexdata` to which libraries can be added."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from plexcut.domain.setup import Folders, FolderTried, PlexAccess, PlexStep, PlexTried, Traced, TraceOrder, Tried
from plexcut.plexdata.model import LibraryStatus
from plexcut.plexdata.setup import Demo, LibraryOrder, SetupState

STATE = SetupState("", 1, "/home/me/.config/plexcut/config.toml", Demo("none"), True, False)


class FakeSetup:
    """Everything works."""

    def _asked(self, name: str, what: Any = None) -> None:
        raise NotImplementedError

    def setup_state(self) -> SetupState:
        self._asked("setup_state")
        return STATE

    def try_plex(self, access: PlexAccess, step: PlexStep) -> PlexTried:
        self._asked("try_plex", (access, step))
        return PlexTried(Tried(step, ok=True), access.url)

    def trace_plex(self, access: PlexAccess, order: TraceOrder) -> tuple[Traced, ...]:
        self._asked("trace_plex", (access, order))
        return (Traced("/share", Path("/mnt/share"), "found", "/share/a.ts", Path("/mnt/share/a.ts"), 1, 1, True),)

    def try_folder(self, folder: Path, below: Path | None = None) -> FolderTried:
        self._asked("try_folder", (folder, below))
        return FolderTried((Tried("there", ok=True),), 3, ("Movies",))

    def folders_like(self, written: str) -> Folders:
        self._asked("folders_like", written)
        return Folders("/mnt", ("/mnt/share",))

    def add_library(self, order: LibraryOrder) -> LibraryStatus:
        self._asked("add_library", order)
        return LibraryStatus("new", order.new.name, order.new.kind, True, "")

    def start_demo(self) -> SetupState:
        self._asked("start_demo")
        return STATE
