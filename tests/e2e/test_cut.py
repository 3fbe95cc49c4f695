"""Cutting in the browser: the new file holds exactly the frames that were kept."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.server import Editor, Server
from tests.media_factory import decode_numbers


def numbers(path: Path) -> list[int | None]:
    """The frame numbers of a file, in display order."""
    return [picture.number for picture in decode_numbers(path)]


def result_of(page: Page) -> Path:
    """Where the dialog says that the result lies, once the job is done."""
    shown = page.get_by_test_id("cut-result")
    expect(shown).to_be_visible(timeout=120_000)
    return Path(shown.inner_text())


def test_an_exact_cut_of_two_spans(server: Server, library: Path, editor: Editor) -> None:
    original = library / "Movies" / "Zebra Crossing (2020).ts"
    before = hashlib.sha256(original.read_bytes()).hexdigest()
    page = editor.page
    editor.open(server, server.recordings()["Zebra Crossing"])
    editor.mark(13, 61)
    editor.mark(87, 140)
    page.get_by_test_id("open-cut").click()
    expect(page.locator("[data-key=duration]")).to_contain_text("00:00:02.020")
    page.get_by_role("button", name="Cut now").click()
    result = result_of(page)
    assert result == library / "Movies" / "Zebra Crossing (2020) cut.ts"
    assert numbers(result) == [*range(13, 61), *range(87, 140)]
    assert hashlib.sha256(original.read_bytes()).hexdigest() == before
    page.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Show jobs").click()
    card = page.get_by_role("article", name="Zebra Crossing")
    expect(card).to_have_attribute("data-state", "finished")
    expect(card).to_contain_text("checked")


@pytest.fixture
def phone(browser: Browser, playwright: Any) -> Page:
    """A page of the size of a phone, operated by touch."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2, locale="en-GB"
    )
    return context.new_page()


def test_a_cut_on_a_phone_by_touch_alone(server: Server, library: Path, phone: Page) -> None:
    phone.goto(server.address)
    phone.get_by_role("link", name="Harbour Light").tap()
    editor = Editor(phone)
    editor.wait_in_button()
    if phone.locator("li.span").count():
        phone.get_by_role("button", name="Delete all spans").tap()
    editor.expect_frame(0)
    phone.get_by_role("button", name="Set in").tap()
    phone.get_by_role("button", name="One second forward").tap()
    editor.expect_frame(50)
    phone.get_by_role("button", name="Set out").tap()
    expect(phone.locator("li.span")).to_have_count(1)
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    phone.get_by_test_id("open-cut").tap()
    phone.get_by_text("At keyframes").tap()
    expect(phone.locator("[data-key=reencoded] dd")).to_have_text("0")
    phone.get_by_role("button", name="Cut now").tap()
    result = result_of(phone)
    kept = numbers(result)
    assert set(range(50)) <= set(kept)
    assert kept == sorted(kept, key=lambda number: number or 0)
    phone.context.close()
