"""The trash in the page: what is in it, the way back, and the way out."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.server import Editor, Server
from tests.e2e.test_accessible import violations
from tests.media_factory import CLIPS, ClipCache, decode_numbers

FILMS = ("Alder", "Birch", "Cedar")


class Trashed:
    """Three films that were cut in place."""

    def __init__(self, root: Path, home: Path, clip: Path) -> None:
        self.movies = root / "Movies"
        self.movies.mkdir(parents=True)
        for name in FILMS:
            shutil.copy(clip, self.path(name))
        self.path("Alder").with_suffix(".edl").write_text("0 1 0\n")
        self.before = digest(clip)
        self.server = Server(home, "--library", str(root))

    def path(self, name: str) -> Path:
        return self.movies / f"{name} (2001).ts"

    def cut(self, page: Page) -> None:
        recordings = self.server.recordings()
        for name in FILMS:
            body = {"keep": [["#13", "#61"]], "output": "replace"}
            assert page.request.post(f"{self.server.address}/api/recordings/{recordings[name]}/cut", data=body).ok
        for _ in range(300):
            jobs = self.server.get("/api/jobs")["jobs"]
            if all(job["state"] == "finished" for job in jobs):
                return
            page.wait_for_timeout(200)
        raise AssertionError(jobs)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def trashed(tmp_path: Path, clip_cache: ClipCache) -> Iterator[Trashed]:
    found = Trashed(tmp_path / "recordings", tmp_path / "home", clip_cache.get(CLIPS["h264_open_gop_50p"]).path)
    yield found
    found.server.stop()


def entries(page: Page) -> Locator:
    return page.locator("li[data-entry]")


def test_back_and_out(trashed: Trashed, editor: Editor) -> None:
    page = editor.page
    page.goto(f"{trashed.server.address}/trash")
    expect(page.get_by_role("heading", name="The trash is empty")).to_be_visible()
    trashed.cut(page)
    expect(entries(page)).to_have_count(3)
    expect(page.get_by_test_id("trash-sum")).to_contain_text("3 entries")
    alder = entries(page).filter(has_text="Alder (2001).ts")
    for words in ("Original · 3 s · ", "here since ", f"Goes back to {trashed.movies}", "Is deleted in 30 days"):
        expect(alder).to_contain_text(words)
    expect(alder).to_contain_text("With it comes Alder (2001).edl")
    page.wait_for_timeout(300)
    assert violations(page) == []
    # Back: bit for bit; the cut takes its place in the trash.
    assert [one.number for one in decode_numbers(trashed.path("Alder"))] == list(range(13, 61))
    page.get_by_role("button", name="Restore Alder (2001).ts").click()
    expect(page.get_by_text("It is back: ")).to_be_visible()
    assert digest(trashed.path("Alder")) == trashed.before
    assert trashed.path("Alder").with_suffix(".edl").exists()
    expect(entries(page)).to_have_count(3)
    expect(entries(page).filter(has_text="Earlier cut")).to_have_count(1)
    # Out: one, after a question; then all that is left.
    page.get_by_role("button", name="Delete Birch (2001).ts for good").click()
    page.get_by_role("button", name="Leave them").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(entries(page)).to_have_count(3)
    page.get_by_role("button", name="Delete Birch (2001).ts for good").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete for good").click()
    expect(entries(page)).to_have_count(2)
    expect(entries(page).filter(has_text="Birch")).to_have_count(0)
    page.get_by_role("button", name="Empty the trash").click()
    page.get_by_role("dialog").get_by_role("button", name="Empty now").click()
    expect(page.get_by_role("heading", name="The trash is empty")).to_be_visible()
    assert trashed.server.get("/api/trash")["total"] == 0
    assert [one.number for one in decode_numbers(trashed.path("Birch"))] == list(range(13, 61))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(trashed: Trashed, browser: Browser, scheme: str) -> None:
    context = browser.new_context(
        locale="de-DE",
        color_scheme=scheme,  # type: ignore[arg-type]
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
    )
    page = context.new_page()
    trashed.cut(page)
    page.goto(trashed.server.address)
    page.get_by_role("button", name="Bibliotheken").tap()
    page.get_by_role("link", name="Papierkorb").tap()
    expect(entries(page)).to_have_count(3)
    page.wait_for_timeout(500)
    assert violations(page) == []
    page.get_by_role("button", name="Cedar (2001).ts endgültig löschen").tap()
    expect(page.get_by_role("dialog")).to_contain_text("endgültig gelöscht")
    page.wait_for_timeout(400)
    assert violations(page) == []
    context.close()
