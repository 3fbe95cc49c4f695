"""The door, and life below a path of a reverse proxy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from playwright.sync_api import Page, expect

from tests.e2e.server import Editor, Server


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, library: Path) -> Iterator[Server]:
    """A server that other machines can reach, below /cutting, with a password."""
    server = Server(
        tmp_path_factory.mktemp("guarded"),
        "--library",
        str(library),
        PLEXCUT_SERVER__HOST="0.0.0.0",
        PLEXCUT_SERVER__PASSWORD=PasswordHasher(time_cost=1, memory_cost=1024).hash("open sesame"),
        PLEXCUT_SERVER__BASE_PATH="/cutting",
    )
    port = re.search(r":(\d+)", server.address.removeprefix("http://"))
    assert port is not None
    server.address = f"http://127.0.0.1:{port[1]}/cutting"
    yield server
    server.stop()


def test_the_password_opens_the_page_where_it_was_wanted(guarded: Server, page: Page) -> None:
    page.goto(f"{guarded.address}/library/nowhere/nothing")
    expect(page).to_have_url(re.compile("/cutting/login"))
    field = page.get_by_label("Password")
    field.fill("guess")
    field.press("Enter")
    expect(page.get_by_text("That is not the password.")).to_be_visible()
    field.fill("open sesame")
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(re.compile("/cutting/library/nowhere/nothing"))
    page.get_by_role("link", name="plexcut, to the library").click()
    with page.expect_response(lambda answer: "/cutting/api/" in answer.url and "/filmstrip" in answer.url) as strip:
        page.get_by_role("link", name="Harbour Light").click()
        editor = Editor(page)
        editor.wait_in_button()
        editor.expect_frame(0)
    assert strip.value.ok
    page.reload()
    editor.wait_in_button()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Password")).to_be_visible()
