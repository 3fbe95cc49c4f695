"""The `clip_cache` fixture; a conftest takes it by `from tests.media_factory.fixtures import clip_cache`."""

from __future__ import annotations

import os

import pytest

from tests.media_factory.make import ClipCache


@pytest.fixture(scope="session")
def clip_cache(tmp_path_factory: pytest.TempPathFactory) -> ClipCache:
    """Clips made once per test run, shared by xdist's processes."""
    base = tmp_path_factory.getbasetemp()
    return ClipCache((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "clips")
