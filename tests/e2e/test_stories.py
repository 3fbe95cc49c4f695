"""Whole stories, from the library to the file that was cut: by keyboard alone, by mouse, and by fingers on a phone.

The latter two with real recordings, whose frames carry no number: what the screen shows is compared with a decode of
the whole recording from its beginning, which knows nothing of plexcut.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.server import Editor, Server
from tests.e2e.timeline import STRIP_Y, TimeLine
from tests.media_factory import decode_numbers

Pictures = npt.NDArray[np.int16]

_SIZE = (160, 90)
_NEAR = 4
_MOVES = 1.2
"""By how much (of 255, on average) neighbours must differ for a picture to be told from them."""
_BEST_DB = 38.0


def pictures_of(path: Path) -> Pictures:
    """All pictures of a recording from its beginning, gray and small; `(n, 90, 160)`."""
    with av.open(str(path)) as container:
        frames = container.decode(container.streams.video[0])
        small = [frame.reformat(*_SIZE, format="gray").to_ndarray() for frame in frames]
    return np.stack(small).astype(np.int16)


def on_screen(picture: Locator) -> npt.NDArray[np.int16]:
    """What a screenshot shows where the picture is, like one of `pictures_of`."""
    box = picture.evaluate(
        """(one) => {
            const room = one.getBoundingClientRect();
            const scale = Math.min(room.width / one.naturalWidth, room.height / one.naturalHeight);
            const [w, h] = [one.naturalWidth * scale, one.naturalHeight * scale];
            return [(room.width - w) / 2, (room.height - h) / 2, (room.width + w) / 2, (room.height + h) / 2];
        }"""
    )
    shot = Image.open(io.BytesIO(picture.screenshot(scale="css")))
    return np.asarray(shot.convert("L").crop(box).resize(_SIZE, Image.Resampling.BOX)).astype(np.int16)


def moving(pictures: Pictures, near: int) -> int:
    """The first frame from `near` on that differs from those around it."""
    for at in range(near, len(pictures) - _NEAR - 1):
        around = [distance(pictures[at], pictures[other]) for other in beside(at)]
        if min(around) > _MOVES:
            return at
    raise AssertionError("nothing moves there")


def beside(at: int) -> list[int]:
    return [other for other in range(max(0, at - _NEAR), at + _NEAR + 1) if other != at]


def distance(one: npt.NDArray[np.int16], other: npt.NDArray[np.int16]) -> float:
    # Without the top: on the screen the picture's marks lie over it there.
    return float(np.abs(one[20:] - other[20:]).mean())


def assert_shown(editor: Editor, pictures: Pictures, frame: int) -> None:
    """The screen shows this frame, and none of those beside it."""
    expect(editor.picture).to_have_attribute("data-frame", str(frame))
    expect(editor.picture).to_have_attribute("data-sharp", "true")
    shown = on_screen(editor.picture)
    right = distance(shown, pictures[frame])
    assert all(right < distance(shown, pictures[other]) for other in beside(frame) if other < len(pictures))


def settled(editor: Editor, target: int) -> int:
    """The frame on the screen once it is one within a pixel or two of the time line from where it was pointed at."""
    for _ in range(100):
        shown = int(editor.picture.get_attribute("data-frame") or -1)
        if abs(shown - target) <= 4:
            return shown
        editor.page.wait_for_timeout(50)
    raise AssertionError(f"the frame is {shown}, pointed at was {target}")


def assert_cut(result: Path, pictures: Pictures, spans: list[list[int]]) -> None:
    """The file holds just the kept pictures, in order."""
    made = pictures_of(result)
    kept = [number for start, end in spans for number in range(start, end)]
    assert len(made) == len(kept)
    error = ((made - pictures[kept]).astype(np.float64) ** 2).mean(axis=(1, 2))
    assert float(10 * np.log10(255**2 / max(error.max(), 1e-6))) > _BEST_DB


def result_of(page: Page) -> Path:
    shown = page.get_by_test_id("cut-result")
    expect(shown).to_be_visible(timeout=120_000)
    return Path(shown.inner_text())


def tab_to(page: Page, wanted: Locator) -> None:
    """Press the tab key until that has the focus."""
    expect(wanted).to_be_visible()
    for _ in range(60):
        if wanted.evaluate("(one) => one === document.activeElement || one.contains(document.activeElement)"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("the tab key does not lead there")


def test_by_keyboard_alone(server: Server, library: Path, editor: Editor) -> None:
    page = editor.page
    page.goto(server.address)
    tab_to(page, page.get_by_role("searchbox"))
    page.keyboard.type("zebra")
    expect(page.get_by_role("link", name="Zebra Crossing")).to_be_visible()
    expect(page.get_by_role("link", name="Harbour Light")).to_have_count(0)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("frame-number")).to_contain_text(" / ")
    editor.wait_in_button()
    for key, frame in (("i", 21), ("o", 64), ("i", 90), ("o", 131)):
        page.keyboard.press("g")
        page.keyboard.type(f"#{frame - 1}")
        page.keyboard.press("Enter")
        editor.expect_frame(frame - 1)
        page.keyboard.press("ArrowRight")
        editor.expect_frame(frame)
        page.keyboard.press(key)
    editor.expect_saved()
    # To the second span's start, one frame on, and back again by undo.
    page.keyboard.press("[")
    editor.expect_frame(90)
    page.keyboard.press(".")
    editor.expect_frame(91)
    page.wait_for_timeout(600)
    editor.expect_saved()
    assert server.kept(server.recordings()["Zebra Crossing"]) == [[21, 64], [91, 131]]
    page.keyboard.press("Control+z")
    page.wait_for_timeout(300)
    editor.expect_saved()
    assert server.kept(server.recordings()["Zebra Crossing"]) == [[21, 64], [90, 131]]
    page.keyboard.press("Control+Enter")
    tab_to(page, page.get_by_role("button", name="Cut now"))
    page.keyboard.press("Enter")
    result = result_of(page)
    assert [picture.number for picture in decode_numbers(result)] == [*range(21, 64), *range(90, 131)]
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.go_back()
    expect(page.get_by_role("searchbox")).to_have_value("zebra")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, real_media_dir: Path) -> Iterator[tuple[Server, Path]]:
    """`plexcut serve` over real recordings."""
    root = tmp_path_factory.mktemp("real") / "recordings" / "Movies"
    root.mkdir(parents=True)
    shutil.copy(real_media_dir / "bbb_62s_720p_h264_aac.ts", root / "Bunny (2008).ts")
    shutil.copy(real_media_dir / "tsduck-test-072.ts", root / "Evening (2015).ts")
    server = Server(tmp_path_factory.mktemp("home"), "--library", str(root.parent))
    yield server, root
    server.stop()


def test_by_mouse_with_a_real_recording(real: tuple[Server, Path], editor: Editor) -> None:
    server, root = real
    pictures = pictures_of(root / "Bunny (2008).ts")
    page, line = editor.page, TimeLine(editor.page)
    page.goto(server.address)
    page.get_by_role("link", name="Bunny").click()
    expect(page.get_by_test_id("frame-number")).to_contain_text(" / ")
    editor.wait_in_button()
    page.get_by_test_id("snap").click()
    marked: list[int] = []
    for name, near in (("Set in", 400), ("Set out", 700), ("Set in", 1000), ("Set out", 1300)):
        target = moving(pictures, near)
        line.click(target)
        shown = settled(editor, target)
        while min(distance(pictures[shown], pictures[other]) for other in beside(shown)) <= _MOVES:
            page.get_by_role("button", name="One frame forward").click()
            shown += 1
        assert_shown(editor, pictures, shown)
        page.get_by_role("button", name=name, exact=True).click()
        marked.append(shown)
    editor.expect_saved()
    recording = server.recordings()["Bunny"]
    spans = [marked[:2], marked[2:]]
    assert server.kept(recording) == spans
    page.get_by_test_id("open-cut").click()
    page.get_by_role("button", name="Cut now").click()
    assert_cut(result_of(page), pictures, spans)


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A page on a phone, in German."""
    options: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2}
    context = browser.new_context(**options, has_touch=True, is_mobile=True, locale="de-DE")
    yield context.new_page()
    context.close()


def test_by_fingers_with_a_real_recording(real: tuple[Server, Path], phone: Page) -> None:
    server, root = real
    pictures = pictures_of(root / "Evening (2015).ts")
    editor, line = Editor(phone), TimeLine(phone)
    phone.goto(server.address)
    phone.get_by_role("link", name="Evening").tap()
    expect(phone.get_by_test_id("frame-number")).to_contain_text(" / ")
    expect(phone.get_by_role("button", name="Anfang setzen", exact=True)).to_be_enabled()
    phone.get_by_test_id("snap").tap()
    marked: list[int] = []
    for name, near in (("Anfang setzen", 60), ("Ende setzen", 220)):
        target = moving(pictures, near)
        phone.touchscreen.tap(*line.point(target + 0.5, STRIP_Y))
        shown = settled(editor, target)
        assert_shown(editor, pictures, shown)
        phone.get_by_role("button", name=name, exact=True).tap()
        marked.append(shown)
    phone.wait_for_timeout(600)
    assert server.kept(server.recordings()["Evening"]) == [marked]
    phone.get_by_test_id("open-cut").tap()
    phone.get_by_role("button", name="Jetzt schneiden").tap()
    assert_cut(result_of(phone), pictures, [marked])
