"""The pictures of a demo recording: landscapes with logo and counter, bright adverts, and black between them."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from fractions import Fraction

from PIL import Image, ImageDraw, ImageFilter

from plexcut.demo.graphics import (
    Canvas,
    Layer,
    Sprite,
    gradient,
    hsv,
    make_layer,
    make_sprite,
    skyline,
    text_image,
)
from plexcut.demo.plan import DemoRecording, Format, Part, Poster, SceneStyle

_PRODUCTS = (
    ("Knisp!", "Der Keks, der knistert"),
    ("Flusenfrei", "Wischt, wo sonst keiner wischt"),
    ("Turbolino", "Schneller müde werden"),
    ("Wolkenbad", "Schaum wie am ersten Tag"),
    ("Brummfix", "Damit nichts mehr brummt"),
    ("Sonnentopf", "Suppe. Einfach Suppe."),
)

_TITLE_S = 4.0
_SHOT_S = 8.0


@dataclass(frozen=True)
class _Shot:
    """A landscape that scrolls by: sky, far and near ground, and something that floats across."""

    sky: Layer
    far: Layer
    near: Layer
    floater: Sprite
    pace: float

    def paint(self, canvas: Canvas, at_s: float) -> None:
        height, width = canvas.y.shape
        self.sky.paint(canvas, int(at_s * self.pace * 12))
        self.far.paint(canvas, int(at_s * self.pace * 40))
        floater_width, floater_height = self.floater.size
        share = (at_s * self.pace / _SHOT_S) % 1
        left = int(share * (width + floater_width)) - floater_width
        top = int(height * (0.3 + 0.06 * math.sin(at_s * 1.7))) - floater_height // 2
        self.floater.paint(canvas, left, top)
        self.near.paint(canvas, int(at_s * self.pace * 110))


@dataclass(frozen=True)
class _Advert:
    """Bright stripes, a ball that jumps, a product and its slogan."""

    stripes: Layer
    ball: Sprite
    name: Sprite
    slogan: Sprite
    pace: int

    def paint(self, canvas: Canvas, at_s: float) -> None:
        height, width = canvas.y.shape
        self.stripes.paint(canvas, int(at_s * self.pace))
        ball_width, ball_height = self.ball.size
        jump = abs(math.sin(at_s * 4.2))
        self.ball.paint(
            canvas,
            int((width - ball_width) * (0.5 + 0.42 * math.sin(at_s * 1.3))),
            int((height - ball_height) * (1 - jump)),
        )
        slide = min(1.0, at_s / 0.6)
        name_width, name_height = self.name.size
        self.name.paint(
            canvas, int((width + name_width) / 2 * slide) - name_width, int(height * 0.4) - name_height // 2
        )
        if at_s > 1.2:
            slogan_width, _ = self.slogan.size
            self.slogan.paint(canvas, (width - slogan_width) // 2, int(height * 0.6))


class PictureMaker:
    """Paints any frame of a recording. Not for use by two threads at once: it paints on one canvas."""

    def __init__(self, recording: DemoRecording) -> None:
        coded = recording.format
        self._recording = recording
        self._canvas = Canvas.blank(coded.width, coded.height)
        self._field = Canvas.blank(coded.width, coded.height) if coded.interlaced else None
        self._starts_ms = [
            sum(part.duration_ms for part in recording.parts[:index]) for index in range(len(recording.parts))
        ]
        self._part_index = 0
        self._shots: dict[tuple[int, int], _Shot] = {}
        self._adverts: dict[int, _Advert] = {}
        self._logo = make_sprite(_logo_image(coded.height // 9), coded.pixel_aspect)
        self._titles = [
            make_sprite(_fitted_text(line, coded, height), coded.pixel_aspect)
            for line, height in zip(recording.lines, (coded.height // 9, coded.height // 18), strict=True)
        ]
        self._glyphs = _counter_glyphs(coded)

    def frame(self, number: int) -> Canvas:
        """The frame with this number, counted from 0. The canvas is painted over by the next call."""
        fps = self._recording.format.fps
        self._paint(self._canvas, number, Fraction(number, fps))
        if self._field is not None:
            # The second field is half a frame later; odd lines belong to it (top field first).
            self._paint(self._field, number, Fraction(2 * number + 1, 2 * fps))
            self._canvas.y[1::2] = self._field.y[1::2]
            self._canvas.u[1::2] = self._field.u[1::2]
            self._canvas.v[1::2] = self._field.v[1::2]
        return self._canvas

    def _paint(self, canvas: Canvas, number: int, time_s: Fraction) -> None:
        part, start_ms = self._part_at(time_s)
        at_s = float(time_s - Fraction(start_ms, 1000))
        if part.kind == "black":
            canvas.blacken()
        elif part.kind == "advert":
            self._advert(part.number).paint(canvas, at_s)
        else:
            shot = int(at_s / _SHOT_S)
            self._shot(part.number, shot).paint(canvas, at_s - shot * _SHOT_S)
            if part.number == 0 and at_s < _TITLE_S:
                self._paint_title(canvas)
            self._paint_logo(canvas)
            self._paint_counter(canvas, number)

    def _part_at(self, time_s: Fraction) -> tuple[Part, int]:
        time_ms = time_s * 1000
        for index in range(len(self._starts_ms) - 1, -1, -1):
            if self._starts_ms[index] <= time_ms:
                return self._recording.parts[index], self._starts_ms[index]
        return self._recording.parts[0], 0

    def _shot(self, part: int, shot: int) -> _Shot:
        key = (part, shot % 3)
        if key not in self._shots:
            seed = 10 * part + shot % 3
            hue = self._recording.hue + 0.07 * (seed % 5)
            self._shots[key] = _make_shot(self._recording.style, hue, self._recording.format, seed)
        return self._shots[key]

    def _advert(self, number: int) -> _Advert:
        if number not in self._adverts:
            self._adverts[number] = _make_advert(number + round(self._recording.hue * 100), self._recording.format)
        return self._adverts[number]

    def _paint_title(self, canvas: Canvas) -> None:
        height, width = canvas.y.shape
        for sprite, place in zip(self._titles, (0.36, 0.52), strict=True):
            sprite.paint(canvas, (width - sprite.size[0]) // 2, int(height * place))

    def _paint_logo(self, canvas: Canvas) -> None:
        height, width = canvas.y.shape
        self._logo.paint(canvas, width - self._logo.size[0] - width // 20, height // 14)

    def _paint_counter(self, canvas: Canvas, number: int) -> None:
        """Time since the recording's start as minutes, seconds and frames, and the frame number."""
        fps = self._recording.format.fps
        seconds, frame = divmod(number, fps)
        text = f"{seconds // 60:02}:{seconds % 60:02}:{frame:02}  {number:05}"
        height, width = canvas.y.shape
        glyph_width, glyph_height = self._glyphs["0"].size
        left, top = width // 20 & ~1, height - glyph_height - height // 12
        for index, character in enumerate(text):
            self._glyphs[character].paint(canvas, left + index * glyph_width, top)


