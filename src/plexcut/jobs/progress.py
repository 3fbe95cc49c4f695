"""How far a job is: percent and the time that is left, smoothed and throttled."""

from __future__ import annotations

import time
from collections.abc import Callable

from plexcut.domain.ports import OnProgress

Clock = Callable[[], float]

_MIN_ELAPSED_S = 0.5
_MIN_FRACTION = 0.005
_SMOOTHING_S = 6.0


class Eta:
    """The time that is left, from the rate of progress.

    The rate is an exponential mean over about the last six seconds, so that a slow start does not weigh on the rest
    and a short stall does not make the figure jump. `clock` gives seconds and never steps back.
    """

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._start = self._last_at = clock()
        self._last_fraction = 0.0
        self._rate = 0.0

    def update(self, fraction: float) -> float | None:
        """Seconds left at `fraction` (0 to 1) of the whole work, None until it can be told."""
        now = self._clock()
        step_s = now - self._last_at
        if step_s > 0.05 and fraction > self._last_fraction:
            recent = (fraction - self._last_fraction) / step_s
            weight = min(1.0, step_s / min(_SMOOTHING_S, max(now - self._start, step_s)))
            self._rate += (recent - self._rate) * weight
            self._last_at, self._last_fraction = now, fraction
            step_s = 0.0
        if fraction >= 1.0:
            return 0.0
        if self._rate <= 0 or now - self._start < _MIN_ELAPSED_S or fraction < _MIN_FRACTION:
            return None
        # While nothing comes in, the time since the last step is taken off what that step promised.
        return max((1.0 - self._last_fraction) / self._rate - step_s, 0.0)


def throttled(report: Callable[[str, float, float | None], None], clock: Clock = time.monotonic) -> OnProgress:
    """An `on_progress` that hands phase, percent (0 to 100, never falling) and ETA to `report`, four times a second.

    A new phase is reported at once.
    """
    eta = Eta(clock)
    state = {"at": float("-inf"), "percent": 0.0}
    phases: list[str] = [""]

    def on_progress(phase: str, fraction: float) -> None:
        fraction = min(max(fraction, 0.0), 1.0)
        left_s = eta.update(fraction)
        state["percent"] = max(state["percent"], round(100 * fraction, 1))
        now = clock()
        if phase == phases[0] and now - state["at"] < 0.25:
            return
        phases[0], state["at"] = phase, now
        report(phase, state["percent"], None if left_s is None else round(left_s, 1))

    return on_progress
