"""A server for the whole module of tests, and pages that may not log errors."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

from tests.e2e.server import Editor, Server
from tests.media_factory import CLIPS, ClipCache

expect.set_options(timeout=45_000)  # for a machine of two cores that runs two of these files at once


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, clip_cache: ClipCache) -> Path:
    """A folder with two movies and a show of two seasons."""
    root = tmp_path_factory.mktemp("library") / "recordings"
    clip = clip_cache.get(CLIPS["h264_open_gop_50p"])
    names = [
        "Movies/Harbour Light (2011).ts",
        "Movies/Zebra Crossing (2020).ts",
        "Shows/Night Ferry/Season 01/Night Ferry - S01E01 - Departure.ts",
        "Shows/Night Ferry/Season 01/Night Ferry - S01E02 - Salt.ts",
        "Shows/Night Ferry/Season 02/Night Ferry - S02E01 - Return.ts",
    ]
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(clip.path, root / name)
    return root


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, library: Path) -> Iterator[Server]:
    """`plexcut serve --library` over that folder."""
    server = Server(tmp_path_factory.mktemp("home"), "--library", str(library))
    yield server
    server.stop()


@pytest.fixture
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """English, at the size of a small desktop."""
    return {**browser_context_args, "locale": "en-GB", "viewport": {"width": 1440, "height": 900}}


@pytest.fixture
def watched_page(page: Page) -> Iterator[Page]:
    """A page in which neither an error nor a refused script or style is logged."""
    problems: list[str] = []
    refused: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            problems.append(message.text)

    page.on("console", note)
    page.on(
        "response",
        lambda answer: (
            answer.status >= 400
            and refused.append(f"{answer.status} {answer.url} {answer.text()[:300]} {answer.request.post_data}")
        ),
    )
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    assert problems == [], refused


@pytest.fixture
def editor(watched_page: Page) -> Editor:
    """The editor in such a page."""
    return Editor(watched_page)
