"""The time line: every place on it is the frame that it says, by mouse, by wheel and by keys."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.server import Editor, Server
from tests.e2e.timeline import BAR_Y, RULER_Y, TimeLine

FRAMES = 150


@pytest.fixture
def recording(server: Server) -> str:
    """150 frames at 50 per second, open GOPs."""
    return server.recordings()["Zebra Crossing"]


@pytest.fixture
def fresh(server: Server, recording: str, editor: Editor) -> Editor:
    """The editor with an empty keep list, nothing to catch on."""
    editor.open(server, recording)
    if server.kept(recording):
        editor.page.get_by_role("button", name="Delete all spans").click()
        server.expect_kept(recording, [])
    snap = editor.page.get_by_test_id("snap")
    if snap.get_attribute("aria-pressed") == "true":
        snap.click()
    return editor


@pytest.fixture
def line(fresh: Editor) -> TimeLine:
    """Its time line."""
    return TimeLine(fresh.page)


def spans_of(line: TimeLine) -> tuple[float, float]:
    return float(line.box.get_attribute("data-start") or -1), float(line.box.get_attribute("data-span") or -1)


def test_a_click_goes_to_the_frame_under_the_pointer(fresh: Editor, line: TimeLine) -> None:
    for frame in (12, 77, 140):
        line.click(frame)
        fresh.expect_frame(frame)
    line.drag(20.5, 99.5, RULER_Y)
    fresh.expect_frame(99)


def test_the_wheel_zooms_around_the_pointer_to_single_frames(fresh: Editor, line: TimeLine) -> None:
    page = fresh.page
    assert spans_of(line) == (0, FRAMES)
    before = line.x_of(75)
    page.mouse.move(*line.point(75, 90))
    for _ in range(12):
        page.mouse.wheel(0, -200)
    expect(line.box).not_to_have_attribute("data-span", str(FRAMES))
    page.wait_for_timeout(300)
    start, span = spans_of(line)
    assert span == pytest.approx(8)
    assert start <= 75 <= start + span
    assert line.x_of(75) == pytest.approx(before, abs=30)
    for frame in range(int(start) + 1, int(start + span) - 1):
        for _ in range(40):
            if line.number_at(frame) == frame:
                break
            page.wait_for_timeout(100)
        assert line.number_at(frame) == frame
    page.keyboard.press("0")
    expect(line.box).to_have_attribute("data-span", str(FRAMES))


def test_zooming_and_moving_by_keys(fresh: Editor, line: TimeLine) -> None:
    fresh.go_to("#75")
    fresh.expect_frame(75)
    fresh.press("1")
    page = fresh.page
    page.wait_for_timeout(200)
    start, span = spans_of(line)
    assert span < 20
    assert start < 75 < start + span
    fresh.press("-", "-")
    page.wait_for_timeout(200)
    assert spans_of(line)[1] == pytest.approx(span * 1.6 * 1.6)
    # The time line follows the frame that is shown.
    fresh.press("Home")
    fresh.expect_frame(0)
    page.wait_for_timeout(200)
    assert spans_of(line)[0] == 0


def test_what_is_under_the_pointer_is_previewed(fresh: Editor, line: TimeLine) -> None:
    fresh.page.mouse.move(*line.point(63.5, 90))
    preview = fresh.page.get_by_test_id("hover-preview")
    expect(preview.locator("img")).to_have_attribute("data-frame", "63")
    assert fresh.number_in(preview.locator("img")) == 63
    fresh.page.mouse.move(*line.point(118.5, 90))
    expect(preview.locator("img")).to_have_attribute("data-frame", "118")
    assert fresh.number_in(preview.locator("img")) == 118


def test_edges_and_spans_are_dragged_and_undone(server: Server, recording: str, fresh: Editor, line: TimeLine) -> None:
    fresh.mark(30, 60)
    fresh.mark(100, 120)
    fresh.expect_saved()
    line.drag(60, 72, BAR_Y)
    fresh.expect_frame(71)
    fresh.expect_saved()
    assert server.kept(recording) == [[30, 72], [100, 120]]
    line.drag(30, 21, 90)
    fresh.expect_frame(21)
    fresh.expect_saved()
    assert server.kept(recording) == [[21, 72], [100, 120]]
    # A whole span moves with its length, and not over its neighbour.
    line.drag(110, 122, BAR_Y)
    fresh.expect_saved()
    assert server.kept(recording) == [[21, 72], [112, 132]]
    line.drag(122, 20, BAR_Y)
    fresh.expect_saved()
    assert server.kept(recording) == [[21, 92]]
    for expected in ([[21, 72], [112, 132]], [[21, 72], [100, 120]], [[30, 72], [100, 120]], [[30, 60], [100, 120]]):
        fresh.press("Control+z")
        fresh.expect_saved()
        fresh.page.wait_for_timeout(150)
        fresh.expect_saved()
        assert server.kept(recording) == expected


def test_the_pointer_snaps_to_keyframes_unless_it_is_told_not_to(
    server: Server, recording: str, fresh: Editor, line: TimeLine
) -> None:
    keyframes = server.get(f"/api/recordings/{recording}/keyframes")["keyframes"]
    inner = next(frame for frame in keyframes if 20 < frame < 130)
    line.click(inner + 1)
    fresh.expect_frame(inner + 1)
    fresh.page.get_by_test_id("snap").click()
    fresh.page.wait_for_timeout(300)
    fresh.page.mouse.click(*line.point(inner + 1.1, RULER_Y))
    fresh.expect_frame(inner)


def test_a_span_is_divided_named_joined_and_turned_inside_out(server: Server, recording: str, fresh: Editor) -> None:
    page = fresh.page
    rows = page.locator("li.span")
    fresh.mark(20, 120)
    fresh.go_to("#70")
    fresh.expect_frame(70)
    fresh.press("s")
    expect(rows).to_have_count(2)
    name = page.get_by_label("Name of span 2")
    name.fill("After the break")
    name.press("Enter")
    fresh.expect_saved()
    page.wait_for_timeout(900)
    assert server.kept(recording) == [[20, 120]]
    page.reload()
    expect(rows).to_have_count(2)
    expect(page.get_by_label("Name of span 2")).to_have_value("After the break")
    fresh.wait_in_button()
    page.get_by_role("button", name="More for span 1").click()
    page.get_by_text("Join with the next span").click()
    expect(rows).to_have_count(1)
    fresh.press("Shift+V")
    fresh.expect_saved()
    assert server.kept(recording) == [[0, 20], [120, 150]]
    # Undo survives the reload that was in between.
    fresh.press("Control+z")
    fresh.expect_saved()
    page.wait_for_timeout(200)
    assert server.kept(recording) == [[20, 120]]


def test_both_sides_of_an_edge_are_shown_and_moved(server: Server, recording: str, fresh: Editor) -> None:
    fresh.mark(40, 90)
    fresh.press("t")
    pictures = fresh.page.locator(".two-up img")
    expect(pictures.nth(1)).to_have_attribute("data-frame", "90")
    fresh.page.wait_for_timeout(300)
    assert [fresh.number_in(pictures.nth(at)) for at in (0, 1)] == [89, 90]
    fresh.press(".")
    expect(pictures.nth(1)).to_have_attribute("data-frame", "91")
    fresh.page.wait_for_timeout(600)
    assert [fresh.number_in(pictures.nth(at)) for at in (0, 1)] == [90, 91]
    fresh.expect_saved()
    assert server.kept(recording) == [[40, 91]]


def test_the_menu_of_a_place(server: Server, recording: str, fresh: Editor, line: TimeLine) -> None:
    fresh.mark(40, 90)
    line.click(65, button="right")
    fresh.page.get_by_text("Divide the span here").click()
    expect(fresh.page.locator("li.span")).to_have_count(2)
    line.click(100, button="right")
    fresh.page.get_by_text("Keep this stretch").click()
    fresh.expect_saved()
    assert server.kept(recording) == [[40, 150]]


def test_the_cost_and_how_to_avoid_it(server: Server, recording: str, fresh: Editor) -> None:
    fresh.mark(33, 111)
    cost = fresh.page.get_by_test_id("cost")
    expect(cost).to_contain_text("re-encoded, the rest copied")
    before = int((cost.text_content() or "").split()[0])
    fresh.page.get_by_test_id("snap-all").click()
    expect(cost).not_to_contain_text(f"{before} of 78")
    fresh.expect_saved()
    fresh.page.wait_for_timeout(800)
    text = cost.text_content() or ""
    assert text.startswith("All") or int(text.split()[0]) < before
    (start, end) = server.kept(recording)[0]
    assert start <= 33
    assert end >= 111
    fresh.press("Control+z")
    fresh.expect_saved()
    fresh.page.wait_for_timeout(200)
    assert server.kept(recording) == [[33, 111]]


def test_a_conflict_is_shown_and_put_together(server: Server, recording: str, page: Page) -> None:
    revision = server.get(f"/api/recordings/{recording}/keep")["revision"]
    server.put(f"/api/recordings/{recording}/keep", {"keep": [], "revision": revision})
    fresh = Editor(page)
    fresh.open(server, recording)
    fresh.mark(10, 20)
    fresh.expect_saved()
    held: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == "PUT" and not held:
            held.append(route)
            revision = server.get(f"/api/recordings/{recording}/keep")["revision"]
            server.put(
                f"/api/recordings/{recording}/keep", {"keep": [["#10", "#20"], ["#100", "#110"]], "revision": revision}
            )
        route.continue_()

    page.route("**/keep", hold)
    fresh.mark(50, 60)
    conflict = page.get_by_test_id("conflict")
    expect(conflict).to_be_visible()
    assert server.kept(recording) == [[10, 20], [100, 110]]
    conflict.get_by_role("button", name="Put both together").click()
    expect(conflict).to_have_count(0)
    fresh.expect_saved()
    assert server.kept(recording) == [[10, 20], [50, 60], [100, 110]]


def test_undo_on_another_device(server: Server, recording: str, fresh: Editor, browser: Browser) -> None:
    fresh.mark(10, 20)
    fresh.mark(50, 60)
    server.expect_kept(recording, [[10, 20], [50, 60]])
    other: Page = browser.new_page(locale="en-GB", viewport={"width": 1440, "height": 900})
    there = Editor(other)
    there.open(server, recording)
    expect(other.locator("li.span")).to_have_count(2)
    there.press("Control+z")
    server.expect_kept(recording, [[10, 20]])
    expect(fresh.page.locator("li.span")).to_have_count(1)
    fresh.press("Control+Shift+z")
    expect(other.locator("li.span")).to_have_count(2)
    other.close()


def test_keys_can_be_chosen(fresh: Editor) -> None:
    page = fresh.page
    fresh.go_to("#30")
    fresh.expect_frame(30)
    fresh.press("?")
    page.get_by_role("dialog").get_by_role("button", name="One frame forward →").first.click()
    page.keyboard.press("q")
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("heading", name="Moving")).to_have_count(0)
    fresh.press("q")
    fresh.expect_frame(31)
    # The address follows when one has settled.
    page.wait_for_url(lambda url: "t=0.62" in url)
    page.reload()
    fresh.wait_in_button()
    fresh.press("q")
    fresh.expect_frame(32)
