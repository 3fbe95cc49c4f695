"""Waveforms as they are asked for: any range, any number of points, from what is kept or from a decoding at once."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from plexcut.domain.media import Source, TrackWaveform, Waveform, WaveformOrder
from plexcut.domain.ports import ShouldCancel, never
from plexcut.domain.timecode import US_PER_S, FrameNumber, Position, format_timecode
from plexcut.errors import Cancelled, NotReady, SpanInvalid, UsageError
from plexcut.media.index.model import MediaIndex, Track
from plexcut.media.indexes import Indexes
from plexcut.media.landmarks import silences_of
from plexcut.media.sound.pieces import F32
from plexcut.media.waveform.levels import CELLS_PER_S, Grid, TrackLevels, empty_levels
from plexcut.media.waveform.loudness import BLOCKS_PER_S, F64, integrated_lufs, to_lufs
from plexcut.media.waveform.measure import measure_stretch
from plexcut.media.waveform.passes import Beginning, Pass, Passes, cells_of
from plexcut.media.waveform.store import LevelStore

MAX_POINTS = 10_000
MAX_WAIT_S = 100.0
_IN_MEMORY = 8
_AT_ONCE_S = 60
"""A stretch up to this long is decoded while its request waits: a third of a second for two tracks."""
_POLL_S = 0.05
_WINDOW_S = Fraction(4, 10)
"""R 128's momentary loudness: what a point narrower than this is told with."""


@dataclass(frozen=True, slots=True)
class _Known:
    """Levels of a recording, final up to `known_s`."""

    levels: tuple[TrackLevels, ...]
    known_s: float
    percent: float

    @property
    def complete(self) -> bool:
        return self.percent >= 100.0


