"""What a run found, and what it must reach."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from bench.measure import Series
from bench.recordings import Recording
from bench.scenarios import BURST
from bench.setup import Found

PEERS = {"index": "cp", "picture": "ffmpeg", "thumbnails": "ffmpeg", "burst": f"HTTP, {BURST} in a row on one core"}
"""What the others in a scenario are compared with."""

_MEASURED = [field.name for field in fields(Series)]

MEMORY_LIMIT_MIB = 200.0
_MEMORY_SLACK = 1.1
"""How much more than before may be resident some seconds after a burst: the allocator keeps some of it."""


@dataclass
class Result:
    """What was found for one recording, by scenario."""

    recording: Recording
    found: dict[str, Found] = field(default_factory=dict)

    def ratio(self, scenario: str, by: str) -> float | None:
        """How many times faster than the scenario's peer; None for the peer itself, or without one."""
        peer, found = PEERS.get(scenario), self.found[scenario]
        if peer is None or by == peer or peer not in found:
            return None
        if scenario == "index" and by.endswith(", from disk"):
            peer += ", from disk"
        return None if by == peer else found[peer].median / found[by].median

    def add_earlier(self, told: dict[str, Any]) -> None:
        """Take up what an earlier run found of the same recording (`as_json`), but for what this one found."""
        for scenario, found in told["found"].items():
            series = {by: Series(**{name: each[name] for name in _MEASURED}) for by, each in found.items()}
            self.found.setdefault(scenario, series)

    def as_json(self) -> dict[str, Any]:
        """Everything, for other programs."""
        return {
            "kind": self.recording.kind.name,
            "recording": self.recording.path.stem,
            "size_bytes": self.recording.size_bytes,
            "frames": self.recording.frames,
            "found": {
                scenario: {
                    by: asdict(series) | {"median": series.median, "ratio": self.ratio(scenario, by)}
                    for by, series in found.items()
                }
                for scenario, found in self.found.items()
            },
        }


@dataclass(frozen=True)
class Target:
    """Something that must be reached; `codecs` are those that it is asked of (none: of all)."""

    scenario: str
    text: str
    value: Callable[[Result], float]
    limit: float
    unit: str
    at_most: bool = False
    codecs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """A target, and what was reached."""

    recording: str
    target: Target
    value: float

    @property
    def reached(self) -> bool:
        return self.value <= self.target.limit if self.target.at_most else self.value >= self.target.limit


def _median(result: Result, scenario: str, by: str) -> float:
    return result.found[scenario][by].median


def _ratio(scenario: str, by: str) -> Callable[[Result], float]:
    return lambda result: result.ratio(scenario, by) or 0.0


def _gigabytes_per_s(result: Result) -> float:
    return result.recording.size_bytes / 1e9 / _median(result, "index", "engine")


def _slower_than_reading(result: Result) -> float:
    return _median(result, "index", "engine, from disk") / _median(result, "index", "cp, from disk")


def _slower_than_it_must_be(result: Result) -> float:
    """Against whichever takes longer, reading the file or making the index of it: 1 if both happen at once."""
    least = max(_median(result, "index", "engine"), _median(result, "index", "cp, from disk"))
    return _median(result, "index", "engine, from disk") / least


def _index_mib(result: Result) -> float:
    return max(series.peak_mib or 0.0 for by, series in result.found["index"].items() if by.startswith("engine"))


def _burst_share(result: Result) -> float:
    found = result.found["burst"]
    return found[f"HTTP, {BURST} at once"].percentile(95) / found[PEERS["burst"]].median


def _memory_kept(result: Result) -> float:
    facts = result.found["burst"][f"HTTP, {BURST} at once"].facts
    return facts["after_mib"] / facts["before_mib"]


TARGETS = (
    Target("picture", "picture, HTTP, faster than ffmpeg", _ratio("picture", "HTTP"), 3, "x", codecs=("h264", "hevc")),
    Target("picture", "picture, HTTP, faster than ffmpeg", _ratio("picture", "HTTP"), 6, "x", codecs=("mpeg2video",)),
    Target("step", "next frame, HTTP", lambda r: 1000 * _median(r, "step", "HTTP"), 30, "ms", at_most=True),
    Target("thumbnails", "100 thumbnails, faster than 100 starts", _ratio("thumbnails", "HTTP"), 20, "x"),
    Target("index", "index, file in memory", _gigabytes_per_s, 1.0, "GB/s", codecs=("h264", "hevc")),
    Target("index", "index, file in memory", _gigabytes_per_s, 0.5, "GB/s", codecs=("mpeg2video",)),
    Target("index", "index from disk, slower than cp", _slower_than_reading, 1.3, "x", at_most=True),
    Target("index", "... than cp or the index in memory", _slower_than_it_must_be, 1.3, "x", at_most=True),
    Target("index", "index, peak memory", _index_mib, MEMORY_LIMIT_MIB, "MiB", at_most=True),
    Target("open", "first picture, no index", lambda r: 1000 * _median(r, "open", "HTTP"), 1000, "ms", at_most=True),
    Target(
        "playback",
        "first picture played",
        lambda r: 1000 * _median(r, "playback", "HTTP, first picture"),
        1000,
        "ms",
        at_most=True,
    ),
    Target("burst", "50 at once, p95 against 50 in a row", _burst_share, 1.5, "x", at_most=True),
    Target("burst", "50 at once, memory after", _memory_kept, _MEMORY_SLACK, "x", at_most=True),
)


def verdicts(results: list[Result]) -> Iterator[Verdict]:
    """What must be reached, of what was measured."""
    for result in results:
        for target in TARGETS:
            asked = not target.codecs or result.recording.kind.codec in target.codecs
            if asked and target.scenario in result.found:
                yield Verdict(result.recording.path.stem, target, target.value(result))
