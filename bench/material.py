"""Lively pictures that carry their number, coded as broadcasters code them.

The bench needs streams whose bit rate is really used, because decoding costs what the bits cost: a texture that pans,
an inset that moves against it, and grain over everything, the barcode of `tests.media_factory.numbers` included.
Everything repeats after `Kind.period_frames`, so that a recording can go on for hours.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import av
import av.filter
import numpy as np
import numpy.typing as npt
from tests.media_factory.encode import Unit
from tests.media_factory.numbers import draw_yuv

Plane = npt.NDArray[np.uint8]
Wide = npt.NDArray[np.int16]

_BARCODE_ROWS = (slice(0, 2), slice(7, 8))
_ROWS = 8
_MARGIN_PX = 256
_GRAINS = 8
_SEED = 20


@dataclass(frozen=True)
class Kind:
    """What a recording of the bench is like. Fixed groups of `gop` frames, open, only the first keyframe an IDR.

    `period_frames` is a whole number of groups and of audio frames (24 and 32 ms), and returns every counter of the
    stream (H.264 frame_num and POC, HEVC POC) to where it was.
    """

    name: str
    codec: Literal["h264", "mpeg2video", "hevc"]
    width: int
    height: int
    fps: int
    gop: int
    bframes: int
    bits_per_s: int
    grain: int
    interlaced: bool = False
    sample_aspect: Fraction = Fraction(1)

    @property
    def period_frames(self) -> int:
        """Frames after which pictures and coding repeat: 30.72 s."""
        return self.fps * 3072 // 100

    @property
    def coded_frames(self) -> int:
        """Frames to encode for one period: a group before it, and the keyframe behind it with what leads it."""
        return self.period_frames + self.gop + self.bframes + 2


_ALL = (
    Kind("h264-720p50", "h264", 1280, 720, 50, 32, 3, 10_000_000, 6),
    Kind("mpeg2-576i25", "mpeg2video", 720, 576, 25, 12, 2, 5_000_000, 5, True, Fraction(64, 45)),
    Kind("h264-1080i25", "h264", 1920, 1080, 25, 32, 3, 8_000_000, 4, True),
    Kind("hevc-1080p25", "hevc", 1920, 1080, 25, 32, 3, 8_000_000, 5),
)
KINDS = {kind.name: kind for kind in _ALL}


class Scene:
    """Draws the pictures of a kind. Deterministic."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        chance = np.random.default_rng(_SEED)
        height, width = kind.height + _MARGIN_PX, kind.width + _MARGIN_PX
        self._back = _texture(chance, height, width, 50)
        self._inset = _texture(chance, height, width, 70)
        self._tint = _texture(chance, height // 2, width // 2, 25)
        grain = chance.normal(0, kind.grain, (_GRAINS, kind.height + 16, kind.width + 16))
        self._grains: Wide = grain.round().astype(np.int16)

    def draw(self, number: int) -> Plane:
        """4:2:0 picture with the number, planes stacked as PyAV takes them: (height * 3 / 2, width) uint8."""
        kind = self._kind
        luma = self._luma(2 * number)
        if kind.interlaced:
            luma[1::2] = self._luma(2 * number + 1)[1::2]
        barcode = draw_yuv(number, kind.width, kind.height)[0].astype(np.int16)
        for rows in _BARCODE_ROWS:
            lines = slice(rows.start * kind.height // _ROWS, rows.stop * kind.height // _ROWS)
            luma[lines] = barcode[lines] + (luma[lines] - 128) // 4
        x, y = self._pan(2 * number, 1, 2)
        chroma = self._tint[y // 2 :, x // 2 :][: kind.height // 2, : kind.width // 2]
        planes = [np.clip(plane, 16, 235).astype(np.uint8) for plane in (luma, chroma + 128, 128 - chroma)]
        return np.concatenate([plane.reshape(-1) for plane in planes]).reshape(-1, kind.width)

    def _luma(self, moment: int) -> Wide:
        kind = self._kind
        x, y = self._pan(moment, 1, 2)
        luma = self._back[y:, x:][: kind.height, : kind.width] + np.int16(128)
        x, y = self._pan(moment, 3, 1)
        top, left, size = y // 2 + kind.height // 4, x + kind.width // 4, kind.height // 3
        into = luma[top : top + size, left : left + size]
        into[:] = self._inset[: into.shape[0], : into.shape[1]] + np.int16(120)
        shift = moment * 7 % 16
        luma += self._grains[moment // 2 % _GRAINS][shift:, 16 - shift :][: kind.height, : kind.width]
        return luma

    def _pan(self, moment: int, turns_x: int, turns_y: int) -> tuple[int, int]:
        """Where a camera looks that goes round `turns` times a period; `moment` counts half frames."""
        angle = math.pi * moment / self._kind.period_frames * 3
        half = _MARGIN_PX / 2 - 1
        return int(half + half * math.sin(turns_x * angle)), int(half + half * math.cos(turns_y * angle))


def _texture(chance: np.random.Generator, height: int, width: int, contrast: int) -> Wide:
    """Noise of several sizes, `contrast` strong around 0."""
    total = np.zeros((height, width))
    for cell in (4, 12, 40, 120):
        noise = chance.normal(0, 1, (height // cell + 2, width // cell + 2))
        total += np.kron(noise, np.ones((cell, cell)))[:height, :width] * math.sqrt(cell)
    result: Wide = (total / total.std() * contrast / 2).clip(-contrast, contrast).astype(np.int16)
    return result


def encode(kind: Kind) -> list[Unit]:
    """Coded pictures in decode order, times in frames; frame n carries the number n modulo the period."""
    context: Any = av.CodecContext.create({"h264": "libx264", "hevc": "libx265"}.get(kind.codec, kind.codec), "w")
    _configure(context, kind)
    units: list[Unit] = []
    for frame in _frames(kind):
        units += map(_unit, context.encode(frame))
    return units + [_unit(packet) for packet in context.encode(None)]


def _configure(context: Any, kind: Kind) -> None:
    context.width, context.height = kind.width, kind.height
    context.pix_fmt = "yuv420p"
    context.time_base = Fraction(1, kind.fps)
    context.framerate = Fraction(kind.fps)
    context.sample_aspect_ratio = kind.sample_aspect
    context.gop_size = kind.gop
    context.max_b_frames = kind.bframes
    context.bit_rate = kind.bits_per_s
    flags = "+ildct+ilme" if kind.interlaced else ""
    rate = f"vbv-maxrate={kind.bits_per_s // 1000}:vbv-bufsize={kind.bits_per_s // 1000}"
    groups = f"open-gop=1:keyint={kind.gop}:min-keyint={kind.gop}:scenecut=0:bframes={kind.bframes}:b-adapt=0:aud=1"
    if kind.codec == "h264":
        fields = ":tff=1" if kind.interlaced else ""
        params = f"{rate}:{groups}:b-pyramid=normal:ref=3:rc-lookahead=20{fields}"
        context.options = {"preset": "veryfast", "profile": "high", "x264-params": params}
    elif kind.codec == "hevc":
        params = f"{rate}:{groups}:b-pyramid=1:repeat-headers=1:rc-lookahead=15:log-level=none"
        context.options = {"preset": "ultrafast", "x265-params": params}
    else:
        rates = {name: str(kind.bits_per_s) for name in ("minrate", "maxrate")}
        context.options = {
            **rates,
            "bufsize": "1835008",
            "sc_threshold": "1000000000",
            "b_strategy": "0",
            "flags": flags,
        }
    if kind.interlaced and kind.codec == "h264":
        context.options = {**context.options, "flags": flags}


def _frames(kind: Kind) -> Iterator[av.VideoFrame]:
    scene = Scene(kind)
    mark = _FieldOrder(kind) if kind.interlaced else None
    for number in range(kind.coded_frames):
        frame = av.VideoFrame.from_ndarray(scene.draw(number % kind.period_frames), format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, kind.fps)
        yield mark(frame) if mark else frame


class _FieldOrder:
    """Marks frames as interlaced, top field first; PyAV's frames have no setter for it."""

    def __init__(self, kind: Kind) -> None:
        self._graph = av.filter.Graph()
        source = self._graph.add_buffer(
            width=kind.width, height=kind.height, format=av.VideoFormat("yuv420p"), time_base=Fraction(1, kind.fps)
        )
        field, sink = self._graph.add("setfield", "tff"), self._graph.add("buffersink")
        source.link_to(field)
        field.link_to(sink)
        self._graph.configure()

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        self._graph.push(frame)
        marked = self._graph.pull()
        assert isinstance(marked, av.VideoFrame)
        return marked


def _unit(packet: Any) -> Unit:
    return Unit(bytes(packet), packet.pts, packet.pts if packet.dts is None else packet.dts, packet.is_keyframe)
