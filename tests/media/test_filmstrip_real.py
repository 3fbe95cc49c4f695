"""Real recordings: a tile shows what the single picture of its frame shows."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest
from tests.media.test_filmstrip import gray

from plexcut.domain.media import FilmstripOrder
from plexcut.domain.timecode import FrameNumber
from plexcut.media.engine import Engine

_FOLDER = Path(__file__).resolve().parents[3] / "shared" / "media"
_NAMES = [
    "androidx-sample_h264.ts",
    "androidx-sample_h265.ts",
    "autoeditor-example_42s.mp4",
    "bbb_full_596s_424x240_h264.ts",
    "dvb_fr_1080i_h264_opengop_4eac3_17s_lossy.ts",
    "fate-mpeg2_field_encoding.ts",
    "fate-t_mpeg2_fieldpics.ts",
    "mediaelement-echo_44s.webm",
    "psd-fades.mp4",
    "tsduck-035_fr_1080i_2ac3.ts",
    "tsduck-206.1_bbcnews_mpeg2_576i_opengop36.ts",
]


def coarse(picture: np.ndarray) -> np.ndarray:
    """Means of blocks: small pictures of interlaced video show both fields, single ones one of them."""
    height, width = (side // 6 * 6 for side in picture.shape)
    return picture[:height, :width].reshape(height // 6, 6, width // 6, 6).mean(axis=(1, 3))


@pytest.mark.parametrize("name", _NAMES)
def test_tiles_are_the_single_pictures(name: str) -> None:
    path = _FOLDER / name
    if not path.is_file():
        pytest.skip("the recording is not here")
    engine = Engine(None)
    index = engine.index(path)
    middle = index.frames // 2
    for order in (
        FilmstripOrder(count=5),
        FilmstripOrder(FrameNumber(middle), FrameNumber(middle + 4), height=120),
        FilmstripOrder(FrameNumber(middle), FrameNumber(middle + 2), height=index.video.height),
    ):
        strip = engine.filmstrip(path, order)
        image = gray(strip).astype(int)
        assert len(strip.tiles) == min(order.count, index.frames if order.start is None else order.end.n - middle)
        for tile in strip.tiles:
            assert tile.frame is not None
            if tile.frame in index.uncertain:
                continue
            single = engine.frame(path, FrameNumber(tile.frame), max(16, tile.w))
            with av.open(io.BytesIO(single.data)) as opened:
                wanted = next(opened.decode(video=0)).reformat(tile.w, tile.h, "gray").to_ndarray().astype(int)
            shown = image[tile.y : tile.y + tile.h, tile.x : tile.x + tile.w]
            assert np.abs(coarse(shown) - coarse(wanted)).mean() < 5, tile
