"""Threads that ask for what may never be answered; those that were answered ask again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")


class _Call(Generic[T]):
    """Something that is asked, and what came of it."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._result: list[T] = []
        self._failure: Exception | None = None
        self.done = threading.Event()

    def make(self) -> None:
        try:
            self._result.append(self._work())
        except Exception as error:  # noqa: BLE001 - raised again in the thread that asked
            self._failure = error

    def result(self) -> T:
        if self._failure is not None:
            raise self._failure
        return self._result[0]


class Askers:
    """Daemon threads, begun when none is free: each that waits for ever is one less, and holds up nobody.

    To begin one for every question takes longer than most answers, and pictures ask for each of them.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._calls: SimpleQueue[_Call[object] | None] = SimpleQueue()
        self._free = self._begun = 0
        self.under_way = 0
        """How many questions are not answered yet."""

    def ask(self, work: Callable[[], T], limit_s: float) -> T | None:
        """What `work` gives, or raises; None where there is no answer within the time."""
        call = _Call(work)
        with self._lock:
            self.under_way += 1
            begins = self._free == 0
            if begins:
                self._begun += 1
            else:
                self._free -= 1
        if begins:
            threading.Thread(target=self._run, name=self._name, daemon=True).start()
        self._calls.put(call)  # type: ignore[arg-type]
        return call.result() if call.done.wait(limit_s) else None

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call.make()
            with self._lock:
                self.under_way -= 1
                self._free += 1
            call.done.set()
            del call

    def close(self) -> None:
        """Let the threads end, each after its present question."""
        with self._lock:
            count = self._begun
        for _ in range(count):
            self._calls.put(None)
