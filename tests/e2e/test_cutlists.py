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


def test_lists_come_and_go(lists: tuple[Server, Path], watched_page: Page, tmp_path: Path) -> None:
    server, _ = lists
    page = watched_page
    (recording,) = server.recordings().values()
    page.goto(f"{server.address}/edit/{recording}")
    expect(page.get_by_text("lies beside the recording")).to_be_visible()
    rows = page.locator(".panel .list > li")
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
    rows = page.locator(".panel .list > li")
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
