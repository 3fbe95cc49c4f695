"""A running `plexcut serve` for browser tests, and the page as these tests see it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Locator, Page, expect

from tests.media_factory import read_number

ROOT = Path(__file__).resolve().parents[2]

_PIXELS = """async (picture) => {
    // The address changes when the sharp picture takes the place of the quick one.
    for (let tries = 0; tries < 5; tries += 1) {
        const done = await picture.decode().then(() => true, () => false);
        if (done) break;
        await new Promise((resolve) => setTimeout(resolve, 30));
    }
    const canvas = document.createElement('canvas');
    canvas.width = 160; canvas.height = 96;
    const context = canvas.getContext('2d');
    context.drawImage(picture, 0, 0, 160, 96);
    return Array.from(context.getImageData(0, 0, 160, 96).data);
}"""


class Server:
    """`plexcut serve` on a free port, with its own data folder below `home` and the given options and settings."""

    def __init__(self, home: Path, *options: str, **settings: str) -> None:
        home.mkdir(parents=True, exist_ok=True)
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "PLEXCUT_DATA_DIR": str(home / "data"),
            "XDG_CONFIG_HOME": str(home / "config"),
            **settings,
        }
        command = [sys.executable, "-c", "from plexcut.cli import main; main()", "serve", "--port", "0", *options]
        self._log = (home / "server.log").open("w")
        self._process = subprocess.Popen(
            command, env=environment, cwd=home, stdout=subprocess.PIPE, stderr=self._log, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert "ready at http" in line, (home / "server.log").read_text()
        self.address = line.split()[-1].rstrip("/")

    def get(self, path: str) -> Any:
        """The JSON at `path`."""
        with urllib.request.urlopen(self.address + path, timeout=60) as answer:
            return json.load(answer)

    def put(self, path: str, body: Any) -> Any:
        """Put JSON there; the answer."""
        data, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
        request = urllib.request.Request(self.address + path, data=data, headers=headers, method="PUT")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def recordings(self, section: int = 0) -> dict[str, str]:
        """Recording ids by title, of one of the first library's sections."""
        library = self.get("/api/libraries")["libraries"][0]["id"]
        name = self.get(f"/api/libraries/{library}/sections")["sections"][section]["id"]
        items = self.get(f"/api/libraries/{library}/sections/{name}/items?limit=1000")["items"]
        return {item["title"]: item["recording"] for item in items}

    def kept(self, recording: str) -> list[list[int]]:
        """The saved keep list, in frames."""
        frames: list[list[int]] = self.get(f"/api/recordings/{recording}/keep")["keep_frames"]
        return frames

    def expect_kept(self, recording: str, frames: list[list[int]]) -> None:
        """The saved keep list is this one, at once or soon: a page may say "saved" of the edit before."""
        until = time.monotonic() + 45
        while (kept := self.kept(recording)) != frames and time.monotonic() < until:
            time.sleep(0.1)
        assert kept == frames

    def stop(self) -> None:
        """End it and everything it started."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()


@dataclass
class Editor:
    """The editor of one recording in a browser page."""

    page: Page

    @property
    def picture(self) -> Locator:
        """The large picture."""
        return self.page.locator("img.picture")

    def open(self, server: Server, recording: str, place: str = "0") -> None:
        """Show the recording and wait until it can be edited."""
        self.page.goto(f"{server.address}/edit/{recording}?t={place}")
        expect(self.page.get_by_test_id("frame-number")).to_contain_text(" / ")
        expect(self.page.get_by_test_id("save-state")).to_have_attribute("data-state", "saved")
        self.wait_in_button()

    def wait_in_button(self) -> None:
        """Until the keep list is loaded the marks cannot be set."""
        expect(self.page.get_by_role("button", name="Set in")).to_be_enabled()

    def expect_frame(self, number: int) -> None:
        """The readout says this frame, and the picture really is it."""
        expect(self.picture).to_have_attribute("data-frame", str(number))
        seen = self.number_in(self.picture)
        assert seen == number, f"the picture shows {seen}, the readout says {number}"

    def number_in(self, picture: Locator) -> int | None:
        """The number that a picture on the page carries in its pixels."""
        return self.number_of(picture.evaluate(_PIXELS))

    def number_of(self, pixels: list[int]) -> int | None:
        """The number in 160 x 96 pixels, as a canvas tells them; None where two frames are mixed."""
        return read_number(np.array(pixels, np.uint8).reshape(96, 160, 4))

    def go_to(self, written: str) -> None:
        """Type a time or frame number."""
        field = self.page.get_by_label("Go to a time or frame")
        field.fill(written)
        field.press("Enter")

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def mark(self, start: int, end: int) -> None:
        """Keep the frames from `start` to before `end` by keys."""
        self.go_to(f"#{start}")
        self.expect_frame(start)
        self.press("i")
        self.go_to(f"#{end}")
        self.expect_frame(end)
        self.press("o")

    def expect_saved(self) -> None:
        """The list is saved."""
        expect(self.page.get_by_test_id("save-state")).to_have_attribute("data-state", "saved")
