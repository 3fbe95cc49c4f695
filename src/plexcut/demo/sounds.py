"""The sound of a demo recording: quiet chords for the programme, loud jingles for adverts, silence in black."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from plexcut.demo.plan import DemoRecording, Part

Samples = npt.NDArray[Any]

RATE = 48_000

_TICK_S = 0.03


def make_sound(recording: DemoRecording, track: int) -> Samples:
    """Stereo sound of the whole recording, (2, samples) float32 at 48 kHz; the tracks differ in pitch."""
    parts = [_part_sound(part, base_hz=220.0 * 2 ** (track * 5 / 12)) for part in recording.parts]
    sound = np.concatenate(parts)
    # A tick at each whole second belongs to the counter; black stays silent.
    length = round(_TICK_S * RATE)
    tick = 0.2 * np.hanning(length) * np.sin(2 * np.pi * 1760 / RATE * np.arange(length))
    position_ms = 0
    for part in recording.parts:
        if part.kind == "programme":
            for second in range(-(-position_ms // 1000), (position_ms + part.duration_ms) // 1000):
                sound[second * RATE : second * RATE + length] += tick
        position_ms += part.duration_ms
    delayed = np.concatenate([np.zeros(240), sound[:-240]])
    stereo: Samples = np.stack([sound, 0.8 * sound + 0.2 * delayed]).astype(np.float32)
    return stereo


@dataclass(frozen=True)
class _Voice:
    """How notes sound: seconds a note, chords in half tones above the base, loudness, and how fast they die away."""

    note_s: float
    chords: tuple[tuple[int, ...], ...]
    level: float
    decay: float


_PROGRAMME = _Voice(2.0, ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14)), level=0.07, decay=0.6)
_ADVERT = _Voice(0.2, ((0,), (4,), (7,), (12,), (7,), (4,), (9,), (12,)), level=0.3, decay=9.0)


def _part_sound(part: Part, base_hz: float) -> Samples:
    count = part.duration_ms * RATE // 1000
    if part.kind == "black":
        return np.zeros(count, np.float32)
    if part.kind == "advert":
        return _notes(count, _ADVERT, base_hz * 2 ** (1 + part.number % 5 / 12))
    return _notes(count, _PROGRAMME, base_hz / 2)


def _notes(count: int, voice: _Voice, base_hz: float) -> Samples:
    """So many samples of the voice's chords, one after the other."""
    sound = np.zeros(count, np.float32)
    length = round(voice.note_s * RATE)
    for index, begin in enumerate(range(0, count, length)):
        local = np.arange(min(length, count - begin), dtype=np.float32) / RATE
        envelope = np.exp(-voice.decay * local) * np.minimum(1, local * 200)
        for step in voice.chords[index % len(voice.chords)]:
            tone = 2 * np.pi * base_hz * 2 ** (step / 12) * local
            sound[begin : begin + length] += voice.level * envelope * (np.sin(tone) + 0.3 * np.sin(2 * tone))
    return sound
