"""Notices that a task gets nowhere: it neither ends nor tells of any progress."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from plexcut.domain.ports import OnProgress

Clock = Callable[[], float]

_LOOK_S = 0.5


class StallWatch:
    """Calls `on_stall` once, in a thread of its own, when nothing has moved for `limit_s`.

    A progress report that says the same as the one before is none. `clock` never steps back, and stands while the
    machine sleeps.
    """

    def __init__(self, limit_s: float, on_stall: Callable[[], None], clock: Clock = time.monotonic) -> None:
        self._limit_s = limit_s
        self._on_stall = on_stall
        self._clock = clock
        self._last: tuple[str, float] | None = None
        self._moved_at = clock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stall", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._moved_at = self._clock()
        self._thread.start()

    def end(self) -> None:
        """Stop watching."""
        self._over.set()

    def watching(self, report: OnProgress) -> OnProgress:
        """`report`, overheard."""

        def on_progress(phase: str, fraction: float) -> None:
            self.move(phase, fraction)
            report(phase, fraction)

        return on_progress

    def move(self, phase: str, fraction: float) -> None:
        """Something was told."""
        if (phase, fraction) != self._last:
            self._last = (phase, fraction)
            self._moved_at = self._clock()

    def _run(self) -> None:
        while not self._over.wait(min(_LOOK_S, self._limit_s / 4)):
            if self._clock() - self._moved_at > self._limit_s:
                self._on_stall()
                return
