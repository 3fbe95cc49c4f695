"""Folders of recordings for tests, and short ways to ask a library of one."""

from __future__ import annotations

import os
from pathlib import Path

from plexcut.domain.catalog import Item, ItemQuery
from plexcut.library.folder import FolderLibrary


def make(root: Path, *names: str | bytes) -> None:
    for name in names:
        path = os.fsencode(root) + b"/" + (name if isinstance(name, bytes) else os.fsencode(name))
        file = Path(os.fsdecode(path))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x" * 10)


def library(root: Path) -> FolderLibrary:
    return FolderLibrary("nas", "Recordings", root, watch=False)


def titles(lib: FolderLibrary, section: int = 0, **query) -> list[str]:
    return [item.title for item in lib.items(lib.sections()[section].id, ItemQuery(**query)).items]


def everything(lib: FolderLibrary) -> list[Item]:
    found: list[Item] = []
    for section in lib.sections():
        level = list(lib.items(section.id, ItemQuery(limit=1000)).items)
        while level:
            found += level
            level = [child for item in level for child in lib.children(item.id)]
    return found
