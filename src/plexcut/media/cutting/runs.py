"""Which pictures of a result are encoded one after the other, and when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from plexcut.media.cutting.plan import Plan
from plexcut.media.cutting.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Run:
    """Re-encoded pictures that follow one another, in decode order, and the copied keyframe that they lead into.

    `pictures` and `stand_ins` are places in the schedule, `key` a row (None: nothing copied follows).
    """

    pictures: tuple[int, ...]
    key: int | None
    stand_ins: tuple[int, ...] = ()


def find_runs(plan: Plan, schedule: Schedule) -> list[Run]:
    """The runs of re-encoded pictures, in decode order."""
    parts = plan.parts
    runs: list[Run] = []
    collected: list[int] = []
    stand_ins: list[int] = []
    key: int | None = None
    for place, (number, row) in enumerate(zip(schedule.part.tolist(), schedule.row.tolist(), strict=True)):
        rows = parts[number].rows
        if row >= 0 and rows is not None and row == rows.start:
            if key is not None and stand_ins:
                runs.append(Run(tuple(collected), key, tuple(stand_ins)))
                collected, stand_ins = [], []
            key = row
            if collected and not parts[number].stand_ins:
                runs.append(Run(tuple(collected), key))
                collected = []
        elif row < 0 and parts[number].kind == "copy":
            stand_ins.append(place)
            if len(stand_ins) == len(parts[number].stand_ins):
                runs.append(Run(tuple(collected), key, tuple(stand_ins)))
                collected, stand_ins = [], []
        elif row < 0:
            collected.append(place)
    if collected:
        runs.append(Run(tuple(collected), None))
    return runs


class SeamsBehind:
    """Encodes runs on a thread, one after the other. Close it."""

    def __init__(self, runs: Sequence[Run], encode: Callable[[Run], None]) -> None:
        self._encode = encode
        self._stopped = False
        self._pool = ThreadPoolExecutor(1, "cut-encode")
        self._by_place: dict[int, Future[None]] = {}
        self._by_key: dict[int, Future[None]] = {}
        for run in runs:
            done = self._pool.submit(self._run, run)
            self._by_place.update(dict.fromkeys((*run.pictures, *run.stand_ins), done))
            if run.key is not None:
                self._by_key[run.key] = done

    def wait(self, picture: int, row: int) -> None:
        """Until a picture of the schedule is encoded, or what a copied keyframe (its `row`) needs for it is known.

        Raises:
            Whatever encoding raised.
        """
        done = self._by_place.pop(picture, None) or self._by_key.get(row)
        if done is not None:
            done.result()

    def close(self, at_last: Callable[[], None]) -> None:
        """Begin no further run; `at_last` is called when the one at work is done, which is not waited for."""
        self._stopped = True
        self._pool.submit(at_last)
        self._pool.shutdown(wait=False)

    def _run(self, run: Run) -> None:
        if not self._stopped:
            self._encode(run)
