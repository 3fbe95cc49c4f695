"""Waveforms."""

from __future__ import annotations

from pydantic import Field

from plexcut.web.schemas.base import Answer, Body

_POSITION = "A time (83.5, 1:23.5, 00:01:23.500) or #4175"


class WaveformQuery(Body):
    """Which range in how many points."""

    from_: str | None = Field(
        None, alias="from", max_length=40, description=f"{_POSITION}; the beginning without it. Clamped."
    )
    to: str | None = Field(None, max_length=40, description=f"{_POSITION}; the end without it. Clamped.")
    points: int = Field(1000, ge=1, le=10_000, description="Of equal width; they may be narrower than 10 ms.")
    wait_s: float = Field(
        90.0,
        ge=0,
        le=100,
        description="How long to wait for sound that is not measured yet; with 0 the answer is what is known now.",
    )


class TrackWaveform(Answer):
    """One audio track. `peaks` are the largest samples of any channel, 0 to 1 (full scale), one for each point.

    `loudness_lufs`: K-weighted loudness (ITU-R BS.1770) of each point, or of 400 ms around it where it is shorter; -70
    is silence. `integrated_lufs`: of the whole track (EBU R 128); null while that is not known, or where all is silent.
    """

    id: int
    codec: str
    language: str | None
    channels: int | None
    peaks: list[float]
    loudness_lufs: list[float]
    integrated_lufs: float | None


class Waveform(Answer):
    """The sound of `[from_s, to_s)`. `peaks` are those of the first track; without any they are zeros.

    Where `complete` is false, what lies behind `known_to_s` is not measured yet and told as silence: ask again.
    `percent` is how much of the whole recording has been measured in the background.
    """

    from_s: float
    to_s: float
    points: int
    peaks: list[float]
    tracks: list[TrackWaveform]
    complete: bool
    percent: float
    known_to_s: float
