"""Takes docs/screenshots/views: every view of the page, light and dark, on a desktop and on a phone.

`python scripts/screenshots.py [--data DIR]`: over the demo library, which is made below DIR (kept: the next time it is
there at once). Chromium is Debian's, as for the browser tests. Look at all of them before they are committed.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
VIEWS = ROOT / "docs" / "screenshots" / "views"
GALLERY = ROOT / "docs" / "screenshots.md"
MOVIE = "Seven Minutes of Rain"
OTHER_MOVIE = "The Lighthouse Keeper's Map"
QUALITY = 82
DEVICES = {"desktop": (1280, 800), "phone": (390, 844)}
SCHEMES = ("light", "dark")

TITLES = {
    "setup": "First run",
    "library": "Library",
    "table": "Library as a table",
    "select": "Several selected",
    "batch": "Cutting several",
    "show": "A show",
    "editor": "Editor",
    "proposals": "Proposed breaks",
    "two-up": "Both sides of an edge",
    "keys": "All keys",
    "cut": "Cutting",
    "jobs": "Jobs",
    "trash": "Trash",
}


@contextmanager
def served(data: Path) -> Iterator[str]:
    """`plexcut serve --demo`; its address."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "PLEXCUT_DATA_DIR": str(data),
        "XDG_CONFIG_HOME": str(data / "config"),
    }
    command = [sys.executable, "-c", "from plexcut.cli import main; main()", "serve", "--port", "0", "--demo"]
    process = subprocess.Popen(command, env=environment, cwd=data, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if "ready at http" not in line:
            sys.exit("plexcut serve did not start")
        yield line.split()[-1].rstrip("/")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def settle(page: Page) -> None:
    """Wait until pictures have come and nothing moves any more."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1200)


def open_movie(page: Page, base: str) -> None:
    """The editor of the demo's film, with two spans; the place is an edge."""
    page.goto(f"{base}/")
    page.get_by_role("link", name=MOVIE).first.click()
    expect(page.get_by_role("button", name="Set in")).to_be_enabled(timeout=60_000)
    if page.locator("li.span").count() == 0:
        for start, end in ((25, 860), (1460, 2210)):
            for place, button in ((start, "Set in"), (end, "Set out")):
                field = page.get_by_label("Go to a time or frame")
                field.fill(f"#{place}")
                field.press("Enter")
                expect(page.locator("img.picture")).to_have_attribute("data-frame", str(place))
                page.get_by_role("button", name=button, exact=True).click()
    field = page.get_by_label("Go to a time or frame")
    field.fill("#1460")
    field.press("Enter")
    expect(page.locator("img.picture")).to_have_attribute("data-frame", "1460")


def finished_cut(page: Page, base: str) -> None:
    """A job that is done, in place, so that the trash has something too; and the spans as they were."""
    if page.request.get(f"{base}/api/jobs").json()["jobs"]:
        return
    page.goto(f"{base}/")
    settle(page)
    page.get_by_role("link", name="Shows").first.click()
    expect(page.get_by_role("heading", name="Shows")).to_be_visible()
    settle(page)
    page.locator("ul.grid a").first.click()
    page.locator("a[href*='/edit/']").first.click()
    expect(page.get_by_role("button", name="Set in")).to_be_enabled(timeout=60_000)
    for place, button in ((50, "Set in"), (900, "Set out")):
        field = page.get_by_label("Go to a time or frame")
        field.fill(f"#{place}")
        field.press("Enter")
        expect(page.locator("img.picture")).to_have_attribute("data-frame", str(place))
        page.get_by_role("button", name=button, exact=True).click()
    page.get_by_test_id("open-cut").click()
    page.locator(".target .v-select", has_text="Where the result goes").click()
    page.get_by_role("option", name="In place of the original").click()
    page.get_by_role("button", name="Cut now").click()
    expect(page.get_by_test_id("cut-result")).to_be_visible(timeout=120_000)


def setup(page: Page, base: str) -> None:
    """The first choice."""
    page.goto(f"{base}/setup")


def library(page: Page, base: str) -> None:
    """Posters."""
    page.goto(f"{base}/")


def table(page: Page, base: str) -> None:
    """Rows."""
    library(page, base)
    page.get_by_role("button", name="Table").first.click()


def select(page: Page, base: str) -> None:
    """Everything is selected."""
    library(page, base)
    page.get_by_role("button", name="Select several").click()
    page.keyboard.press("Control+a")


def batch(page: Page, base: str) -> None:
    """The dialog for what is selected."""
    select(page, base)
    settle(page)
    page.get_by_role("button", name=re.compile("^Cut( selected)?$")).click()


def show(page: Page, base: str) -> None:
    """Seasons and episodes."""
    page.goto(f"{base}/")
    if page.viewport_size and page.viewport_size["width"] < 600:
        settle(page)
        page.get_by_role("button", name="Libraries").first.click()
    settle(page)
    page.get_by_role("link", name="Shows").first.click()
    expect(page.get_by_role("heading", name="Shows")).to_be_visible()
    settle(page)
    page.locator("ul.grid a").first.click()


def proposals(page: Page, base: str) -> None:
    """A recording with a list of breaks beside it, of which nothing is decided."""
    page.goto(f"{base}/")
    page.get_by_role("link", name=OTHER_MOVIE).first.click()
    expect(page.get_by_role("button", name="Set in")).to_be_enabled(timeout=60_000)
    if page.get_by_test_id("sheet").count():
        page.get_by_test_id("sheet").tap()
    expect(page.get_by_test_id("proposals").first).to_be_visible(timeout=60_000)


def two_up(page: Page, base: str) -> None:
    """The frames on both sides of an edge."""
    open_movie(page, base)
    settle(page)
    page.keyboard.press("t")


def keys(page: Page, base: str) -> None:
    """The help."""
    open_movie(page, base)
    page.keyboard.press("F1")


def cut(page: Page, base: str) -> None:
    """The dialog for one recording."""
    open_movie(page, base)
    settle(page)
    page.get_by_test_id("open-cut").click()


def jobs(page: Page, base: str) -> None:
    """The drawer, with a certificate."""
    library(page, base)
    page.get_by_role("button", name="Show jobs").first.click()
    page.get_by_role("button", name="Certificate").first.click()


def trash(page: Page, base: str) -> None:
    """What cuts in place left."""
    page.goto(f"{base}/trash")


STEPS: dict[str, Callable[[Page, str], None]] = {
    "setup": setup, "library": library, "table": table, "select": select, "batch": batch, "show": show,
    "editor": open_movie, "proposals": proposals, "two-up": two_up, "keys": keys, "cut": cut, "jobs": jobs,
    "trash": trash,
}  # fmt: skip


def take(browser: Browser, base: str, only: list[str]) -> None:
    """All pictures of all views."""
    with_jobs = browser.new_page(locale="en-GB", viewport={"width": 1280, "height": 800})
    finished_cut(with_jobs, base)
    open_movie(with_jobs, base)
    settle(with_jobs)
    with_jobs.close()
    for device, (width, height) in DEVICES.items():
        for scheme in SCHEMES:
            touch = device == "phone"
            for name in only:
                context = browser.new_context(
                    locale="en-GB", viewport={"width": width, "height": height}, color_scheme=scheme,  # type: ignore[arg-type]
                    has_touch=touch, is_mobile=touch, device_scale_factor=2 if touch else 1,
                )  # fmt: skip
                page = context.new_page()
                STEPS[name](page, base)
                settle(page)
                page.mouse.move(1, height - 1)
                page.wait_for_timeout(300)
                picture = Image.open(io.BytesIO(page.screenshot()))
                picture.convert("RGB").save(VIEWS / f"{name}-{device}-{scheme}.webp", quality=QUALITY, method=6)
                context.close()
                print(name, device, scheme, flush=True)


def gallery() -> str:
    """The page that shows them."""
    lines = ["# Every view", "", "As it is, light and dark, on a desktop and on a phone; over the demo library.", ""]
    for name, title in TITLES.items():
        lines += [f"## {title}", ""]
        for device, width in (("desktop", 400), ("phone", 190)):
            for scheme in SCHEMES:
                source = f"screenshots/views/{name}-{device}-{scheme}.webp"
                lines.append(f'<img src="{source}" alt="{title}, {device}, {scheme}" width="{width}">')
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    """Take them all, or those that are named."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, help="a data folder to keep")
    options.add_argument("views", nargs="*", choices=[*STEPS, []], help="only these views")
    chosen = options.parse_args()
    VIEWS.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        served(data := chosen.data or Path(folder)) as base,
        sync_playwright() as play,
    ):
        for film in data.rglob(f"{OTHER_MOVIE} (*).ts"):
            film.with_suffix(".edl").write_text("0\t4.3\t3\n39.0\t58.3\t3\n89.0\t104.0\t3\n")
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        take(browser, base, chosen.views or list(STEPS))
        browser.close()
    GALLERY.write_text(gallery())


if __name__ == "__main__":
    main()
