"""Jobs, their results, and the progress object."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from plexcut.web.schemas.base import Answer, ErrorDetail

JobKind = Literal["cut", "detect"]
JobState = Literal["queued", "running", "finished", "failed", "cancelled"]


class Seam(Answer):
    """Where two kept spans meet in the result."""

    at_s: float
    source_end: int
    source_start: int
    frames_reencoded: int


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


class Job(Answer):
    """A cut in the queue. `keep` to `output_path` are what was ordered."""

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


class Worker(Answer):
    """A worker process; `state` is the queue's word for it."""

    name: str
    state: str
    heartbeat_at: float | None


class QueueCounts(Answer):
    """How many jobs wait, run, and have failed."""

    queued: int
    running: int
    failed: int


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
