"""The one image that the pictures of a filmstrip lie in: rows of equal tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from plexcut.errors import UsageError

MAX_PX = 4096
"""Wide or high. Larger images are not shown by browsers on phones (JPEG itself could have 65,535)."""


@dataclass(frozen=True, slots=True)
class Grid:
    """`columns` x `rows` tiles of `(w, h)` pixels, filled row by row."""

    columns: int
    rows: int
    size: tuple[int, int]

    @property
    def width(self) -> int:
        return self.columns * self.size[0]

    @property
    def height(self) -> int:
        return self.rows * self.size[1]

    def place(self, number: int) -> tuple[int, int]:
        """Where a tile's upper left corner is: x and y."""
        return number % self.columns * self.size[0], number // self.columns * self.size[1]


def make_grid(count: int, size: tuple[int, int]) -> Grid:
    """The grid for `count` tiles, in as few rows as there can be, with little left over.

    Raises:
        UsageError: they are too many for one image.
    """
    across, down = MAX_PX // size[0], MAX_PX // size[1]
    if count > across * down:
        raise UsageError(
            f"{count} pictures of {size[0]}x{size[1]} do not fit into one image",
            f"at most {across * down} of this height",
        )
    rows = -(-count // across)
    columns = -(-count // rows)
    return Grid(columns, -(-count // columns), size)


def compose(grid: Grid, pictures: Sequence[bytes]) -> VideoFrame:
    """The image, in the format of `Scaler.planes`; black where no tile lies."""
    width, height = grid.size
    luma = np.zeros((grid.height, grid.width), np.uint8)
    chroma = np.full((2, grid.height // 2, grid.width // 2), 128, np.uint8)
    for number, planes in enumerate(pictures):
        x, y = grid.place(number)
        samples = np.frombuffer(planes, np.uint8)
        luma[y : y + height, x : x + width] = samples[: width * height].reshape(height, width)
        chroma[:, y // 2 : (y + height) // 2, x // 2 : (x + width) // 2] = samples[width * height :].reshape(
            2, height // 2, width // 2
        )
    whole = np.concatenate((luma.ravel(), chroma.ravel())).reshape(grid.height * 3 // 2, grid.width)
    image = VideoFrame.from_ndarray(whole, format="yuvj420p")
    image.colorspace = Colorspace.ITU601
    image.color_range = ColorRange.JPEG
    return image
