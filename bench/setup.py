"""What every measurement works on: one recording, a server that has it, and how often to measure."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tests.media_factory.numbers import read_number

from bench.measure import BenchFailed, Cost, Series, run
from bench.peers import Ffmpeg, number_in
from bench.recordings import Recording
from bench.server import ROOT, Answer, Server

Found = dict[str, Series]
"""What was measured, by who did it: "HTTP", "engine", "ffmpeg", "cp", ..."""


@dataclass(frozen=True)
class Setup:
    """`rounds` is how often a short thing is done; `long_rounds` how often one that reads the whole file.

    `cache_dir` is where processes beside the server keep the index; `scratch` is a folder for anything.
    """

    recording: Recording
    server: Server
    address: str
    ffmpeg: Ffmpeg
    scratch: Path
    rounds: int
    seed: int
    peers: bool = True

    @property
    def long_rounds(self) -> int:
        return max(1, self.rounds // 4)

    @property
    def cache_dir(self) -> Path:
        return self.scratch / f"index-{self.recording.path.stem}"

    def chance(self, what: str) -> random.Random:
        """Random numbers that are the same in every run."""
        return random.Random(f"{self.seed} {self.recording.path.stem} {what}")

    def frames(self, what: str, count: int, margin: int = 0) -> list[int]:
        """Random frames, at least `margin` from either end."""
        chance = self.chance(what)
        return [chance.randrange(margin, self.recording.frames - margin) for _ in range(count)]

    def moment_in(self, frame: int) -> str:
        """A time at which a frame is shown, as a decimal: two fifths into it."""
        return f"{(frame + 0.4) / self.recording.kind.fps:.6f}"

    def child(self, task: str, **order: Any) -> Mapping[str, Any]:
        """Let a task of `bench.child` be done in a process of its own; the pictures' numbers are its `results`."""
        order |= {"path": str(self.recording.path), "cache_dir": str(self.cache_dir)}
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
        cost = run([sys.executable, "-m", "bench.child", task, json.dumps(order)], env)
        answer: Mapping[str, Any] = json.loads(cost.output.splitlines()[-1])
        return answer

    def forget_index(self) -> None:
        """Let there be no index for the processes beside the server."""
        shutil.rmtree(self.cache_dir, ignore_errors=True)

    def check(self, who: str, frame: int, number: int | None) -> None:
        """Raises BenchFailed unless the number is that of the frame."""
        if number != self.recording.number_of(frame):
            wanted = self.recording.number_of(frame)
            raise BenchFailed(f"{who}: frame {frame} of {self.recording.path.name} shows {number}, not {wanted}")

    def check_answer(self, frame: int, answer: Answer) -> None:
        """Raises BenchFailed unless the picture and what its headers say are those of the frame."""
        self.check("HTTP", frame, number_in(answer.body))
        said = answer.headers.get("x-frame-number")
        provisional = answer.headers.get("x-frame-provisional") == "1"
        if said != str(frame) and not (said is None and provisional):
            raise BenchFailed(f"HTTP: frame {frame} of {self.recording.path.name} is called {said}")

    def check_strip(self, tiles: list[dict[str, Any]], sprite: bytes) -> None:
        """Raises BenchFailed unless each picture of a strip is that of the frame that it is said to be."""
        with Image.open(io.BytesIO(sprite)) as image:
            gray = np.asarray(image.convert("L"))
        for tile in tiles:
            x, y = tile["x"], tile["y"]
            number = read_number(gray[y : y + tile["h"], x : x + tile["w"]])
            self.check("filmstrip", tile["frame"], number)


def child_series(answer: Mapping[str, Any]) -> Series:
    """What a child answered, as measurements."""
    return Series(answer["samples"], answer["cpu_s"], answer["peak_mib"])


def series_of(costs: list[Cost]) -> Series:
    """What a program took, run after run."""
    series = Series()
    for cost in costs:
        series.add(cost)
    return series


Scenario = Callable[[Setup], Found]
