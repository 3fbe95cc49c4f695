"""Results as tables: for a terminal, and as Markdown for docs/performance.md."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.measure import Series
from bench.results import Result, Verdict

_NONE = "–"
_NAMES = {
    "index": "index build",
    "picture": "picture at a random time",
    "step": "next frame",
    "thumbnails": "100 thumbnails",
    "open": "open to first picture",
    "playback": "playback",
    "burst": "50 pictures",
}


@dataclass(frozen=True)
class Sheet:
    """A table of strings; all columns but the first `texts` hold numbers."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    texts: int = 2

    def markdown(self) -> str:
        """With a heading of the third level."""
        ruler = ["---"] * self.texts + ["---:"] * (len(self.columns) - self.texts)
        lines = [f"| {' | '.join(row)} |" for row in (self.columns, ruler, *self.rows)]
        return f"### {self.title}\n\n" + "\n".join(lines) + "\n"

    def show(self, console: Console) -> None:
        table = Table(title=self.title, title_justify="left", title_style="bold")
        for place, column in enumerate(self.columns):
            table.add_column(column, justify="left" if place < self.texts else "right", overflow="fold")
        for row in self.rows:
            table.add_row(*row)
        console.print(table)


def write_between_marks(path: Path, mark: str, text: str) -> None:
    """Replace what lies between `<!-- mark -->` and `<!-- /mark -->` in a document.

    Raises:
        ValueError: the marks are not there.
    """
    before, begin, rest = path.read_text().partition(f"<!-- {mark} -->\n")
    _, end, after = rest.partition(f"<!-- /{mark} -->")
    if not begin or not end:
        raise ValueError(f"{path} has no part marked {mark}")
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def result_sheet(result: Result) -> Sheet:
    """Everything that was measured on one recording."""
    recording = result.recording
    size = f"{recording.size_bytes / 1e9:.2f} GB, {recording.frames} frames"
    columns = ("what", "by", "n", "median", "5 %", "95 %", "CPU each", "peak MiB", "times faster")
    rows = [
        (_NAMES[scenario] if first else "", by, *_numbers(series), _times(result.ratio(scenario, by)))
        for scenario, found in result.found.items()
        for first, (by, series) in zip([True, *[False] * len(found)], found.items(), strict=False)
    ]
    return Sheet(f"{recording.path.stem} ({size})", columns, rows)


def notes(result: Result) -> Iterator[str]:
    """What is to be said beside the numbers."""
    for scenario, found in result.found.items():
        for by, series in found.items():
            if series.note:
                yield f"{result.recording.path.stem}, {_NAMES[scenario]}, {by}: {series.note}"


def verdict_sheet(verdicts: list[Verdict]) -> Sheet:
    """What must be reached, and whether it is."""
    rows: list[tuple[str, ...]] = []
    for verdict in verdicts:
        target = verdict.target
        limit = f"{'≤' if target.at_most else '≥'} {target.limit:g} {target.unit}"
        said = "reached" if verdict.reached else "NOT REACHED"
        rows.append((verdict.recording, target.text, limit, f"{_short(verdict.value)} {target.unit}", said))
    return Sheet("Must reach", ("recording", "what", "limit", "found", ""), rows)


def growth_sheet(name: str, results: list[Result]) -> Sheet:
    """Medians, and peak memory, side by side for recordings of one kind that get longer."""
    columns = ("what", "by", *(result.recording.path.stem.rpartition("-")[2] for result in results), "", "")
    rows: list[tuple[str, ...]] = []
    for scenario, found in results[0].found.items():
        for place, by in enumerate(found):
            series = [result.found[scenario][by] for result in results]
            times = tuple(_duration(each.median) for each in series)
            memory = " → ".join(_NONE if each.peak_mib is None else f"{each.peak_mib:.0f}" for each in series)
            growth = _times(series[-1].median / series[0].median)
            rows.append(("" if place else _NAMES[scenario], by, *times, growth, f"{memory} MiB"))
    longest = results[-1].recording.duration_s / results[0].recording.duration_s
    return Sheet(f"{name}: growth (the longest is {longest:.0f} times the shortest)", columns, rows)


def _numbers(series: Series) -> tuple[str, ...]:
    cpu, peak = series.cpu_each_s, series.peak_mib
    return (
        str(len(series.samples)),
        _duration(series.median),
        _duration(series.percentile(5)),
        _duration(series.percentile(95)),
        _NONE if cpu is None else _duration(cpu),
        _NONE if peak is None else f"{peak:.0f}",
    )


def _duration(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1000:.1f} ms" if seconds < 0.1 else f"{seconds * 1000:.0f} ms"


def _times(ratio: float | None) -> str:
    return _NONE if ratio is None else f"{_short(ratio)}x"


def _short(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"
