"""Jobs, their results, and the progress object."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from plexcut.web.schemas.base import Answer, Body, ErrorDetail

JobKind = Literal["cut", "detect"]
JobState = Literal["queued", "running", "finished", "failed", "cancelled"]


class Seam(Answer):
    """Where two kept spans meet in the result."""

    at_s: float
    source_end: int
    source_start: int
    frames_reencoded: int
    av_offset_ms: list[float | None] = Field(default_factory=list)


class StreamResult(Answer):
    """What became of a stream; `why` says why it was dropped."""

    id: int
    codec: str
    kept: bool
    why: str


class Check(Answer):
    """One verification of the result."""

    name: str
    ok: bool
    detail: str


class CutResult(Answer):
    """A finished and verified cut."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True, extra="allow")

    path: str
    duration_s: float
    frames: int
    frames_copied: int
    frames_reencoded: int
    bytes: int
    seconds: float
    verified: bool
    seams: list[Seam] = Field(default_factory=list)
    streams: list[StreamResult] = Field(default_factory=list)
    checks: list[Check] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)


def _as_it_is(value: Any, validate: ValidatorFunctionWrapHandler) -> CutResult | None:
    """A result that an older version left in the queue is shown with the keys that it has."""
    try:
        found: CutResult | None = validate(value)
    except ValidationError:
        if not isinstance(value, dict):
            raise
        return CutResult.model_construct(**value)
    return found


class PlexNews(Answer):
    """What the Plex server made of a finished cut: `duration_s` is what it shows of the file, null while nothing."""

    state: Literal["waiting", "done", "failed"]
    message: str
    duration_s: float | None


Priority = Literal["low", "normal", "high"]


class Job(Answer):
    """A cut in the queue. `keep` to `output_path` are what was ordered.

    `position` is the place of a queued job, from 1, and `waiting` why it cannot begin now (null: it can, or waits for
    its turn). `attempts` counts how often it was begun; `took_s` is how long it ran, `worker` who ran it.
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
    result: Annotated[CutResult | None, WrapValidator(_as_it_is)]
    error: ErrorDetail | None
    priority: Priority = "normal"
    position: int | None = None
    waiting: ErrorDetail | None = None
    worker: str | None = None
    attempts: int = 0
    took_s: float | None = None
    library: str = ""
    storage: str = ""
    section: str | None = None
    raw_duration_s: float | None = None
    cut_duration_s: float | None = None
    keep: list[tuple[float, float]] | None = None
    in_place: bool = False
    output_path: str | None = None
    plex: PlexNews | None = None


class Jobs(Answer):
    """All known jobs, newest first."""

    jobs: list[Job]
    total: int


class JobResult(Answer):
    """What a job wrote: null where nothing was; `recording` null: its library does not show it (yet)."""

    path: str | None
    recording: str | None


class LogLine(Answer):
    """One line of a job's log."""

    at: float
    level: Literal["info", "warning", "error"]
    message: str


class JobLog(Answer):
    """What a job's worker said, oldest first."""

    lines: list[LogLine]
    total: int


class JobsQuery(Body):
    """Which jobs, newest first."""

    state: JobState | None = None
    recording: str | None = Field(None, max_length=300)
    offset: int = Field(0, ge=0)
    limit: int = Field(1000, ge=1, le=1000)


class JobMove(Body):
    """Where a waiting job goes: to a place counted from 1, or before another waiting job."""

    position: int | None = Field(None, ge=1, le=1_000_000, strict=True)
    before: str | None = Field(None, min_length=1, max_length=300)

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.position is None) == (self.before is None):
            raise ValueError("say position or before")
        return self


class JobPriority(Body):
    """How urgent a waiting job is."""

    priority: Priority


class Worker(Answer):
    """A worker process; `state` is the queue's word for it, `libraries` are those that it reaches (null: all)."""

    name: str
    state: str
    heartbeat_at: float | None
    libraries: list[str] | None = None


class QueueCounts(Answer):
    """How many jobs wait, run, and have failed.

    `paused`: no job begins until the queue is resumed. `online`: whether the queue answers; where it does not, the rest
    is what was last known.
    """

    queued: int
    running: int
    failed: int
    paused: bool = False
    online: bool = True


class Progress(Answer):
    """Worker, queue and the current job in one object."""

    state: Literal["idle", "queued", "running", "finishing", "failed"]
    job: str | None
    title: str | None
    phase: str | None
    percent: float
    eta_s: float | None
    worker: Worker | None
    queue: QueueCounts
