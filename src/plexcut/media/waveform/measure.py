"""Measuring the sound of a recording: all tracks in one pass, or a stretch of them at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction

import numpy as np

from plexcut.domain.media import Source
from plexcut.domain.ports import ShouldCancel
from plexcut.errors import Cancelled
from plexcut.media.index.model import MediaIndex
from plexcut.media.priority import stand_back
from plexcut.media.sound.tracks import TrackReader, open_sound, read_pieces
from plexcut.media.waveform.levels import Grid, LevelMeter, TrackLevels, empty_levels

_THREADS = 2
_BATCH_PACKETS = 16_384
_LAG_S = 3
"""Sound lies up to a second behind its picture in a file; what is this much behind the reading is final."""
_LEAD_S = 4
"""How much earlier the reading begins where it does not begin at the front."""
_MARGIN_S = Fraction(1, 2)
"""Sound around a stretch that its loudness needs: half a window, and what the filter takes to settle."""

OnKnown = Callable[[float, float], None]
"""`on_known(fraction, to_s)`: how much of the file is read, and up to which time the levels are final."""


def measure_all(
    source: Source, index: MediaIndex, levels: tuple[TrackLevels, ...], on_known: OnKnown, should_cancel: ShouldCancel
) -> None:
    """Fill the levels of all tracks in one pass over the file; two threads decode, a third one reads.

    Where their grids begin behind time 0 it is a pass over what lies there.

    Raises:
        Cancelled: `should_cancel` said so.
        FileUnreadable, FormatUnsupported, LibraryOffline: the recording cannot be read.
    """
    tracks = tuple(found.track for found in levels)
    clock = _FileClock(index)
    decoding = ThreadPoolExecutor(_THREADS, "waveform", initializer=stand_back)
    with open_sound(source, index, tracks, _BATCH_PACKETS) as sound, decoding as pool:
        works = {found.track: _Work(sound.reader(found.track), LevelMeter(index, found)) for found in levels}
        running: dict[int, Future[None]] = {}
        start_s = levels[0].grid.start_s
        start = int(index.shown_pts[0]) + (start_s - _LEAD_S) / index.time_base if start_s else None
        for batch in sound.batches(start, None):
            if should_cancel():
                raise Cancelled("the waveform is not wanted any more")
            # A track's parts in their order, and never more than two of them in memory.
            for track, part in batch.parts.items():
                if track in running:
                    running[track].result()
                running[track] = pool.submit(works[track].take, part)
            on_known(min(1.0, batch.at / max(index.size_bytes, 1)), clock.time_s(batch.at) - _LAG_S)
        for track, work in works.items():
            if track in running:
                running[track].result()
            work.meter.finish()


class _Work:
    """Decoding and measuring one track."""

    def __init__(self, reader: TrackReader, meter: LevelMeter) -> None:
        self._reader = reader
        self.meter = meter

    def take(self, part: object) -> None:
        self.meter.take(self._reader.take(part))


class _FileClock:
    """Which time a place in the file is of, by the picture that lies there."""

    def __init__(self, index: MediaIndex) -> None:
        self._at = np.maximum.accumulate(index.at)
        self._dts = index.dts
        self._first = int(index.shown_pts[0])
        self._base = float(index.time_base)

    def time_s(self, at: int) -> float:
        row = int(np.searchsorted(self._at, at, side="right")) - 1
        return (int(self._dts[max(row, 0)]) - self._first) * self._base


def measure_stretch(
    source: Source, index: MediaIndex, track: int, grid: Grid, should_cancel: ShouldCancel
) -> TrackLevels:
    """The levels of one track in the points of a grid, from a decoding of that stretch. Raises as `measure_all`."""
    levels = empty_levels(track, grid, _MARGIN_S)
    meter = LevelMeter(index, levels)
    first = int(index.shown_pts[0])
    start = first + (grid.start_s - _MARGIN_S) / index.time_base
    end = first + (grid.end_s + _MARGIN_S) / index.time_base
    for piece in read_pieces(source, index, track, (start, end), should_cancel):
        meter.take([piece])
    meter.finish()
    return levels
