"""The estimate of the time that is left."""

from __future__ import annotations

import pytest

from plexcut.jobs.progress import Eta, throttled


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_steady_rate_tells_the_truth() -> None:
    clock = Clock()
    eta = Eta(clock)
    for step in range(1, 90):
        clock.now += 0.2
        left = eta.update(step / 100)
        if step > 5:
            assert left == pytest.approx((100 - step) * 0.2, rel=0.05)


def test_nothing_is_told_too_early() -> None:
    clock = Clock()
    eta = Eta(clock)
    assert eta.update(0.0) is None
    clock.now += 0.1
    assert eta.update(0.3) is None


def test_a_slow_start_is_forgotten() -> None:
    clock = Clock()
    eta = Eta(clock)
    clock.now += 20
    eta.update(0.01)
    left: float | None = None
    for step in range(2, 60):
        clock.now += 0.5
        left = eta.update(step / 100)
    assert left == pytest.approx(41 * 0.5, rel=0.25)


def test_it_counts_down_while_nothing_is_reported() -> None:
    clock = Clock()
    eta = Eta(clock)
    for step in range(1, 51):
        clock.now += 0.1
        eta.update(step / 100)
    before = eta.update(0.5)
    clock.now += 2
    after = eta.update(0.5)
    assert before is not None
    assert after == pytest.approx(before - 2, abs=0.1)
    assert eta.update(1.0) == 0.0


def test_reports_are_throttled_and_never_fall() -> None:
    clock = Clock()
    reports: list[tuple[str, float, float | None]] = []
    on_progress = throttled(lambda *report: reports.append(report), clock)
    for step in range(101):
        clock.now += 0.01
        on_progress("copy", step / 100)
    assert 3 <= len(reports) <= 6
    on_progress("verify", 0.5)
    on_progress("verify", 7.0)
    assert reports[-1][:2] == ("verify", 100.0)
    percents = [percent for _phase, percent, _eta in reports]
    assert percents == sorted(percents)
