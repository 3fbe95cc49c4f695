"""The fake behind the web tests has the methods of the real orchestrator, parameter by parameter."""

from __future__ import annotations

import inspect

import pytest

from plexcut.plexdata.orchestrator import Plexdata
from tests.web.fake_plexdata import FakePlexdata

METHODS = [name for name, found in inspect.getmembers(FakePlexdata, inspect.isfunction) if not name.startswith("_")]


@pytest.mark.parametrize("name", METHODS)
def test_signature(name: str) -> None:
    real = inspect.signature(getattr(Plexdata, name)).parameters
    fake = inspect.signature(getattr(FakePlexdata, name)).parameters
    assert list(fake) == list(real)
