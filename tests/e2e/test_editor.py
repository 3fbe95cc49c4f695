"""Moving in a recording and choosing what is kept: the picture that is shown is the frame that was asked for."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.server import Editor, Server

FRAMES = 150


@pytest.fixture
def recording(server: Server) -> str:
    """One of the movies; 150 frames at 50 per second, open GOPs."""
    return server.recordings()["Harbour Light"]


@pytest.fixture
def fresh(server: Server, recording: str, editor: Editor) -> Editor:
    """The editor with an empty keep list."""
    editor.open(server, recording)
    if server.kept(recording):
        editor.page.get_by_role("button", name="Delete all spans").click()
        expect(editor.page.get_by_text("Nothing is kept yet")).to_be_visible()
        editor.expect_saved()
    return editor


def test_every_way_to_move_shows_the_very_frame(fresh: Editor) -> None:
    fresh.expect_frame(0)
    for written, frame in (("#77", 77), ("1.5", 75), ("0:02.02", 101), ("00:00:00.619", 30), ("#9999", FRAMES - 1)):
        fresh.go_to(written)
        fresh.expect_frame(frame)
    for key, frame in (
        ("Home", 0),
        ("ArrowRight", 1),
        ("ArrowRight", 2),
        ("Shift+ArrowRight", 52),
        ("ArrowLeft", 51),
        ("End", FRAMES - 1),
        ("Shift+ArrowLeft", FRAMES - 51),
        ("PageUp", 0),
        ("PageDown", FRAMES - 1),
    ):
        fresh.press(key)
        fresh.expect_frame(frame)


def test_a_held_key_ends_on_the_right_frame(fresh: Editor) -> None:
    fresh.press(*["ArrowRight"] * 40)
    fresh.expect_frame(40)
    fresh.press(*["ArrowLeft"] * 15)
    fresh.expect_frame(25)


def test_a_link_opens_at_its_place(server: Server, recording: str, editor: Editor) -> None:
    editor.open(server, recording, place="1.26")
    editor.expect_frame(63)


def test_spans_are_joined_saved_and_undone(server: Server, recording: str, fresh: Editor) -> None:
    fresh.mark(10, 40)
    fresh.mark(100, 120)
    rows = fresh.page.locator("li.span")
    expect(rows).to_have_count(2)
    fresh.expect_saved()
    assert server.kept(recording) == [[10, 40], [100, 120]]
    assert fresh.number_in(rows.nth(0).locator("img").nth(0)) == 10
    assert fresh.number_in(rows.nth(0).locator("img").nth(1)) == 39
    fresh.mark(30, 110)
    expect(rows).to_have_count(1)
    fresh.expect_saved()
    assert server.kept(recording) == [[10, 120]]
    fresh.press("Control+z")
    expect(rows).to_have_count(2)
    fresh.press("Control+Shift+z")
    expect(rows).to_have_count(1)
    fresh.expect_saved()
    fresh.page.reload()
    expect(rows).to_have_count(1)
    fresh.wait_in_button()
    # The address remembers the place a moment after one went there: not what this is about.
    fresh.go_to("#60")
    fresh.expect_frame(60)
    fresh.press("]")
    fresh.expect_frame(120)
    fresh.press("[")
    fresh.expect_frame(10)


def test_names_are_undone_too(server: Server, recording: str, fresh: Editor) -> None:
    page = fresh.page
    fresh.mark(10, 40)
    label = page.get_by_label("Name of span 1")

    def name(text: str) -> None:
        label.fill(text)
        label.press("Enter")
        fresh.expect_saved()

    name("Part one")
    name("Opening")
    fresh.mark(100, 120)
    fresh.expect_saved()
    # After a reload, and beyond a change of the spans themselves.
    page.reload()
    fresh.wait_in_button()
    expect(label).to_have_value("Opening")
    page.locator("body").click(position={"x": 5, "y": 5})
    fresh.press("Control+z")
    expect(page.locator("li.span")).to_have_count(1)
    expect(label).to_have_value("Opening")
    fresh.press("Control+z")
    expect(label).to_have_value("Part one")
    fresh.press("Control+z")
    expect(label).to_have_value("")
    fresh.expect_saved()
    assert server.kept(recording) == [[10, 40]]
    for value in ("Part one", "Opening"):
        fresh.press("Control+Shift+z")
        expect(label).to_have_value(value)
    fresh.expect_saved()
    (called,) = server.get(f"/api/recordings/{recording}/names")["names"]
    assert (called["start_frame"], called["end_frame"], called["name"]) == (10, 40, "Opening")


def test_an_edge_can_be_typed_and_moved(server: Server, recording: str, fresh: Editor) -> None:
    fresh.mark(20, 60)
    start = fresh.page.get_by_label("Start of span 1")
    start.fill("0.61")
    start.press("Enter")
    fresh.expect_frame(31)
    end = fresh.page.get_by_label("End of span 1")
    end.fill("#5")
    end.press("Enter")
    expect(fresh.page.get_by_text("has to end after it starts")).to_be_visible()
    end.fill("1:99")
    end.press("Enter")
    expect(fresh.page.get_by_text("Write 83.5")).to_be_visible()
    end.press("Escape")
    fresh.press("End")
    fresh.expect_frame(FRAMES - 1)
    fresh.page.get_by_role("button", name="End before the shown picture").click()
    fresh.expect_saved()
    expect(fresh.page.locator("li.span [data-frame]").nth(1)).to_have_attribute("data-frame", str(FRAMES))
    assert server.kept(recording) == [[31, FRAMES]]


def test_two_tabs_see_each_other_and_lose_nothing(
    server: Server, recording: str, fresh: Editor, browser: Browser
) -> None:
    other_page = browser.new_page(locale="en-GB", viewport={"width": 1440, "height": 900})
    other = Editor(other_page)
    other.open(server, recording)
    other.mark(5, 15)
    other.expect_saved()
    expect(fresh.page.locator("li.span")).to_have_count(1)
    fresh.mark(50, 60)
    fresh.expect_saved()
    expect(other_page.locator("li.span")).to_have_count(2)
    assert server.kept(recording) == [[5, 15], [50, 60]]
    other_page.close()


def test_the_keys_are_explained(fresh: Editor) -> None:
    fresh.press("?")
    expect(fresh.page.get_by_role("heading", name="Moving")).to_be_visible()
    fresh.press("Escape")
    expect(fresh.page.get_by_role("heading", name="Moving")).to_have_count(0)
