"""Sound that carries time: a short beep at every whole second whose pitch says which second and which track it is.

The beep of second s of track k starts exactly at s, is `BEEP_S` long with a Hann envelope, and has the pitch
`600 + 2600 k + 75 (s mod 32)` Hz. The envelope makes its correlation peak smooth, so that its start is found again
to well under a millisecond even after lossy coding, while an audio frame lasts 20 to 32 ms. Between the beeps a
faint hum keeps audio frames from being equal to each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[Any]

BEEP_S = 0.08
SECONDS_MODULO = 32
MAX_TRACKS = 4

_BASE_HZ = 600.0
_TRACK_HZ = 2600.0
_SECOND_HZ = 75.0
_BEEP_LEVEL = 0.5
_HUM_LEVEL = 0.004
_MIN_LEVEL = 0.1
# Whole beeps match to 0.985 and more after 192 kbit/s MP2; cutting a quarter off one costs 0.04 and shifts it by 2 ms.
_MIN_MATCH = 0.97


@dataclass(frozen=True)
class Beep:
    """A beep found in decoded sound: `second` is modulo 32, `onset_s` counts from the first sample."""

    track: int
    second: int
    onset_s: float


def pitch_hz(track: int, second: int) -> float:
    """Pitch of the beep of a second of a track."""
    return _BASE_HZ + _TRACK_HZ * track + _SECOND_HZ * (second % SECONDS_MODULO)


def make_sound(track: int, rate: int, start_s: float, duration_s: float) -> Samples:
    """Mono float32 samples of the time span `[start_s, start_s + duration_s)`; the span may begin before 0."""
    if not 0 <= track < MAX_TRACKS:
        raise ValueError(f"track {track} is not one of {MAX_TRACKS}")
    count = round(duration_s * rate)
    first = round(start_s * rate)
    index = np.arange(first, first + count)
    sound = _HUM_LEVEL * np.sin(2 * np.pi * (97.0 + 31 * track) / rate * index)
    length = round(BEEP_S * rate)
    beep_index = np.arange(length)
    envelope = np.hanning(length)
    for second in range(first // rate - 1, (first + count) // rate + 2):
        beep = _BEEP_LEVEL * envelope * np.sin(2 * np.pi * pitch_hz(track, second) / rate * beep_index)
        begin = second * rate - first
        low, high = max(0, begin), min(count, begin + length)
        if low < high:
            sound[low:high] += beep[low - begin : high - begin]
    result: Samples = sound.astype(np.float32)
    return result


def read_beeps(samples: Samples, rate: int) -> list[Beep]:
    """Every whole beep in decoded sound, in order of time.

    `samples`: mono (n,) or (channels, n) float in -1..1, or integer PCM of the width of its dtype. A beep that was
    cut through is left out.
    """
    mono = _to_mono(samples)
    length = round(BEEP_S * rate)
    padded = np.pad(mono, length)
    beeps: list[Beep] = []
    for low, high in _loud_parts(mono, rate):
        found = _identify(padded[low : high + 2 * length], rate)
        if found is not None:
            track, second, offset = found
            beeps.append(Beep(track, second, (low - length + offset) / rate))
    return beeps


def read_seconds(samples: Samples, rate: int) -> list[tuple[int, float]]:
    """(second modulo 32, start in seconds from the first sample) of every whole beep, in order of time."""
    return [(beep.second, beep.onset_s) for beep in read_beeps(samples, rate)]


def _to_mono(samples: Samples) -> Samples:
    data = np.asarray(samples)
    if np.issubdtype(data.dtype, np.integer):
        data = data / float(np.iinfo(data.dtype).max)
    if data.ndim == 2:
        data = data.mean(axis=0)
    return data.astype(np.float64)


def _loud_parts(mono: Samples, rate: int) -> list[tuple[int, int]]:
    """Half-open sample spans that are loud, joined over gaps below half a beep."""
    block = max(1, rate // 500)
    blocks = mono[: mono.size // block * block].reshape(-1, block)
    loud = np.flatnonzero(np.abs(blocks).max(axis=1) > _MIN_LEVEL)
    parts: list[tuple[int, int]] = []
    gap = round(BEEP_S * rate / 2)
    for index in loud.tolist():
        low, high = index * block, (index + 1) * block
        if parts and low - parts[-1][1] <= gap:
            parts[-1] = (parts[-1][0], high)
        else:
            parts.append((low, high))
    return parts


def _identify(window: Samples, rate: int) -> tuple[int, int, float] | None:
    """(track, second modulo 32, start in samples within the window) of the best match, None where none is good."""
    length = round(BEEP_S * rate)
    spectrum = np.abs(np.fft.rfft(window, 1 << 16))
    pitches = [(track, second) for track in range(MAX_TRACKS) for second in range(SECONDS_MODULO)]
    bins = [round(pitch_hz(track, second) * (1 << 16) / rate) for track, second in pitches]
    usable = [(spectrum[b], pair) for b, pair in zip(bins, pitches, strict=True) if b < spectrum.size]
    track, second = max(usable)[1]
    envelope = np.hanning(length)
    phase = 2j * np.pi * pitch_hz(track, second) / rate
    template = envelope * np.exp(phase * np.arange(length))
    size = 1 << (window.size + length).bit_length()
    match = np.abs(np.fft.ifft(np.fft.fft(window, size) * np.conj(np.fft.fft(template, size)))[: window.size])
    peak = int(match[: window.size - length + 1].argmax())
    energy = float(np.sqrt(np.sum(window[peak : peak + length] ** 2) * np.sum(envelope**2) / 2))
    if energy == 0 or match[peak] / energy < _MIN_MATCH:
        return None
    offset = float(peak)
    if 0 < peak < window.size - length:
        before, at, after = match[peak - 1], match[peak], match[peak + 1]
        bend = before - 2 * at + after
        offset += float(0.5 * (before - after) / bend) if bend else 0.0
    return track, second, offset
