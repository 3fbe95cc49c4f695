"""Loudness as EBU R 128 and ITU-R BS.1770-4 define it: K-weighting, channel weights, gating."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.filter import Graph

from plexcut.media.sound.pieces import F32, samples_of

F64 = npt.NDArray[np.float64]

BLOCKS_PER_S = 10
"""Blocks of 100 ms: the step of R 128's windows."""
FLOOR_LUFS = -70.0
"""The absolute gate of BS.1770: what is below counts as silence."""
_OFFSET = -0.691
_RELATIVE_GATE = -10.0
_WINDOW_BLOCKS = 4
_SURROUND = {"BL", "BR", "SL", "SR", "BC"}
_SURROUND_WEIGHT = 1.41

# The analogue prototypes behind the coefficients that BS.1770 gives for 48 kHz, so that any rate has its own
# (the numbers are those of libebur128, which is what FFmpeg's ebur128 filter stands on).
_SHELF_HZ, _SHELF_DB, _SHELF_Q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
_HIGHPASS_HZ, _HIGHPASS_Q = 38.13547087602444, 0.5003270373238773


class KWeighting:
    """The K-weighting filter over the channels of successive samples; its state goes on from call to call."""

    def __init__(self, rate: int, layout: str) -> None:
        self._rate, self._layout = rate, layout
        self._at = 0
        names = [channel.name for channel in av.AudioLayout(layout).channels]
        self._weights = np.array([_channel_weight(name) for name in names], np.float32)
        graph = Graph()
        # Two channels are too little to share out among threads.
        graph.threads = 1
        nodes = [graph.add_abuffer(sample_rate=rate, format="fltp", layout=layout, time_base=Fraction(1, rate))]
        nodes += [graph.add("biquad", options) for options in (_shelf(rate), _highpass(rate))]
        nodes.append(graph.add("abuffersink"))
        for before, behind in itertools.pairwise(nodes):
            before.link_to(behind)
        graph.configure()
        self._graph, self._source = graph, nodes[0]

    def energy(self, samples: F32) -> F32:
        """The weighted sum of the channels' squares, one value for each of the n samples of `(channels, n)`."""
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", self._layout)
        frame.sample_rate, frame.pts, frame.time_base = self._rate, self._at, Fraction(1, self._rate)
        self._at += int(samples.shape[1])
        self._source.push(frame)
        parts: list[F32] = []
        while True:
            try:
                found = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                break
            if isinstance(found, AudioFrame):
                parts.append(samples_of(found))
        weighted = np.concatenate(parts, axis=1) if parts else np.zeros_like(samples)
        energy: F32 = self._weights @ np.square(weighted)
        return energy


def _channel_weight(name: str) -> float:
    if name.startswith("LFE"):
        return 0.0
    return _SURROUND_WEIGHT if name in _SURROUND else 1.0


def _shelf(rate: int) -> str:
    k = math.tan(math.pi * _SHELF_HZ / rate)
    high = 10 ** (_SHELF_DB / 20)
    middle = high**0.4996667741545416
    norm = 1 + k / _SHELF_Q + k * k
    return _biquad(
        [(high + middle * k / _SHELF_Q + k * k) / norm, 2 * (k * k - high) / norm,
         (high - middle * k / _SHELF_Q + k * k) / norm],
        [2 * (k * k - 1) / norm, (1 - k / _SHELF_Q + k * k) / norm],
    )  # fmt: skip


def _highpass(rate: int) -> str:
    k = math.tan(math.pi * _HIGHPASS_HZ / rate)
    norm = 1 + k / _HIGHPASS_Q + k * k
    return _biquad([1.0, -2.0, 1.0], [2 * (k * k - 1) / norm, (1 - k / _HIGHPASS_Q + k * k) / norm])


def _biquad(b: list[float], a: list[float]) -> str:
    return f"b0={b[0]!r}:b1={b[1]!r}:b2={b[2]!r}:a0=1:a1={a[0]!r}:a2={a[1]!r}"


def to_lufs(mean_square: F64) -> F64:
    """Loudness of weighted mean squares; nothing is below `FLOOR_LUFS`."""
    lowest = 10 ** ((FLOOR_LUFS - _OFFSET) / 10)
    lufs: F64 = _OFFSET + 10 * np.log10(np.maximum(mean_square, lowest))
    return np.maximum(lufs, FLOOR_LUFS)


def integrated_lufs(blocks: npt.NDArray[np.floating]) -> float | None:
    """The gated loudness of a whole programme from the mean squares of its 100 ms blocks; None where all is silence."""
    if blocks.size < _WINDOW_BLOCKS:
        return None
    total = np.concatenate(([0.0], np.cumsum(blocks, dtype=np.float64)))
    windows = (total[_WINDOW_BLOCKS:] - total[:-_WINDOW_BLOCKS]) / _WINDOW_BLOCKS
    windows = windows[windows > 10 ** ((FLOOR_LUFS - _OFFSET) / 10)]
    if not windows.size:
        return None
    gate = windows.mean() * 10 ** (_RELATIVE_GATE / 10)
    return float(_OFFSET + 10 * math.log10(windows[windows > gate].mean()))
