"""Where everything is in a file that does not exist yet: the frames of each fragment, and the bytes it may take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from plexcut.domain.spans import KeepList
from plexcut.media.index.model import MediaIndex

FRAGMENT_S = Fraction(1)
FIRST_FRAGMENT_S = Fraction(2, 5)
"""The first one is short, so that something is there to play at once."""
MAX_FRAGMENTS = 60_000
"""`sidx` counts them in 16 bits."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The result's clock: kept spans one after the other, in ticks of 1/`timescale` s.

    `bases[i]` is where span `i` begins, with one more for the end. `step` source ticks are `step` times so many ticks.
    """

    index: MediaIndex
    keep: KeepList
    bases: tuple[int, ...]

    @classmethod
    def of(cls, index: MediaIndex, keep: KeepList) -> Timeline:
        """The timeline of a keep list."""
        base, bases = 0, [0]
        for span in keep:
            base += (index.pts_of(span.end) - index.pts_of(span.start)) * index.time_base.numerator
            bases.append(base)
        return cls(index, keep, tuple(bases))

    @property
    def timescale(self) -> int:
        """Ticks in a second: those of the source, so that no time is rounded."""
        return self.index.time_base.denominator

    @property
    def duration(self) -> int:
        return self.bases[-1]

    def time_of(self, span: int, frame: int) -> int:
        """Where a frame of a span (its end included) is on the result's clock."""
        start = self.index.pts_of(self.keep.spans[span].start)
        return self.bases[span] + (self.index.pts_of(frame) - start) * self.index.time_base.numerator


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a fragment shows: pictures `[first, end)`, in `[start, until)` on the result's clock.

    They are counted as whoever makes them does: frames of the source, of span `span`, or places in a schedule.
    """

    span: int
    first: int
    end: int
    start: int
    until: int

    def __len__(self) -> int:
        return self.end - self.first


@dataclass(frozen=True, slots=True)
class Fragment:
    """A stretch with its sound frames `[first_sound, end_sound)`, and its place in the file behind the header."""

    number: int
    stretch: Stretch
    first_sound: int
    end_sound: int
    at: int
    size: int


def cut_by_time(timeline: Timeline) -> list[Stretch]:
    """Stretches of about `FRAGMENT_S`, none across a seam, the very first one shorter."""
    index = timeline.index
    wanted = FRAGMENT_S * max(1, timeline.duration // (timeline.timescale * (MAX_FRAGMENTS - 2 * len(timeline.keep))))
    length = FIRST_FRAGMENT_S
    found: list[Stretch] = []
    for number, span in enumerate(timeline.keep):
        first = span.start
        while first < span.end:
            ticks = index.pts_of(first) + int(length / index.time_base)
            end = int(np.searchsorted(index.shown_pts, ticks, side="left"))
            end = min(max(end, first + 1), span.end)
            found.append(Stretch(number, first, end, timeline.time_of(number, first), timeline.time_of(number, end)))
            first, length = end, wanted
    return found


def sounds_until(timeline: Timeline, ticks: int, rate: int, samples: int) -> int:
    """How many sound frames of `samples` end by a time (at the very end: begin before it).

    So the first sound frame of a fragment never begins behind its first picture: players that look for the sound of a
    time would otherwise take it from the fragment before.
    """
    scale = timeline.timescale * samples
    return -(-ticks * rate // scale) if ticks >= timeline.duration else ticks * rate // scale


def place(stretches: Sequence[Stretch], sizes: Sequence[int], sounds: Sequence[int]) -> Iterator[Fragment]:
    """Fragments one behind the other; `sounds`: how many sound frames there are up to the end of each."""
    at = first_sound = 0
    for number, (stretch, size, end_sound) in enumerate(zip(stretches, sizes, sounds, strict=True)):
        yield Fragment(number, stretch, first_sound, end_sound, at, size)
        at += size
        first_sound = end_sound
