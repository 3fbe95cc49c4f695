"""Loudness as EBU R 128 defines it."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.filter import Graph

from plexcut.media.sound.pieces import F32
from plexcut.media.waveform.loudness import F64, KWeighting, integrated_lufs


def _sine(
    rate: int, channels: int, dbfs: float, seconds: int = 10
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    wave = 10 ** (dbfs / 20) * np.sin(2 * np.pi * 1000 * np.arange(rate * seconds) / rate)
    return np.tile(wave.astype(np.float32), (channels, 1))


def _blocks(samples: F32, rate: int, layout: str) -> F64:
    weighting = KWeighting(rate, layout)
    pieces = [weighting.energy(samples[:, at : at + 4096]) for at in range(0, samples.shape[1], 4096)]
    return np.concatenate(pieces).reshape(-1, rate // 10).mean(axis=1)


@pytest.mark.parametrize("rate", [48_000, 44_100, 32_000])
@pytest.mark.parametrize(
    ("layout", "silent", "lufs"),
    [("stereo", (), -23.0), ("mono", (), -26.0), ("5.1", (0, 1, 2, 4, 5), None), ("5.1", (3, 4, 5, 2), -23.0),
     ("5.1", (0, 1, 2, 3, 5), -24.5)],
)  # fmt: skip
def test_loudness_of_tones(rate: int, layout: str, silent: tuple[int, ...], lufs: float | None) -> None:
    """EBU Tech 3341: a stereo tone of 1 kHz at -23 dBFS is -23 LUFS; BS.1770's channel weights, none for bass alone."""
    samples = _sine(rate, len(av.AudioLayout(layout).channels), -23)
    samples[list(silent)] = 0
    found = integrated_lufs(_blocks(samples, rate, layout))
    assert found == (None if lufs is None else pytest.approx(lufs, abs=0.1))


def test_loudness_as_ffmpeg_measures_it() -> None:
    """Speech-like noise with pauses, so that both gates matter."""
    chance = np.random.default_rng(3)
    envelope = np.repeat(10 ** (-chance.uniform(5, 60, 200) / 20), 4800)
    samples = (chance.standard_normal((2, 960_000)) * envelope * 0.3).astype(np.float32)
    graph = Graph()
    source = graph.add_abuffer(sample_rate=48_000, format="fltp", layout="stereo", time_base=Fraction(1, 48_000))
    meter, sink = graph.add("ebur128", "metadata=1"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    frame = AudioFrame.from_ndarray(samples, "fltp", "stereo")
    frame.sample_rate, frame.pts = 48_000, 0
    source.push(frame)
    source.push(None)
    told = ""
    while True:
        try:
            told = graph.pull().metadata.get("lavfi.r128.I", told)  # type: ignore[union-attr]
        except (av.EOFError, av.BlockingIOError):
            break
    assert integrated_lufs(_blocks(samples, 48_000, "stereo")) == pytest.approx(float(told), abs=0.1)


def test_silence_has_no_loudness() -> None:
    assert integrated_lufs(np.zeros(100)) is None
    assert integrated_lufs(np.zeros(0)) is None
