"""The passes over recordings that measure their sound: in the background, one at a time, not counted one that hangs."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

import xxhash

from plexcut.domain.media import Source
from plexcut.errors import Cancelled, PlexcutError
from plexcut.media.index.model import MediaIndex
from plexcut.media.priority import stand_back
from plexcut.media.sound.tracks import audio_tracks
from plexcut.media.turns import SILENCE_S, Turn
from plexcut.media.waveform.levels import CELLS_PER_S, Grid, TrackLevels, empty_levels
from plexcut.media.waveform.loudness import BLOCKS_PER_S
from plexcut.media.waveform.measure import measure_all

log = logging.getLogger(__name__)

_UNTOLD_S = 5.0
"""How long a failure is news to who asks again and again, without waiting in between."""
_UNTOLD_KEPT = 64
_OPEN_ROWS = 50
_OPEN_S = 5
"""How much of a file's end may be told otherwise when it has grown: sound that was still to come, pictures too."""


@dataclass(eq=False)
class Pass:
    """One pass. `levels` grow; up to `known_s` they are final. `done` is set at its end, then `error` says how."""

    name: str
    source: Source
    index: MediaIndex
    levels: tuple[TrackLevels, ...]
    percent: float = 0.0
    known_s: float = 0.0
    begin_s: float = 0.0
    error: PlexcutError | None = None
    done: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class Beginning:
    """Levels of a recording that has grown since: final up to `until_s`, if its first `rows` pictures are the same.

    `digest` tells of their places and times.
    """

    rows: int
    digest: int
    until_s: float
    levels: tuple[TrackLevels, ...]

    @classmethod
    def of(cls, index: MediaIndex, levels: tuple[TrackLevels, ...]) -> Beginning | None:
        """What of these levels stays as it is if the file grows; None for a kind of file that does not."""
        rows = index.at.size - _OPEN_ROWS
        if not index.pmt or rows <= 0:
            return None
        until_s = float((int(index.dts[rows]) - int(index.shown_pts[0])) * index.time_base) - _OPEN_S
        return cls(rows, _digest(index, rows), math.floor(until_s), levels) if until_s >= 1 else None

    def begins(self, index: MediaIndex) -> bool:
        """Whether a recording with this index begins so."""
        tracks = tuple(found.track for found in self.levels)
        return audio_tracks(index) == tracks and index.at.size > self.rows and _digest(index, self.rows) == self.digest

    def copy_to(self, levels: tuple[TrackLevels, ...]) -> float:
        """Put what is known in front of `levels`, which begin at time 0; up to which time that was."""
        for old, new in zip(self.levels, levels, strict=True):
            new.peaks[: int(self.until_s) * CELLS_PER_S] = old.peaks[: int(self.until_s) * CELLS_PER_S]
            new.blocks[: int(self.until_s) * BLOCKS_PER_S] = old.blocks[: int(self.until_s) * BLOCKS_PER_S]
        return self.until_s


def _digest(index: MediaIndex, rows: int) -> int:
    parts = (index.at[:rows], index.pts[:rows], index.shown_pts[:1])
    return xxhash.xxh3_64_intdigest(b"".join(part.tobytes() for part in parts))


def _from(levels: TrackLevels, start_s: float) -> TrackLevels:
    """The part of levels from a whole second on; what is written to it is in `levels` too."""
    cells, blocks = int(start_s) * CELLS_PER_S, int(start_s) * BLOCKS_PER_S
    grid = Grid(Fraction(int(start_s)), levels.grid.width_s, levels.grid.count - cells)
    return TrackLevels(levels.track, grid, levels.peaks[cells:], blocks, levels.blocks[blocks:])


def cells_of(index: MediaIndex) -> int:
    """How many peaks are kept of each track."""
    return -(-int(index.times_us[-1]) * CELLS_PER_S // 1_000_000)


class Passes:
    """Runs passes in a thread of its own, the one asked for last first. Safe for several threads.

    `on_levels(pass)` is called for each one that came to its end, before that is known to those who wait.
    """

    def __init__(self, on_levels: Callable[[Pass], None]) -> None:
        self._on_levels = on_levels
        self._lock = threading.Lock()
        self._failures: dict[str, tuple[PlexcutError, float]] = {}
        self._open: dict[str, Pass] = {}
        self._waiting: list[Pass] = []
        self._turn: Turn | None = None
        self._closed = False

    def start(self, name: str, source: Source, index: MediaIndex, known: Beginning | None = None) -> Pass:
        """The pass of this name that is under way, or else a new one; of what is not `known` already.

        Raises:
            PlexcutError: it has just failed, and nobody was told.
        """
        with self._lock:
            failure = self._failures.pop(name, None)
            if failure is not None and time.monotonic() - failure[1] < _UNTOLD_S:
                raise failure[0]
            found = self._open.get(name)
            if found is not None:
                if found in self._waiting:
                    self._waiting.remove(found)
                    self._waiting.append(found)
                    self._work_on()
                return found
            grid = Grid(Fraction(0), Fraction(1, CELLS_PER_S), cells_of(index))
            made = Pass(name, source, index, tuple(empty_levels(track, grid) for track in audio_tracks(index)))
            if known is not None:
                made.known_s = made.begin_s = known.copy_to(made.levels)
            if self._closed:
                made.error = Cancelled("plexcut is ending")
                made.done.set()
                return made
            self._open[name] = made
            self._waiting.append(made)
            self._work_on()
            return made

    def _work_on(self) -> None:
        """Have a thread work; a further one only where the one there is has been silent. Under the lock."""
        if self._turn is None or self._turn.silent_s() >= SILENCE_S:
            self._turn = Turn()
            threading.Thread(target=self._work, args=(self._turn,), name="waveform", daemon=True).start()

    def failure(self, ended: Pass) -> PlexcutError | None:
        """Why a pass failed, for somebody who waited for it; the next one to ask begins anew."""
        with self._lock:
            self._failures.pop(ended.name, None)
        return ended.error

    def close(self) -> None:
        """End the pass that runs, at its next batch; the others do not begin."""
        with self._lock:
            self._closed = True

    def _work(self, turn: Turn) -> None:
        stand_back()
        while True:
            with self._lock:
                if self._turn is not turn:  # another one took over while this one hung
                    return
                if not self._waiting:
                    self._turn = None
                    return
                mine = self._waiting.pop()
            self._run(mine, turn)

    def _run(self, mine: Pass, turn: Turn) -> None:
        turn.alive()

        def on_known(fraction: float, to_s: float) -> None:
            turn.alive()
            mine.percent = 100.0 * fraction
            mine.known_s = max(mine.known_s, to_s)

        try:
            levels = tuple(_from(found, mine.begin_s) for found in mine.levels)
            measure_all(mine.source, mine.index, levels, on_known, lambda: self._closed)
            self._on_levels(mine)
            mine.known_s = float(mine.levels[0].grid.end_s)
        except PlexcutError as error:
            mine.error = error
        except Exception:
            log.exception("the sound of a recording could not be measured")
            mine.error = PlexcutError(f"the sound of {mine.source.name} cannot be measured", "the log says why")
        finally:
            with self._lock:
                self._open.pop(mine.name, None)
                if mine.error is not None:
                    self._failures[mine.name] = (mine.error, time.monotonic())
                    while len(self._failures) > _UNTOLD_KEPT:
                        self._failures.pop(next(iter(self._failures)))
            mine.done.set()
