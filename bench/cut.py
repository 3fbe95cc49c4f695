"""Cuts: the same spans kept by plexcut (its whole process) and its peers, beside `cp` and `sync` of as many bytes.

    python -m bench.cut [--folder …] [--minutes 30] [--kind h264-720p50] [--smartcut PROGRAM]

Every picture of every result is decoded and its number read: what is kept is counted beside what it took. Ends with 1
if plexcut's own result is not exactly what was asked for. `--smartcut` names the program of smartcut, if it is
installed somewhere: it takes minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from rich.console import Console

from bench.material import KINDS
from bench.measure import Cost, Series, hold_cached, run
from bench.peers import Ffmpeg, number_in_frame
from bench.recordings import FIRST_PICTURE_S, Recording, default_folder, recording
from bench.server import ROOT
from bench.table import Sheet

RATIO_LIMIT = 2.5
MEMORY_LIMIT_MIB = 400
_SHARES = ((0.066, 0.375), (0.469, 0.789))
"""Two spans, nineteen of thirty minutes."""
_HEAD_FRAMES = ((7, 3), (5, 2))
"""Frames added, so that no edge is a keyframe."""


@dataclass(frozen=True)
class Right:
    """What a result holds of the kept frames: how many in their place, how many others, how many not at all."""

    kept: int
    wrong: int
    missing: int


@dataclass(frozen=True)
class Task:
    """`spans` of frames of a recording that are to be kept; results go into `folder`."""

    made: Recording
    folder: Path
    spans: tuple[tuple[int, int], ...]

    @property
    def target(self) -> Path:
        return self.folder / "result.ts"

    def clock_s(self, frame: int) -> float:
        """The time stamp of a frame, in seconds."""
        return float(self.made.time_of(frame)) + FIRST_PICTURE_S


def spans_of(made: Recording) -> tuple[tuple[int, int], ...]:
    """What is kept: about two thirds, in two spans that neither begin nor end with a keyframe."""
    return tuple(
        (int(made.frames * start) + a, int(made.frames * end) + b)
        for (start, end), (a, b) in zip(_SHARES, _HEAD_FRAMES, strict=True)
    )


def by_plexcut(task: Task) -> Cost:
    """`plexcut cut` from start to end: index there, certificate, fsync and all."""
    keep = [word for start, end in task.spans for word in ("--keep", f"#{start}-#{end}")]
    return run([*_PLEXCUT, "cut", task.made.path, *keep, "-o", task.target, "--json"], _env(task))


def by_copy_and_join(task: Task) -> Cost:
    """A file for each span with `ffmpeg -c copy`, and these joined: what wrappers of ffmpeg do."""
    ffmpeg = Ffmpeg.find().program
    begin = Cost(0.0, 0.0, 0.0)
    parts = [task.folder / f"part-{n}.ts" for n in range(len(task.spans))]
    costs = [begin]
    for part, (start, end) in zip(parts, task.spans, strict=True):
        times = ["-ss", f"{task.clock_s(start):.6f}", "-to", f"{task.clock_s(end):.6f}"]
        source: list[str | Path] = ["-seek_timestamp", "1", *times, "-i", task.made.path]
        costs.append(run([ffmpeg, "-v", "error", "-y", *source, "-map", "0", "-c", "copy", part]))
    joined = "concat:" + "|".join(map(str, parts))
    costs.append(run([ffmpeg, "-v", "error", "-y", "-i", joined, "-map", "0", "-c", "copy", task.target]))
    for part in parts:
        part.unlink()
    costs.append(run(["sync", task.target]))
    return _sum(costs)


def by_smartcut(program: str) -> Callable[[Task], Cost]:
    """smartcut (PyPI), which also encodes only what it must, by its own account."""

    def cut(task: Task) -> Cost:
        times = ",".join(f"{float(task.made.time_of(n)):.6f}" for span in task.spans for n in span)
        return run([program, task.made.path, task.target, "--keep", times])

    return cut


def by_cp(task: Task, size_bytes: int) -> Cost:
    """`cp` of as many bytes, and `sync`: what any cut takes at least."""
    head, copy = task.folder / "head", task.folder / "copy"
    if not head.exists() or head.stat().st_size != size_bytes:
        with task.made.path.open("rb") as source, head.open("wb") as target:
            left = size_bytes
            while left:
                left -= target.write(source.read(min(left, 1 << 22)))
        run(["sync", head])
    hold_cached(head)
    cost = _sum([run(["cp", head, copy]), run(["sync", copy])])
    copy.unlink()
    return cost


def look_at(task: Task) -> Right:
    """Decode a result and count."""
    wanted = [task.made.number_of(n) for start, end in task.spans for n in range(start, end)]
    found = list(_numbers(task.target))
    kept = at = 0
    for number in wanted:
        # Up to a second of what does not belong there may be in between.
        near = found[at : at + task.made.kind.fps]
        if number in near:
            at += near.index(number) + 1
            kept += 1
    return Right(kept, len(found) - kept, len(wanted) - kept)


def _numbers(path: Path) -> Iterator[int | None]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        packets = container.demux(stream)
        while True:
            with contextlib.suppress(av.FFmpegError):
                packet = next(packets, None)
                if packet is None:
                    return
                for frame in packet.decode():
                    yield number_in_frame(frame)


def _sum(costs: list[Cost]) -> Cost:
    peak = max(cost.peak_mib for cost in costs)
    return Cost(sum(c.seconds for c in costs), sum(c.cpu_s for c in costs), peak, costs[-1].output)


_PLEXCUT = [sys.executable, "-c", "from plexcut.cli import main; main()"]


def _env(task: Task) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
        "XDG_DATA_HOME": str(task.folder / "data"),
        "XDG_CONFIG_HOME": str(task.folder / "config"),
    }


@dataclass
class Found:
    """What one way of cutting took, and what it kept."""

    series: Series
    right: Right | None = None
    size_bytes: int = 0


def measure(task: Task, ways: dict[str, Callable[[Task], Cost]], rounds: int) -> dict[str, Found]:
    """Every way in turn; `cp` right behind plexcut each time, because disks have moods."""
    found: dict[str, Found] = {}
    run([*_PLEXCUT, "probe", task.made.path], _env(task))
    for turn in range(rounds):
        for name, cut in ways.items():
            if turn and name.startswith("smartcut"):
                continue
            hold_cached(task.made.path)
            os.sync()
            cost = cut(task)
            each = found.setdefault(name, Found(Series()))
            each.series.add(cost)
            each.size_bytes = task.target.stat().st_size
            if turn == 0:
                each.right = look_at(task)
            task.target.unlink()
            if name == "plexcut":
                os.sync()
                found.setdefault("cp + sync", Found(Series())).series.add(by_cp(task, each.size_bytes))
    return found


def sheet(task: Task, found: dict[str, Found]) -> Sheet:
    """All of it as a table."""
    plain = found["cp + sync"].series.median
    rows: list[tuple[str, ...]] = []
    for name, each in found.items():
        series, right = each.series, each.right
        counted = ("", "", "") if right is None else (str(right.kept), str(right.wrong), str(right.missing))
        cpu, peak = f"{series.cpu_each_s or 0:.1f} s", f"{series.peak_mib or 0:.0f}"
        times = f"{series.median / plain:.2f}x"
        rows.append((name, str(len(series.samples)), f"{series.median:.2f} s", cpu, peak, times, *counted))
    kept = sum(end - start for start, end in task.spans)
    size = f"{task.made.size_bytes / 1e9:.2f} GB, {kept} of {task.made.frames} frames kept"
    columns = ("by", "n", "median", "CPU each", "peak MiB", "of cp", "kept", "wrong", "missing")
    return Sheet(f"cut of {task.made.path.stem} ({size})", columns, rows, texts=1)


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    console = Console(stderr=True)
    out = Console(width=None if sys.stdout.isatty() else 140)
    fine = True
    results: list[Any] = []
    for kind in options.kind:
        with console.status(f"making {kind}, {options.minutes:g} min, below {options.folder}"):
            made = recording(options.folder, KINDS[kind], options.minutes)
        with tempfile.TemporaryDirectory(dir=options.scratch or options.folder, prefix="cut-") as folder:
            task = Task(made, Path(folder), spans_of(made))
            ways: dict[str, Callable[[Task], Cost]] = {"plexcut": by_plexcut}
            if not options.alone:
                ways["ffmpeg -c copy, joined"] = by_copy_and_join
            if options.smartcut:
                ways["smartcut"] = by_smartcut(options.smartcut)
            with console.status(f"cutting {made.path.stem}"):
                found = measure(task, ways, options.rounds)
            sheet(task, found).show(out)
        ratio = found["plexcut"].series.median / found["cp + sync"].series.median
        peak = found["plexcut"].series.peak_mib or 0.0
        reached = ratio <= RATIO_LIMIT and peak <= MEMORY_LIMIT_MIB
        said = "reached" if reached else "NOT REACHED"
        out.print(f"{ratio:.2f} times cp + sync (<= {RATIO_LIMIT}), {peak:.0f} MiB (<= {MEMORY_LIMIT_MIB}): {said}")
        right = found["plexcut"].right
        fine &= right is not None and right.wrong == right.missing == 0
        results.append({"recording": made.path.stem, "found": {n: f.series.samples for n, f in found.items()}})
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    return 0 if fine else 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.cut", description="Cuts by plexcut and its peers.")
    add: Any = parser.add_argument
    add("--folder", type=Path, default=default_folder(), help="where recordings are kept (default: %(default)s)")
    add("--scratch", type=Path, help="where results are written (default: the same folder)")
    add("--minutes", type=float, default=30, help="how long the recordings are (default: %(default)s)")
    add("--rounds", type=int, default=3, help="how often each thing is measured (default: %(default)s)")
    add("--kind", nargs="+", choices=sorted(KINDS), default=["h264-720p50"], metavar="KIND", help=", ".join(KINDS))
    add("--smartcut", default=shutil.which("smartcut"), metavar="PROGRAM", help="smartcut, if installed")
    add("--alone", action="store_true", help="without ffmpeg")
    add("--json", type=Path, metavar="OUT", help="write all seconds to a file")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    return options


if __name__ == "__main__":
    sys.exit(main())