class Waveforms:
    """One for each process; safe for several threads. `cache_dir`: where levels are kept (None: nowhere)."""

    def __init__(self, indexes: Indexes, cache_dir: Path | None) -> None:
        self._indexes = indexes
        self._store = LevelStore(cache_dir)
        self._passes = Passes(self._keep)
        self._beginnings: OrderedDict[str, Beginning] = OrderedDict()
        self._ready: OrderedDict[str, tuple[TrackLevels, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def close(self) -> None:
        """End what runs in the background."""
        self._passes.close()

    def waveform(self, source: Source, order: WaveformOrder, should_cancel: ShouldCancel = never) -> Waveform:
        """The answer to an order; waits at most `order.wait_s` for what it needs.

        Raises:
            UsageError: no such number of points. SpanInvalid: nothing lies between the two ends.
            NotReady: the recording's index was not there in time.
            Cancelled: `should_cancel` said so.
            FileUnreadable, FormatUnsupported, LibraryOffline, RecordingChanged: the recording cannot be read.
        """
        if not 1 <= order.points <= MAX_POINTS:
            raise UsageError(f"a waveform cannot have {order.points} points, possible is 1 to {MAX_POINTS}")
        until = time.monotonic() + min(max(order.wait_s, 0.0), MAX_WAIT_S)
        index = self._index(source, order.program, until, should_cancel)
        grid = _grid(index, order)
        tracks = [track for track in index.tracks if track.kind == "audio"]
        if not tracks:
            return _answer(grid, (), (), _Known((), float(grid.end_s), 100.0))
        # While a file grows, its index may be of what it was some seconds ago.
        name = f"{self._indexes.fingerprint(source)}-{cells_of(index)}"
        name += "" if order.program is None else f"-p{order.program}"
        known = self._known(name, source, index)
        fine = grid.width_s < Fraction(1, CELLS_PER_S)
        if fine or (known.known_s < grid.end_s and grid.count * grid.width_s <= _AT_ONCE_S):
            found = tuple(measure_stretch(source, index, track.id, grid, should_cancel) for track in tracks)
            return _answer(grid, tracks, found, _Known(known.levels, float(grid.end_s), known.percent))
        if known.known_s < grid.end_s:
            known = self._wait(name, source, index, (float(grid.end_s), until), should_cancel)
        return _answer(grid, tracks, tuple(_gathered(one, grid) for one in known.levels), known)

    def silences(self, source: Source) -> tuple[tuple[tuple[int, int], ...], int]:
        """Silent stretches of the first track in microseconds, and how far they are known; waits for the index alone.

        Begins to measure where nothing is known yet. Raises as `waveform`.
        """
        index = self._indexes.get(source)
        end_us = int(index.times_us[-1])
        if not any(track.kind == "audio" for track in index.tracks):
            return (), end_us
        known = self._known(f"{self._indexes.fingerprint(source)}-{cells_of(index)}", source, index)
        if not known.levels:
            return (), 0
        found = silences_of(known.levels[0].peaks, CELLS_PER_S, known.known_s)
        return found, min(end_us, int(known.known_s * US_PER_S))

    # ---------------------------------------------------------------------------------------------------- what is there

    def _index(self, source: Source, program: int | None, until: float, should_cancel: ShouldCancel) -> MediaIndex:
        while self._indexes.prepare(source, program).state == "building":
            _pause(until, should_cancel, "the recording is still being looked through")
        return self._indexes.get(source, program)

    def _known(self, name: str, source: Source, index: MediaIndex) -> _Known:
        """What is known now; begins the pass where it is not all."""
        ready = self._load(name, index)
        if ready is not None:
            return _Known(ready, float(ready[0].grid.end_s), 100.0)
        return _of_pass(self._passes.start(name, source, index, self._beginning(source, index)))

    def _wait(
        self, name: str, source: Source, index: MediaIndex, wanted: tuple[float, float], should_cancel: ShouldCancel
    ) -> _Known:
        """What is known once it reaches the time `wanted[0]`, or at `wanted[1]` on the clock."""
        ready = self._load(name, index)
        if ready is not None:
            return _Known(ready, float(ready[0].grid.end_s), 100.0)
        running = self._passes.start(name, source, index, self._beginning(source, index))
        while running.known_s < wanted[0] and time.monotonic() < wanted[1]:
            if running.done.wait(_POLL_S):
                failure = self._passes.failure(running)
                if failure is not None:
                    raise failure
                break
            if should_cancel():
                raise Cancelled("nobody waits for the waveform any more")
        return _of_pass(running)

    def _beginning(self, source: Source, index: MediaIndex) -> Beginning | None:
        """What is known of a recording from when it was shorter."""
        with self._lock:
            found = self._beginnings.get(source.name)
        return found if found is not None and found.begins(index) else None

    def _load(self, name: str, index: MediaIndex) -> tuple[TrackLevels, ...] | None:
        with self._lock:
            if name in self._ready:
                self._ready.move_to_end(name)
                return self._ready[name]
        tracks = tuple(track.id for track in index.tracks if track.kind == "audio")
        stored = self._store.load(name, tracks, cells_of(index))
        if stored is not None:
            self._remember(name, stored)
        return stored

    def _keep(self, done: Pass) -> None:
        """Keep what a pass found; if the file grew under it, that is right for those who wait and nobody else."""
        beginning = Beginning.of(done.index, done.levels)
        if beginning is not None:
            with self._lock:
                self._beginnings[done.source.name] = beginning
                self._beginnings.move_to_end(done.source.name)
                while len(self._beginnings) > _IN_MEMORY:
                    self._beginnings.popitem(last=False)
        if not done.name.startswith(self._indexes.fingerprint(done.source)):
            return
        self._store.save(done.name, done.levels)
        self._remember(done.name, done.levels)

    def _remember(self, name: str, levels: tuple[TrackLevels, ...]) -> None:
        with self._lock:
            self._ready[name] = levels
            self._ready.move_to_end(name)
            while len(self._ready) > _IN_MEMORY:
                self._ready.popitem(last=False)


def _of_pass(running: Pass) -> _Known:
    ended = running.done.is_set() and running.error is None
    return _Known(running.levels, running.known_s, 100.0 if ended else min(running.percent, 99.9))


def _pause(until: float, should_cancel: ShouldCancel, why: str) -> None:
    if should_cancel():
        raise Cancelled("nobody waits for the waveform any more")
    if time.monotonic() >= until:
        raise NotReady(why, "try again in a moment")
    time.sleep(_POLL_S)


# ------------------------------------------------------------------------------------------------------------- the grid


def _grid(index: MediaIndex, order: WaveformOrder) -> Grid:
    start, end = order.start, order.end
    first = Fraction(0) if start is None else _time_of(index, start)
    length = Fraction(int(index.times_us[-1]), US_PER_S)
    last = length if end is None else _time_of(index, end)
    if first >= length:
        raise SpanInvalid(
            f"the range begins at {format_timecode(first)}, after the end", f"it lasts {float(length):.3f} s"
        )
    if first >= last:
        raise SpanInvalid("the range is empty or reversed", "`from` must be less than `to`")
    last = min(last, length)
    return Grid(first, (last - first) / order.points, order.points)


def _time_of(index: MediaIndex, position: Position) -> Fraction:
    if isinstance(position, FrameNumber):
        return Fraction(int(index.times_us[min(position.n, index.frames)]), US_PER_S)
    return position


def _gathered(levels: TrackLevels, grid: Grid) -> TrackLevels:
    """Kept levels in the points of another grid, whose points are no narrower than theirs.

    Each of the kept peaks belongs to the one point that its middle lies in.
    """
    start, width = float(grid.start_s * CELLS_PER_S), float(grid.width_s * CELLS_PER_S)
    edges = np.ceil(start + width * np.arange(grid.count + 1) - 0.5 - 1e-9).astype(np.int64)
    edges = np.clip(edges, 0, levels.peaks.size)
    starts = np.minimum(edges[:-1], max(levels.peaks.size - 1, 0))
    peaks: F32 = np.maximum.reduceat(levels.peaks[: max(int(edges[-1]), int(starts[-1]) + 1)], starts)
    peaks = np.where(edges[1:] > edges[:-1], peaks, np.float32(0)).astype(np.float32)
    return TrackLevels(levels.track, grid, peaks, levels.first_block, levels.blocks)


def _loudness(levels: TrackLevels) -> F64:
    """Loudness of each point: of its own time, or of 400 ms around its middle where it is shorter."""
    grid = levels.grid
    width = float(max(grid.width_s, _WINDOW_S))
    middles = float(grid.start_s + grid.width_s / 2) + float(grid.width_s) * np.arange(grid.count)
    total = np.concatenate(([0.0], np.cumsum(levels.blocks, dtype=np.float64))) / BLOCKS_PER_S
    at = (levels.first_block + np.arange(total.size)) / BLOCKS_PER_S
    sums = np.interp(middles + width / 2, at, total) - np.interp(middles - width / 2, at, total)
    return to_lufs(sums / width)


def _answer(grid: Grid, tracks: Sequence[Track], found: tuple[TrackLevels, ...], known: _Known) -> Waveform:
    whole = {one.track: integrated_lufs(one.blocks) for one in known.levels} if known.complete else {}
    shown = [
        TrackWaveform(
            id=track.id,
            codec=track.codec,
            language=track.language,
            channels=track.channels,
            peaks=tuple(np.round(levels.peaks.astype(np.float64), 4).tolist()),
            loudness_lufs=tuple(np.round(_loudness(levels), 1).tolist()),
            integrated_lufs=None if whole.get(track.id) is None else round(whole[track.id] or 0.0, 1),
        )
        for track, levels in zip(tracks, found, strict=True)
    ]
    silent = empty_levels(0, grid).peaks
    return Waveform(
        start_us=int(grid.start_s * US_PER_S),
        end_us=int(grid.end_s * US_PER_S),
        points=grid.count,
        peaks=shown[0].peaks if shown else tuple(silent.tolist()),
        tracks=tuple(shown),
        complete=known.known_s >= float(grid.end_s) - 1e-6,
        percent=round(known.percent, 1),
        known_to_us=int(min(max(known.known_s, float(grid.start_s)), float(grid.end_s)) * US_PER_S),
    )
