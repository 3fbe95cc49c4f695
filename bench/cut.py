"""Cuts: the same spans kept by plexcut (its whole process) and its peers, beside `cp` and `sync` of as many bytes.

    make bench ARGS='--cut [--minutes 30] [--kind h264-720p50 …] [--smartcut install]'
    make bench ARGS='--cut --growth'

Every picture of every result is decoded and its number read, every packet of sound is found again: what is right is
counted beside what it took. Ends with 1 if plexcut's own result is not exactly what was asked for.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.cut_look import Right, look_at
from bench.machine import machine
from bench.material import KINDS
from bench.measure import BenchFailed, Cost, Series, hold_cached, run
from bench.peers import Ffmpeg
from bench.recordings import FIRST_PICTURE_S, Recording, default_folder, recording
from bench.server import ROOT
from bench.table import Sheet, write_between_marks

CP = "cp + sync"
SMARTCUT = "1.7"
SMARTCUT_MINUTES = 3
"""It takes minutes for a minute."""
GROWTH_MINUTES = (10, 30, 180)
RATIO_LIMIT = 2.5
MEMORY_LIMIT_MIB = 400
_SHARES = ((0.066, 0.375), (0.469, 0.789))
"""Two spans, nineteen of thirty minutes."""
_HEAD_FRAMES = ((7, 3), (5, 2))
"""Frames added, so that no edge is a keyframe."""


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


def by_smartcut(program: Path) -> Callable[[Task], Cost]:
    """smartcut (PyPI), which also encodes only what it must, by its own account."""

    def cut(task: Task) -> Cost:
        times = ",".join(f"{float(task.made.time_of(n)):.6f}" for span in task.spans for n in span)
        return _sum([run([program, task.made.path, task.target, "--keep", times]), run(["sync", task.target])])

    return cut


def find_smartcut(wanted: str, folder: Path) -> Path | None:
    """The program of smartcut: `install` puts it into an environment of its own below `folder`, from PyPI.

    Else what was installed there, or is on PATH, or is named.
    """
    home = folder / f"smartcut-{SMARTCUT}"
    own = home / "bin" / "smartcut"
    if wanted == "install" and not own.exists():
        run([sys.executable, "-m", "venv", home])
        run([home / "bin" / "pip", "install", "--quiet", f"smartcut=={SMARTCUT}"])
    if wanted in ("", "install"):
        found = shutil.which("smartcut")
        return own if own.exists() else Path(found) if found else None
    return None if wanted == "none" else Path(wanted)


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
                each.right = look_at(task.target, task.made, task.spans)
            task.target.unlink()
            if name == "plexcut":
                os.sync()
                found.setdefault(CP, Found(Series())).series.add(by_cp(task, each.size_bytes))
    return found


def sheet(task: Task, found: dict[str, Found]) -> Sheet:
    """All of it as a table."""
    plain = found[CP].series.median
    rows: list[tuple[str, ...]] = []
    for name, each in found.items():
        series = each.series
        cpu, peak = f"{series.cpu_each_s or 0:.1f} s", f"{series.peak_mib or 0:.0f}"
        times = f"{series.median / plain:.2f}x"
        rows.append((name, str(len(series.samples)), f"{series.median:.2f} s", cpu, peak, times, *_counted(each.right)))
    kept = sum(end - start for start, end in task.spans)
    size = f"{task.made.size_bytes / 1e9:.2f} GB, {kept} of {task.made.frames} frames kept in {len(task.spans)} spans"
    counted = ("missing", "wrong", "garbled", "uneven", "errors", "sound off", "streams lost")
    columns = ("by", "n", "median", "CPU each", "peak MiB", "of cp", *counted)
    return Sheet(f"cut of {task.made.path.stem} ({size})", columns, rows, texts=1)


def _counted(right: Right | None) -> tuple[str, ...]:
    if right is None:
        return ("",) * 7
    sound = "none" if right.offset_ms is None else f"{right.offset_ms:.0f} ms"
    counts = (right.missing, right.wrong, right.garbled, right.uneven, right.errors)
    return (*map(str, counts), sound, str(right.lost))


def verdict(task: Task, found: dict[str, Found]) -> list[tuple[str, ...]]:
    """What must be reached of plexcut's cut."""
    mine = found["plexcut"]
    ratio = mine.series.median / found[CP].series.median
    peak = mine.series.peak_mib or 0.0
    right = mine.right is not None and mine.right.perfect
    name = task.made.path.stem
    rows = [
        (name, "cut, times cp + sync", f"≤ {RATIO_LIMIT} x", f"{ratio:.2f} x", ratio <= RATIO_LIMIT),
        (name, "cut, peak memory", f"≤ {MEMORY_LIMIT_MIB} MiB", f"{peak:.0f} MiB", peak <= MEMORY_LIMIT_MIB),
        (name, "cut, all frames, evenly, in sync", "all", "all" if right else "not all", right),
    ]
    return [(*row[:4], "reached" if row[4] else "NOT REACHED") for row in rows]


