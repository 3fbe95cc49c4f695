"""Cutting several recordings at once: picked by mouse, by keys and by fingers, queued one after the other."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.server import Server
from tests.e2e.test_accessible import violations
from tests.e2e.test_touch import Fingers
from tests.media_factory import CLIPS, ClipCache, decode_numbers

FILMS = 240
SPANS = {"Film 001": [(13, 61), (87, 140)], "Film 003": [(20, 70)], "Film 230": [(5, 45)]}


class Batch:
    """A library of many films, some of which have saved spans, and its server."""

    def __init__(self, root: Path, results: Path, server: Server) -> None:
        self.root, self.results, self.server = root, results, server

    def save(self, title: str, spans: list[tuple[int, int]]) -> str:
        recording = self.server.recordings()[title]
        revision = self.server.get(f"/api/recordings/{recording}/keep")["revision"]
        keep = [[f"#{a}", f"#{b}"] for a, b in spans]
        self.server.put(f"/api/recordings/{recording}/keep", {"keep": keep, "revision": revision})
        return recording


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory, clip_cache: ClipCache) -> Iterator[Batch]:
    root = tmp_path_factory.mktemp("batch") / "recordings"
    clip = clip_cache.get(CLIPS["h264_open_gop_50p"]).path
    own = {*SPANS, "Film 005", "Film 007"}
    first = root / "Movies" / "Film 000 (1950).ts"
    first.parent.mkdir(parents=True)
    for n in range(FILMS):
        film = root / "Movies" / f"Film {n:03d} ({1950 + n % 70}).ts"
        if n == 0 or f"Film {n:03d}" in own:
            shutil.copy(clip, film)
        else:
            os.link(first, film)
    show = root / "Shows" / "Night Ferry" / "Season 01"
    show.mkdir(parents=True)
    for n, name in enumerate(("Departure", "Salt", "Return"), 1):
        shutil.copy(clip, show / f"Night Ferry - S01E{n:02d} - {name}.ts")
    shutil.copy(clip_cache.get(CLIPS["mkv_h264"]).path, root / "Movies" / "Matroska (2001).mkv")
    results = tmp_path_factory.mktemp("results")
    server = Server(tmp_path_factory.mktemp("home"), "--library", str(root), PLEXCUT_CUT__OUTPUT_FOLDER=str(results))
    batch = Batch(root, results, server)
    for title, spans in SPANS.items():
        batch.save(title, spans)
    yield batch
    server.stop()


def open_library(page: Page, batch: Batch, view: str = "grid", section: str = "Movies") -> None:
    page.goto(batch.server.address)
    expect(page.locator(".grid a").first).to_be_visible()
    if section != "Movies":
        page.get_by_role("link", name=section).click()
        return
    page.goto(f"{page.url.partition('?')[0]}?view={view}")
    expect(page.locator(".grid a").first).to_contain_text("Film 000")


def box(page: Page, title: str) -> Locator:
    return page.get_by_role("checkbox", name=f"Select {title}", exact=True)


def bar(page: Page) -> Locator:
    return page.get_by_test_id("pick-bar")


def pick(page: Page, title: str) -> None:
    """Find a title and pick it; the search stays."""
    page.get_by_label("Search").first.fill(title)
    expect(page.locator(".grid a")).to_have_count(1)
    page.locator(".grid li").hover()
    box(page, title).click()
    expect(box(page, title)).to_be_checked()


@pytest.mark.parametrize("view", ["grid", "table"])
def test_picking_by_mouse_and_keys(batch: Batch, watched_page: Page, view: str) -> None:
    page = watched_page
    open_library(page, batch, view)
    page.locator(".grid li").nth(1).hover()
    box(page, "Film 001").click()
    expect(bar(page)).to_contain_text("one selected")
    expect(bar(page)).to_contain_text("one with saved spans")
    page.locator(".grid a", has_text="Film 004").click(modifiers=["Shift"])
    expect(bar(page)).to_contain_text("4 selected")
    expect(bar(page)).to_contain_text("2 with saved spans")
    page.locator(".grid a", has_text="Film 002").click(modifiers=["Shift"])
    expect(bar(page)).to_contain_text("2 selected")
    page.mouse.move(2, 2)
    page.wait_for_timeout(600)
    assert violations(page) == []
    # What is picked stays while other titles are looked for, and while the list is scrolled away.
    page.get_by_label("Search").first.fill("Film 230")
    expect(page.locator(".grid a")).to_have_count(1)
    expect(bar(page)).to_contain_text("2 selected")
    page.get_by_label("Search").first.fill("")
    expect(page.get_by_text(f"{FILMS + 1} titles")).to_be_visible()
    page.get_by_label("Search").first.press("ArrowDown")
    page.keyboard.press("End")
    expect(page.locator(".grid a:focus")).to_contain_text("Matroska")
    expect(bar(page)).to_contain_text("2 selected")
    page.keyboard.press("Home")
    expect(box(page, "Film 001")).to_be_checked()
    expect(box(page, "Film 003")).not_to_be_checked()
    # Keys: space, shift and the arrows, everything, nothing. What was never on the screen is picked as well.
    page.keyboard.press("Space")
    expect(bar(page)).to_contain_text("3 selected")
    page.keyboard.press("Space")
    expect(bar(page)).to_contain_text("2 selected")
    page.keyboard.press("ArrowRight" if view == "grid" else "ArrowDown")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(bar(page)).to_contain_text("3 selected")
    page.keyboard.press("Shift+End")
    expect(bar(page)).to_contain_text(f"{FILMS} selected")
    expect(bar(page)).to_contain_text("3 with saved spans")
    page.keyboard.press("Control+a")
    expect(bar(page)).to_contain_text(f"{FILMS + 1} selected")
    page.keyboard.press("Escape")
    expect(bar(page)).to_be_hidden()


def test_what_is_picked_lasts_through_a_recording_and_a_reload(batch: Batch, watched_page: Page) -> None:
    page = watched_page
    open_library(page, batch)
    for title in ("Film 001", "Film 003"):
        pick(page, title)
    chosen = re.compile(r"\b2\b.*selected")
    expect(bar(page)).to_contain_text(chosen)
    page.reload()
    expect(bar(page)).to_contain_text(chosen)
    expect(box(page, "Film 003")).to_be_checked()
    page.goto(f"{batch.server.address}/edit/{batch.server.recordings()['Film 005']}")
    expect(page.get_by_test_id("timeline")).to_be_visible()
    page.go_back()
    expect(bar(page)).to_contain_text(chosen)
    bar(page).get_by_role("button").first.click()
    expect(bar(page)).to_have_count(0)
    page.reload()
    expect(page.locator(".grid a").first).to_be_visible()
    expect(bar(page)).to_have_count(0)


def test_what_the_server_says_is_german_in_the_german_page(batch: Batch, browser: Browser) -> None:
    context = browser.new_context(locale="de-DE")
    page = context.new_page()
    library = batch.server.get("/api/libraries")["libraries"][0]["id"]
    page.goto(f"{batch.server.address}/edit/{library}~r0000")
    expect(page.get_by_text("Die Aufnahme ist nicht da")).to_be_visible()
    context.close()


def test_a_batch_is_looked_at_queued_and_cut(batch: Batch, page: Page) -> None:
    changed = batch.root / "Movies" / "Film 005 (1955).ts"
    batch.save("Film 005", [(10, 30)])
    batch.save("Matroska", [(10, 60)])
    open_library(page, batch)
    for title in ("Film 001", "Film 003", "Film 230", "Film 005", "Film 007", "Matroska"):
        pick(page, title)
    expect(bar(page)).to_contain_text("6 selected")
    expect(bar(page)).to_contain_text("5 with saved spans")
    with changed.open("ab") as file:
        file.write(b"\x47\x1f\xff\x10" + b"\xff" * 184)
    page.get_by_role("button", name="Cut selected").click()
    words = page.get_by_test_id("batch-words")
    expect(words).to_contain_text("4 recordings, 0:13 → 0:06")
    expect(words).to_contain_text("The originals stay as they are")
    out = page.get_by_test_id("batch-out")
    expect(out).to_contain_text("Film 005")
    expect(out).to_contain_text("the recording changed since its keep list was saved")
    expect(out).to_contain_text("Film 007")
    expect(out).to_contain_text("no saved spans")
    page.locator(".target .v-select", has_text="Where the result goes").click()
    page.get_by_role("option", name="In place of the original").click()
    expect(words).to_contain_text("can be brought back")
    expect(words).to_contain_text(re.compile(r"kB are free once they are gone, after 30 days"))
    page.locator(".target .v-select", has_text="Where the result goes").click()
    page.get_by_role("option", name="In the folder for results").click()
    expect(words).to_contain_text(str(batch.results))
    page.locator(".target .v-select", has_text="Kind of file").click()
    page.get_by_role("option", name="Transport stream").click()
    # What does not fit into that kind of file is left out as well; what another takes meanwhile is refused.
    expect(out).to_contain_text("Matroska")
    expect(words).to_contain_text("3 recordings")
    expect(page.get_by_role("button", name="Queue 3 cuts")).to_be_enabled()
    assert page.request.post(f"{batch.server.address}/api/queue/pause", data={}).ok
    taken = batch.server.recordings()["Film 003"]
    assert page.request.post(f"{batch.server.address}/api/recordings/{taken}/cut", data={"output": "folder"}).ok
    page.get_by_role("button", name="Queue 3 cuts").click()
    result = page.get_by_test_id("batch-result")
    expect(result).to_contain_text("2 cuts queued")
    expect(result).to_contain_text("One was refused and stays selected")
    refused = page.locator(".line[data-state=refused]")
    expect(refused).to_have_count(1)
    expect(refused).to_contain_text("Film 003")
    expect(refused).to_contain_text("another job works on this recording")
    assert page.request.post(f"{batch.server.address}/api/queue/resume", data={}).ok
    page.get_by_test_id("batch").get_by_role("button", name="Show jobs").click()
    for title in SPANS:
        card = page.get_by_role("article", name=title)
        expect(card).to_have_attribute("data-state", "finished", timeout=120_000)
    for title, spans in SPANS.items():
        (made,) = batch.results.glob(f"Movies/{title}* cut.ts")
        assert [one.number for one in decode_numbers(made)] == [n for a, b in spans for n in range(a, b)]
    page.get_by_role("button", name="Close").last.click()
    expect(bar(page)).to_contain_text("4 selected")


def test_episodes_are_picked_too(batch: Batch, watched_page: Page) -> None:
    page = watched_page
    shows = batch.server.get("/api/libraries")["libraries"][0]["id"]
    sections = batch.server.get(f"/api/libraries/{shows}/sections")["sections"]
    show_section = next(one for one in sections if one["title"] == "Shows")
    show = batch.server.get(f"/api/libraries/{shows}/sections/{show_section['id']}/items")["items"][0]
    season = batch.server.get(f"/api/items/{show['id']}/children")["items"][0]
    salt = batch.server.get(f"/api/items/{season['id']}/children")["items"][1]
    batch.server.put(f"/api/recordings/{salt['recording']}/keep", {"keep": [["#30", "#60"]], "revision": 0})
    page.goto(f"{batch.server.address}/show/{show['id']}")
    page.locator(".episode a").first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowDown")
    expect(bar(page)).to_contain_text("3 selected")
    expect(bar(page)).to_contain_text("one with saved spans")  # before that there is nothing to cut
    page.keyboard.press("Control+Enter")
    expect(page.get_by_test_id("batch")).to_contain_text("Night Ferry · S01E02 · Salt")
    expect(page.get_by_test_id("batch-words")).to_contain_text("one recording")
    page.get_by_role("button", name="Queue one cut").click()
    expect(page.get_by_test_id("batch-result")).to_contain_text("One cut queued")
    made = batch.root / "Shows/Night Ferry/Season 01/Night Ferry - S01E02 - Salt cut.ts"
    for _ in range(200):
        if made.exists():
            break
        page.wait_for_timeout(200)
    assert [one.number for one in decode_numbers(made)] == list(range(30, 60))


@pytest.fixture(params=["light", "dark"])
def phone(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Any]:
    context = browser.new_context(
        locale="de-DE",
        color_scheme=request.param,
        reduced_motion="reduce",
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
    )
    yield context.new_page()
    context.close()


def test_picking_by_fingers(batch: Batch, phone: Page) -> None:
    page = phone
    open_library(page, batch)
    fingers = Fingers(page.context.new_cdp_session(page), page)
    place = page.locator(".grid li").nth(1).bounding_box()
    assert place is not None
    fingers.stay((place["x"] + place["width"] / 2, place["y"] + place["height"] / 2))
    expect(bar(page)).to_contain_text("eine ausgewählt")
    page.locator(".grid a", has_text="Film 003").tap()
    expect(bar(page)).to_contain_text("2 ausgewählt")
    expect(bar(page)).to_contain_text("2 mit gespeicherten Abschnitten")
    page.wait_for_timeout(300)
    assert violations(page) == []
    bar(page).get_by_role("button", name="Schneiden").tap()
    expect(page.get_by_test_id("batch-words")).to_contain_text("2 Aufnahmen")
    page.wait_for_timeout(400)
    assert violations(page) == []
    page.get_by_role("button", name="Schließen").tap()
    bar(page).get_by_role("button", name="Auswahl beenden").tap()
    expect(bar(page)).to_be_hidden()
    page.locator(".grid a", has_text="Film 002").tap()
    expect(page).to_have_url(re.compile("/edit/"))
