"""What stands out in a recording, from its index, its container and its sound."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from plexcut.domain.landmarks import Chapter, CopyPoints, Keyframes
from plexcut.domain.media import Source
from plexcut.domain.timecode import US_PER_S, FrameNumber, Position
from plexcut.errors import PlexcutError, SpanInvalid
from plexcut.media.index.container import FILE_OPTIONS, open_container
from plexcut.media.index.model import MediaIndex

log = logging.getLogger(__name__)

I64 = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]

COPY_POINTS_FRAMES = 20_000
"""So many frames are looked at for copy points at once: some minutes, which is what a time line shows of them."""
_CLOCK_SLACK_US = 1_000
_CLOCK_POINTS = 20_000
_QUIET = 0.00316
"""-50 dB of full scale: what broadcasters fade to between programmes and adverts; hum and dither lie below."""
_SHORTEST_CELLS = 8
_CHAPTERS_MAX = 2_000


def frame_range(index: MediaIndex, start: Position | None, end: Position | None) -> tuple[int, int]:
    """A range as frames, clamped to the recording.

    Raises:
        SpanInvalid: nothing lies between the two.
    """
    first = 0 if start is None else _frame(index, start)
    last = index.frames if end is None else _frame(index, end)
    if first >= last:
        raise SpanInvalid("the range is empty or reversed", f"the recording has {index.frames} frames")
    return first, last


def _frame(index: MediaIndex, position: Position) -> int:
    if isinstance(position, FrameNumber):
        return min(position.n, index.frames)
    return index.first_frame_from(min(position, Fraction(int(index.times_us[-1]), US_PER_S)))


def clock_of(times_us: I64) -> tuple[tuple[int, int], ...]:
    """The time line as few straight pieces as it takes: `(frame, time)` pairs from frame 0 to the end.

    Frames of a steady rate are one piece. Each piece that a frame leaves by more than a millisecond is divided where
    it does so most; beyond some thousands of pieces (a rate that changes all the time) the rest stays as it is.
    """
    points = {0, times_us.size - 1}
    pieces = [(0, times_us.size - 1)]
    while pieces and len(points) < _CLOCK_POINTS:
        first, last = pieces.pop()
        if last - first < 2:
            continue
        frames = np.arange(first, last + 1)
        slope = (times_us[last] - times_us[first]) / (last - first)
        away = np.abs(times_us[first] + slope * (frames - first) - times_us[first : last + 1])
        worst = int(np.argmax(away))
        if away[worst] > _CLOCK_SLACK_US:
            points.add(first + worst)
            pieces += [(first, first + worst), (first + worst, last)]
    return tuple((frame, int(times_us[frame])) for frame in sorted(points))


def keyframes_of(index: MediaIndex, bounds: tuple[int, int], limit: int) -> Keyframes:
    """The first `limit` shown keyframes in a range of frames."""
    numbers = np.sort(index.number_of[index.keys])
    found = numbers[np.searchsorted(numbers, max(0, bounds[0])) : np.searchsorted(numbers, bounds[1])]
    return Keyframes(*bounds, tuple(found[:limit].tolist()), int(found.size))


def copy_points_of(index: MediaIndex, bounds: tuple[int, int]) -> CopyPoints:
    """Where copying can begin and end in a range, of which only the first minutes are looked at."""
    from plexcut.media.cutting.snap import copy_points

    first, last = bounds
    last = min(last, first + COPY_POINTS_FRAMES)
    starts, ends = copy_points(index, first, last)
    return CopyPoints(first, last, starts, ends)


def silences_of(peaks: F32, cells_per_s: int, known_s: float) -> tuple[tuple[int, int], ...]:
    """Stretches of at least 80 ms in which no sample is louder than -50 dB, in microseconds.

    `peaks`: the largest sample of each cell, final up to `known_s`.
    """
    quiet = peaks[: int(known_s * cells_per_s)] <= _QUIET
    steps = np.flatnonzero(np.diff(np.concatenate(([False], quiet, [False])).astype(np.int8)))
    cell_us = US_PER_S // cells_per_s
    return tuple(
        (first * cell_us, last * cell_us)
        for first, last in zip(steps[::2].tolist(), steps[1::2].tolist(), strict=True)
        if last - first >= _SHORTEST_CELLS
    )


def chapters_of(source: Source, index: MediaIndex) -> tuple[Chapter, ...]:
    """The chapters of a container that has some; () where it has none, or they cannot be read."""
    if index.container == "mpegts":
        return ()
    try:
        return tuple(_read_chapters(source, index))
    except PlexcutError as error:
        log.info("the chapters of %s cannot be read: %s", source.name, error.message)
        return ()


def _read_chapters(source: Source, index: MediaIndex) -> Iterator[Chapter]:
    """Chapters on the recording's time line, on which frame 0 is at 0."""
    zero_us = float(index.shown_pts[0] * index.time_base) * US_PER_S
    end_us = int(index.times_us[-1])
    with open_container(source, FILE_OPTIONS) as container:
        for chapter in container.chapters()[:_CHAPTERS_MAX]:
            base = chapter["time_base"] or Fraction(1, US_PER_S)
            first, last = (int(float(chapter[edge] * base) * US_PER_S - zero_us) for edge in ("start", "end"))
            first, last = max(0, first), min(last, end_us)
            if first < last:
                yield Chapter(chapter["metadata"].get("title", "")[:200], first, last)
