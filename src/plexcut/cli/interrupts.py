"""Ctrl-C and SIGTERM while a file is being written: first a request, then an end."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from plexcut.cli import output
from plexcut.domain.ports import ShouldCancel
from plexcut.domain.uses import poll_s
from plexcut.errors import Cancelled, RecordingBusy

_PATIENCE_S = 3.0
_LOOK_S = 0.2


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


def wait_until_free(look: Callable[[], str], wait_s: float, should_cancel: ShouldCancel) -> None:
    """Wait until `look` finds nothing in the way of a swap; what it finds is said on stderr.

    Raises:
        Cancelled. RecordingBusy: it has waited for `wait_s`.
    """
    began, said = time.monotonic(), ""
    while why := look():
        left_s = wait_s - (time.monotonic() - began)
        if left_s <= 0:
            raise RecordingBusy(why, "nothing was changed; cut it again when that is over, or set cut.in_use_wait_s")
        if why != said:
            output.note(f"the cut is ready, and waits: {why}")
            said = why
        until = time.monotonic() + min(poll_s(wait_s), left_s)
        while time.monotonic() < until:
            if should_cancel():
                raise Cancelled("cancelled while it waited; nothing was changed")
            time.sleep(_LOOK_S)
