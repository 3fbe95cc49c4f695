"""A world of fakes around a Plexdata."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plexdata.fakes import FakeLibrary
from tests.plexdata.world import World, fill


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two filled libraries, `a` and `b`; not started."""
    first, second = FakeLibrary("a", root=tmp_path), FakeLibrary("b", root=tmp_path)
    fill(first)
    fill(second, movies=2, shows=1)
    made = World(tmp_path, [first, second])
    yield made
    made.close()
