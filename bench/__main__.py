"""`make bench`: plexcut and its peers side by side, on recordings that it makes itself.

Ends with 1 if a picture was wrong or a request failed. What must be reached is printed, and does not decide the exit
code: numbers depend on the machine, and on what else it does.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import cut
from bench.machine import machine
from bench.material import KINDS
from bench.measure import BenchFailed
from bench.peers import Ffmpeg
from bench.recordings import Recording, default_folder, recording
from bench.results import Result, verdicts
from bench.scenarios import SCENARIOS
from bench.server import Server
from bench.setup import Setup
from bench.table import Sheet, growth_sheet, notes, result_sheet, verdict_sheet, write_between_marks

ROUNDS = 20
GROWTH_ROUNDS = 8
GROWTH_MINUTES = (1, 10, 60)
GROWTH_SCENARIOS = ("index", "picture", "step", "thumbnails", "open", "playback")
DEFAULT_KINDS = ("h264-720p50", "mpeg2-576i25")


def main(arguments: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if arguments is None else arguments)
    if "--cut" in words:
        return cut.main([word for word in words if word != "--cut"])
    options = _options(words)
    # Ended from outside it takes its server and its temporary folder away as well.
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(143))
    console = Console(stderr=True)
    begin = time.monotonic()
    try:
        sheets, results, remarks = (_growth if options.growth else _side_by_side)(options, console)
    except BenchFailed as failure:
        console.print(f"bench: {failure}", style="bold red", markup=False, highlight=False)
        return 1
    remarks = [*remarks, machine()]
    out = Console(width=None if sys.stdout.isatty() else 140)
    for sheet in sheets:
        sheet.show(out)
    out.print("\n".join(remarks), markup=False, highlight=False)
    if options.json:
        _save(options, results)
    if options.docs:
        text = [sheet.markdown() for sheet in sheets] + ["\n".join(f"- {remark}" for remark in remarks)]
        write_between_marks(options.docs, "growth" if options.growth else "side by side", "\n".join(text) + "\n")
    console.print(f"{time.monotonic() - begin:.0f} s")
    return 0


def _side_by_side(options: argparse.Namespace, console: Console) -> tuple[list[Sheet], list[Result], list[str]]:
    names = options.only or list(SCENARIOS)
    made = [_made(options, console, kind, options.minutes) for kind in options.kind]
    results = [_measure(options, console, each, names) for each in made]
    results = _with_earlier(options, console, results)
    sheets = [*map(result_sheet, results), verdict_sheet(list(verdicts(results)))]
    return sheets, results, [note for result in results for note in notes(result)]


def _growth(options: argparse.Namespace, console: Console) -> tuple[list[Sheet], list[Result], list[str]]:
    names = options.only or list(GROWTH_SCENARIOS)
    sheets: list[Sheet] = []
    results: list[Result] = []
    for kind in options.kind:
        made = [_made(options, console, kind, minutes) for minutes in GROWTH_MINUTES]
        grown = [_measure(options, console, each, names, peers=False) for each in made]
        sheets.append(growth_sheet(kind, grown))
        results += grown
    return sheets, results, []


def _with_earlier(options: argparse.Namespace, console: Console, results: list[Result]) -> list[Result]:
    """The results with what `--json` has of earlier runs, in the usual order."""
    if not options.json or not options.json.exists():
        return results
    known = {result.recording.path.stem: result for result in results}
    for told in json.loads(options.json.read_text()):
        if told["recording"] == f"{told['kind']}-{options.minutes:g}min":
            if told["recording"] not in known:
                known[told["recording"]] = Result(_made(options, console, told["kind"], options.minutes))
            known[told["recording"]].add_earlier(told)
    for result in known.values():
        result.found = {name: result.found[name] for name in SCENARIOS if name in result.found}
    return sorted(known.values(), key=lambda result: list(KINDS).index(result.recording.kind.name))


def _made(options: argparse.Namespace, console: Console, kind: str, minutes: float) -> Recording:
    with console.status(f"making {kind}, {minutes:g} min, below {options.folder}"):
        return recording(options.folder, KINDS[kind], minutes)


def _measure(
    options: argparse.Namespace, console: Console, made: Recording, names: Iterable[str], *, peers: bool = True
) -> Result:
    result = Result(made)
    temporary = tempfile.TemporaryDirectory(dir=options.folder, prefix="run-")
    with temporary as folder, Server(Path(folder), [made]) as server:
        peer = Ffmpeg.find()
        setup = Setup(made, server, server.path_of(made), peer, Path(folder), options.rounds, options.seed, peers)
        setup.child("index")
        for name in names:
            with console.status(f"{made.path.stem}: {name}"):
                try:
                    result.found[name] = SCENARIOS[name](setup)
                except BenchFailed as failure:
                    raise BenchFailed(f"{name}: {failure}\n{server.last_words()}") from failure
            if peers and options.json:
                _save(options, _with_earlier(options, console, [result]))
    return result


def _save(options: argparse.Namespace, results: list[Result]) -> None:
    options.json.write_text(json.dumps([result.as_json() for result in results], indent=1))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="plexcut and its peers side by side.")
    add: Any = parser.add_argument
    add("--folder", type=Path, default=default_folder(), help="where recordings are kept (default: %(default)s)")
    add("--minutes", type=float, default=30, help="how long the recordings are (default: %(default)s)")
    add(
        "--rounds",
        type=int,
        help=f"how often each thing is measured (default: {ROUNDS}, with --growth {GROWTH_ROUNDS})",
    )
    add("--kind", nargs="+", choices=sorted(KINDS), default=list(DEFAULT_KINDS), metavar="KIND", help=", ".join(KINDS))
    add("--only", nargs="+", choices=list(SCENARIOS), metavar="NAME", help=", ".join(SCENARIOS))
    add("--cut", action="store_true", help="cuts instead, see --cut --help")
    add("--growth", action="store_true", help=f"recordings of {GROWTH_MINUTES} minutes instead, plexcut alone")
    add("--seed", type=int, default=1, help="decides the random places (default: %(default)s)")
    add("--json", type=Path, metavar="OUT", help="write all numbers to a file, beside those of earlier runs in it")
    add("--docs", type=Path, metavar="FILE", help="put the tables into docs/performance.md")
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (GROWTH_ROUNDS if options.growth else ROUNDS)
    options.folder.mkdir(parents=True, exist_ok=True)
    return options


if __name__ == "__main__":
    sys.exit(main())
