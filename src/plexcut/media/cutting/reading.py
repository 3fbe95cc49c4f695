"""A finished transport stream is read from end to end while its seams are played: one core for each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np

from plexcut.errors import Cancelled, PlexcutError
from plexcut.media import heap
from plexcut.media.cutting.ledger import Due, Ledger
from plexcut.media.cutting.readback import Readback, foreseen, read_back
from plexcut.media.cutting.schedule import Schedule
from plexcut.media.cutting.seam_proof import Played, SeamProof
from plexcut.media.index.model import MediaIndex

_POLL_S = 0.2

OnDone = Callable[[str, float], None]


class _Reading:
    """Reads on a thread; ends when it is told to, or done."""

    def __init__(self, output: Path, source: MediaIndex, due: tuple[Due, MediaIndex | None]) -> None:
        self.fraction = 0.0
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(1, "cut-look")
        self._found = self._pool.submit(read_back, output, source, due, self._goes_on)

    def _goes_on(self, fraction: float) -> None:
        self.fraction = fraction
        if self._stopped.is_set():
            raise Cancelled("the cut was cancelled")

    def result(self, on_done: OnDone) -> Readback:
        while not wait([self._found], _POLL_S).done:
            on_done("read", self.fraction)
        return self._found.result()

    def close(self) -> None:
        self._stopped.set()
        self._pool.shutdown()


def read_and_play(
    result: tuple[Path, MediaIndex],
    made: tuple[Schedule, Ledger],
    seams_of: Callable[[MediaIndex], SeamProof],
    on_done: OnDone,
) -> tuple[Readback, Played | None]:
    """Read a result, given with the index of its source, and play its seams by the index that it must turn out to have.

    What was played is None where it turned out to have another one. `on_done` is told how much is done of `read` and of
    `play`.

    Raises:
        FormatUnsupported: it is no such transport stream.
        FileUnreadable: it cannot be read.
    """
    output, source = result
    schedule, ledger = made
    due = Due(ledger, schedule.pts, schedule.dts, schedule.start)
    expected = foreseen(source, due)
    heap.give_back()
    reading = _Reading(output, source, (due, expected))
    try:

        def on_played(fraction: float) -> None:
            on_done("read", reading.fraction)
            on_done("play", fraction)

        played = None if expected is None else _played(seams_of(expected), on_played)
        found = reading.result(on_done)
    finally:
        reading.close()
    return found, played if expected is not None and _same(expected, found.index) else None


def _played(seams: SeamProof, on_fraction: Callable[[float], None]) -> Played | None:
    try:
        return seams.play(on_fraction)
    except Cancelled:
        raise
    except PlexcutError:
        # Whatever it is, the reading says it.
        return None


def _same(a: MediaIndex, b: MediaIndex) -> bool:
    columns = ("at", "skip", "size", "pts", "dts", "flags", "display")
    return all(np.array_equal(getattr(a, column), getattr(b, column)) for column in columns)
