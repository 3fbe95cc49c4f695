"""A stand-in for what replaces recordings."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from plexcut.domain.trash import Emptied, Rendered, Restored, Spot, TrashEntry


class FakeFiles:
    """A disk on which everything is possible, and a trash that is a list."""

    def __init__(self) -> None:
        self.written = False
        self.free = 10**12
        self.fail: Exception | None = None
        self.trashed: list[TrashEntry] = []
        self.restored: list[tuple[Spot, str | None]] = []
        self.recovered = 0

    def _possible(self) -> None:
        if self.fail is not None:
            raise self.fail

    def writable(self, spot: Spot) -> Path:
        self._possible()
        return spot.root / ".plexcut"

    def result_folder(self, spot: Spot, *, apart: bool = False) -> Path:
        self._possible()
        return spot.root / "results" if apart else spot.path.parent

    def use_output_folder(self, folder: Path | None) -> None:
        self.output_folder = folder

    def writing(self, path: Path) -> bool:
        return self.written

    def size_bytes(self, path: Path) -> int:
        return path.stat().st_size

    def recorded_into(self, root: Path) -> bool:
        return self.written

    def free_bytes(self, folder: Path) -> int | None:
        return self.free

    def restore(self, spot: Spot, entry: str | None = None) -> Restored:
        self._possible()
        self.restored.append((spot, entry))
        return Restored(spot.path, 120.0, entry or "e1", ((0, 1_000_000),))

    def entries(self, roots: Iterable[Path]) -> tuple[TrashEntry, ...]:
        return tuple(self.trashed)

    def delete(self, roots: Iterable[Path], wanted: frozenset[str] | None = None) -> Emptied:
        gone = [entry for entry in self.trashed if wanted is None or entry.id in wanted]
        self.trashed = [entry for entry in self.trashed if entry not in gone]
        return Emptied(tuple(entry.id for entry in gone), sum(entry.size_bytes for entry in gone), ())

    def expire(self, roots: Iterable[Path]) -> Emptied:
        return Emptied((), 0, ())

    def recover(self, roots: Iterable[Path]) -> tuple[str, ...]:
        self.recovered += 1
        return ()

    def hold(self, path: Path) -> Any:
        raise AssertionError("the server holds nothing")

    def workspace(self, spot: Spot, name: str) -> Any:
        raise AssertionError("the server cuts nothing")

    def replace(self, spot: Spot, rendered: Rendered) -> str:
        raise AssertionError("the server replaces nothing")
