"""Peaks and loudness of tracks, gathered from decoded sound."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from plexcut.media.index.model import MediaIndex
from plexcut.media.sound.pieces import F32, Piece, PlacedPiece, Placement
from plexcut.media.waveform.loudness import BLOCKS_PER_S, KWeighting

U16 = npt.NDArray[np.uint16]

CELLS_PER_S = 100
"""Peaks are kept for every 10 ms."""
FULL_SCALE = 65_535
_RUN_S = 2
"""Samples that are measured together: few enough to stay in the processor's cache, enough for NumPy."""


@dataclass(frozen=True, slots=True)
class Grid:
    """`count` points of `width_s` seconds each, the first of them beginning at `start_s` (time 0 is frame 0)."""

    start_s: Fraction
    width_s: Fraction
    count: int

    @property
    def end_s(self) -> Fraction:
        """Where the last point ends."""
        return self.start_s + self.count * self.width_s


@dataclass(slots=True)
class TrackLevels:
    """One track. `peaks`: the largest sample (of any channel, 1 is full scale) in each point of `grid`.

    `blocks`: the K-weighted mean square of each 100 ms from the beginning of block `first_block` (counted from frame 0)
    on; sound that is not there counts as silence.
    """

    track: int
    grid: Grid
    peaks: F32
    first_block: int
    blocks: F32


def empty_levels(track: int, grid: Grid, margin_s: Fraction = Fraction(0)) -> TrackLevels:
    """Levels of silence; blocks reach `margin_s` beyond the grid on both sides, but not before frame 0."""
    first = max(0, math.floor((grid.start_s - margin_s) * BLOCKS_PER_S))
    last = math.ceil((grid.end_s + margin_s) * BLOCKS_PER_S)
    return TrackLevels(track, grid, np.zeros(grid.count, np.float32), first, np.zeros(last - first, np.float32))


class LevelMeter:
    """Fills `levels` from the frames of a track, in file order. Other threads may look at what is there already."""

    def __init__(self, index: MediaIndex, levels: TrackLevels) -> None:
        self.levels = levels
        self._base = index.time_base
        self._first = int(index.shown_pts[0])
        self._placement = Placement(1 / index.time_base)
        self._kind: tuple[int, str] | None = None
        self._filter: KWeighting | None = None
        self._run: list[F32] = []
        self._run_start = Fraction(0)
        self._run_samples = 0

    def take(self, pieces: list[Piece]) -> None:
        """Take up what follows; `finish` measures the last of it."""
        for piece in pieces:
            placed = self._placement.place(piece)
            if placed is None:
                continue
            kind = (placed.rate, placed.layout)
            if not placed.joins or kind != self._kind:
                self.finish()
                self._begin(placed, kind)
            self._run.append(placed.samples)
            self._run_samples += int(placed.samples.shape[1])
            if self._run_samples >= _RUN_S * placed.rate:
                self.finish()

    def finish(self) -> None:
        """Measure what was taken up."""
        if not self._run or self._kind is None:
            return
        samples = np.concatenate(self._run, axis=1) if len(self._run) > 1 else self._run[0]
        rate, layout = self._kind
        start = self._run_start
        self._run, self._run_start, self._run_samples = [], start + Fraction(int(samples.shape[1]), rate), 0
        # What is damaged beyond a checksum may decode to no number at all.
        samples = (
            np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0) if not np.isfinite(samples.sum()) else samples
        )
        self._peaks(samples, start, rate)
        if self._filter is None:
            self._filter = KWeighting(rate, layout)
        self._energy(self._filter.energy(samples), start, rate)

    def _begin(self, placed: PlacedPiece, kind: tuple[int, str]) -> None:
        if kind != self._kind:
            self._filter = None
        self._kind = kind
        self._run_start = (placed.start - self._first) * self._base + Fraction(placed.offset, placed.rate)

    def _peaks(self, samples: F32, start: Fraction, rate: int) -> None:
        grid = self.levels.grid
        first = max(0, math.floor((start - grid.start_s) / grid.width_s))
        end = start + Fraction(int(samples.shape[1]), rate)
        last = min(grid.count, math.ceil((end - grid.start_s) / grid.width_s))
        if first >= last:
            return
        edges = _edges(grid.start_s + first * grid.width_s - start, grid.width_s, last - first + 1, rate)
        found = _largest(samples, edges)
        target = self.levels.peaks[first:last]
        np.maximum(target, np.minimum(found, 1.0), out=target)

    def _energy(self, energy: F32, start: Fraction, rate: int) -> None:
        levels = self.levels
        first = max(levels.first_block, math.floor(start * BLOCKS_PER_S))
        end = start + Fraction(energy.size, rate)
        last = min(levels.first_block + levels.blocks.size, math.ceil(end * BLOCKS_PER_S))
        if first >= last:
            return
        edges = _edges(Fraction(first, BLOCKS_PER_S) - start, Fraction(1, BLOCKS_PER_S), last - first + 1, rate)
        edges = np.clip(edges, 0, energy.size)
        # What lies before the first edge, or behind the last one, is before frame 0 or behind the last frame.
        padded = np.append(energy, energy.dtype.type(0))
        sums = np.where(edges[1:] > edges[:-1], np.add.reduceat(padded, edges)[:-1], 0)
        levels.blocks[first - levels.first_block : last - levels.first_block] += sums * (BLOCKS_PER_S / rate)


def _edges(offset_s: Fraction, width_s: Fraction, count: int, rate: int) -> npt.NDArray[np.int64]:
    """The first sample at or behind each of `count` edges; sample 0 is at 0 s, the first edge at `offset_s`."""
    places = float(offset_s * rate) + float(width_s * rate) * np.arange(count)
    edges: npt.NDArray[np.int64] = np.ceil(places - 1e-6).astype(np.int64)
    return edges


def _largest(samples: F32, edges: npt.NDArray[np.int64]) -> F32:
    """The largest absolute sample of any channel between successive edges; 0 between two beyond the samples' ends.

    Between two edges that no sample lies between it is the next sample: points may be narrower than samples.
    """
    count = int(samples.shape[1])
    width = int(edges[1] - edges[0])
    if width > 1 and bool((np.diff(edges) == width).all()):
        # Whole points by reshaping, which is six times as fast as `reduceat`.
        front, back = max(0, -int(edges[0])), max(0, int(edges[-1]) - count)
        inside = samples[:, max(0, int(edges[0])) : min(count, int(edges[-1]))]
        if front or back:
            inside = np.pad(inside, ((0, 0), (front, back)))
        cells = inside.reshape(samples.shape[0], edges.size - 1, width)
        result: F32 = np.maximum(cells.max(axis=2), -cells.min(axis=2)).max(axis=0)
        return result
    loudest = np.maximum(samples.max(axis=0), -samples.min(axis=0))
    found = np.zeros(edges.size - 1, np.float32)
    inside_points = np.flatnonzero((edges[1:] > 0) & (edges[:-1] < count) | ((edges[:-1] >= 0) & (edges[:-1] < count)))
    if inside_points.size:
        low, high = int(inside_points[0]), int(inside_points[-1]) + 1
        starts = np.clip(edges[low:high], 0, count - 1)
        end = min(int(edges[high]), count)
        found[low:high] = np.maximum.reduceat(loudest[: max(end, int(starts[-1]) + 1)], starts)
    return found
