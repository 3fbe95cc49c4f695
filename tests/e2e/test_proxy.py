"""Below a path of a reverse proxy: the whole page, its events, its pictures, a cut, and installing it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from playwright.sync_api import Page, expect

from tests.e2e.proxy import Proxy
from tests.e2e.server import Editor, Server


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory, library: Path) -> Iterator[Proxy]:
    server = Server(
        tmp_path_factory.mktemp("proxied"),
        "--library",
        str(library),
        PLEXCUT_SERVER__HOST="0.0.0.0",
        PLEXCUT_SERVER__PASSWORD=PasswordHasher(time_cost=1, memory_cost=1024).hash("open sesame"),
        PLEXCUT_SERVER__BASE_PATH="/tools/cut",
    )
    port = re.search(r":(\d+)", server.address.removeprefix("http://"))
    assert port is not None
    with Proxy(f"http://127.0.0.1:{port[1]}", "/tools/cut") as proxy:
        yield proxy
    server.stop()


def test_a_recording_is_cut_behind_a_proxy(proxied: Proxy, page: Page, library: Path) -> None:
    page.goto(proxied.address)
    page.get_by_label("Password").fill("open sesame")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Harbour Light").click()
    expect(page).to_have_url(re.compile("/tools/cut/edit/"))
    editor = Editor(page)
    editor.wait_in_button()
    editor.expect_frame(0)
    editor.mark(20, 60)
    editor.expect_saved()
    page.keyboard.press("Control+Enter")
    page.get_by_role("button", name="Cut now").click()
    expect(page.get_by_text("Done and checked")).to_be_visible(timeout=120_000)
    assert (library / "Movies" / "Harbour Light (2011) cut.ts").exists()
    assert any(path.endswith("/api/events") for path in proxied.seen)
    page.reload()
    editor.wait_in_button()
    manifest = page.evaluate("document.querySelector('link[rel=manifest]').href")
    assert manifest.startswith(f"{proxied.address}/")
    found = json.loads(page.request.get(manifest).text())
    assert (found["start_url"], found["scope"], found["display"]) == ("./", "./", "standalone")
    for icon in found["icons"]:
        assert page.request.get(f"{proxied.address}/{icon['src']}").status == 200
    session = page.context.new_cdp_session(page)
    errors = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    # Chromium installs nothing from a window that forgets everything, as those of tests are.
    assert [error["errorId"] for error in errors] == ["in-incognito"]
