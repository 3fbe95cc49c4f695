"""Cutting in place from the page: what will happen in words, the certificate, and the way back."""

from __future__ import annotations

import hashlib
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.server import Editor, Server
from tests.e2e.timeline import TimeLine
from tests.media_factory import decode_numbers
from tests.processes import wait_for


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_in_place_and_back(server: Server, library: Path, editor: Editor) -> None:
    original = library / "Movies" / "Harbour Light (2011).ts"
    before = digest(original)
    page = editor.page
    editor.open(server, server.recordings()["Harbour Light"])
    timeline = TimeLine(page)
    page.keyboard.press("Digit1")
    wait_for(lambda: timeline.number_at(0) == 0)
    editor.mark(13, 61)
    editor.mark(87, 140)
    page.get_by_test_id("open-cut").click()
    words = page.get_by_test_id("cut-words")
    expect(words).to_contain_text("Harbour Light (2011) cut.ts")
    page.locator(".target .v-select", has_text="Kind of file").click()
    page.get_by_role("option", name="Matroska").click()
    expect(words).to_contain_text("Harbour Light (2011) cut.mkv")
    page.locator(".target .v-select", has_text="Where the result goes").click()
    page.get_by_role("option", name="In place of the original").click()
    expect(words).to_contain_text("can be brought back, bit for bit")
    page.get_by_role("button", name="Cut now").click()
    expect(page.get_by_test_id("cut-result")).to_be_visible(timeout=120_000)
    assert [picture.number for picture in decode_numbers(original)] == [*range(13, 61), *range(87, 140)]
    page.get_by_role("button", name="Close").click()
    # The spans were frames of the file that is in the trash now: none of them is meant in this one.
    expect(editor.picture).to_have_attribute("data-frame", "0")
    assert editor.number_in(editor.picture) == 13
    expect(page.locator("li.span")).to_have_count(0)
    # Neither is any picture that the time line had of it.
    wait_for(lambda: page.keyboard.press("Digit1") or timeline.number_at(0) == 13)  # the new file may still be opening
    # A list for the cut does not cost the original's.
    for at, key in (5, "KeyI"), (20, "KeyO"):
        editor.go_to(f"#{at}")
        expect(editor.picture).to_have_attribute("data-frame", str(at))
        page.keyboard.press(key)
    expect(page.locator("li.span")).to_have_count(1)
    page.get_by_role("button", name="Show jobs").click()
    card = page.get_by_role("article", name="Harbour Light")
    card.get_by_role("button", name="Certificate").click()
    expect(card.locator(".checks li")).not_to_have_count(0)
    expect(card.locator(".seams li")).to_have_count(1)
    card.get_by_role("button", name="Bring the original back").click()
    expect(page.get_by_text("The original is back")).to_be_visible()
    assert digest(original) == before
    editor.expect_frame(0)
    expect(page.locator("li.span")).to_have_count(2)
