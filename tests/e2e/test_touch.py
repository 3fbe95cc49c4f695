"""The editor on a phone: by fingers alone, on a screen of 390 by 844."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from tests.e2e.server import Editor, Server
from tests.e2e.timeline import TimeLine

FRAMES = 150
RULER_Y, BAR_Y, STRIP_Y = 28, 57, 100


class Fingers:
    """Touches, as the browser gets them from a screen."""

    def __init__(self, session: CDPSession, page: Page) -> None:
        self._session = session
        self._page = page

    def _send(self, kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(points)]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    def swipe(self, start: tuple[float, float], end: tuple[float, float], steps: int = 12) -> None:
        """One finger, slowly."""
        self._send("touchStart", start)
        for step in range(1, steps + 1):
            share = step / steps
            self._send("touchMove", (start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share))
            self._page.wait_for_timeout(30)
        self._send("touchEnd")

    def pinch(self, middle: tuple[float, float], apart: float, to: float) -> None:
        """Two fingers, from one distance to another."""
        x, y = middle
        self._send("touchStart", (x - apart / 2, y), (x + apart / 2, y))
        for step in range(1, 9):
            now = apart + (to - apart) * step / 8
            self._send("touchMove", (x - now / 2, y), (x + now / 2, y))
            self._page.wait_for_timeout(20)
        self._send("touchEnd")

    def stay(self, at: tuple[float, float]) -> None:
        """A finger that stays."""
        self._send("touchStart", at)
        self._page.wait_for_timeout(700)
        self._send("touchEnd")


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A page on a phone."""
    context = browser.new_context(
        locale="en-GB", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    page = context.new_page()
    yield page
    context.close()


@pytest.fixture
def touch(server: Server, phone: Page) -> tuple[Editor, TimeLine, Fingers, Any]:
    """The editor of a recording without a keep list, and fingers."""
    recording = server.recordings()["Harbour Light"]
    revision = server.get(f"/api/recordings/{recording}/keep")["revision"]
    server.put(f"/api/recordings/{recording}/keep", {"keep": [], "revision": revision})
    phone.goto(f"{server.address}/edit/{recording}?t=%2360")
    editor = Editor(phone)
    expect(phone.get_by_test_id("frame-number")).to_contain_text(" / ")
    editor.wait_in_button()
    editor.expect_frame(60)
    return editor, TimeLine(phone), Fingers(phone.context.new_cdp_session(phone), phone), recording


def centre(page: Page, selector: str) -> tuple[float, float]:
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_whole_story_by_fingers(server: Server, touch: tuple[Editor, TimeLine, Fingers, str]) -> None:
    editor, line, fingers, recording = touch
    page = editor.page
    # Swiping over the picture steps through frames.
    x, y = centre(page, "img.picture")
    fingers.swipe((x - 60, y), (x + 80, y), steps=20)
    page.wait_for_timeout(400)
    shown = int(editor.picture.get_attribute("data-frame") or -1)
    assert 62 <= shown <= 90
    editor.expect_frame(shown)
    # A tap on the time line goes there.
    page.get_by_test_id("snap").tap()
    page.touchscreen.tap(*line.point(30.5, STRIP_Y))
    editor.expect_frame(30)
    page.get_by_role("button", name="Set in").tap()
    page.touchscreen.tap(*line.point(110.5, STRIP_Y))
    editor.expect_frame(110)
    page.get_by_role("button", name="Set out").tap()
    expect(page.get_by_test_id("sheet")).to_contain_text("one span")
    page.wait_for_timeout(500)
    assert server.kept(recording) == [[30, 110]]
    # An edge is dragged by its bar.
    fingers.swipe(line.point(110, BAR_Y), line.point(125, BAR_Y))
    page.wait_for_timeout(600)
    (start, end) = server.kept(recording)[0]
    assert start == 30
    assert 120 <= end <= 130
    # The list is drawn up from below, and shows both pictures.
    page.get_by_test_id("sheet").tap()
    row = page.locator("li.span")
    expect(row).to_be_visible()
    page.wait_for_timeout(500)
    assert editor.number_in(row.locator("img").nth(0)) == 30
    assert editor.number_in(row.locator("img").nth(1)) == end - 1
    page.get_by_test_id("sheet").tap()
    expect(row).to_be_hidden()


def test_fingers_zoom_move_and_open_the_menu(touch: tuple[Editor, TimeLine, Fingers, str]) -> None:
    editor, line, fingers, _ = touch
    page = editor.page
    fingers.pinch(line.point(75, STRIP_Y), 60, 280)
    page.wait_for_timeout(300)
    span = float(line.box.get_attribute("data-span") or 0)
    assert 15 < span < 75
    start = float(line.box.get_attribute("data-start") or 0)
    x, y = line.point(start + span / 2, STRIP_Y)
    fingers.swipe((x + 80, y), (x - 80, y))
    page.wait_for_timeout(300)
    assert float(line.box.get_attribute("data-start") or 0) > start
    editor.expect_frame(60)
    fingers.stay(line.point(start + span, STRIP_Y))
    expect(page.get_by_text("Keep from here on (In)")).to_be_visible()


def test_everything_is_large_enough_for_a_finger(touch: tuple[Editor, TimeLine, Fingers, str]) -> None:
    editor = touch[0]
    small = editor.page.evaluate(
        """() => [...document.querySelectorAll('.editor button, .editor input')]
            .filter((one) => one.offsetParent && !one.closest('.v-overlay'))
            .map((one) => [one.getAttribute('aria-label') ?? one.textContent, one.getBoundingClientRect()])
            .filter(([, box]) => box.width > 1 && (box.width < 40 || box.height < 40))
            .map(([name, box]) => `${name}: ${Math.round(box.width)} x ${Math.round(box.height)}`)"""
    )
    assert small == []
