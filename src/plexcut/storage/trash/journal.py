"""What a replacement is going to do, written down before it begins, so that any start can finish or undo it."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import Any, Literal

from plexcut.domain.files import Files
from plexcut.domain.trash import FileRole
from plexcut.storage.trash.places import PLAN, Place
from plexcut.storage.trash.records import Mark, Unreadable, is_plain

Operation = Literal["cut", "restore"]
_DRAFT = f"{PLAN}.new"


@dataclass(frozen=True, slots=True)
class Item:
    """One name that gets another file, or none.

    `target` lies below the place's base. `old`: what is there before, and goes into the trash as `name`; None: nothing.
    `new`: what comes there (the n-th item's lies in the journal as `n`); None: nothing. `source`: the name of `new` in
    the trash's entry that is restored.
    """

    target: str
    name: str
    role: FileRole
    old: Mark | None
    old_mtime_ns: int
    new: Mark | None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The first item is the recording: with it everything is done or undone. `id` is that of the entry it makes."""

    id: str
    operation: Operation
    items: tuple[Item, ...]
    source_entry: str | None = None

    @property
    def main(self) -> Item:
        """The recording's item."""
        return self.items[0]

    def text(self) -> bytes:
        """As JSON."""
        return (json.dumps({"version": 1, **asdict(self)}, indent=1) + "\n").encode()


def parse_plan(data: bytes) -> Plan:
    """Raises `Unreadable`."""
    try:
        written = json.loads(data)
        if written["version"] != 1 or written["operation"] not in ("cut", "restore") or not written["items"]:
            raise Unreadable("a plan of another version")
        items = tuple(_item(item) for item in written["items"])
        return Plan(str(written["id"]), written["operation"], items, written["source_entry"])
    except (ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"no plan: {type(error).__name__}") from None


def _item(written: Any) -> Item:
    item = Item(
        target=str(written["target"]),
        name=str(written["name"]),
        role=written["role"],
        old=Mark.read(written["old"]) if written["old"] is not None else None,
        old_mtime_ns=int(written["old_mtime_ns"]),
        new=Mark.read(written["new"]) if written["new"] is not None else None,
        source=written["source"],
    )
    if not is_plain(item.name) or (item.source is not None and not is_plain(item.source)):
        raise Unreadable("a name that is none")
    return item


class Journal:
    """The folder of one replacement under way."""

    def __init__(self, files: Files, place: Place, plan_id: str) -> None:
        self._files = files
        self._place = place
        self.folder = place.journal / plan_id

    def begin(self, plan: Plan) -> None:
        """Write the plan down: it is there whole, or not at all."""
        files = self._files
        files.make_folder(self.folder)
        files.write(self.folder / _DRAFT, plan.text())
        files.rename(self.folder / _DRAFT, self.folder / PLAN)
        for folder in (self.folder, self._place.journal, self._place.folder, self._place.base):
            files.sync_folder(folder)

    def plan(self) -> Plan | None:
        """What was written down; None where it never was, so that nothing was done either.

        Raises:
            Unreadable: there is a plan of another version.
        """
        if self._files.status(self.folder / PLAN) is None:
            return None
        plan = parse_plan(self._files.read(self.folder / PLAN))
        if plan.id != self.folder.name:
            raise Unreadable("a plan of another name")
        for item in plan.items:
            try:
                self._place.absolute(item.target)
            except ValueError as error:
                raise Unreadable(str(error)) from None
        return plan

    def new(self, n: int) -> PurePath:
        """Where the n-th item's new file waits."""
        return self.folder / str(n)

    def end(self) -> None:
        """Forget the plan. What else is there stays, and the folder with it."""
        files = self._files
        for name in (_DRAFT, PLAN):
            with contextlib.suppress(FileNotFoundError):
                files.unlink(self.folder / name)
        with contextlib.suppress(OSError):
            files.remove_folder(self.folder)
            files.sync_folder(self._place.journal)
