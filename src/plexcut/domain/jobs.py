"""Jobs and their progress, as the rest of plexcut sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

JobKind = Literal["cut", "detect"]
JobState = Literal["queued", "running", "finished", "failed", "cancelled"]
ProgressState = Literal["idle", "queued", "running", "finishing", "failed"]


@dataclass(frozen=True, slots=True)
class Job:
    """A cut or a detection in the queue.

    `percent` is 0 to 100, `eta_s` None until it can be told, times are seconds since the epoch.
    `error` is `{code, message, hint}` of a failed job, `result` the keys of the same command's `--json`.
    `meta` holds what the order's answer carries besides: for a cut `section, raw_duration_s, cut_duration_s, keep,
    in_place, output_path`.
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


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A worker process; `state` is RQ's word for it (`idle`, `busy`, `suspended`, …), `heartbeat_at` epoch seconds."""

    name: str
    state: str
    heartbeat_at: float | None


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """How many jobs wait, run, and have failed."""

    queued: int
    running: int
    failed: int


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
