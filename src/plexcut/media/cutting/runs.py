"""Which pictures of a result are encoded one after the other, and when."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from plexcut.domain.ports import ShouldCancel
from plexcut.errors import Cancelled
from plexcut.media.cutting.plan import Plan
from plexcut.media.cutting.schedule import Schedule

_POLL_S = 0.1
_RUNS_AHEAD = 6
"""Encoded pictures are large: those of a hundred seams would take more memory than all the rest."""


@dataclass(frozen=True, slots=True)
class Run:
    """Re-encoded pictures that follow one another, in decode order, and the copied keyframe that they lead into.

    `pictures` and `stand_ins` are places in the schedule, `key` a row (None: nothing copied follows), `stood_for` the
    rows that the stand-ins take the place of.
    """

    pictures: tuple[int, ...]
    key: int | None
    stand_ins: tuple[int, ...] = ()
    stood_for: tuple[int, ...] = ()


@dataclass(slots=True)
class SeamsSpent:
    """What the encoding of runs took so far, in seconds: `runs` are done, of their `cpu_s` `decode_cpu_s` for decoding.

    `threads`: how many are at it. `begun`: when those at work now were begun, by `time.monotonic`. `waited_s`: how long
    others waited for them.
    """

    runs: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    decode_cpu_s: float = 0.0
    waited_s: float = 0.0
    threads: int = 1
    begun: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def decoding(self) -> Iterator[None]:
        """What is done meanwhile is decoding."""
        began_s = time.thread_time()
        yield
        with self._lock:
            self.decode_cpu_s += time.thread_time() - began_s

    def begin(self) -> tuple[float, float]:
        """A thread begins a run."""
        began = time.monotonic(), time.thread_time()
        with self._lock:
            self.begun.append(began[0])
        return began

    def end(self, began: tuple[float, float]) -> None:
        """It has done so; `began` is what `begin` gave."""
        with self._lock:
            self.begun.remove(began[0])
            self.wall_s += time.monotonic() - began[0]
            self.cpu_s += time.thread_time() - began[1]
            self.runs += 1


def find_runs(plan: Plan, schedule: Schedule) -> list[Run]:
    """The runs of re-encoded pictures, in decode order."""
    parts = plan.parts
    runs: list[Run] = []
    collected: list[int] = []
    stand_ins: list[int] = []
    key: int | None = None
    begins = np.array([-1 if part.rows is None else part.rows.start for part in parts])
    # Of millions of pictures these are a few.
    places = np.flatnonzero((schedule.row < 0) | (schedule.row == begins[schedule.part]))
    for place in places.tolist():
        number, row = int(schedule.part[place]), int(schedule.row[place])
        rows = parts[number].rows
        if row >= 0 and rows is not None and row == rows.start:
            key = row
            if collected and not parts[number].stand_ins:
                runs.append(Run(tuple(collected), key))
                collected = []
        elif row < 0 and parts[number].kind == "copy":
            stand_ins.append(place)
            if len(stand_ins) == len(parts[number].stand_ins):
                runs.append(Run(tuple(collected), key, tuple(stand_ins), parts[number].stand_ins))
                collected, stand_ins = [], []
        elif row < 0:
            collected.append(place)
    if collected:
        runs.append(Run(tuple(collected), None))
    return runs


class SeamsBehind:
    """Encodes runs on threads, in their order, a few ahead of what is asked for. Close it.

    Nobody waits for a thread who gives up, not even the interpreter's end: a run of HEVC takes seconds.
    """

    def __init__(
        self, runs: Sequence[Run], encode: Callable[[Run], None], should_cancel: ShouldCancel, spent: SeamsSpent
    ) -> None:
        self._runs = runs
        self._encode = encode
        self._should_cancel = should_cancel
        self._spent = spent
        self._done = [Future[None]() for _ in runs]
        self._by_place: dict[int, int] = {}
        self._by_key: dict[int, int] = {}
        for number, run in enumerate(runs):
            self._by_place.update(dict.fromkeys((*run.pictures, *run.stand_ins), number))
            if run.key is not None:
                self._by_key[run.key] = number
        self._changed = threading.Condition()
        self._asked = 0
        self._next = 0
        self._stopped = False
        self._at_last: Callable[[], None] | None = None
        self._at_work = spent.threads
        for _ in range(self._at_work):
            threading.Thread(target=self._work, name="cut-encode", daemon=True).start()

    def wait(self, picture: int, row: int) -> None:
        """Until a picture of the schedule is encoded, or what a copied keyframe (its `row`) needs for it is known.

        Raises:
            Cancelled: somebody said so meanwhile.
            Whatever encoding raised.
        """
        number = self._by_place.get(picture, self._by_key.get(row))
        if number is not None:
            self._reach(number)

    def wait_for_all(self, on_done: Callable[[], None]) -> None:
        """Until everything is encoded; `on_done` is called after each run. Raises as `wait`."""
        for number in range(len(self._runs)):
            self._reach(number)
            on_done()

    def _reach(self, number: int) -> None:
        with self._changed:
            self._asked = max(self._asked, number)
            self._changed.notify_all()
        done = self._done[number]
        began = time.monotonic()
        while not done.done() and not futures.wait([done], _POLL_S).done:
            if self._should_cancel():
                raise Cancelled("the cut was cancelled")
        self._spent.waited_s += time.monotonic() - began
        done.result()

    def close(self, at_last: Callable[[], None]) -> None:
        """Begin no further run; `at_last` is called when those at work are done, which are not waited for."""
        with self._changed:
            self._stopped = True
            self._at_last = at_last
            self._changed.notify_all()

    def _work(self) -> None:
        while (number := self._take()) is not None:
            try:
                self._timed(self._runs[number])
                self._done[number].set_result(None)
            except BaseException as error:  # noqa: BLE001  (raised again where it is waited for)
                self._done[number].set_exception(error)
        with self._changed:
            self._at_work -= 1
            last = not self._at_work
        if last and self._at_last is not None:
            self._at_last()

    def _timed(self, run: Run) -> None:
        began = self._spent.begin()
        self._encode(run)
        self._spent.end(began)

    def _take(self) -> int | None:
        """The next run, when it is near enough to what is asked for; None: there is nothing more to do."""
        with self._changed:
            number = self._next
            self._next += 1
            while not self._stopped and (number >= len(self._runs) or number > self._asked + _RUNS_AHEAD):
                self._changed.wait()
            return None if self._stopped else number
