"""Where results go that do not take the recording's place."""

from __future__ import annotations

from pathlib import Path

import pytest

from plexcut.errors import CannotWrite
from tests.storage.test_trash import World


def test_a_folder_for_all_results(tmp_path: Path) -> None:
    world = World(tmp_path)
    with pytest.raises(CannotWrite, match="no folder for results"):
        world.store.result_folder(world.spot, apart=True)
    assert world.store.result_folder(world.spot) == world.film.parent
    apart = World(tmp_path, output_folder=tmp_path / "out")
    assert apart.store.result_folder(apart.spot) == apart.film.parent
    assert apart.store.result_folder(apart.spot, apart=True) == tmp_path / "out" / "Show"
    assert (tmp_path / "out" / "Show").is_dir()
