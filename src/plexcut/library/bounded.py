"""Calls with a time limit: a network mount whose server is gone blocks for minutes, or for good; a server may send one
byte at a time for hours.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

Tick = Callable[[], None]
"""To be called after each step of a long call, to show that it is not stuck."""


class Stuck(Exception):
    """The call gave no sign of life for too long; its thread may still hang."""


class _Call(Generic[T]):
    """One call in a thread of its own, which a hanging system call cannot keep the process alive with."""

    def __init__(self, work: Callable[[Tick], T]) -> None:
        self._work = work
        self._seen = time.monotonic()
        self._done = threading.Event()
        self._value: list[T] = []
        self._error: BaseException | None = None
        threading.Thread(target=self._run, name="plexcut-bounded", daemon=True).start()

    def _run(self) -> None:
        try:
            self._value.append(self._work(self._tick))
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
            self._error = error
        self._done.set()

    def _tick(self) -> None:
        self._seen = time.monotonic()

    @property
    def running(self) -> bool:
        return not self._done.is_set()

    def result(self, silence_s: float) -> T:
        while not self._done.wait(max(0.01, self._seen + silence_s - time.monotonic())):
            if time.monotonic() - self._seen >= silence_s:
                raise Stuck
        if self._error is not None:
            raise self._error
        return self._value[0]


class Bounded:
    """Runs calls against one host; while some hang, further ones fail at once instead of piling up threads."""

    def __init__(self, silence_s: float, hanging_max: int = 4) -> None:
        self._silence_s = silence_s
        self._hanging_max = hanging_max
        self._hanging: list[_Call[object]] = []
        self._lock = threading.Lock()

    def __call__(self, work: Callable[[Tick], T]) -> T:
        """The result of `work`.

        Raises:
            Stuck: it was silent for `silence_s` seconds.
        """
        with self._lock:
            self._hanging = [call for call in self._hanging if call.running]
            if len(self._hanging) >= self._hanging_max:
                raise Stuck
        call: _Call[T] = _Call(work)
        try:
            return call.result(self._silence_s)
        except Stuck:
            with self._lock:
                self._hanging.append(call)  # type: ignore[arg-type]  # only `running` is read
            raise
