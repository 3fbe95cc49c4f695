"""The progress of a cut on one scale, that of time: so that the time left can be told by it."""

from __future__ import annotations

from collections.abc import Callable

from plexcut.domain.ports import OnProgress, ShouldCancel
from plexcut.errors import Cancelled
from plexcut.media.cutting.cost import CutWork
from plexcut.media.cutting.pace import Done, Moment, Pace
from plexcut.media.cutting.runs import SeamsSpent

_OF_INDEX = 3.0
"""A cut takes about so many times what the index took, when there was none."""
_ALL_BUT = 0.999
_PROVED_BY = {"read": "verify", "play": "verify"}


class CutProgress:
    """What share of the time has gone, as far as it can be told. Raises Cancelled where somebody says so.

    Phases are `index`, `encode`, `write`, `read` and `play` (both told as `verify`), `move`. Each time something was
    done, the share that is left shrinks as the time that is left does: so it never steps back, whatever turns out.
    """

    def __init__(self, tell: OnProgress, should_cancel: ShouldCancel, clock: Callable[[], Moment] = Moment.now) -> None:
        self.should_cancel = should_cancel
        self._tell = tell
        self._clock = clock
        self._began = clock()
        self._told = 0.0
        self._told_at_s = self._began.at_s
        self._last = ("", 0.0)
        self._pace: Pace | None = None
        self._done = Done()

    def plan(self, work: CutWork) -> None:
        """From now on it is known what is to be done."""
        self._pace = Pace(work, SeamsSpent(), self._clock())
        self._done = Done()

    def watch(self, spent: SeamsSpent) -> None:
        """What the encoding of seams takes is noted there."""
        if self._pace is not None:
            self._pace.spent = spent

    def ask(self) -> None:
        """Raises Cancelled where somebody says so."""
        if self.should_cancel():
            raise Cancelled("the cut was cancelled")

    def __call__(self, phase: str, fraction: float) -> None:
        """So much of a phase is done; of the writing: so much of all pictures."""
        self.ask()
        fraction = min(max(fraction, 0.0), 1.0)
        if (phase, fraction) != self._last:
            self._last = phase, fraction
            self._move(phase, fraction)
        self._tell(_PROVED_BY.get(phase, phase), self._told)

    def _move(self, phase: str, fraction: float) -> None:
        now = self._clock()
        left_s = self._left_s(phase, fraction, now)
        if left_s is not None:
            gone_s = now.at_s - self._told_at_s
            left = (1.0 - self._told) * left_s / max(left_s + gone_s, 1e-9)
            self._told, self._told_at_s = max(self._told, min(1.0 - left, _ALL_BUT)), now.at_s

    def _left_s(self, phase: str, fraction: float, now: Moment) -> float | None:
        """Seconds; None where it cannot be told."""
        pace, done = self._pace, self._done
        if pace is None:
            gone_s = now.at_s - self._began.at_s
            return gone_s * ((1 - fraction) + _OF_INDEX) / fraction if fraction else None
        if phase in _PROVED_BY and pace.proof_began is None:
            pace.begin_proof(done, now)
        if phase == "write":
            if fraction == 0.0:
                pace.begin_write(now)
            done.picture = fraction * pace.work.pictures
        elif phase == "read":
            done.read = max(done.read, fraction)
        elif phase == "play":
            done.played = max(done.played, fraction)
        elif phase == "move":
            return 0.0
        return pace.left_s(done, now)

    def finish(self) -> None:
        """All is done, and cannot be cancelled any more."""
        self._tell("move", 1.0)
