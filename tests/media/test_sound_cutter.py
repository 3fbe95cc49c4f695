"""Which audio frames a cut takes, on made-up tracks whose time stamps are rounded."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from plexcut.media.cutting.ledger import HeardTrack
from plexcut.media.cutting.schedule import SpanTimes
from plexcut.media.cutting.sound import SoundCutter, SoundFrame, SoundRun
from plexcut.media.cutting.sound_proof import compare_sound

_LENGTHS = [Fraction(1152, 44100), Fraction(1024, 44100), Fraction(1536, 44100), Fraction(1152, 48000)]
_FRAMES = 200


@st.composite
def _spans(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Kept spans in milliseconds of the source."""
    edges = sorted(draw(st.lists(st.integers(0, 4000), min_size=2, max_size=12, unique=True)))
    return list(zip(edges[::2], edges[1::2], strict=False))


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(_LENGTHS), st.sampled_from([1000, 90_000]), _spans())
def test_no_frame_is_left_out_between_others(length: Fraction, clock: int, spans: list[tuple[int, int]]) -> None:
    times = [round(i * length * clock) for i in range(_FRAMES)]
    one, runs = SoundCutter(), SoundCutter()
    base, ends = 0, -length * clock
    for start, end in spans:
        span = SpanTimes(start * clock // 1000, end * clock // 1000, base)
        base = span.base_end
        taken, in_runs = [], []
        for i, time in enumerate(times):
            placed = one.place(SoundFrame(Fraction(time), length * clock, b""), span)
            if placed is not None:
                taken.append(i)
                assert placed.time >= ends
                assert abs(placed.time - time - span.shift) <= length * clock * Fraction(13, 24) + 1
                ends = placed.time + placed.length
            if runs.place_run(SoundRun(Fraction(time), length * clock, b"", (0, 0)), span) is not None:
                in_runs.append(i)
        assert taken == list(range(taken[0], taken[-1] + 1)) if taken else True
        assert in_runs == taken


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(_LENGTHS),
    st.floats(-0.5, 0.5),
    st.lists(st.booleans(), min_size=_FRAMES, max_size=_FRAMES),
    st.one_of(st.none(), st.integers(20, 80)),
)
def test_silence_is_told_apart_by_what_is_around_it(
    length: Fraction, late: float, loud: list[bool], lost: int | None
) -> None:
    """Frames of silence have the same bytes: where they lie half a frame off, either neighbour could be meant."""
    length_s = float(length)
    digests = np.where(loud, np.arange(_FRAMES) + 1, 0).astype(np.uint64)
    source = HeardTrack(np.arange(_FRAMES) * length_s, np.full(_FRAMES, length_s), digests)
    kept = np.array([n for n in range(50, 151) if lost is None or n not in range(50 + lost, 53 + lost)])
    result = HeardTrack((kept - 50 + late) * length_s, np.full(kept.size, length_s), digests[kept])
    spans = [(50 * length_s, 151 * length_s, 0.0)]
    assert compare_sound({0: source}, {0: result}, spans).check.ok == (lost is None)
