"""WCAG AA by axe-core, in the states that the editor has: light and dark, desktop and phone, dialogs and menus open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.server import ROOT, Editor, Server

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


@pytest.fixture(params=["desktop", "phone"])
def shown(request: pytest.FixtureRequest, browser: Browser, server: Server, scheme: Any) -> Any:
    """The editor with two kept spans on a screen."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: scripts/page.py modules")
    recording = server.recordings()["Zebra Crossing"]
    revision = server.get(f"/api/recordings/{recording}/keep")["revision"]
    server.put(f"/api/recordings/{recording}/keep", {"keep": [["#10", "#40"], ["#90", "#120"]], "revision": revision})
    phone = request.param == "phone"
    context = browser.new_context(
        locale="en-GB",
        color_scheme=scheme,
        reduced_motion="reduce",
        viewport={"width": 390, "height": 844} if phone else {"width": 1440, "height": 900},
        has_touch=phone,
        is_mobile=phone,
    )
    page = context.new_page()
    page.goto(f"{server.address}/edit/{recording}?t=%2320")
    Editor(page).wait_in_button()
    expect(page.get_by_test_id("cost" if not phone else "sheet")).to_be_visible()
    yield page
    context.close()


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
