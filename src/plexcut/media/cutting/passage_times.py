"""When the pictures of a cut are decoded of which stretches go along whole: there the recording's own times count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from plexcut.media.cutting.passages import Passage
from plexcut.media.cutting.schedule import START_TICKS, Schedule
from plexcut.media.cutting.source_clock import SourceClock
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.rows import WRAP

I64 = npt.NDArray[np.int64]


def with_passages(
    schedule: Schedule, index: MediaIndex, clock: SourceClock, passages: list[Passage | None]
) -> tuple[Schedule, list[Passage | None]]:
    """A schedule with the recording's own decode times where its file goes along, and the stretches where it can.

    Before them pictures are decoded earlier, behind them later, where else times would not rise.
    """
    found: list[Passage | None] = []
    dts = schedule.dts
    for number, passage in enumerate(passages):
        tried = None if passage is None else _own_times(schedule, dts, index, (number, passage))
        found.append(None if tried is None else passage)
        dts = dts if tried is None else tried
    start = own_start(index, clock, schedule) if found[0] is not None else None
    return replace(schedule, dts=dts, start=START_TICKS if start is None else start), found


def _own_times(schedule: Schedule, dts: I64, index: MediaIndex, of: tuple[int, Passage]) -> I64 | None:
    """Decode times with those of a stretch; None where they cannot rise then, or are behind a picture's time."""
    number, passage = of
    shift = schedule.spans[number].shift
    places = schedule.of_span(number)
    found = dts.copy()
    found[passage.first : passage.end] = index.dts[passage.begin.row : passage.finish.row] + shift
    early = int(dts[passage.first] - found[passage.first])
    if early > 0:
        found[places.start : passage.first] -= early
    if passage.end < places.stop:
        late = int(index.dts[passage.finish.row]) + shift - int(dts[passage.end])
        if late > 0:
            found[passage.end : places.stop] += late
    near = slice(max(places.start - 1, 0), places.stop + 1)
    if bool((np.diff(found[near]) <= 0).any()) or bool((found[near] > schedule.pts[near]).any()):
        return None
    return found


def own_start(index: MediaIndex, clock: SourceClock, schedule: Schedule) -> int | None:
    """Where the result's clock begins if the first span keeps its own; None where it would begin too early, or wrap."""
    first = schedule.spans[0].start
    row = int(index.display[int(np.searchsorted(index.shown_pts, first))])
    start = (first - clock.added(int(index.at[row]))) % WRAP
    return start if start >= START_TICKS and start + schedule.end + START_TICKS < WRAP else None
