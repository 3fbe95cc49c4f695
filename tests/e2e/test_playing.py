"""Playing in the editor: sound and pictures run, and when they stop the frame on the screen is the one it says."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.server import Editor, Server
from tests.media_factory import read_number

FRAMES = 150

_FILM = """async () => {
    const film = document.querySelector('video.film');
    const canvas = document.createElement('canvas');
    canvas.width = 96; canvas.height = 48;
    const context = canvas.getContext('2d', { willReadFrequently: true });
    const seen = [];
    const look = () => {
        if (!film.classList.contains('visible')) return;
        context.drawImage(film, 0, 0, 96, 48);
        const pixels = context.getImageData(0, 0, 96, 48).data;
        seen.push(Array.from({ length: 96 * 48 }, (_, at) => pixels[4 * at + 1]));
    };
    window.filmFrames = seen;
    const next = () => film.requestVideoFrameCallback(() => {
        look();
        next();
    });
    next();
}"""


@pytest.fixture
def fresh(server: Server, editor: Editor) -> Editor:
    """The editor with an empty keep list."""
    recording = server.recordings()["Harbour Light"]
    editor.open(server, recording)
    if server.kept(recording):
        editor.page.get_by_role("button", name="Delete all spans").click()
        editor.expect_saved()
    return editor


def film_numbers(editor: Editor) -> list[int]:
    """The numbers of the frames that the film showed since the last look, less those that two frames were mixed in."""
    looks = editor.page.evaluate("() => window.filmFrames.splice(0)")
    found = [read_number(np.array(pixels, np.uint8).reshape(48, 96)) for pixels in looks]
    return [number for number in found if number is not None]


def playing(page: Page) -> None:
    expect(page.locator("video.film")).to_have_class("picture film visible")


def test_when_it_stops_the_exact_frame_is_shown(fresh: Editor) -> None:
    page = fresh.page
    for start, key in ((10, "Space"), (60, "l")):
        fresh.go_to(f"#{start}")
        fresh.expect_frame(start)
        page.evaluate(_FILM)
        fresh.press(key)
        playing(page)
        page.wait_for_timeout(500)
        fresh.press("k")
        expect(page.locator("video.film")).to_have_class("picture film")
        still = int(fresh.picture.get_attribute("data-frame") or -1)
        fresh.expect_frame(still)
        assert still > start
        # The last frame of the film is the still one: nothing jumps when it stops.
        numbers = film_numbers(fresh)
        assert start <= numbers[0] <= still
        assert numbers[-1] == still
        expect(page.get_by_test_id("frame-number")).to_contain_text(f"#{still} ")


def test_the_result_plays_across_its_seams(fresh: Editor) -> None:
    page = fresh.page
    fresh.mark(10, 40)
    fresh.mark(100, 140)
    fresh.go_to("#30")
    fresh.expect_frame(30)
    page.evaluate(_FILM)
    fresh.press("Shift+P")
    playing(page)
    expect(fresh.picture).to_have_attribute("data-frame", "139", timeout=120_000)
    numbers = film_numbers(fresh)
    assert numbers == sorted(numbers)
    assert 30 <= numbers[0] < 140
    assert not any(40 <= number < 100 for number in numbers)
    fresh.expect_frame(139)


def test_the_seam_is_played_over_and_over(fresh: Editor) -> None:
    page = fresh.page
    fresh.mark(20, 50)
    fresh.mark(90, 120)
    page.evaluate(_FILM)
    fresh.press("p")
    playing(page)
    expect(page.get_by_text("The seam, as it will be")).to_be_visible()
    numbers: list[int] = []
    for _ in range(60):
        page.wait_for_timeout(250)
        numbers += film_numbers(fresh)
        if any(number < 50 for number in numbers) and any(number >= 90 for number in numbers):
            break
    fresh.press("Escape")
    expect(page.locator("video.film")).to_have_class("picture film")
    numbers += film_numbers(fresh)
    assert {number for number in numbers if 50 <= number < 90} == set()
    assert any(number < 50 for number in numbers)
    assert any(number >= 90 for number in numbers)
    fresh.expect_frame(int(fresh.picture.get_attribute("data-frame") or -1))


def test_backwards_shows_only_true_frames(fresh: Editor) -> None:
    fresh.go_to("#140")
    fresh.expect_frame(140)
    fresh.press("j")
    for _ in range(100):
        fresh.page.wait_for_timeout(100)
        shown = int(fresh.picture.get_attribute("data-frame") or -1)
        assert 0 <= shown <= 140
        if shown < 130:
            break
    fresh.press("k")
    fresh.page.wait_for_timeout(300)
    still = int(fresh.picture.get_attribute("data-frame") or -1)
    assert still < 140
    fresh.expect_frame(still)


def test_a_mark_while_it_plays_is_the_frame_that_is_shown_then(server: Server, fresh: Editor) -> None:
    fresh.go_to("#20")
    fresh.expect_frame(20)
    fresh.press("Space")
    playing(fresh.page)
    fresh.page.wait_for_timeout(400)
    fresh.press("i")
    expect(fresh.page.locator("video.film")).to_have_class("picture film")
    still = int(fresh.picture.get_attribute("data-frame") or -1)
    fresh.expect_frame(still)
    fresh.go_to("#140")
    fresh.expect_frame(140)
    fresh.press("o")
    fresh.expect_saved()
    (start, end) = server.kept(server.recordings()["Harbour Light"])[0]
    assert end == 140
    assert start == still, "the frame that stands on the screen when it stopped"
