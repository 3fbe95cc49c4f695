"""A library of many titles: only what is on the screen is drawn, every one is reached by key, and its state is told."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.server import Server
from tests.media_factory import CLIPS, ClipCache

TITLES = 450


@pytest.fixture(scope="module")
def long_library(tmp_path_factory: pytest.TempPathFactory, clip_cache: ClipCache) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("long") / "recordings"
    clip = clip_cache.get(CLIPS["h264_open_gop_50p"]).path
    for n in range(TITLES):
        film = root / "Movies" / f"Film {n:03d} ({1950 + n % 70}).ts"
        film.parent.mkdir(parents=True, exist_ok=True)
        if n < 2:
            film.write_bytes(clip.read_bytes())
        else:
            os.link(root / "Movies" / "Film 000 (1950).ts", film)
    server = Server(tmp_path_factory.mktemp("home"), "--library", str(root))
    yield server
    server.stop()


@pytest.mark.parametrize("view", ["grid", "table"])
def test_every_title_is_reached_by_key(long_library: Server, watched_page: Page, view: str) -> None:
    page = watched_page
    page.goto(f"{long_library.address}/?view={view}")
    expect(page.locator(".grid a").first).to_contain_text("Film 000")
    page.goto(f"{page.url.partition('?')[0]}?view={view}")
    expect(page.locator(".grid a").first).to_contain_text("Film 000")
    expect(page.get_by_text(f"{TITLES} titles")).to_be_visible()
    assert page.locator(".grid li").count() < 60
    page.get_by_label("Search").first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".grid a:focus")).to_contain_text("Film 000")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".grid a:focus")).to_contain_text("Film 001")
    page.keyboard.press("End")
    expect(page.locator(".grid a:focus")).to_contain_text(f"Film {TITLES - 1}")
    expect(page.locator(".grid a:focus")).to_be_in_viewport()
    page.keyboard.press("PageUp")
    expect(page.locator(".grid a:focus")).to_be_in_viewport()
    page.keyboard.press("Home")
    expect(page.locator(".grid a:focus")).to_contain_text("Film 000")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Film 000")).to_be_visible()
    page.go_back()
    expect(page.locator(".grid a").first).to_contain_text("Film 000")


def test_states_are_told_and_asked_for(long_library: Server, watched_page: Page) -> None:
    page = watched_page
    recording = long_library.recordings()["Film 001"]
    page.request.put(
        f"{long_library.address}/api/recordings/{recording}/keep", data={"keep": [["#10", "#60"]], "revision": 0}
    )
    page.goto(long_library.address)
    marked = page.locator(".grid li").filter(has_text="Film 001")
    expect(marked.locator(".badge")).to_have_text("Marked")
    page.request.post(f"{long_library.address}/api/recordings/{recording}/cut", data={})
    expect(marked.locator(".badge")).to_have_text(["Cutting", "Marked"])
    page.goto(f"{page.url.partition('?')[0]}?state=cut")
    expect(page.get_by_text("Nothing here matches")).to_be_visible()

    def is_cut() -> bool:
        return any(job["state"] == "finished" for job in long_library.get("/api/jobs")["jobs"])

    for _ in range(100):
        if is_cut():
            break
        page.wait_for_timeout(200)
    page.wait_for_timeout(1200)
    page.reload()
    expect(page.locator(".grid a")).to_have_count(1)
    expect(page.locator(".grid a .badge")).to_have_text("Cut")
    expect(page).to_have_url(re.compile("state=cut"))
