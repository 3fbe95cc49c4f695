"""Cut lists of other programs in the page: picked up, chosen, dropped, saved; and what makes the page installable."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.server import Server
from tests.media_factory import CLIPS, ClipCache

_DROP = """([name, text]) => {
    const data = new DataTransfer();
    data.items.add(new File([text], name));
    for (const kind of ['dragover', 'drop']) {
        window.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
    }
}"""


@pytest.fixture
def lists(tmp_path: Path, clip_cache: ClipCache) -> Iterator[tuple[Server, Path]]:
    film = tmp_path / "recordings" / "Movies" / "Harbour Light (2011).ts"
    film.parent.mkdir(parents=True)
    shutil.copy(clip_cache.get(CLIPS["h264_open_gop_50p"]).path, film)
    film.with_suffix(".edl").write_text("0\t0.5\t3\n1.0\t1.5\t3\n")
    server = Server(tmp_path / "home", "--library", str(tmp_path / "recordings"))
    yield server, film
    server.stop()


def test_a_list_beside_the_recording_is_proposed(lists: tuple[Server, Path], watched_page: Page) -> None:
    server, film = lists
    film.with_suffix(".edl").write_text("0\t0.5\t3\n1.0\t1.5\t3\n2.0\t2.2\t3\n")
    page = watched_page
    (recording,) = server.recordings().values()
    page.goto(f"{server.address}/edit/{recording}")
    bar = page.get_by_test_id("proposals").first
    expect(bar).to_contain_text("3 breaks are proposed by Harbour Light (2011).edl")
    timeline = page.get_by_test_id("timeline")
    expect(timeline).to_have_attribute("data-proposed", "3")
    expect(timeline).to_have_attribute("aria-description", re.compile(r"3 proposed breaks, 00:00:00\S* – 00:00:00"))
    rows = page.locator(".panel .list > li.row, .panel ol.list > li")
    spans = page.locator(".panel ol.list > li")
    expect(spans).to_have_count(0)
    assert server.kept(recording)[0] == [25, 50]  # what the interface answers is as before: nothing is saved
    # The first is taken over, by key, and the next one comes.
    page.keyboard.press("b")
    expect(spans).to_have_count(1)
    expect(bar).to_contain_text("2 breaks")
    expect(page.get_by_test_id("save-state")).to_have_attribute("data-state", "saved")
    assert server.kept(recording)[0][0] == 25
    # The second is dismissed, by key; that lasts.
    page.keyboard.press("d")
    expect(bar).to_contain_text("One break")
    page.reload()
    expect(bar).to_contain_text("One break")
    expect(rows).to_have_count(2)
    # The last by its button; undo proposes it again.
    bar.get_by_label(re.compile("Remove the break at")).click()
    expect(spans).to_have_count(2)
    expect(bar).to_be_hidden()
    expect(timeline).to_have_attribute("data-proposed", "0")
    page.get_by_label("Undo").first.click()
    expect(bar).to_contain_text("One break")
    bar.get_by_role("button", name="Remove all proposed breaks").click()
    expect(spans).to_have_count(2)
    page.get_by_role("button", name="Show again").click()
    expect(bar).to_contain_text("One break")
    bar.get_by_role("button", name="Dismiss all").click()
    expect(page.get_by_text("One proposed break was dismissed.")).to_be_visible()


def test_what_has_a_proposal_is_found_in_the_library(lists: tuple[Server, Path], watched_page: Page) -> None:
    server, film = lists
    page = watched_page
    (recording,) = server.recordings().values()
    shutil.copy(film, film.with_name("Other (2012).ts"))
    page.goto(server.address)
    expect(page.locator(".card")).to_have_count(2)
    card = page.locator(".card", has_text="Harbour Light")
    expect(card).to_contain_text("Proposal")
    expect(page.locator(".card", has_text="Other")).not_to_contain_text("Proposal")
    # Narrowed, as a table, by its address too.
    page.get_by_role("combobox", name="Show").click(force=True)
    page.get_by_role("option", name="Has a proposal").click()
    expect(page.locator(".card")).to_have_count(1)
    page.get_by_label("Show a table").click()
    expect(page.locator(".line")).to_have_count(1)
    expect(page).to_have_url(re.compile("state=proposed"))
    expect(page).to_have_url(re.compile("view=table"))
    page.reload()
    expect(page.locator(".line")).to_have_count(1)
    expect(page.locator(".line")).to_contain_text("Proposal")
    page.locator(".line").click()
    page.get_by_role("button", name="Remove all proposed breaks").first.click()
    expect(page.get_by_test_id("save-state")).to_have_attribute("data-state", "saved")
    assert server.kept(recording)[0] == [25, 50]
    page.go_back()
    expect(page.get_by_text("Nothing here matches")).to_be_visible()


def test_lists_come_and_go(lists: tuple[Server, Path], watched_page: Page, tmp_path: Path) -> None:
    server, _ = lists
    page = watched_page
    (recording,) = server.recordings().values()
    page.goto(f"{server.address}/edit/{recording}")
    rows = page.locator(".panel ol.list > li")
    page.get_by_role("button", name="Remove all proposed breaks").first.click()
    expect(rows).to_have_count(2)
    expect(page.get_by_test_id("save-state")).to_have_attribute("data-state", "saved")
    assert server.kept(recording)[0] == [25, 50]
    page.get_by_label("Undo").first.click()
    expect(rows).to_have_count(0)
    # Chosen by hand.
    project = tmp_path / "list.llc"
    project.write_text("{version: 1, cutSegments: [{start: 0.2, end: 0.6, name: 'One'}]}")
    page.get_by_test_id("cut-list-file").set_input_files(project)
    expect(rows).to_have_count(1)
    expect(page.get_by_test_id("save-state")).to_have_attribute("data-state", "saved")
    assert server.kept(recording) == [[10, 30]]
    # Dropped on the page.
    page.evaluate(_DROP, ["film.csv", "0.4,0.8,A\n1.0,1.2,B\n"])
    expect(rows).to_have_count(2)
    expect(page.get_by_test_id("save-state")).to_have_attribute("data-state", "saved")
    assert server.kept(recording) == [[20, 40], [50, 60]]
    page.get_by_label("Cut lists of other programs").click()
    with page.expect_download() as saving:
        page.get_by_text("EDL (Kodi, MPlayer)").click()
    assert saving.value.suggested_filename == "Harbour Light (2011).edl"
    assert saving.value.path().read_text().startswith("0.000000\t0.400000\t0\n")


def test_what_is_no_cut_list_changes_nothing(lists: tuple[Server, Path], page: Page) -> None:
    server, _ = lists
    (recording,) = server.recordings().values()
    page.goto(f"{server.address}/edit/{recording}")
    rows = page.locator(".panel ol.list > li")
    page.get_by_role("button", name="Remove all proposed breaks").first.click()
    expect(rows).to_have_count(2)
    page.evaluate(_DROP, ["notes.txt", "hello"])
    expect(page.get_by_text(re.compile("no cut list"))).to_be_visible()
    expect(rows).to_have_count(2)


def test_the_page_can_be_installed(lists: tuple[Server, Path], page: Page) -> None:
    server, _ = lists
    page.goto(server.address)
    address = page.evaluate("document.querySelector('link[rel=manifest]').href")
    answer = page.request.get(address)
    assert answer.headers["content-type"] == "application/manifest+json"
    manifest = json.loads(answer.text())
    assert manifest["display"] == "standalone"
    for icon in manifest["icons"]:
        found = page.request.get(f"{address.rpartition('/')[0]}/{icon['src']}")
        assert found.headers["content-type"] == icon["type"]
        assert len(found.body()) > 100
    session = page.context.new_cdp_session(page)
    assert session.send("Page.getAppManifest")["errors"] == []
