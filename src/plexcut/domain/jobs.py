"""Jobs and their progress, as the rest of plexcut sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

JobKind = Literal["cut", "detect"]
JobState = Literal["queued", "running", "finished", "failed", "cancelled"]
Priority = Literal["low", "normal", "high"]
PRIORITIES: tuple[Priority, ...] = ("low", "normal", "high")
ProgressState = Literal["idle", "queued", "running", "finishing", "failed"]


@dataclass(frozen=True, slots=True)
class Job:
    """A cut or a detection in the queue.

    `percent` is 0 to 100, `eta_s` None until it can be told, times are seconds since the epoch.
    `error` is `{code, message, hint}` of a failed job, `result` the keys of the same command's `--json`.
    `meta` holds what the order's answer carries besides: for a cut `section, raw_duration_s, cut_duration_s, keep,
    in_place, output_path`.

    Of a queued job, `position` is its place in the queue, counted from 1, and `waiting` is why it cannot start now
    (`{code, message, hint}`; None: it can, or is only waiting for its turn); of a running one, in phase `waiting`, why
    it cannot go on now. `attempts` counts how often it was begun,
    `took_s` is how long it has run or ran.
    """

    id: str
    kind: JobKind
    state: JobState
    title: str
    recording: str
    phase: str
    percent: float
    eta_s: float | None
    created_at: float
    started_at: float | None
    ended_at: float | None
    result: dict[str, Any] | None
    error: dict[str, str] | None
    meta: dict[str, Any]
    priority: Priority = "normal"
    position: int | None = None
    waiting: dict[str, str] | None = None
    worker: str | None = None
    attempts: int = 0
    took_s: float | None = None
    library: str = ""
    storage: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ("queued", "running")


@dataclass(frozen=True, slots=True)
class JobOrder:
    """What was ordered, so that it can be ordered again where the queue has lost it.

    `movie` is a `MovieData` as a dict, `meta` what the answer carries besides, `deaths` how often its worker died,
    `losses` how often the queue lost it while it ran: that is not its worker's fault, nor its own.
    """

    id: str
    movie: dict[str, Any]
    meta: dict[str, Any]
    timeout_s: int
    created_at: float
    priority: Priority = "normal"
    deaths: int = 0
    losses: int = 0


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a job's log; `at` is epoch seconds, `level` `info`, `warning` or `error`."""

    at: float
    level: str
    message: str


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A job as it is kept when the queue forgets it; `order` None: it cannot be ordered again."""

    job: Job
    order: JobOrder | None


@dataclass(frozen=True, slots=True)
class JobQuery:
    """Which jobs, newest first. `limit` is 1 to 1000."""

    state: JobState | None = None
    recording: str | None = None
    offset: int = 0
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class JobPage:
    """A stretch of a longer list; `total` counts the whole list."""

    jobs: tuple[Job, ...]
    total: int


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A worker process; `state` is RQ's word for it (`idle`, `busy`, `suspended`, …), `heartbeat_at` epoch seconds.

    `libraries` are those of which it reaches something now; None where it did not say.
    """

    name: str
    state: str
    heartbeat_at: float | None
    libraries: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """How many jobs wait, run, and have failed; whether new ones may begin, and whether the queue answers at all."""

    queued: int
    running: int
    failed: int
    paused: bool = False
    online: bool = True


@dataclass(frozen=True, slots=True)
class Progress:
    """The one object that the page shows; reading it changes nothing."""

    state: ProgressState
    job: str | None
    title: str | None
    phase: str | None
    percent: float
    eta_s: float | None
    worker: WorkerInfo | None
    queue: QueueCounts
