"""Turns at what only so many may do at once, when any of them may hang for good on a dead network mount."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

SILENCE_S = 8.0
"""Who has shown no sign of life for so long holds up nobody any more."""


class Turn:
    """One of those whose turn it is."""

    def __init__(self) -> None:
        self._seen = time.monotonic()

    def alive(self) -> None:
        """A sign of life."""
        self._seen = time.monotonic()

    def silent_s(self) -> float:
        """Since when there was none."""
        return time.monotonic() - self._seen


class Turns:
    """`count` at once, not counted those that have been silent. Safe for several threads."""

    def __init__(self, count: int, silence_s: float = SILENCE_S) -> None:
        self._count = count
        self._silence_s = silence_s
        self._changed = threading.Condition()
        self._held: list[Turn] = []

    def take(self, timeout_s: float | None = None) -> Turn | None:
        """A turn, to be given back; None where there was none within the time (None: wait for one)."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            while (free_in_s := self._free_in_s()) > 0:
                left_s = free_in_s if until is None else min(free_in_s, until - time.monotonic())
                if left_s <= 0:
                    return None
                self._changed.wait(left_s)
            turn = Turn()
            self._held.append(turn)
            return turn

    def give_back(self, turn: Turn) -> None:
        """It is over."""
        with self._changed:
            self._held.remove(turn)
            self._changed.notify()

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """A turn, waited for."""
        turn = self.take()
        assert turn is not None
        try:
            yield turn
        finally:
            self.give_back(turn)

    @property
    def busy(self) -> int:
        """How many work just now."""
        with self._changed:
            return sum(turn.silent_s() < self._silence_s for turn in self._held)

    def _free_in_s(self) -> float:
        """When there is a turn at the latest if nobody shows a sign of life; 0: now."""
        left = sorted((self._silence_s - turn.silent_s() for turn in self._held), reverse=True)
        return max(0.0, left[self._count - 1]) if len(left) >= self._count else 0.0
