"""Somebody else puts a file in a recording's place in the moment of the swap, on a real disk."""

from __future__ import annotations

import errno
from pathlib import Path, PurePath

import pytest

from plexcut.errors import RecordingChanged
from plexcut.storage.local import LocalFiles
from plexcut.storage.trash.known import KnownPlaces
from plexcut.storage.trash.store import RecordingStore, StoreSettings
from tests.storage.test_trash import World


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_comes_at_the_very_last_moment(tmp_path: Path, links: bool) -> None:
    """Plex, or a recorder, puts a new file there between the last look and the swap."""

    class Raced(LocalFiles):
        def exchange(self, one: PurePath, other: PurePath) -> None:
            if Path(other).read_bytes() == before:
                (tmp_path / "new").write_bytes(b"recorded anew")
                (tmp_path / "new").replace(other)
            super().exchange(one, other)

        def link(self, old: PurePath, new: PurePath) -> None:
            if not links:
                raise OSError(errno.EPERM, "no links here")
            super().link(old, new)

    world = World(tmp_path)
    before = world.film.read_bytes()
    world.store = RecordingStore(Raced(), KnownPlaces(tmp_path / "data"), StoreSettings(30))
    with pytest.raises(RecordingChanged, match=r"Film\.ts was replaced at the last moment"):
        world.cut(b"cut" * 100)
    assert world.film.read_bytes() == b"recorded anew"
    if links:  # whoever put it there took the original's name: it is kept
        (entry,) = world.store.entries([world.root])
        assert (entry.folder / "Film.ts").read_bytes() == before
    left = [name for name in world.names() if "trash" not in name]
    assert left == [*([".plexcut"] if links else []), "Show", "Show/Film.ts"]
