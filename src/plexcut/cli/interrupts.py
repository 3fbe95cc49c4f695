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
_AGAIN, _AGAIN_S = 3, 1.0


@contextmanager
def insistent() -> Iterator[None]:
    """Raise `KeyboardInterrupt` at Ctrl-C or SIGTERM, and once a second again until this ends.

    Python drops an exception that a signal raises in a finalizer or a callback of an import: the command would go on.
    """
    left = [_AGAIN]

    def on_signal(_signum: int, _frame: object) -> None:
        if left[0]:
            left[0] -= 1
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
        raise KeyboardInterrupt

    with _handled((signal.SIGINT, signal.SIGTERM, signal.SIGALRM), on_signal):
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)


@contextmanager
def _handled(signals: tuple[signal.Signals, ...], handler: Callable[[int, object], None]) -> Iterator[None]:
    before = [signal.signal(signum, handler) for signum in signals]
    try:
        yield
    finally:
        for signum, previous in zip(signals, before, strict=True):
            signal.signal(signum, previous)


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

    with _handled((signal.SIGINT, signal.SIGTERM, signal.SIGALRM), on_signal):
        try:
            yield lambda: asked[0]
        finally:
            if asked[0]:
                signal.setitimer(signal.ITIMER_REAL, 0)


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
