"""HDR pictures on an ordinary screen: neutral grays, rising brightness, white where it belongs, colours that fit."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from plexcut.domain.timecode import FrameNumber
from plexcut.media.engine import Engine
from plexcut.media.viewing.tone import Kind, for_screen

_PQ_203, _HLG_203 = 0.5807, 0.75
_TRANSFER = {"pq": 16, "hlg": 18}
_PATCHES = 16


def gray(codes: list[float], kind: Kind) -> Any:
    return for_screen(np.repeat(np.array(codes, float)[:, None], 3, axis=1), kind)


@pytest.mark.parametrize(("kind", "white", "peak"), [("pq", _PQ_203, 0.9026), ("hlg", _HLG_203, 1.0)])
def test_grays(kind: Kind, white: float, peak: float) -> None:
    ramp = gray(np.linspace(0, peak, 200).tolist(), kind)
    assert np.abs(ramp - ramp[:, :1]).max() < 0.002
    assert (np.diff(ramp[:, 0]) > -1e-9).all()
    assert ramp[0, 0] < 0.001
    assert ramp[-1, 0] > 0.96
    diffuse = gray([white], kind)[0, 0]
    assert 0.75 <= diffuse <= 0.95
    # Highlights up to the peak are told apart.
    assert (np.diff(gray(np.linspace(white, peak, 8).tolist(), kind)[:, 0]) > 0.0005).all()


def test_known_levels() -> None:
    """18 % gray of BT.2408 (26 cd/m2, 38 % HLG) comes out alike in both."""
    pq, hlg = gray([0.3787], "pq")[0, 0], gray([0.38], "hlg")[0, 0]
    assert 0.3 < pq < 0.42
    assert abs(pq - hlg) < 0.05


@pytest.mark.parametrize("kind", ["pq", "hlg", "wide"])
def test_colours_fit_and_keep_their_order(kind: Kind) -> None:
    chance = np.random.default_rng(1)
    codes = chance.random((2000, 3))
    made = for_screen(codes, kind)
    assert np.isfinite(made).all()
    assert made.min() >= 0
    assert made.max() <= 1
    red, green, blue = for_screen(np.eye(3) * 0.6, kind)
    assert red[0] > 2 * max(red[1:])
    assert green[1] > 1.4 * max(green[0], green[2])
    assert blue[2] > 2 * max(blue[:2])


def test_wide_colours_of_ordinary_brightness_stay_what_they_are() -> None:
    assert np.allclose(gray([0.1, 0.5, 0.9], "wide")[:, 0], [0.1, 0.5, 0.9], atol=0.002)


def patches(path: Path, kind: str, codec: str, fmt: str) -> None:
    """A clip of `_PATCHES` grays from left to right, code 0 to 1 of video's range, 10 bits."""
    width, height = 512, 128
    codes = np.linspace(0, 1, _PATCHES)
    luma = np.repeat((64 + 876 * codes).round().astype("<u2"), width // _PATCHES)
    with av.open(str(path), "w", format="mpegts") as out:
        options = {"x265-params": "log-level=none:lossless=1:pools=none"} if codec == "libx265" else {"qp": "4"}
        stream = out.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, fmt
        context: Any = stream.codec_context
        context.color_primaries, context.colorspace, context.color_trc, context.color_range = 9, 9, _TRANSFER[kind], 1
        for number in range(4):
            frame = av.VideoFrame(width, height, fmt)
            for i, plane in enumerate(frame.planes):
                row = np.full(plane.line_size // 2, 512, "<u2")
                if i == 0:
                    row[:width] = luma
                plane.update(np.tile(row, plane.height).tobytes())
            frame.pts, frame.time_base = number, Fraction(1, 25)
            frame.color_range, frame.colorspace, frame.color_trc, frame.color_primaries = 1, 9, _TRANSFER[kind], 9
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


@pytest.mark.parametrize("fmt", ["jpg", "webp", "png"])
@pytest.mark.parametrize(
    ("kind", "codec", "pixels"), [("pq", "libx265", "yuv420p10le"), ("hlg", "libx264", "yuv422p10le")]
)
def test_a_clip_on_the_screen(tmp_path: Path, kind: str, codec: str, pixels: str, fmt: str) -> None:
    path = tmp_path / "hdr.ts"
    patches(path, kind, codec, pixels)
    engine = Engine(None)
    for width in (None, 256):
        picture = engine.frame(path, FrameNumber(2), width, fmt)  # type: ignore[arg-type]
        with av.open(io.BytesIO(picture.data)) as opened:
            pixels_shown = next(opened.decode(video=0)).to_ndarray(format="rgb24").astype(int)
        middle = pixels_shown[pixels_shown.shape[0] // 2, :: picture.width // _PATCHES // 2][1::2]
        assert np.abs(middle - middle[:, :1]).max() <= 5
        assert (np.diff(middle[:, 0]) >= -1).all()
        wanted = 255 * gray(np.linspace(0, 1, _PATCHES).tolist(), kind)[:, 0]  # type: ignore[arg-type]
        assert np.abs(middle[:, 0] - wanted).max() <= 6


def test_ten_bits_of_ordinary_brightness(tmp_path: Path) -> None:
    """4:2:2 with 10 bits and BT.709 colours is shown as it is."""
    path = tmp_path / "deep.ts"
    with av.open(str(path), "w", format="mpegts") as out:
        stream = out.add_stream("libx264", rate=25, options={"qp": "4"})
        stream.width, stream.height, stream.pix_fmt = 256, 128, "yuv422p10le"
        for number in range(3):
            frame = av.VideoFrame(256, 128, "yuv422p10le")
            for plane, value in zip(frame.planes, (64 + 438, 512, 512), strict=True):
                plane.update(np.full(plane.buffer_size // 2, value, "<u2").tobytes())
            frame.pts, frame.time_base = number, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    picture = Engine(None).frame(path, FrameNumber(1), fmt="png")
    with av.open(io.BytesIO(picture.data)) as opened:
        shown = next(opened.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    assert abs(shown.mean() - 127) < 1
    assert np.abs(shown - 127).max() <= 4  # 10 bits are dithered


def test_threads_that_show_the_same_picture(tmp_path: Path) -> None:
    path = tmp_path / "hdr.ts"
    patches(path, "pq", "libx265", "yuv420p10le")
    engine = Engine(None)
    start = threading.Barrier(8)

    def look(_: int) -> list[bytes]:
        start.wait(60)
        return [engine.frame(path, FrameNumber(2), 256).data for _ in range(6)]

    with ThreadPoolExecutor(8) as pool:
        assert len({data for found in pool.map(look, range(8)) for data in found}) == 1
