"""The passes over recordings that measure their sound: in the background, one at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from plexcut.domain.media import Source
from plexcut.errors import Cancelled, PlexcutError
from plexcut.media.index.model import MediaIndex
from plexcut.media.priority import stand_back
from plexcut.media.sound.tracks import audio_tracks
from plexcut.media.waveform.levels import CELLS_PER_S, Grid, TrackLevels, empty_levels
from plexcut.media.waveform.measure import measure_all

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Pass:
    """One pass. `levels` grow; up to `known_s` they are final. `done` is set at its end, then `error` says how."""

    name: str
    source: Source
    index: MediaIndex
    levels: tuple[TrackLevels, ...]
    percent: float = 0.0
    known_s: float = 0.0
    error: PlexcutError | None = None
    done: threading.Event = field(default_factory=threading.Event)


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
        self._open: dict[str, Pass] = {}
        self._waiting: list[Pass] = []
        self._running = False
        self._closed = False

    def start(self, name: str, source: Source, index: MediaIndex) -> Pass:
        """The pass of this name that is under way, or else a new one."""
        with self._lock:
            found = self._open.get(name)
            if found is not None:
                if found in self._waiting:
                    self._waiting.remove(found)
                    self._waiting.append(found)
                return found
            grid = Grid(Fraction(0), Fraction(1, CELLS_PER_S), cells_of(index))
            made = Pass(name, source, index, tuple(empty_levels(track, grid) for track in audio_tracks(index)))
            if self._closed:
                made.error = Cancelled("plexcut is ending")
                made.done.set()
                return made
            self._open[name] = made
            self._waiting.append(made)
            if not self._running:
                self._running = True
                threading.Thread(target=self._work, name="waveform", daemon=True).start()
            return made

    def close(self) -> None:
        """End the pass that runs, at its next batch; the others do not begin."""
        with self._lock:
            self._closed = True

    def _work(self) -> None:
        stand_back()
        while True:
            with self._lock:
                if not self._waiting:
                    self._running = False
                    return
                mine = self._waiting.pop()
            self._run(mine)

    def _run(self, mine: Pass) -> None:
        def on_known(fraction: float, to_s: float) -> None:
            mine.percent = 100.0 * fraction
            mine.known_s = max(mine.known_s, to_s)

        try:
            measure_all(mine.source, mine.index, mine.levels, on_known, lambda: self._closed)
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
            mine.done.set()
