"""The time line as browser tests see it: which frame lies where, and what its canvas shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from playwright.sync_api import Locator, Page

from tests.media_factory import read_number

_CANVAS = """([canvas, box]) => {
    const small = document.createElement('canvas');
    small.width = 160; small.height = 96;
    const scale = canvas.width / canvas.clientWidth;
    const context = small.getContext('2d');
    context.drawImage(canvas, box.x * scale, box.y * scale, box.w * scale, box.h * scale, 0, 0, 160, 96);
    return Array.from(context.getImageData(0, 0, 160, 96).data);
}"""

# Middles of the rows of a time line for a mouse, without chapters (components/timeline/layout.ts).
RULER_Y, BAR_Y, STRIP_Y = 24, 47, 90
STRIP_TOP, STRIP_HEIGHT = 58, 64
TILE_WIDTH = 114


@dataclass
class TimeLine:
    """The time line of a page."""

    page: Page

    @property
    def box(self) -> Locator:
        """The element."""
        return self.page.get_by_test_id("timeline")

    def x_of(self, frame: float) -> float:
        """Where a frame's left edge lies, from the left edge of the time line."""
        start, span = (float(self.box.get_attribute(name) or 0) for name in ("data-start", "data-span"))
        box = self.box.bounding_box()
        assert box is not None
        return (frame - start) / span * box["width"]

    def point(self, frame: float, y: float) -> tuple[float, float]:
        """The same as a point of the page."""
        box = self.box.bounding_box()
        assert box is not None
        return box["x"] + self.x_of(frame), box["y"] + y

    def click(self, frame: int, y: float = STRIP_Y, **more: Any) -> None:
        """Click on the middle of a frame."""
        self.page.mouse.click(*self.point(frame + 0.5, y), **more)

    def drag(self, start: float, end: float, y: float) -> None:
        """Drag from one place to another."""
        self.page.mouse.move(*self.point(start, y))
        self.page.mouse.down()
        x, height = self.point(end, y)
        self.page.mouse.move(x + 12, height, steps=4)
        self.page.mouse.move(x, height, steps=3)
        self.page.mouse.up()

    def number_at(self, frame: int) -> int | None:
        """The number in the pixels of a frame's place in the strip, when single frames are shown."""
        left, right = self.x_of(frame), self.x_of(frame + 1)
        middle = (left + right) / 2
        box = {"x": middle - TILE_WIDTH / 2 + 4, "y": STRIP_TOP + 4, "w": TILE_WIDTH - 8, "h": STRIP_HEIGHT - 8}
        canvas = self.box.locator("canvas").first.element_handle()
        pixels = np.array(self.page.evaluate(_CANVAS, [canvas, box]), np.uint8).reshape(96, 160, 4)
        return read_number(pixels)
