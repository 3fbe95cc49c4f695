"""WCAG AA by axe-core, in the states that the editor has: light and dark, desktop and phone, dialogs and menus open."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.server import ROOT, Editor, Server
from tests.media_factory import CLIPS, ClipCache

AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def violations(page: Page) -> list[str]:
    """What axe finds, as lines that tell what and where."""
    page.evaluate(Path(AXE).read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate(
        "(tags) => axe.run(document, { runOnly: { type: 'tag', values: tags } }).then((found) => found.violations)",
        _RULES,
    )
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextmanager
def screen(browser: Browser, scheme: str, device: str) -> Iterator[Page]:
    """A page on a screen of this kind."""
    phone = device == "phone"
    context = browser.new_context(
        locale="en-GB",
        color_scheme=cast("Any", scheme),
        reduced_motion="reduce",
        viewport={"width": 390, "height": 844} if phone else {"width": 1440, "height": 900},
        has_touch=phone,
        is_mobile=phone,
    )
    try:
        yield context.new_page()
    finally:
        context.close()


@pytest.fixture(params=["desktop", "phone"])
def shown(request: pytest.FixtureRequest, browser: Browser, server: Server, scheme: Any) -> Any:
    """The editor with two kept spans on a screen."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: scripts/page.py modules")
    recording = server.recordings()["Zebra Crossing"]
    revision = server.get(f"/api/recordings/{recording}/keep")["revision"]
    server.put(f"/api/recordings/{recording}/keep", {"keep": [["#10", "#40"], ["#90", "#120"]], "revision": revision})
    with screen(browser, scheme, request.param) as page:
        page.goto(f"{server.address}/edit/{recording}?t=%2320")
        Editor(page).wait_in_button()
        expect(page.get_by_test_id("cost" if request.param != "phone" else "sheet")).to_be_visible()
        yield page


def test_the_editor_is_accessible(shown: Page) -> None:
    assert violations(shown) == []
    sheet = shown.get_by_test_id("sheet")
    if sheet.count():
        sheet.tap()
        expect(shown.locator("li.span").first).to_be_visible()
        assert violations(shown) == []
        return
    shown.keyboard.press("t")
    expect(shown.locator(".two-up img").first).to_be_visible()
    assert violations(shown) == []
    shown.keyboard.press("?")
    expect(shown.get_by_role("heading", name="Moving")).to_be_visible()
    shown.wait_for_timeout(400)
    assert violations(shown) == []
    shown.keyboard.press("Escape")


def test_the_focus_goes_through_the_editor_in_reading_order(shown: Page) -> None:
    if shown.get_by_test_id("sheet").count():
        pytest.skip("a phone has no tab key")
    shown.get_by_label("Go to a time or frame").focus()
    names = []
    for _ in range(26):
        shown.keyboard.press("Tab")
        names.append(
            shown.evaluate(
                "() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"
            )
        )
    order = [
        names.index(name) for name in ("One frame forward", "Play", "Zoom in", "Set in", "Position in the recording")
    ]
    assert order == sorted(order)


@pytest.fixture
def proposed(tmp_path: Path, clip_cache: ClipCache) -> Iterator[Server]:
    """A recording with a list of breaks beside it."""
    home = tmp_path
    film = home / "recordings" / "Movies" / "Harbour Light (2011).ts"
    film.parent.mkdir(parents=True)
    shutil.copy(clip_cache.get(CLIPS["h264_open_gop_50p"]).path, film)
    film.with_suffix(".edl").write_text("0\t0.5\t3\n1.0\t1.5\t3\n2.0\t2.2\t3\n")
    server = Server(home, "--library", str(home / "recordings"))
    yield server
    server.stop()


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_proposed_breaks_are_accessible(proposed: Server, browser: Browser, scheme: str, device: str) -> None:
    (recording,) = proposed.recordings().values()
    with screen(browser, scheme, device) as page:
        page.goto(f"{proposed.address}/?state=proposed")
        expect(page.get_by_role("link", name="Harbour Light").first).to_be_visible()
        expect(page).to_have_url(re.compile("state=proposed"))  # it goes along from the first page to the section
        assert violations(page) == []
        page.goto(f"{proposed.address}/edit/{recording}")
        Editor(page).wait_in_button()
        if device == "phone":
            page.get_by_test_id("sheet").tap()
        bar = page.get_by_test_id("proposals").first
        expect(bar).to_contain_text("3 breaks")
        assert violations(page) == []
        # Nothing is wider than the screen, and what is to be tapped is large enough for a thumb.
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        for button in bar.get_by_role("button").all():
            box = button.bounding_box()
            assert box is not None
            assert box["height"] >= (36 if device == "phone" else 24)
        if device == "phone":
            bar.get_by_label("Remove the break at 00:00:00").first.tap()
            expect(bar).to_contain_text("2 breaks")
            bar.get_by_role("button", name="Dismiss all").tap()
            page.get_by_role("button", name="Show again").tap()
            page.get_by_label("Undo").first.tap()
            expect(bar).to_contain_text("3 breaks")
