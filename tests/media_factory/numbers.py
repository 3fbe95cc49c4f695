"""Pictures that carry their own frame number, and the reader that gets it back.

Layout, in shares of the picture, so that it survives any scaling: 16 columns, one per bit, most significant bit left.
Rows of an eighth of the height: the top row holds the bits, the next one their complement, and the bottom row the
bits turned by five columns. A picture that mixes two frames, or is damaged in one of these places, does not agree
with itself and reads as None. Between the rows a bar moves and a band of colour drifts, for human eyes and so that
every frame differs from its neighbours outside the number too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[Any]

BITS = 16
MAX_NUMBER = (1 << BITS) - 1

_ROWS = 8
_TURN = 5
_BLACK = 24
_WHITE = 226
_MIN_CONTRAST = 60.0


def draw_yuv(number: int, width: int, height: int, *, interlaced: str | None = None) -> tuple[Picture, ...]:
    """Planes (y, u, v) of frame `number`, 8 bits, 4:2:0, video range.

    With `interlaced` "tff" or "bff" the moving parts differ between the two fields as they do in a camera's
    picture; the number is the same in both.
    Raises: ValueError for a number that does not fit into 16 bits or an odd size.
    """
    if not 0 <= number <= MAX_NUMBER:
        raise ValueError(f"frame number {number} does not fit into {BITS} bits")
    if width % 2 or height % 2:
        raise ValueError(f"4:2:0 needs an even size, not {width}x{height}")
    luma = _scene(2 * number, width, height)
    if interlaced is not None:
        second = _scene(2 * number + 1, width, height)
        first_line_of_second = 1 if interlaced == "tff" else 0
        luma[first_line_of_second::2] = second[first_line_of_second::2]
    bits = [bool(number >> (BITS - 1 - column) & 1) for column in range(BITS)]
    turned = bits[_TURN:] + bits[:_TURN]
    for row, values in ((0, bits), (1, [not bit for bit in bits]), (_ROWS - 1, turned)):
        top, bottom = row * height // _ROWS, (row + 1) * height // _ROWS
        for column, bit in enumerate(values):
            left, right = column * width // BITS, (column + 1) * width // BITS
            luma[top:bottom, left:right] = _WHITE if bit else _BLACK
    chroma_u = np.full((height // 2, width // 2), 128, np.uint8)
    chroma_v = np.full((height // 2, width // 2), 128, np.uint8)
    middle = slice(height // 8, height // 2 - height // 16)
    drift = (np.arange(width // 2) + number) % 128
    chroma_u[middle] = 96 + np.abs(drift - 64)
    chroma_v[middle] = 160 - np.abs(drift - 64)
    return luma, chroma_u, chroma_v


def with_grain(planes: tuple[Picture, ...], number: int, deviation: int) -> tuple[Picture, ...]:
    """Planes with noise everywhere but in the rows of the number; the same for the same number."""
    random = np.random.default_rng(number)
    noisy = []
    for plane in planes:
        high = plane.shape[0]
        middle = plane[high // 4 : high - high // 8].astype(np.int16)
        middle += random.normal(0, deviation, middle.shape).astype(np.int16)
        out = plane.copy()
        out[high // 4 : high - high // 8] = middle.clip(16, 235)
        noisy.append(out)
    return tuple(noisy)


def read_number(picture: Picture) -> int | None:
    """The frame number a picture carries, or None where it does not carry one that agrees with itself.

    `picture`: (h, w) gray or (h, w, 3|4) RGB of any size from about 48x24 pixels, uint8 (or wider, scaled to 0..255).
    """
    gray = np.asarray(picture)
    if gray.ndim == 3:
        gray = gray[..., :3].astype(np.float32).mean(axis=2)
    height, width = gray.shape
    if height < 3 * _ROWS or width < 3 * BITS:
        return None
    top = _row_levels(gray, 0)
    complement = _row_levels(gray, 1)
    bottom = _row_levels(gray, _ROWS - 1)
    if np.any(np.abs(top - complement) < _MIN_CONTRAST):
        return None
    bits = top > complement
    turned = np.roll(bits, -_TURN)
    middle_level = (top + complement).mean() / 2
    if np.any(np.abs(bottom - middle_level) < _MIN_CONTRAST / 2) or np.any((bottom > middle_level) != turned):
        return None
    return int(sum(1 << (BITS - 1 - column) for column in range(BITS) if bits[column]))


def _row_levels(gray: Picture, row: int) -> Picture:
    """Mean level of the inner part of each of a row's 16 cells."""
    height, width = gray.shape
    cell_height, cell_width = height / _ROWS, width / BITS
    top = round((row + 0.25) * cell_height)
    bottom = max(top + 1, round((row + 0.75) * cell_height))
    levels = np.empty(BITS, np.float64)
    for column in range(BITS):
        left = round((column + 0.25) * cell_width)
        right = max(left + 1, round((column + 0.75) * cell_width))
        levels[column] = gray[top:bottom, left:right].mean()
    return levels


def _scene(moment: int, width: int, height: int) -> Picture:
    """Luma of the moving scene at a moment counted in fields: a slow ramp and a bar that goes from side to side."""
    ramp = 70 + (np.arange(width) * 80 // width + moment // 2) % 80
    luma = np.broadcast_to(ramp.astype(np.uint8), (height, width)).copy()
    bar = max(4, width // 16)
    span = width - bar
    position = (moment * 3) % (2 * span)
    left = position if position < span else 2 * span - position
    luma[height // 4 : height - height // 8, left : left + bar] = 200
    return luma
