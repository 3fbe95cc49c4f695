"""Somebody has put a link or a file where plexcut's own folders are to be: nothing is moved through it."""

from __future__ import annotations

from pathlib import Path

import pytest

from plexcut.errors import CannotWrite
from tests.storage.test_trash import World


@pytest.mark.parametrize("name", ["", "trash", "tmp", "journal"])
@pytest.mark.parametrize("kind", ["link", "file"])
def test_what_is_no_folder_of_ours(tmp_path: Path, name: str, kind: str) -> None:
    world = World(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    before = world.film.read_bytes()
    for base in (world.root, world.film.parent):  # where the first of them is refused the next is tried
        planted = base / ".plexcut" / name
        planted.parent.mkdir(exist_ok=True)
        if kind == "link":
            planted.symlink_to(elsewhere, target_is_directory=True)
        else:
            planted.write_text("mine")
    with pytest.raises(CannotWrite, match="is no folder"):
        world.cut(b"cut")
    assert world.film.read_bytes() == before
    assert list(elsewhere.iterdir()) == []
    world.store.recover([world.root])
    assert all((base / ".plexcut" / name).exists() for base in (world.root, world.film.parent))


def test_the_next_folder_is_taken(tmp_path: Path) -> None:
    world = World(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (world.root / ".plexcut").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    world.cut(b"cut")
    assert len(world.store.entries([world.root])) == 1
    world.restore()
    assert world.film.read_bytes() == b"original" * 1000
    assert list((tmp_path / "elsewhere").iterdir()) == []
