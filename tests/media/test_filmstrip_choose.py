"""Which frames a filmstrip shows, for any times, keyframes and ranges."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from plexcut.domain.media import FilmstripOrder
from plexcut.domain.timecode import FrameNumber
from plexcut.media.filmstrip.choose import choose


@dataclass
class Times:
    """What is asked of an index. Rows are in display order."""

    times_us: Any
    keys: Any
    fps: Fraction = Fraction(25)

    @property
    def frames(self) -> int:
        return len(self.times_us) - 1

    @property
    def number_of(self) -> Any:
        return np.arange(self.frames)


@st.composite
def recordings(draw: st.DrawFn) -> Times:
    gaps = draw(st.lists(st.sampled_from([40_000, 40_000, 40_000, 20_000, 3_000_000]), min_size=1, max_size=300))
    times = np.concatenate(([0], np.cumsum(gaps)))
    distance = draw(st.integers(1, 60))
    keys = {0, *range(0, len(gaps), distance)} - draw(st.sets(st.integers(1, 300), max_size=20))
    return Times(times, np.array(sorted(keys)))


@settings(max_examples=400, deadline=None)
@given(recordings(), st.data())
def test_any_range(times: Times, data: st.DataObject) -> None:
    end = int(times.times_us[-1])
    start_us = data.draw(st.integers(0, end + 10**6))
    end_us = data.draw(st.integers(start_us + 1, end + 10**7))
    count = data.draw(st.integers(1, 120))
    found = choose(times, FilmstripOrder(Fraction(start_us, 10**6), Fraction(end_us, 10**6), count))  # type: ignore[arg-type]
    frames = list(found.frames)
    assert frames == sorted(frames)
    assert all(0 <= n < times.frames for n in frames)
    inside = [n for n in range(times.frames) if start_us <= times.times_us[n] < end_us]
    assert len(frames) == max(1, min(count, len(inside)))
    assert found.step & (found.step - 1) == 0
    if not inside:
        assert times.times_us[frames[0]] <= max(start_us, 0)
        return
    assert set(frames) <= set(inside)
    if len(inside) <= count:
        assert frames == inside
    slot = (found.end_us - found.start_us) / len(frames)
    for number, frame in enumerate(frames):
        late = (times.times_us[frame] - found.start_us) / slot
        if len(inside) > count:
            assert late < number + 1, "never behind its slot"
            in_slot = any(number <= (times.times_us[n] - found.start_us) / slot < number + 1 for n in inside)
            assert not in_slot or late >= number - 0.3, "in its slot where that has a frame"


@given(st.integers(1, 100), st.integers(0, 20_000), st.integers(2_000, 200_000))
def test_pictures_are_evenly_spaced(count: int, start: int, length: int) -> None:
    times = Times(np.arange(250_001) * 20_000, np.arange(0, 250_000, 32))
    order = FilmstripOrder(FrameNumber(start), FrameNumber(start + length), count)
    found = choose(times, order)  # type: ignore[arg-type]
    slot = length / count
    late = [frame - start - number * slot for number, frame in enumerate(found.frames)]
    assert max(map(abs, late)) <= max(8, slot / 4) + 32, "a quarter of a slot, and the way to a keyframe in it"


@settings(max_examples=200, deadline=None)
@given(recordings(), st.integers(0, 6), st.integers(1, 40))
def test_sheets_of_a_level(times: Times, level: int, tiles: int) -> None:
    step = 1 << level
    shown: list[int] = []
    for sheet in range(-(-times.frames // (step * tiles))):
        first, behind = FrameNumber(sheet * step * tiles), FrameNumber((sheet + 1) * step * tiles)
        order = FilmstripOrder(first, behind, tiles, 90, step)
        shown += choose(times, order).frames  # type: ignore[arg-type]
    assert len(shown) == -(-times.frames // step)
    assert all(number * step <= frame < (number + 1) * step for number, frame in enumerate(shown))


def test_moving_the_range_finds_most_pictures_again() -> None:
    times = Times(np.arange(30_001) * 20_000, np.arange(0, 30_000, 32), Fraction(50))
    for span in (100, 250, 1000, 3000, 9000, 20_000):
        shown = [
            set(choose(times, FilmstripOrder(FrameNumber(n), FrameNumber(n + span), 100)).frames)  # type: ignore[arg-type]
            for n in range(0, span // 10, max(1, span // 100))
        ]
        again = [len(one & other) for one, other in pairwise(shown)]
        assert np.mean(again) >= 60, span
