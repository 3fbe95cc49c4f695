"""The part of the fake `Plexdata` that keeps lists, cuts, and has a job."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from plexcut.domain.jobs import Job, JobPage, JobQuery, LogLine, Priority, Progress, QueueCounts, WorkerInfo
from plexcut.domain.media import CutPlan
from plexcut.domain.ports import Notice
from plexcut.domain.timecode import FrameNumber, parse_position
from plexcut.errors import JobNotFound, StaleRevision
from plexcut.plexdata.model import CutOptions, CutOrder, KeepOrder, KeepPast, KeepPastStep, KeepState
from plexcut.plexdata.results import FoundResult

FPS = 50
REC = "home~r1"
JOB = Job(
    id="job-1",
    kind="cut",
    state="queued",
    title="Film 1",
    recording=REC,
    phase="queued",
    percent=0.0,
    eta_s=None,
    created_at=1.0,
    started_at=None,
    ended_at=None,
    result=None,
    error=None,
    meta={
        "section": "home~movies",
        "raw_duration_s": 100.0,
        "cut_duration_s": 10.0,
        "keep": [[0.0, 10.0]],
        "in_place": False,
        "output_path": "/media/Film 1 cut.ts",
    },
)


class FakeOrders:
    """One keep list, one job."""

    told: ClassVar[tuple[Notice, ...]] = ()
    _keep = KeepState(REC, (), (), 0, None)
    _lock: threading.Lock

    def _asked(self, name: str, what: Any = None) -> None:
        raise NotImplementedError

    def _known(self, recording: str) -> None:
        raise NotImplementedError

    def kept_recordings(self) -> tuple[str, ...]:
        self._asked("kept_recordings")
        return (REC,)

    def cut_options(self) -> CutOptions:
        self._asked("cut_options")
        return CutOptions("exact", "beside", ("beside", "replace", "folder"), Path("/results"), 30)

    def job_result(self, job: str) -> FoundResult:
        self._asked("job_result", job)
        self.job(job)
        return FoundResult("/media/Film 1 cut.ts", "home~r2")

    def keep(self, recording: str) -> KeepState:
        self._asked("keep", recording)
        self._known(recording)
        return self._keep

    def save_keep(self, order: KeepOrder) -> KeepState:
        self._asked("save_keep", order)
        self._known(order.recording)
        with self._lock:
            if order.revision != self._keep.revision:
                raise StaleRevision("somebody saved another keep list", "load it again")
            frames = tuple((self._frame(a), self._frame(b)) for a, b in order.keep)
            times = tuple((a / FPS, b / FPS) for a, b in frames)
            self._keep = KeepState(REC, times, frames, order.revision + 1, "fp-1")
            return self._keep

    def keep_history(self, recording: str, limit: int = 200) -> KeepPast:
        self._asked("keep_history", (recording, limit))
        self._known(recording)
        return KeepPast(self._keep, (KeepPastStep(self._keep, "", 1.0),), 0)

    def undo_keep(self, recording: str, revision: int, steps: int = 1) -> KeepPast:
        self._asked("undo_keep", (recording, revision, steps))
        return self.keep_history(recording)

    def redo_keep(self, recording: str, revision: int, steps: int = 1) -> KeepPast:
        self._asked("redo_keep", (recording, revision, steps))
        return self.keep_history(recording)

    @staticmethod
    def _frame(written: Any) -> int:
        at = written if isinstance(written, FrameNumber) else parse_position(written)
        return at.n if isinstance(at, FrameNumber) else -int(-at * FPS // 1)

    def plan(self, order: CutOrder) -> CutPlan:
        self._asked("plan", order)
        return CutPlan(500, 480, 20, 10.0, 12345, (), ((0, 500),), ((0.0, 10.0),))

    def cut(self, client: str | None, order: CutOrder) -> Job:
        self._asked("cut", (client, order))
        return JOB

    def jobs(self, query: JobQuery | None = None) -> JobPage:
        self._asked("jobs", query)
        return JobPage((JOB,), 1)

    def job(self, job: str) -> Job:
        self._asked("job", job)
        if job != JOB.id:
            raise JobNotFound(f"there is no job {job!r}")
        return JOB

    def cancel(self, job: str) -> Job:
        return replace(self.job(job), state="cancelled")

    def retry(self, job: str) -> Job:
        return replace(self.job(job), id="job-2")

    def job_log(self, job: str) -> tuple[LogLine, ...]:
        self._asked("job_log", job)
        self.job(job)
        return (LogLine(1.0, "info", "begun"),)

    def move_job(self, job: str, *, position: int | None = None, before: str | None = None) -> Job:
        self._asked("move_job", (job, position, before))
        return replace(self.job(job), position=position)

    def prioritise(self, job: str, priority: Priority) -> Job:
        self._asked("prioritise", (job, priority))
        return replace(self.job(job), priority=priority)

    def notices(self) -> tuple[Notice, ...]:
        self._asked("notices")
        return self.told

    def pause_queue(self, paused: bool) -> Progress:
        self._asked("pause_queue", paused)
        return replace(self.progress(), queue=QueueCounts(0, 0, 0, paused=paused))

    def progress(self) -> Progress:
        self._asked("progress")
        return Progress("idle", None, None, None, 0.0, None, WorkerInfo("w", "idle", 1.0), QueueCounts(0, 0, 0))