# ------------------------------------------------------------------------------------------------------------ growth


def many_spans(made: Recording, count: int) -> tuple[tuple[int, int], ...]:
    """About two thirds of a recording in so many spans, their ends anywhere in a group of pictures."""
    each = made.frames // count
    return tuple((n * each + n * 7 % 31, n * each + 2 * each // 3 + n * 11 % 31) for n in range(count))


def grown(task: Task) -> tuple[tuple[str, ...], list[Any]]:
    """A cut in a process of its own: a row of the table, and what was told of its progress."""
    order = {
        "path": str(task.made.path),
        "cache_dir": str(task.folder / "index"),
        "target": str(task.target),
        "spans": task.spans,
    }
    hold_cached(task.made.path)
    os.sync()
    cost = run([sys.executable, "-m", "bench.child", "cut", json.dumps(order)], _env(task))
    answer = json.loads(cost.output.splitlines()[-1])
    size = task.target.stat().st_size
    task.target.unlink()
    seconds = answer["samples"][0]
    off = [_eta_error(answer["results"], seconds, share) for share in (0.25, 0.5, 0.75)]
    kept = sum(end - start for start, end in task.spans)
    row = (
        task.made.path.stem,
        str(len(task.spans)),
        f"{kept / task.made.kind.fps / 60:.0f} min",
        f"{size / 1e9:.2f} GB",
        f"{seconds:.2f} s",
        f"{answer['cpu_s']:.1f} s",
        f"{seconds / (size / 1e9):.2f} s",
        f"{answer['peak_mib']:.0f}",
        *("–" if each is None else f"{each:+.0%}" for each in off),
    )
    return row, answer["results"]


def _eta_error(told: list[list[float | None]], seconds: float, share: float) -> float | None:
    """How much more or less than the truth was told to be left when so much of the time had gone, as a share of all."""
    before = [(at, eta) for at, _, eta in told if at is not None and at <= share * seconds]
    at, eta = before[-1] if before else (0.0, None)
    return None if eta is None else (eta - (seconds - at)) / seconds


def growth_sheet(rows: list[tuple[str, ...]]) -> Sheet:
    """Cuts of recordings that get longer, and of many spans."""
    off = tuple(f"time left off at {share} %" for share in (25, 50, 75))
    columns = ("recording", "spans", "kept", "result", "time", "CPU", "per GB", "peak MiB", *off)
    return Sheet("cuts that grow", columns, rows, texts=1)


# -------------------------------------------------------------------------------------------------------------- main


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    console = Console(stderr=True)
    try:
        sheets, results, fine = (_growth if options.growth else _side_by_side)(options, console)
    except BenchFailed as failure:
        console.print(f"bench: {failure}", style="bold red", markup=False, highlight=False)
        return 1
    out = Console(width=None if sys.stdout.isatty() else 180)
    for each in sheets:
        each.show(out)
    out.print(machine(), markup=False, highlight=False)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    if options.docs:
        text = [*(each.markdown() for each in sheets), f"- {machine()}"]
        write_between_marks(options.docs, "cut growth" if options.growth else "cut", "\n".join(text) + "\n")
    return 0 if fine else 1


def _side_by_side(options: argparse.Namespace, console: Console) -> tuple[list[Sheet], list[Any], bool]:
    smartcut = find_smartcut(options.smartcut, options.folder)
    runs = [(kind, options.minutes, False) for kind in options.kind]
    if smartcut is not None:
        runs += [(kind, SMARTCUT_MINUTES, True) for kind in options.kind]
    sheets: list[Sheet] = []
    rows: list[tuple[str, ...]] = []
    results: list[Any] = []
    for kind, minutes, slow in runs:
        with _task(options, console, (kind, minutes), spans_of) as task:
            ways: dict[str, Callable[[Task], Cost]] = {"plexcut": by_plexcut}
            if not options.alone:
                ways["ffmpeg -c copy, joined"] = by_copy_and_join
            if slow and smartcut is not None:
                ways[f"smartcut {SMARTCUT}"] = by_smartcut(smartcut)
            with console.status(f"cutting {task.made.path.stem}"):
                found = measure(task, ways, options.rounds)
            sheets.append(sheet(task, found))
            if not slow:
                rows += verdict(task, found)
            results.append({"recording": task.made.path.stem, "found": {n: asdict(f) for n, f in found.items()}})
    sheets.append(Sheet("Cuts must reach", ("recording", "what", "limit", "found", ""), rows))
    fine = all(row[4] == "reached" for row in rows if "all frames" in row[1])
    return sheets, results, fine


def _growth(options: argparse.Namespace, console: Console) -> tuple[list[Sheet], list[Any], bool]:
    rows: list[tuple[str, ...]] = []
    results: list[Any] = []
    for kind in options.kind:
        for minutes in GROWTH_MINUTES:
            counts = (2, 100) if minutes >= GROWTH_MINUTES[1] else (2,)
            for count in counts:
                spans = spans_of if count == 2 else partial(many_spans, count=count)
                with _task(options, console, (kind, minutes), spans) as task:
                    with console.status(f"cutting {task.made.path.stem}, {count} spans"):
                        row, told = grown(task)
                    rows.append(row)
                    results.append({"recording": task.made.path.stem, "spans": count, "told": told})
    return [growth_sheet(rows)], results, True


@contextmanager
def _task(
    options: argparse.Namespace,
    console: Console,
    what: tuple[str, float],
    spans: Callable[[Recording], tuple[tuple[int, int], ...]],
) -> Iterator[Task]:
    kind, minutes = what
    with console.status(f"making {kind}, {minutes:g} min, below {options.folder}"):
        made = recording(options.folder, KINDS[kind], minutes)
    with tempfile.TemporaryDirectory(dir=options.scratch or options.folder, prefix="cut-") as folder:
        yield Task(made, Path(folder), spans(made))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench --cut", description="Cuts by plexcut and its peers.")
    add: Any = parser.add_argument
    add("--folder", type=Path, default=default_folder(), help="where recordings are kept (default: %(default)s)")
    add("--scratch", type=Path, help="where results are written (default: the same folder)")
    add("--minutes", type=float, default=30, help="how long the recordings are (default: %(default)s)")
    add("--rounds", type=int, default=3, help="how often each thing is measured (default: %(default)s)")
    add("--kind", nargs="+", choices=sorted(KINDS), default=["h264-720p50"], metavar="KIND", help=", ".join(KINDS))
    what = f"smartcut {SMARTCUT} too, on {SMARTCUT_MINUTES} minutes: a program, `install` (from PyPI), or `none`"
    add("--smartcut", default="", metavar="PROGRAM", help=f"{what} (default: if it is there)")
    add("--alone", action="store_true", help="without ffmpeg")
    add("--growth", action="store_true", help=f"recordings of {GROWTH_MINUTES} minutes, and 100 spans; plexcut alone")
    add("--json", type=Path, metavar="OUT", help="write all seconds to a file")
    add("--docs", type=Path, metavar="FILE", help="put the tables into docs/performance.md")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    return options


if __name__ == "__main__":
    sys.exit(main())