def draw_poster(poster: Poster, size: tuple[int, int] = (400, 600)) -> Image.Image:
    """A poster: the show's or movie's landscape with its title."""
    width, height = size
    image = gradient(size, hsv(poster.hue + 0.05, 0.75, 0.35), hsv(poster.hue, 0.5, 0.95)).convert("RGBA")
    draw = ImageDraw.Draw(image)
    draw.ellipse((width * 0.5, height * 0.31, width * 0.78, height * 0.31 + width * 0.28), fill=(255, 240, 200, 255))
    for index, top in enumerate((0.5, 0.62, 0.76)):
        outline = skyline(poster.style, (width, int(height * 0.2)), seed=31 + index)
        points = [(x, y + top * height) for x, y in outline]
        draw.polygon(
            [(0, height), *points, (width, height)], fill=(*hsv(poster.hue + 0.02, 0.7, 0.5 - 0.15 * index), 255)
        )
    words = poster.lines[0].split()
    lines = [" ".join(words[: (len(words) + 1) // 2]), " ".join(words[(len(words) + 1) // 2 :])]
    top_px = height // 14
    for line in filter(None, lines):
        text = _fitted(text_image(line, height // 11, (255, 255, 255)), width * 9 // 10)
        image.alpha_composite(text, ((width - text.width) // 2, top_px))
        top_px += text.height
    label = text_image(poster.lines[1], height // 24, (255, 235, 200))
    image.alpha_composite(label, ((width - label.width) // 2, height - height // 10))
    return image.convert("RGB")


def _make_shot(style: SceneStyle, hue: float, coded: Format, seed: int) -> _Shot:
    width, height = coded.width, coded.height
    chance = random.Random(seed)
    dark = style == "night"
    sky = gradient(
        (width * 2, height), hsv(hue + 0.05, 0.8, 0.15 if dark else 0.55), hsv(hue, 0.45, 0.35 if dark else 0.95)
    )
    draw = ImageDraw.Draw(sky)
    for _ in range(60 if dark else 14):
        x, y = chance.uniform(0, width * 2), chance.uniform(0, height * 0.45)
        radius = 1.5 if dark else chance.uniform(8, 26)
        stretch = 1 if dark else 2.5
        draw.ellipse((x - radius * stretch, y - radius / 2, x + radius * stretch, y + radius / 2), fill=(235, 238, 245))
    if not dark:
        sky = sky.filter(ImageFilter.GaussianBlur(3))
    far = _ground(style, (width * 2, height * 5 // 16 * 2), hsv(hue + 0.02, 0.55, 0.2 if dark else 0.5), seed)
    near_style = "hills" if style == "city" else style
    near = _ground(near_style, (width * 2, height // 8 * 2), hsv(hue + 0.03, 0.7, 0.1 if dark else 0.28), seed + 5)
    return _Shot(
        make_layer(sky, width),
        make_layer(far, width, height - far.height),
        make_layer(near, width, height - near.height),
        make_sprite(_balloon(height // 5, hue + 0.5), coded.pixel_aspect),
        0.7 + 0.15 * (seed % 4),
    )


def _ground(style: str, size: tuple[int, int], colour: tuple[int, int, int], seed: int) -> Image.Image:
    """The lower part of a landscape: an outline filled with colour, windows lit in a city."""
    width, height = size
    image = Image.new("RGBA", size, (*colour, 0))
    draw = ImageDraw.Draw(image)
    outline = skyline(style, (width, height // 2), seed)
    draw.polygon([(0, height), *outline, (width, height)], fill=(*colour, 255))
    if style in {"city", "night"}:
        chance = random.Random(seed)
        for _ in range(width // 4):
            x, y = chance.randrange(width), chance.randrange(height // 3, height)
            if image.getpixel((x, max(0, y - 8))) == (*colour, 255):
                draw.rectangle((x, y, x + 3, y + 4), fill=(255, 225, 140, 255))
    return image


def _balloon(height: int, hue: float) -> Image.Image:
    image = Image.new("RGBA", (height * 3 // 4, height), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    width = image.width
    draw.ellipse((1, 1, width - 2, height * 0.72), fill=(*hsv(hue, 0.8, 0.95), 255))
    draw.ellipse((width * 0.3, 1, width * 0.7, height * 0.72), fill=(*hsv(hue + 0.08, 0.5, 1), 255))
    draw.line((width * 0.25, height * 0.6, width * 0.42, height * 0.85), fill=(60, 40, 30, 255), width=2)
    draw.line((width * 0.75, height * 0.6, width * 0.58, height * 0.85), fill=(60, 40, 30, 255), width=2)
    draw.rectangle((width * 0.4, height * 0.84, width * 0.6, height - 2), fill=(110, 70, 40, 255))
    return image


def _make_advert(number: int, coded: Format) -> _Advert:
    width, height = coded.width, coded.height
    hue = (number * 0.381) % 1
    period = width // 5 & ~1
    image = Image.new("RGB", (period, height), hsv(hue, 0.85, 1.0))
    draw = ImageDraw.Draw(image)
    for shift in range(-height - period, height + period, period):
        draw.polygon(
            [(shift, height), (shift + period // 2, height), (shift + period // 2 + height, 0), (shift + height, 0)],
            fill=hsv(hue + 0.13, 0.7, 1.0),
        )
    ball = Image.new("RGBA", (height // 3, height // 3), (0, 0, 0, 0))
    ImageDraw.Draw(ball).ellipse((1, 1, ball.width - 2, ball.height - 2), fill=(*hsv(hue + 0.5, 0.9, 0.95), 255))
    ImageDraw.Draw(ball).ellipse(
        (ball.width * 0.2, ball.height * 0.15, ball.width * 0.45, ball.height * 0.4), fill=(255, 255, 255, 200)
    )
    name, slogan = _PRODUCTS[number % len(_PRODUCTS)]
    return _Advert(
        make_layer(image, width),
        make_sprite(ball, coded.pixel_aspect),
        make_sprite(_fitted_text(name, coded, height // 5), coded.pixel_aspect),
        make_sprite(_fitted_text(slogan, coded, height // 13), coded.pixel_aspect),
        width // 6 + 20 * (number % 4),
    )


def _fitted_text(text: str, coded: Format, height_px: int) -> Image.Image:
    """White text that is no wider than nine tenths of the picture."""
    return _fitted(text_image(text, height_px, (255, 255, 255)), int(coded.width * coded.pixel_aspect * 9 / 10))


def _fitted(image: Image.Image, width_px: int) -> Image.Image:
    if image.width <= width_px:
        return image
    return image.resize((width_px, image.height * width_px // image.width), Image.Resampling.BILINEAR)


def _logo_image(height_px: int) -> Image.Image:
    """The station's logo: a half transparent ring with a dot, and a word."""
    word = text_image("DEMO", height_px * 2 // 3, (255, 255, 255), opacity=0.62, shadow=False)
    image = Image.new("RGBA", (height_px + word.width, height_px), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    ring = max(2, height_px // 8)
    draw.ellipse((2, 2, height_px - 3, height_px - 3), outline=(255, 255, 255, 158), width=ring)
    inner = height_px * 0.36
    draw.ellipse((inner, inner, height_px - inner, height_px - inner), fill=(255, 255, 255, 158))
    image.alpha_composite(word, (height_px, max(0, (height_px - word.height) // 2)))
    return image


def _counter_glyphs(coded: Format) -> dict[str, Sprite]:
    """Equally wide white characters on a dark ground."""
    height = coded.height // 14
    width = round(height * 0.62)
    glyphs: dict[str, Sprite] = {}
    for character in "0123456789: ":
        image = Image.new("RGBA", (width, height * 4 // 3), (10, 12, 20, 255))
        text = text_image("0" if character == " " else character, height, (255, 255, 255), shadow=False)
        box = text.getbbox() if character != " " else None
        if box is not None:
            text = text.crop(box)
            image.alpha_composite(text, (max(0, width - text.width) // 2, (image.height - text.height) // 2))
        glyphs[character] = make_sprite(image, coded.pixel_aspect)
    return glyphs
