"""A Plexdata among fakes, what its libraries hold, and waiting for what other threads do."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from plexcut.config import Choices, LibrarySettings, Settings, load
from plexcut.cutlists import CutListFiles
from plexcut.domain.catalog import Item
from plexcut.plexdata import Plexdata, Ports
from tests.plexdata.fake_files import FakeFiles
from tests.plexdata.fake_state import FakeQueue, FakeStore
from tests.plexdata.fakes import FakeEngine, FakeLibrary


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class World:
    """A Plexdata and everything around it; `restart` makes a new one on the same state."""

    tmp: Path
    libraries: list[FakeLibrary]
    engine: FakeEngine = field(default_factory=FakeEngine)
    queue: FakeQueue = field(default_factory=FakeQueue)
    store: FakeStore = field(default_factory=FakeStore)
    files: FakeFiles = field(default_factory=FakeFiles)
    clock: Clock = field(default_factory=Clock)
    settings: Settings = None  # type: ignore[assignment]
    plexdata: Plexdata = None  # type: ignore[assignment]
    made: list[Plexdata] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.settings = replace(
            load(Choices(), {"PLEXCUT_DATA_DIR": str(self.tmp)}),
            libraries=tuple(LibrarySettings(lib.id, "folder", lib.name, self.tmp) for lib in self.libraries),
        )
        self.restart()

    def restart(self) -> Plexdata:
        ports = Ports(
            {lib.id: lib for lib in self.libraries}, self.engine, self.queue, self.store, CutListFiles(), self.files
        )
        self.plexdata = Plexdata(ports, self.settings, self.clock)
        self.made.append(self.plexdata)
        return self.plexdata

    def close(self) -> None:
        for plexdata in self.made:
            plexdata.close()


def fill(library: FakeLibrary, *, movies: int = 4, shows: int = 2) -> dict[str, Item]:
    """A movies section and a shows section of two seasons with three episodes each; the items by name."""
    made: dict[str, Item] = {}
    section = library.section_of("movies", "movie")
    for n in range(1, movies + 1):
        made[f"m{n}"] = library.add(section, f"m{n}", year=2000 + n)
    section = library.section_of("shows", "show")
    for s in range(1, shows + 1):
        show = made[f"s{s}"] = library.add(section, f"s{s}", kind="show")
        for n in (1, 2):
            name = f"s{s}.{n}"
            season = made[name] = library.add(section, name, kind="season", parent=show, index=n)
            for e in (1, 2, 3):
                made[f"{name}.{e}"] = library.add(
                    section,
                    f"{name}.{e}",
                    kind="episode",
                    parent=season,
                    index=e,
                    parent_index=n,
                    show_title=show.title,
                )
    return made


def until(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Wait for something that another thread brings about."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
