"""Which frames a filmstrip shows: pure arithmetic over the index, so that the same question has the same answer.

The range is divided into `count` slots of the same length in time, and each shows one frame of its own. The frame is
looked for near the slot's beginning, so that the pictures are evenly spaced: at the first multiple of a quarter of the
*step*, which is the greatest power of two that is at most the number of frames in a slot. So pictures are found again
when the range moves. Where the step is told, it is the multiples of the step itself, each of which has a slot: the
pictures of twice the step are then among them, as with the tiles of a map.

How exact it is depends on the step. Well below the distance of the keyframes it is the frame at the multiple. From a
quarter of that distance on a keyframe of the slot is taken instead, the nearest to the multiple, because it is decoded
alone; only a slot without one shows the frame at the multiple, decoded from the keyframe before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plexcut.domain.filmstrip import check_order, reversed_range
from plexcut.domain.media import FilmstripOrder
from plexcut.domain.timecode import FrameNumber, Position, floor_us
from plexcut.errors import UsageError
from plexcut.media.index.model import MediaIndex

I64 = npt.NDArray[np.int64]

_KEYS_FROM = 4
"""A keyframe is taken where the step is at least this fraction of the usual distance between two."""
_MARKS_PER_STEP = 4
"""How finely places are rounded where no step is told: a picture is late by a quarter of its slot at most, or by some
frames."""
_JITTER_US = 1000
"""Containers that count milliseconds put a frame up to half a one beside its place."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The frames of `[start_us, end_us)` to show, rising (a slot in a hole of the recording repeats the one before)."""

    frames: tuple[int, ...]
    start_us: int
    end_us: int
    step: int


def choose(index: MediaIndex, order: FilmstripOrder) -> Choice:
    """The frames for an order.

    Raises:
        UsageError, SpanInvalid: as `check_order`; also more pictures than possible with `step`.
    """
    check_order(order)
    start_us, end_us = _range(index, order)
    times = index.times_us[:-1]
    low, high = (int(n) for n in np.searchsorted(times, (start_us, end_us)))
    if high <= low:
        # Between two frames: the one that is being shown.
        low = max(0, int(np.searchsorted(times, start_us, side="right")) - 1)
        high = low + 1
    if order.step is not None:
        return _by_step(index, range(low, high), order, (start_us, end_us))
    if high - low <= order.count:
        return Choice(tuple(range(low, high)), start_us, end_us, 1)
    edges = _edges(times, (low, high), (start_us, end_us), order.count, _tolerance_us(index))
    step = 1 << (((high - low) // order.count).bit_length() - 1)
    grid = step if step < 2 * _MARKS_PER_STEP else step // _MARKS_PER_STEP
    return Choice(_frames(index, edges, (step, grid), low), start_us, end_us, step)


def _by_step(index: MediaIndex, frames: range, order: FilmstripOrder, bounds: tuple[int, int]) -> Choice:
    step = order.step or 1
    first = -(-frames.start // step) * step
    marks = np.arange(first, frames.stop, step, dtype=np.int64)
    if not marks.size:
        marks = np.array([frames.start], np.int64)
    if marks.size > order.count:
        raise UsageError(
            f"a picture each {step} frames makes {marks.size} pictures, more than {order.count}",
            "ask for a shorter range, or a greater step",
        )
    edges = np.append(marks, min(int(marks[-1]) + step, index.frames))
    return Choice(_frames(index, edges, (step, step), frames.start), *bounds, step)


def _frames(index: MediaIndex, edges: I64, spacing: tuple[int, int], low: int) -> tuple[int, ...]:
    """One frame for each slot `[edges[i], edges[i + 1])`; `spacing`: the step, and what marks are multiples of."""
    step, grid = spacing
    first, behind = edges[:-1], edges[1:]
    marks = -(-first // grid) * grid
    marks = np.where(marks < behind, marks, first)
    chosen = marks
    keys = _keyframes(index)
    if keys.size and step * _KEYS_FROM >= _key_distance(keys):
        # The nearest keyframe on either side of the mark, if it lies in the slot.
        at = np.searchsorted(keys, marks)
        above = keys[np.minimum(at, keys.size - 1)]
        below = keys[np.maximum(at - 1, 0)]
        above_fits = (above >= first) & (above < behind)
        below_fits = (below >= first) & (below < behind)
        nearer_below = below_fits & (~above_fits | (np.abs(marks - below) <= np.abs(above - marks)))
        chosen = np.where(nearer_below, below, np.where(above_fits, above, marks))
    # A slot without a frame lies in a hole: there the frame before it stands.
    chosen = np.where(behind > first, chosen, np.maximum(first - 1, low))
    return tuple(int(n) for n in chosen)


def _edges(times: I64, frames: tuple[int, int], bounds: tuple[int, int], count: int, tolerance_us: int) -> I64:
    """The first frame of each slot, and behind the last one the end."""
    places = bounds[0] + (bounds[1] - bounds[0]) * np.arange(count + 1, dtype=np.int64) // count
    edges = np.searchsorted(times, places - tolerance_us).astype(np.int64)
    edges[0], edges[-1] = frames
    clipped: I64 = np.clip(edges, *frames)
    return clipped


def _keyframes(index: MediaIndex) -> I64:
    """Numbers of the frames that are decoded alone, rising."""
    numbers = index.number_of[index.keys]
    return np.sort(numbers[numbers >= 0])


def _key_distance(keys: I64) -> int:
    return int(np.median(np.diff(keys))) if keys.size > 1 else int(np.iinfo(np.int64).max)


def _tolerance_us(index: MediaIndex) -> int:
    return min(_JITTER_US, int(250_000 / index.fps))


def _range(index: MediaIndex, order: FilmstripOrder) -> tuple[int, int]:
    """The order's range in microseconds, clamped so that there is a moment in it.

    Raises:
        SpanInvalid: the beginning is not before the end.
    """
    end_us = int(index.times_us[-1])
    start = 0 if order.start is None else _time_us(index, order.start)
    end = end_us if order.end is None else _time_us(index, order.end)
    mixed = isinstance(order.start, FrameNumber) is not isinstance(order.end, FrameNumber)
    if mixed and order.start is not None and order.end is not None and end <= start:
        raise reversed_range(order)
    start = min(start, int(index.times_us[-2]))
    return start, max(min(end, end_us), start + 1)


def _time_us(index: MediaIndex, place: Position) -> int:
    if isinstance(place, FrameNumber):
        return int(index.times_us[min(place.n, index.frames)])
    return max(0, floor_us(place))
