"""Who uses a recording's file now, and whether a cut has to wait for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from plexcut.domain.catalog import Viewing


@dataclass(frozen=True, slots=True)
class FileUse:
    """What a library's own server does with a file now. `recorded`: it still records into it."""

    viewings: tuple[Viewing, ...] = ()
    recorded: bool = False


class Audience(Protocol):
    """Asks the servers of all libraries. `wait_s`: how long a cut waits for those who use its recording."""

    @property
    def wait_s(self) -> float:
        """In seconds; 0: not at all."""

    def in_the_way(self, path: Path, *, replace: bool) -> str:
        """Why a cut of the file has to wait, as a sentence; empty where nothing is known to be in the way.

        Those who only watch are in the way of what is to `replace` the file. Raises nothing.
        """


def sentence(use: FileUse, name: str, *, replace: bool) -> str:
    """Why a cut of the recording `name` has to wait; empty where it has not."""
    if use.recorded:
        return f"{name} is still being recorded by Plex"
    if use.viewings and replace:
        return f"{watched_by(use.viewings)} watching this recording"
    return ""


def watched_by(viewings: Iterable[Viewing]) -> str:
    """`Anna is`, `Anna, TV are`."""
    names = sorted({viewer.user or viewer.player or "somebody" for viewer in viewings})
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"


def poll_s(wait_s: float) -> float:
    """How often whoever waits so long looks again."""
    return min(30.0, max(1.0, wait_s / 100))
