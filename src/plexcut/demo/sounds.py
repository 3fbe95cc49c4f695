"""The sound of a demo recording: quiet chords for the programme, loud jingles for adverts, silence in black."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from plexcut.demo.plan import DemoRecording, Part

Samples = npt.NDArray[Any]

RATE = 48_000

_CHORDS = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14))
_CHORD_S = 2
_JINGLE = (0, 4, 7, 12, 7, 4, 9, 12)
_JINGLE_NOTE_S = 0.2
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


def _part_sound(part: Part, base_hz: float) -> Samples:
    count = part.duration_ms * RATE // 1000
    if part.kind == "black":
        return np.zeros(count, np.float32)
    time_s = np.arange(count, dtype=np.float32) / RATE
    if part.kind == "advert":
        root = base_hz * 2 ** (part.number % 5 / 12)
        return _notes(time_s, _JINGLE_NOTE_S, [(step,) for step in _JINGLE], root * 2, level=0.3, decay=9.0)
    return _notes(time_s, _CHORD_S, _CHORDS, base_hz / 2, level=0.07, decay=0.6)


def _notes(time_s: Samples, note_s: float, chords: Any, base_hz: float, *, level: float, decay: float) -> Samples:
    """Chords (half tones above the base) one after the other, each dying away."""
    sound = np.zeros(time_s.shape, np.float32)
    length = round(note_s * RATE)
    for index, begin in enumerate(range(0, time_s.size, length)):
        window = slice(begin, begin + length)
        local = time_s[window] - time_s[begin]
        envelope = np.exp(-decay * local) * np.minimum(1, local * 200)
        for step in chords[index % len(chords)]:
            pitch = base_hz * 2 ** (step / 12)
            sound[window] += (
                level * envelope * (np.sin(2 * np.pi * pitch * local) + 0.3 * np.sin(4 * np.pi * pitch * local))
            )
    return sound
