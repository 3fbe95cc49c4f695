"""The part of the fake `Plexdata` that has a trash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from plexcut.domain.trash import Emptied, TrashedFile, TrashEntry
from plexcut.errors import DiskFull, TrashEntryNotFound
from plexcut.plexdata.model import CutOrder, PreCheck
from plexcut.plexdata.replacing import Back

ENTRY = TrashEntry(
    id="20260101-120000-0a1b2c3d",
    path=Path("/media/Film 1.ts"),
    kind="original",
    sequence=1,
    trashed_at=1_767_268_800.0,
    expires_at=1_769_860_800.0,
    duration_s=100.0,
    files=(TrashedFile("Film 1.ts", "recording", 1000, 5, "d"), TrashedFile("Film 1.srt", "retimed", 10, 5, "e")),
    folder=Path("/media/.plexcut/trash/20260101-120000-0a1b2c3d"),
)


class FakeTrash:
    """One entry; a disk that is full."""

    def _asked(self, name: str, what: Any = None) -> None:
        raise NotImplementedError

    def _known(self, recording: str) -> None:
        raise NotImplementedError

    def check_cut(self, order: CutOrder) -> tuple[PreCheck, ...]:
        self._asked("check_cut", order)
        self._known(order.recording)
        return (PreCheck("file"), PreCheck("space", DiskFull("there are 3 MB free", "make room")))

    def restore(self, recording: str) -> Back:
        self._asked("restore", recording)
        self._known(recording)
        return Back("/media/Film 1.ts", 100.0)

    def trash(self) -> tuple[TrashEntry, ...]:
        self._asked("trash")
        return (ENTRY,)

    def restore_entry(self, entry: str) -> Back:
        self._asked("restore_entry", entry)
        self._entry(entry)
        return Back("/media/Film 1.ts", 100.0)

    def delete_trash(self, entry: str | None = None) -> Emptied:
        self._asked("delete_trash", entry)
        if entry is not None:
            self._entry(entry)
        return Emptied((ENTRY.id,), 1010, ())

    @staticmethod
    def _entry(entry: str) -> None:
        if entry != ENTRY.id:
            raise TrashEntryNotFound("nothing in the trash has that id")
