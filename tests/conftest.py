"""What all tests share: no unexpected error in the log, no settings of the person who runs them, one Chromium."""

from __future__ import annotations

import logging
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.media_factory.fixtures import clip_cache  # noqa: F401

# The programs that tests start, hundreds of them, need not be compiled each time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

ROOT = Path(__file__).resolve().parent.parent

# The same examples each time, however long one takes on a busy machine; looking for new ones is what `make fuzz` does.
hypothesis.settings.register_profile("plexcut", deadline=None, derandomize=True)
hypothesis.settings.load_profile("plexcut")


class _ErrorRecorder(logging.Handler):
    """Keeps the text of every record of level ERROR and above."""

    def __init__(self) -> None:
        super().__init__(level=logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = f"{record.name}: {record.getMessage()}"
        if record.exc_info and record.exc_info[1] is not None:
            text += f" ({record.exc_info[1]!r})"
        self.texts.append(text)


@pytest.fixture(autouse=True)
def no_unexpected_error_logs(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that logs an error. `@pytest.mark.logs_error("regex")` names one that belongs to the test."""
    expected = [pattern for mark in request.node.iter_markers("logs_error") for pattern in mark.args or (".*",)]
    recorder = _ErrorRecorder()
    root = logging.getLogger()
    root.addHandler(recorder)
    try:
        yield
    finally:
        root.removeHandler(recorder)
    unexpected = [text for text in recorder.texts if not any(re.search(pattern, text) for pattern in expected)]
    if unexpected:
        pytest.fail("logged errors that the test does not expect:\n" + "\n".join(unexpected), pytrace=False)


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away the PLEXCUT_… variables of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith("PLEXCUT_") and not name.startswith("PLEXCUT_TEST_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def real_media_dir() -> Path:
    """Folder of real broadcast recordings, too large for the repository; skips the test where it is absent."""
    folder = Path(os.environ.get("PLEXCUT_TEST_MEDIA", ROOT.parent / "shared" / "media"))
    if not folder.is_dir():
        pytest.skip(f"no real recordings in {folder} (PLEXCUT_TEST_MEDIA names another folder)")
    return folder


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Launch the system's Chromium; Playwright's own download of a browser is not needed."""
    named = os.environ.get("PLEXCUT_TEST_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.fail("no Chromium on this machine; `make test` says how to get one")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    return {**browser_type_launch_args, "executable_path": found, "args": quiet}
