"""What plexcut's engine does in a process of its own, measured from inside, starting Python not counted.

    python -m bench.child TASK '{"path": …, "cache_dir": …, …}'

writes one JSON object to stdout.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from bench.measure import status_mib
from bench.peers import PICTURE_WIDTH, number_in
from plexcut.domain.media import CutRequest
from plexcut.domain.spans import KeepList, Span
from plexcut.domain.timecode import FrameNumber, Position
from plexcut.jobs.progress import throttled
from plexcut.media.engine import Engine

Order = dict[str, Any]


def index(order: Order) -> Order:
    """Build the index, and write it where it is kept."""
    engine = Engine(Path(order["cache_dir"]))
    return _timed([lambda: engine.index(Path(order["path"])).frames])


def pictures(order: Order) -> Order:
    """Pictures at given times, which are decimals."""
    path = Path(order["path"])
    engine = Engine(Path(order["cache_dir"]))
    engine.index(path)
    return _timed([_picture(engine, path, Fraction(at)) for at in order["times"]])


def steps(order: Order) -> Order:
    """From given frames on, `count` single steps of `by` frames each; the picture to start from is not counted."""
    path = Path(order["path"])
    engine = Engine(Path(order["cache_dir"]))
    engine.index(path)
    answer: Order = {"samples": [], "results": [], "cpu_s": 0.0}
    for start in order["starts"]:
        engine.frame(path, FrameNumber(start), PICTURE_WIDTH)
        numbers = [start + order["by"] * (step + 1) for step in range(order["count"])]
        part = _timed([_picture(engine, path, FrameNumber(n)) for n in numbers])
        for name in answer:
            answer[name] += part[name]
    return answer


def cut(order: Order) -> Order:
    """Cut, with the index there; `results`: what was told meanwhile, as seconds gone, percent, and seconds left."""
    path = Path(order["path"])
    engine = Engine(Path(order["cache_dir"]))
    engine.index(path)
    keep = KeepList.of(Span(start, end) for start, end in order["spans"])
    request = CutRequest(path, Path(order["target"]), keep)
    told: list[tuple[float, float, float | None]] = []
    begin = time.perf_counter()

    def report(_phase: str, percent: float, eta_s: float | None) -> None:
        told.append((time.perf_counter() - begin, percent, eta_s))

    answer = _timed([lambda: engine.cut(request, throttled(report), lambda: False).verified])
    return answer | {"results": told}


def _picture(engine: Engine, path: Path, at: Position) -> Callable[[], bytes]:
    return lambda: engine.frame(path, at, PICTURE_WIDTH).data


def _timed(calls: list[Callable[[], Any]]) -> Order:
    """Seconds of each call, CPU seconds of all, and what each answered: pictures as the number that they carry."""
    samples, results = [], []
    cpu = sum(os.times()[:4])
    for call in calls:
        begin = time.perf_counter()
        results.append(call())
        samples.append(time.perf_counter() - begin)
    cpu = sum(os.times()[:4]) - cpu
    read = [number_in(result) if isinstance(result, bytes) else result for result in results]
    return {"samples": samples, "results": read, "cpu_s": cpu}


TASKS: dict[str, Callable[[Order], Order]] = {"index": index, "pictures": pictures, "steps": steps, "cut": cut}


def main() -> None:
    answer = TASKS[sys.argv[1]](json.loads(sys.argv[2]))
    answer["peak_mib"] = status_mib(os.getpid(), "VmHWM")
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
