"""The drawer of jobs: their order by hand and by key, how urgent they are, logs, results; who is told at the end."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.server import Editor, Server
from tests.e2e.test_accessible import violations
from tests.e2e.test_touch import Fingers
from tests.media_factory import CLIPS, ClipCache

FILMS = ("Alder", "Birch", "Cedar", "Dogwood")


@pytest.fixture
def films(tmp_path: Path, clip_cache: ClipCache) -> Iterator[Server]:
    """Four films, and a queue that is paused."""
    clip = clip_cache.get(CLIPS["h264_open_gop_50p"]).path
    for name in FILMS:
        film = tmp_path / "recordings" / "Movies" / f"{name} (2001).ts"
        film.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(clip, film)
    server = Server(tmp_path / "home", "--library", str(tmp_path / "recordings"))
    yield server
    server.stop()


def order(page: Page, server: Server, *names: str) -> None:
    recordings = server.recordings()
    for name in names:
        body = {"keep": [["#13", "#61"], ["#87", "#140"]]}
        answer = page.request.post(f"{server.address}/api/recordings/{recordings[name]}/cut", data=body)
        assert answer.status == 202


def queue(page: Page, server: Server, word: str) -> None:
    assert page.request.post(f"{server.address}/api/queue/{word}", data={}).ok


def waiting(server: Server) -> list[str]:
    jobs = [job for job in server.get("/api/jobs")["jobs"] if job["state"] == "queued"]
    return [job["title"] for job in sorted(jobs, key=lambda job: job["position"])]


def card(page: Page, title: str) -> Locator:
    return page.get_by_role("article", name=title, exact=True)


def handle(page: Page, title: str) -> Locator:
    return page.get_by_role("button", name=f"Move {title}")


def expect_order(page: Page, server: Server, *names: str) -> None:
    expect(page.locator("ol.list h3")).to_have_text(list(names))
    for _ in range(50):
        if waiting(server) == list(names):
            return
        page.wait_for_timeout(100)
    assert waiting(server) == list(names)


def drag(page: Page, title: str, to: str, below: bool = False) -> None:
    start, end = handle(page, title).bounding_box(), card(page, to).bounding_box()
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + 10, start["y"] + 10)
    page.mouse.down()
    page.mouse.move(start["x"] + 10, start["y"] + 20, steps=3)
    page.mouse.move(start["x"] + 10, end["y"] + (end["height"] - 6 if below else 6), steps=12)
    page.mouse.up()


def test_waiting_jobs_are_put_in_order(films: Server, watched_page: Page) -> None:
    page = watched_page
    queue(page, films, "pause")
    order(page, films, *FILMS)
    page.goto(films.address)
    page.get_by_role("button", name="Show jobs").click()
    expect(page.get_by_text("4 wait, in this order")).to_be_visible()
    expect_order(page, films, *FILMS)
    page.wait_for_timeout(400)  # until the drawer stands
    drag(page, "Dogwood", "Alder")
    expect_order(page, films, "Dogwood", "Alder", "Birch", "Cedar")
    drag(page, "Dogwood", "Birch", below=True)
    expect_order(page, films, "Alder", "Birch", "Dogwood", "Cedar")
    # By keys, and the handle keeps the focus.
    handle(page, "Cedar").focus()
    page.keyboard.press("ArrowUp")
    expect_order(page, films, "Alder", "Birch", "Cedar", "Dogwood")
    expect(handle(page, "Cedar")).to_be_focused()
    expect(page.get_by_text("Cedar is at place 3 of 4")).to_have_count(1)
    page.keyboard.press("Home")
    expect_order(page, films, "Cedar", "Alder", "Birch", "Dogwood")
    expect(handle(page, "Cedar")).to_be_focused()
    # What is urgent goes before all others, what is not behind them.
    page.get_by_role("button", name="Priority of Birch: Normal").click()
    page.get_by_role("option", name="Urgent", exact=True).or_(page.get_by_text("Urgent", exact=True)).first.click()
    expect_order(page, films, "Birch", "Cedar", "Alder", "Dogwood")
    page.wait_for_timeout(400)
    assert violations(page) == []


def test_a_job_is_moved_by_a_finger(films: Server, browser: Browser) -> None:
    context = browser.new_context(
        locale="en-GB", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    queue(page, films, "pause")
    order(page, films, "Alder", "Birch", "Cedar")
    page.goto(films.address)
    page.get_by_role("button", name="Show jobs").tap()
    expect_order(page, films, "Alder", "Birch", "Cedar")
    page.wait_for_timeout(400)
    start, end = handle(page, "Alder").bounding_box(), card(page, "Cedar").bounding_box()
    assert start is not None
    assert end is not None
    x = start["x"] + 15
    Fingers(context.new_cdp_session(page), page).swipe((x, start["y"] + 15), (x, end["y"] + end["height"] - 8))
    expect_order(page, films, "Birch", "Cedar", "Alder")
    assert violations(page) == []
    context.close()


def test_a_result_is_opened_and_its_log_is_read(films: Server, editor: Editor) -> None:
    page = editor.page
    queue(page, films, "pause")
    order(page, films, "Alder")
    page.goto(films.address)
    page.get_by_role("button", name="Show jobs").click()
    page.get_by_test_id("pause-queue").click()
    alder = card(page, "Alder")
    expect(alder).to_have_attribute("data-state", "finished", timeout=120_000)
    expect(alder).to_contain_text("checked · in ")
    alder.get_by_role("button", name="Log").click()
    expect(alder.get_by_role("log").locator("li").first).to_be_visible()
    page.wait_for_timeout(300)
    assert violations(page) == []
    # Escape closes the drawer, and the focus is where it was before.
    page.keyboard.press("Escape")
    expect(alder).to_be_hidden()
    expect(page.get_by_role("button", name="Show jobs")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(20):  # until the library has seen the new file
        if films.get(f"/api/jobs/{films.get('/api/jobs')['jobs'][0]['id']}/result")["recording"]:
            break
        page.wait_for_timeout(500)
    alder.get_by_role("button", name="Open result").click()
    # The first picture of the result is the first that was kept.
    expect(editor.picture).to_have_attribute("data-frame", "0")
    assert editor.number_in(editor.picture) == 13
    editor.go_to("#48")
    expect(editor.picture).to_have_attribute("data-frame", "48")
    assert editor.number_in(editor.picture) == 87


_BROWSER = """
    window.told = [];
    window.asked = 0;
    window.looking = true;
    window.Notification = class {
        static permission = localStorage.getItem('permission') ?? 'default';
        static requestPermission() {
            window.asked += 1;
            localStorage.setItem('permission', 'granted');
            return Promise.resolve(window.Notification.permission = 'granted');
        }
        constructor(title, options) { this.title = title; this.body = options.body; window.told.push(this); }
        close() { this.closed = true; }
    };
    Object.defineProperty(document, 'visibilityState', { get: () => window.looking ? 'visible' : 'hidden' });
