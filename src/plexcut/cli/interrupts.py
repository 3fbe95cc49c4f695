"""Ctrl-C and SIGTERM while a file is being written: first a request, then an end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from plexcut.domain.ports import ShouldCancel

_PATIENCE_S = 3.0


@contextmanager
def graceful() -> Iterator[ShouldCancel]:
    """A `should_cancel` that turns true at Ctrl-C or SIGTERM.

    What has not ended three seconds later, or at a second Ctrl-C, is interrupted wherever it is.
    """
    asked = [False]

    def on_signal(_signum: int, _frame: object) -> None:
        if asked[0]:
            raise KeyboardInterrupt
        asked[0] = True
        signal.setitimer(signal.ITIMER_REAL, _PATIENCE_S)

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
    before = [signal.signal(signum, on_signal) for signum in signals]
    try:
        yield lambda: asked[0]
    finally:
        if asked[0]:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for signum, handler in zip(signals, before, strict=True):
            signal.signal(signum, handler)
