"""Which pictures of a result are encoded one after the other, and when."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

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

    `since`: when the one at work was begun, by `time.monotonic`; None while there is none. `waited_s`: how long others
    waited for them.
    """

    runs: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    decode_cpu_s: float = 0.0
    waited_s: float = 0.0
    since: float | None = None

    @contextmanager
    def decoding(self) -> Iterator[None]:
        """What is done meanwhile is decoding."""
        began_s = time.thread_time()
        yield
        self.decode_cpu_s += time.thread_time() - began_s


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
    """Encodes runs on a thread, one after the other, a few ahead of what is asked for. Close it.

    Nobody waits for the thread who gives up, not even the interpreter's end: a run of HEVC takes seconds.
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
        self._stopped = False
        self._at_last: Callable[[], None] | None = None
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
        """Begin no further run; `at_last` is called when the one at work is done, which is not waited for."""
        with self._changed:
            self._stopped = True
            self._at_last = at_last
            self._changed.notify_all()

    def _work(self) -> None:
        for number, (run, done) in enumerate(zip(self._runs, self._done, strict=True)):
            with self._changed:
                while number > self._asked + _RUNS_AHEAD and not self._stopped:
                    self._changed.wait()
                if self._stopped:
                    break
            try:
                self._timed(run)
                done.set_result(None)
            except BaseException as error:  # noqa: BLE001  (raised again where it is waited for)
                done.set_exception(error)
        with self._changed:
            while not self._stopped:
                self._changed.wait()
        if self._at_last is not None:
            self._at_last()

    def _timed(self, run: Run) -> None:
        spent, cpu_s = self._spent, time.thread_time()
        spent.since = began = time.monotonic()
        self._encode(run)
        spent.wall_s += time.monotonic() - began
        spent.cpu_s += time.thread_time() - cpu_s
        spent.since = None
        spent.runs += 1
