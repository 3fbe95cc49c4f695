"""What a library's own server is told after one of its files changed, and what it says then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A file as the server shows it; None: it does not say. `item` is the id of the movie or episode that has it.

    `optimised`: the item has versions of its own making besides, which it made of the file as it was.
    """

    item: str
    size_bytes: int | None
    duration_s: float | None
    optimised: bool = False


@dataclass(frozen=True, slots=True)
class WatchState:
    """How far an item was watched, by the one whose token it is. `resume_s` None: there is no resume point.

    `watched_at`: when that last changed, seconds since the epoch by the server's clock; None: never, or not said.
    """

    resume_s: float | None
    count: int
    watched_at: int | None


class Upkeep(Protocol):
    """The server of a library that keeps its own idea of its files. All raise `LibraryOffline`, `NotAllowed`."""

    def look_again(self, recording: str, path: str) -> None:
        """Have the server look at the folder of the file at `path` (as it is reached from here).

        `recording` is the one it replaces or lies beside. Returns at once.

        Raises:
            RecordingNotFound: the server has no such recording any more.
            NotInLibrary: none of its folders holds `path`.
        """

    def find(self, path: str) -> str | None:
        """The recording whose file is at `path` (as it is reached from here); None where the server shows none.

        May take as long as listing a section does. Raises `NotInLibrary`: it lies in no section.
        """

    def look_into(self, path: str) -> None:
        """Have the server look at the folder of a file that it need not know. Raises `NotInLibrary`."""

    def analyze(self, item: str) -> None:
        """Have it open the files of an item again. Returns at once. Raises `ItemNotFound`."""

    def shown(self, recording: str, path: str) -> ShownFile | None:
        """How it shows the file at `path`; None where it does not. Raises as `look_again`."""

    def watch_state(self, item: str) -> WatchState:
        """How far an item was watched. Raises `ItemNotFound`."""

    def set_watch_state(self, item: str, state: WatchState) -> None:
        """Bring an item to this state (`watched_at` follows by itself); only what differs is told.

        Raises `ItemNotFound`.
        """


def moved(at_s: float, keep: Sequence[tuple[float, float]]) -> float | None:
    """Where a time of the original lies in a cut that keeps these spans; None: it was cut away."""
    before_s = 0.0
    for start_s, end_s in keep:
        if start_s <= at_s < end_s:
            return before_s + at_s - start_s
        before_s += end_s - start_s
    return None


def moved_back(at_s: float, keep: Sequence[tuple[float, float]]) -> float | None:
    """Where a time of such a cut lies in the original; None: the cut is shorter."""
    for start_s, end_s in keep:
        if at_s < end_s - start_s:
            return start_s + at_s
        at_s -= end_s - start_s
    return None
