"""Finding a recording: sections, search, shows, and a library that goes and comes back."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.server import Editor, Server


def test_first_section_opens_and_search_narrows_it(server: Server, watched_page: Page) -> None:
    page = watched_page
    page.goto(server.address)
    expect(page.get_by_role("heading", name="Movies")).to_be_visible()
    cards = page.locator(".grid a")
    expect(cards).to_have_count(2)
    expect(cards.first).to_contain_text("Harbour Light")
    page.get_by_label("Search").first.fill("zeb")
    expect(cards).to_have_count(1)
    expect(page).to_have_url(re.compile("search=zeb"))
    page.get_by_label("Search").first.fill("nothing like it")
    expect(page.get_by_text("Nothing here matches")).to_be_visible()


def test_a_show_leads_to_its_episode(server: Server, editor: Editor) -> None:
    page = editor.page
    page.goto(server.address)
    page.get_by_role("link", name="Shows").click()
    page.get_by_role("link", name="Night Ferry").click()
    expect(page.locator(".episode")).to_have_count(2)
    page.get_by_text("Season 2").click()
    expect(page.locator(".episode")).to_have_count(1)
    page.get_by_role("link", name="Return").click()
    expect(page.get_by_role("heading", name="Night Ferry · S02E01 · Return")).to_be_visible()
    editor.expect_frame(0)
    page.get_by_role("link", name="Back").click()
    expect(page.get_by_role("heading", name="Night Ferry")).to_be_visible()


def test_a_library_that_is_gone_is_shown_until_it_is_back(server: Server, library: Path, page: Page) -> None:
    page.goto(server.address)
    expect(page.locator(".grid a")).to_have_count(2)
    away = library.with_name("away")
    library.rename(away)
    try:
        expect(page.get_by_text("cannot be reached")).to_be_visible(timeout=120_000)
    finally:
        away.rename(library)
    expect(page.get_by_text("cannot be reached")).to_have_count(0, timeout=120_000)
    expect(page.locator(".grid a")).to_have_count(2)


def test_an_address_that_leads_nowhere_says_so(server: Server, page: Page) -> None:
    page.goto(f"{server.address}/no/such/place")
    expect(page.get_by_text("There is nothing here")).to_be_visible()
    page.goto(f"{server.address}/edit/no-such-recording")
    expect(page.get_by_role("heading", name=re.compile("no.*recording", re.IGNORECASE))).to_be_visible()
