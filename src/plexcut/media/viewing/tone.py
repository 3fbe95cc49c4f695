"""HDR pictures (PQ, HLG) and wide colours, shown on a screen that has neither: a table of colours for each kind.

Formulas: PQ and HLG are Rec. ITU-R BT.2100-2, tables 4 and 5 (HLG on a display of 1000 cd/m2, system gamma 1.2); the
roll-off of highlights is the EETF of Report ITU-R BT.2390-10, 5.4.1, with the black level at 0; the primaries are
converted as in Rec. ITU-R BT.2087-0; the screen is sRGB (IEC 61966-2-1). Diffuse white, which Report ITU-R BT.2408-7
puts at 203 cd/m2 (75 % HLG), comes out at four fifths of the code range and leaves the rest to highlights.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np
import numpy.typing as npt
from av.filter import Graph
from av.video.frame import VideoFrame

from plexcut.media.viewing.idle import IdlePool

Kind = Literal["pq", "hlg", "wide"]
F64 = npt.NDArray[np.float64]

_TRANSFER_PQ, _TRANSFER_HLG = 16, 18
_PRIMARIES_BT2020 = 9
"""As in ISO/IEC 23091-2."""

_SIDE = 33
_SCREEN_NITS = 250.0
"""What the screen's white stands for: 203 cd/m2 come out at 80 % of the code range."""
_HLG_NITS = 1000.0
_BRIGHTEST_NITS = {"pq": 4000.0, "hlg": 2000.0}
"""What comes out as the screen's white: hardly any material is graded brighter. For HLG, whose peak is 1000, more than
that, or else its highlights end up in three steps of the code range."""

_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_HLG_A, _HLG_B, _HLG_C = 0.17883277, 0.28466892, 0.55991073
_HLG_GAMMA = 1.2
_LUMA_2020 = np.array([0.2627, 0.6780, 0.0593])
_LUMA_709 = np.array([0.2126, 0.7152, 0.0722])
_FROM_2020_TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
)


def kind_of(frame: VideoFrame) -> Kind | None:
    """Which table a picture needs; None for one that is shown as it is."""
    transfer = int(getattr(frame, "color_trc", 0))
    if transfer == _TRANSFER_PQ:
        return "pq"
    if transfer == _TRANSFER_HLG:
        return "hlg"
    return "wide" if int(getattr(frame, "color_primaries", 0)) == _PRIMARIES_BT2020 else None


def for_screen(codes: F64, kind: Kind) -> F64:
    """Codes of sRGB for codes of R'G'B' with BT.2020 primaries, both `(..., 3)` and 0 to 1."""
    if kind == "wide":
        # As pictures with the usual primaries are shown: their codes as they are, whatever the screen makes of them.
        return np.asarray(np.clip(_to_709(codes**2.4), 0, 1) ** (1 / 2.4))
    nits = _pq_nits(codes) if kind == "pq" else _hlg_nits(codes)
    peak = _BRIGHTEST_NITS[kind]
    brightest = np.maximum(nits.max(axis=-1, keepdims=True), 1e-6)
    linear = _to_709(nits * (_rolled_off(np.minimum(brightest, peak), peak) / brightest) / _SCREEN_NITS)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)


def _pq_nits(codes: F64) -> F64:
    power = codes ** (1 / _M2)
    return np.asarray(10_000 * (np.maximum(power - _C1, 0) / (_C2 - _C3 * power)) ** (1 / _M1))


def _pq_codes(nits: F64) -> F64:
    power = (nits / 10_000) ** _M1
    return np.asarray(((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2)


def _hlg_nits(codes: F64) -> F64:
    scene = np.where(codes <= 0.5, codes**2 / 3, (np.exp((codes - _HLG_C) / _HLG_A) + _HLG_B) / 12)
    luma = np.maximum(scene @ _LUMA_2020, 1e-9)[..., None]
    return np.asarray(_HLG_NITS * luma ** (_HLG_GAMMA - 1) * scene)


def _rolled_off(nits: F64, peak: float) -> F64:
    """What up to `peak` is brought below the screen's white, untouched up to a knee."""
    top = _pq_codes(np.array(peak))
    wanted = _pq_codes(np.array(_SCREEN_NITS)) / top
    knee = 1.5 * wanted - 0.5
    code = _pq_codes(nits) / top
    t = np.clip((code - knee) / (1 - knee), 0, 1)
    rolled = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * wanted
    return _pq_nits(np.where(code < knee, code, rolled) * top)


def _to_709(linear: F64) -> F64:
    """Linear light in the narrower primaries; what lies outside moves towards gray of its brightness."""
    made = linear @ _FROM_2020_TO_709.T
    gray = np.clip(made @ _LUMA_709, 0, 1)[..., None]
    away = made - gray
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(away < 0, gray / -away, np.where(away > 0, (1 - gray) / away, np.inf))
    return np.asarray(np.clip(gray + away * np.minimum(room.min(axis=-1, keepdims=True), 1), 0, 1))


@lru_cache(maxsize=3)
def _cube(kind: Kind) -> str:
    """The table as FFmpeg's `lut3d` reads it: red changes fastest."""
    axis = np.linspace(0, 1, _SIDE)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    made = for_screen(np.stack([red, green, blue], axis=-1).reshape(-1, 3), kind)
    lines = (f"{r:.5f} {g:.5f} {b:.5f}" for r, g, b in made.tolist())
    return f"LUT_3D_SIZE {_SIDE}\n" + "\n".join(lines) + "\n"


def cube(kind: Kind) -> str:
    """The text of a `.cube` file for FFmpeg's `lut3d`: R'G'B' of `kind` to sRGB."""
    return _cube(kind)


_GRAPH_BYTES = 1 << 20
_graphs: IdlePool[tuple[Kind, int, int], Graph] = IdlePool(4 * _GRAPH_BYTES)
"""To make one costs 20 ms."""


def tone_mapped(picture: VideoFrame, kind: Kind) -> VideoFrame:
    """An sRGB picture (`rgb0`) of one in `gbrp16le` that has the colours of `kind`."""
    key = (kind, picture.width, picture.height)
    graph = _graphs.take(key) or _graph(picture, kind)
    graph.push(picture)
    made = graph.pull()
    _graphs.give(key, graph, _GRAPH_BYTES)
    assert isinstance(made, VideoFrame)
    return made


def _graph(picture: VideoFrame, kind: Kind) -> Graph:
    graph = Graph()
    source = graph.add_buffer(
        width=picture.width,
        height=picture.height,
        format=picture.format,
        time_base=picture.time_base or Fraction(1, 25),
    )
    with TemporaryDirectory(prefix="plexcut-") as folder:
        table = Path(folder) / "colours.cube"
        table.write_text(_cube(kind), encoding="ascii")
        lut = graph.add("lut3d", file=str(table), interp="tetrahedral")
        graph.link_nodes(source, lut, graph.add("format", "rgb0"), graph.add("buffersink")).configure()
    return graph