"""


def told(page: Page, number: int) -> list[list[str]]:
    """What the browser was to tell, as soon as it is so much."""
    for _ in range(300):
        found: list[Any] = page.evaluate("window.told.map((one) => [one.title, one.body])")
        if len(found) >= number:
            return found
        page.wait_for_timeout(200)
    raise AssertionError("nobody was told")


def test_who_asked_for_it_is_told_when_nobody_looks(films: Server, editor: Editor) -> None:
    page = editor.page
    page.add_init_script(_BROWSER)
    recordings = films.recordings()
    for name in ("Alder", "Birch"):
        films.put(f"/api/recordings/{recordings[name]}/keep", {"keep": [["#10", "#50"]], "revision": 0})
    page.goto(films.address)
    page.get_by_role("button", name="Show jobs").click()
    assert page.evaluate("window.asked") == 0
    page.get_by_label("Tell me when jobs end").check()
    assert page.evaluate("window.asked") == 1
    page.reload()
    page.get_by_role("button", name="Show jobs").click()
    expect(page.get_by_label("Tell me when jobs end")).to_be_checked()
    assert page.evaluate("window.asked") == 0
    # While somebody looks, nobody is told.
    order(page, films, "Dogwood")
    expect(card(page, "Dogwood")).to_have_attribute("data-state", "finished", timeout=120_000)
    page.wait_for_timeout(2000)
    assert told(page, 0) == []
    page.get_by_role("button", name="Close").click()
    # A batch is one message, at its end; a click leads to the jobs.
    page.locator(".grid a").first.focus()
    page.keyboard.press("Control+a")
    page.get_by_role("button", name="Cut selected").click()
    page.get_by_role("button", name="Queue 2 cuts").click()
    page.evaluate("window.looking = false")
    assert told(page, 1) == [["2 recordings cut", "Alder, Birch"]]
    page.wait_for_timeout(2000)
    assert len(told(page, 1)) == 1
    page.get_by_test_id("batch").get_by_role("button", name="Close").click()
    page.evaluate("window.told[0].onclick()")
    expect(card(page, "Birch")).to_be_visible()
    page.get_by_role("button", name="Close").first.click()
    # One job is told by its name; a click leads to what it made.
    order(page, films, "Cedar")
    title, body = told(page, 2)[1]
    assert (title, body.split(" · ")[0]) == ("Cut: Cedar", "2\xa0s")
    page.wait_for_timeout(3000)
    page.evaluate("window.told[1].onclick()")
    expect(editor.picture).to_have_attribute("data-frame", "0")
    assert editor.number_in(editor.picture) == 13


_SHOWN = """
    window.shown = [];
    window.Notification = new Proxy(window.Notification, { construct(real, given) {
        const made = new real(...given);
        for (const what of ['show', 'error']) made.addEventListener(what, () => window.shown.push([what, made.title]));
        return made;
    } });
    Object.defineProperty(document, 'visibilityState', { get: () => 'hidden' });
"""


def test_the_browser_itself_shows_the_notification(films: Server, browser: Browser) -> None:
    context = browser.new_context(permissions=["notifications"])
    page = context.new_page()
    page.add_init_script(_SHOWN)
    page.goto(films.address)
    assert page.evaluate("Notification.permission") == "granted"
    page.get_by_role("button", name="Show jobs").click()
    page.get_by_label("Tell me when jobs end").check()
    order(page, films, "Birch")
    for _ in range(600):
        if page.evaluate("window.shown.length"):
            break
        page.wait_for_timeout(200)
    assert page.evaluate("window.shown") == [["show", "Cut: Birch"]]
    context.close()
