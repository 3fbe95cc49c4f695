"""Drawing for the demo pictures: colours as video levels, layers, and text sprites with soft edges."""

from __future__ import annotations

import colorsys
import math
import random
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Plane = npt.NDArray[np.uint8]
Rgb = tuple[int, int, int]

BLACK_LUMA = 16
NEUTRAL_CHROMA = 128


def hsv(hue: float, saturation: float, value: float) -> Rgb:
    """A colour from hue, saturation and value, each 0..1 (hue wraps)."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


@dataclass(frozen=True)
class Canvas:
    """A 4:2:0 picture in one array, as FFmpeg takes it: (h * 3/2, w) uint8; the planes are views of it."""

    data: Plane
    y: Plane
    u: Plane
    v: Plane

    @classmethod
    def blank(cls, width: int, height: int) -> Canvas:
        """A black canvas."""
        data = np.empty((height * 3 // 2, width), np.uint8)
        quarter = height // 4
        u = data[height : height + quarter].reshape(height // 2, width // 2)
        v = data[height + quarter :].reshape(height // 2, width // 2)
        canvas = cls(data, data[:height], u, v)
        canvas.blacken()
        return canvas

    def blacken(self) -> None:
        """Make every pixel black."""
        self.y[:] = BLACK_LUMA
        self.u[:] = NEUTRAL_CHROMA
        self.v[:] = NEUTRAL_CHROMA


@dataclass(frozen=True)
class Layer:
    """A picture as planes with an optional opaque-or-not mask; it repeats every `period_px` columns.

    The planes are one picture width wider than the period, so that any window on them is a plain slice.
    """

    y: Plane
    u: Plane
    v: Plane
    mask: npt.NDArray[np.bool_] | None
    small_mask: npt.NDArray[np.bool_] | None
    top: int
    period_px: int

    def paint(self, canvas: Canvas, offset_px: int) -> None:
        """Paint the window that begins `offset_px` columns into the layer."""
        height, width = canvas.y.shape
        begin = offset_px % self.period_px & ~1
        rows = slice(self.top, height)
        small_rows = slice(self.top // 2, height // 2)
        columns = slice(begin, begin + width)
        small_columns = slice(begin // 2, (begin + width) // 2)
        if self.mask is None or self.small_mask is None:
            canvas.y[rows] = self.y[:, columns]
            canvas.u[small_rows] = self.u[:, small_columns]
            canvas.v[small_rows] = self.v[:, small_columns]
            return
        small_mask = self.small_mask[:, small_columns]
        np.copyto(canvas.y[rows], self.y[:, columns], where=self.mask[:, columns])
        np.copyto(canvas.u[small_rows], self.u[:, small_columns], where=small_mask)
        np.copyto(canvas.v[small_rows], self.v[:, small_columns], where=small_mask)


@dataclass(frozen=True)
class Sprite:
    """A small picture with soft edges, as planes already multiplied by its opacity, for quick blending."""

    y: npt.NDArray[np.uint16]
    u: npt.NDArray[np.uint16]
    v: npt.NDArray[np.uint16]
    keep: npt.NDArray[np.uint16]
    small_keep: npt.NDArray[np.uint16]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels, both even."""
        return self.y.shape[1], self.y.shape[0]

    def paint(self, canvas: Canvas, left: int, top: int) -> None:
        """Blend the sprite in; what lies outside the canvas is cut off. Positions are rounded down to even ones."""
        left, top = left & ~1, top & ~1
        height, width = canvas.y.shape
        x0, x1 = max(0, left), min(width, left + self.y.shape[1])
        y0, y1 = max(0, top), min(height, top + self.y.shape[0])
        if x0 >= x1 or y0 >= y1:
            return
        _blend(canvas.y[y0:y1, x0:x1], self.y, self.keep, (y0 - top, x0 - left))
        small = (slice(y0 // 2, y1 // 2), slice(x0 // 2, x1 // 2))
        begin = ((y0 - top) // 2, (x0 - left) // 2)
        _blend(canvas.u[small], self.u, self.small_keep, begin)
        _blend(canvas.v[small], self.v, self.small_keep, begin)


def _blend(target: Plane, source: Any, keep: Any, begin: tuple[int, int]) -> None:
    rows = slice(begin[0], begin[0] + target.shape[0])
    columns = slice(begin[1], begin[1] + target.shape[1])
    target[:] = (target * keep[rows, columns] + source[rows, columns]) >> 8


def to_planes(rgb: npt.NDArray[np.uint8]) -> tuple[Plane, Plane, Plane]:
    """(h, w, 3) RGB of even size as y, u, v planes in video range (BT.709, as television has it)."""
    red, green, blue = (rgb[..., channel].astype(np.float32) for channel in range(3))
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    y = 16 + luma * (219 / 255)
    u = 128 + (blue - luma) / 1.8556 * (224 / 255)
    v = 128 + (red - luma) / 1.5748 * (224 / 255)
    return _round(y), _round(_halve(u)), _round(_halve(v))


def _halve(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    height, width = plane.shape
    halved: npt.NDArray[np.float32] = plane.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    return halved


def _round(plane: npt.NDArray[np.float32]) -> Plane:
    rounded: Plane = np.clip(plane + 0.5, 0, 255).astype(np.uint8)
    return rounded


def make_layer(image: Image.Image, window_px: int, top: int = 0) -> Layer:
    """A layer of an RGB or RGBA image that repeats every image width; `top`: the canvas row where it begins."""
    pixels = np.asarray(image.convert("RGBA"))
    wide = np.concatenate([pixels, *[pixels] * math.ceil(window_px / pixels.shape[1])], axis=1)
    wide = np.ascontiguousarray(wide[:, : pixels.shape[1] + window_px])
    y, u, v = to_planes(wide[..., :3])
    mask = wide[..., 3] > 127
    if mask.all():
        return Layer(y, u, v, None, None, top, pixels.shape[1])
    return Layer(y, u, v, mask, mask[::2, ::2].copy(), top, pixels.shape[1])


def make_sprite(image: Image.Image, pixel_aspect: Fraction = Fraction(1)) -> Sprite:
    """A sprite of an RGBA image drawn in square pixels."""
    width = max(2, round(image.width / pixel_aspect / 2) * 2)
    height = max(2, round(image.height / 2) * 2)
    pixels = np.asarray(image.convert("RGBA").resize((width, height), Image.Resampling.BILINEAR))
    y, u, v = to_planes(pixels[..., :3])
    alpha = np.round(pixels[..., 3].astype(np.float32) * (256 / 255))
    small_alpha = np.round(_halve(alpha))
    return Sprite(
        (y * alpha).astype(np.uint16),
        (u * small_alpha).astype(np.uint16),
        (v * small_alpha).astype(np.uint16),
        (256 - alpha).astype(np.uint16),
        (256 - small_alpha).astype(np.uint16),
    )


def gradient(size: tuple[int, int], top: Rgb, bottom: Rgb) -> Image.Image:
    """A picture that goes from one colour to another, top to bottom."""
    share = np.linspace(0, 1, size[1])[:, None, None]
    rows = np.array(top) * (1 - share) + np.array(bottom) * share
    return Image.fromarray(np.broadcast_to(rows, (size[1], size[0], 3)).astype(np.uint8).copy(), "RGB")


def text_image(text: str, height_px: int, colour: Rgb, *, opacity: float = 1.0, shadow: bool = True) -> Image.Image:
    """Text on nothing, with a soft shadow so that it is readable on anything."""
    font = ImageFont.load_default(height_px)
    left, top, right, bottom = font.getbbox("".join(_base(character) for character in text))
    margin = max(2, height_px // 6)
    image = Image.new("RGBA", (round(right - left) + 2 * margin, round(bottom - top) + 2 * margin), (0, 0, 0, 0))
    alpha = round(255 * opacity)
    place = (margin - left, margin - top)
    if shadow:
        step = max(1, height_px // 16)
        _draw_text(image, (place[0] + step, place[1] + step), text, font, (0, 0, 0, alpha * 2 // 3))
    _draw_text(image, place, text, font, (*colour, alpha))
    return image


def _draw_text(
    image: Image.Image, place: tuple[float, float], text: str, font: Any, colour: tuple[int, int, int, int]
) -> None:
    """Draw text, with the dots of umlauts by hand: the font that comes with Pillow has none."""
    draw = ImageDraw.Draw(image)
    plain = "".join(_base(character) for character in text)
    draw.text(place, plain, font=font, fill=colour)
    for index, character in enumerate(text):
        if _base(character) == character:
            continue
        begin, end = font.getlength(plain[:index]), font.getlength(plain[: index + 1])
        radius = (end - begin) * 0.09
        top = place[1] + font.getbbox(plain[index])[1] - 3.5 * radius
        for share in (0.3, 0.7):
            x = place[0] + begin + (end - begin) * share
            draw.ellipse((x - radius, top, x + radius, top + 2 * radius), fill=colour)


def _base(character: str) -> str:
    """The letter without its umlaut dots."""
    return "".join(part for part in unicodedata.normalize("NFD", character) if part != "\u0308")


def skyline(kind: str, size: tuple[int, int], seed: int) -> list[tuple[float, float]]:
    """Points of a periodic outline from left to right, within (0, 0) top left to `size`, for the style's ground."""
    chance = random.Random(seed)
    width, height = size
    if kind == "city":
        points: list[tuple[float, float]] = []
        x = 0.0
        while x < width:
            step = min(chance.uniform(0.03, 0.08) * width, width - x)
            top = chance.uniform(0.1, 0.8) * height
            points += [(x, top), (x + step, top)]
            x += step
        return points
    waves = [(count, chance.uniform(0.3, 1) / count, chance.uniform(0, math.tau)) for count in (2, 3, 5, 9)]
    if kind == "sea":
        waves = [(count, 0.25, phase) for count, (_, _, phase) in zip((7, 11, 16, 3), waves, strict=True)]
    total = sum(amplitude for _, amplitude, _ in waves) * (4 if kind == "sea" else 1)
    points = []
    for x in range(0, width + 1, 2):
        level = sum(amplitude * math.sin(math.tau * count * x / width + phase) for count, amplitude, phase in waves)
        points.append((x, height * (0.5 - 0.45 * level / total)))
    return points
