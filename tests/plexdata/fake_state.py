"""Stand-ins for the queue and the store, in memory."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass, replace
from typing import Any

from plexcut.domain.catalog import (
    MovieData,
)
from plexcut.domain.jobs import (
    Job,
    JobOrder,
    JobPage,
    JobQuery,
    LogLine,
    Priority,
    Progress,
    QueueCounts,
    StoredJob,
    WorkerInfo,
)
from plexcut.domain.naming import SpanName
from plexcut.domain.ports import EditedRecordings, Notice, SavedKeep
from plexcut.errors import (
    JobNotFound,
    QueueOffline,
    RecordingBusy,
    StaleRevision,
)


class FakeQueue:
    """Jobs in a dict."""

    def __init__(self) -> None:
        self.up = True
        self.orders: list[tuple[MovieData, dict[str, Any], int]] = []
        self._jobs: dict[str, Job] = {}
        self.closed = False
        self.paused = False
        self.tended = 0
        self.put_backs: list[JobOrder] = []

    def _answer(self) -> None:
        if not self.up:
            raise QueueOffline("the queue does not answer")

    def online(self) -> bool:
        return self.up

    def workers(self) -> tuple[WorkerInfo, ...]:
        self._answer()
        return (WorkerInfo("w", "idle", 1.0),)

    def enqueue_cut(self, movie: MovieData, meta: dict[str, Any], timeout_s: int, priority: Priority = "normal") -> Job:
        self._answer()
        if any(j.recording == movie.recording and j.state in ("queued", "running") for j in self._jobs.values()):
            raise RecordingBusy("another job works on this recording")
        self.orders.append((movie, meta, timeout_s))
        job = Job(
            f"j{len(self.orders)}", "cut", "queued", movie.title, movie.recording, "", 0.0, None, 1.0, None, None,
            None, None, meta,
        )  # fmt: skip
        self._jobs[job.id] = job
        return job

    def change(self, job: str, **fields: Any) -> Job:
        self._jobs[job] = replace(self._jobs[job], **fields)
        return self._jobs[job]

    def has_job(self, recording: str) -> bool:
        return any(job.recording == recording and job.is_open for job in self.jobs())

    def order(self, job: str) -> JobOrder:
        self._answer()
        self.job(job)
        for known in reversed(self.put_backs):
            if known.id == job:
                return known
        movie, meta, timeout_s = self.orders[int(job[1:].split(".")[0]) - 1]
        return JobOrder(job, dict(vars(movie)) if not is_dataclass(movie) else asdict(movie), meta, timeout_s, 1.0)

    def put_back(self, order: JobOrder) -> Job:
        self._answer()
        self.put_backs.append(order)
        movie = order.movie
        job = Job(
            order.id, "cut", "queued", movie["title"], movie["recording"], "", 0.0, None, order.created_at, None, None,
            None, None, order.meta,
        )  # fmt: skip
        self._jobs[job.id] = job
        return job

    def lose_everything(self) -> None:
        self._jobs.clear()
        self.paused = False

    def log(self, job: str) -> tuple[LogLine, ...]:
        self._answer()
        return (LogLine(1.0, "info", f"about {job}"),)

    def tend(self) -> None:
        self._answer()
        self.tended += 1

    def pause(self, paused: bool) -> None:
        self._answer()
        self.paused = paused

    def move(self, job: str, *, position: int | None = None, before: str | None = None) -> Job:
        return self.change(job, position=position)

    def prioritise(self, job: str, priority: Priority) -> Job:
        return self.change(job, priority=priority)

    def jobs(self) -> tuple[Job, ...]:
        self._answer()
        return tuple(reversed(self._jobs.values()))

    def job(self, job: str) -> Job:
        self._answer()
        if job not in self._jobs:
            raise JobNotFound(f"no job {job}")
        return self._jobs[job]

    def cancel(self, job: str) -> Job:
        self.job(job)
        return self.change(job, state="cancelled")

    def retry(self, job: str) -> Job:
        return self.job(job)

    def progress(self) -> Progress:
        self._answer()
        return Progress("idle", None, None, None, 0.0, None, None, QueueCounts(0, 0, 0, paused=self.paused))

    def close(self) -> None:
        self.closed = True


class FakeStore:
    """The same answers as the database; survives the Plexdata that uses it."""

    def __init__(self) -> None:
        self.selections: dict[str, dict[str, Any]] = {}
        self.keeps: dict[str, SavedKeep] = {}
        self.names: dict[str, tuple[SpanName, ...]] = {}
        self.secrets: dict[str, bytes] = {}
        self.speeds: list[tuple[str, int, float]] = []
        self.choices: dict[str, Any] = {}
        self.cuts: set[str] = set()
        self.dismissed: dict[str, tuple[tuple[tuple[int, int], ...], str]] = {}
        self.stored: dict[str, tuple[StoredJob, tuple[LogLine, ...]]] = {}
        self.told: dict[str, dict[str, Any]] = {}
        self.fail: Exception | None = None
        self._lock = threading.Lock()

    def notices(self) -> tuple[Notice, ...]:
        return ()

    def load_selection(self, client: str) -> dict[str, Any] | None:
        return self.selections.get(client)

    def save_selection(self, client: str, selection: dict[str, Any]) -> None:
        if self.fail is not None:
            raise self.fail
        self.selections[client] = dict(selection)

    def load_keep(self, recording: str) -> SavedKeep:
        return self.keeps.get(recording, SavedKeep((), 0, None))

    def save_keep(self, recording: str, new: SavedKeep, label: str = "") -> SavedKeep:
        with self._lock:
            if self.load_keep(recording).revision != new.revision:
                raise StaleRevision("changed meanwhile")
            self.keeps[recording] = SavedKeep(new.keep, new.revision + 1, new.fingerprint)
            return self.keeps[recording]

    def recall_keep(self, recording: str, fingerprint: str) -> SavedKeep | None:
        return None

    def load_names(self, recording: str) -> tuple[SpanName, ...]:
        return self.names.get(recording, ())

    def save_names(self, recording: str, names: tuple[SpanName, ...]) -> None:
        self.names[recording] = names

    def secret(self, name: str) -> bytes:
        return self.secrets.setdefault(name, bytes(range(32)))

    def record_speed(self, kind: str, nbytes: int, seconds: float, storage: str = "") -> None:
        self.speeds.append((kind, nbytes, seconds))

    def edited(self) -> EditedRecordings:
        kept = frozenset(r for r, saved in self.keeps.items() if saved.keep)
        return EditedRecordings(
            kept, frozenset(self.cuts), {r: stamp for r, (_, stamp) in self.dismissed.items() if stamp}
        )

    def load_dismissed(self, recording: str) -> tuple[tuple[int, int], ...]:
        return self.dismissed.get(recording, ((), ""))[0]

    def save_dismissed(self, recording: str, frames: tuple[tuple[int, int], ...], stamp: str) -> None:
        self.dismissed[recording] = (frames, stamp)

    def forget_cut(self, recording: str) -> None:
        self.cuts.discard(recording)

    def choice(self, name: str) -> Any:
        return self.choices.get(name)

    def save_choice(self, name: str, value: Any) -> None:
        self.choices[name] = value

    def save_jobs(self, entries: Sequence[tuple[StoredJob, tuple[LogLine, ...]]]) -> None:
        for stored, log in entries:
            before = self.stored.get(stored.job.id)
            order = stored.order or (before[0].order if before else None)
            self.stored[stored.job.id] = (StoredJob(stored.job, order), log or (before[1] if before else ()))

    def jobs(self, query: JobQuery) -> JobPage:
        found = [one.job for one, _ in self.stored.values() if query.state in (None, one.job.state)]
        found.sort(key=lambda job: -job.created_at)
        return JobPage(tuple(found[query.offset : query.offset + query.limit]), len(found))

    def job(self, job: str) -> StoredJob | None:
        return self.stored[job][0] if job in self.stored else None

    def job_log(self, job: str) -> tuple[LogLine, ...]:
        return self.stored[job][1] if job in self.stored else ()

    def job_states(self, newest: int) -> dict[str, Job]:
        return {job: one.job for job, (one, _) in self.stored.items()}

    def speed(self, kind: str, storage: str = "") -> float | None:
        return self.speeds[-1][1] / self.speeds[-1][2] if self.speeds else None

    def follow_ups(self) -> dict[str, dict[str, Any]]:
        return dict(self.told)

    def save_follow_up(self, job: str, follow_up: dict[str, Any]) -> None:
        self.told[job] = json.loads(json.dumps(follow_up))

    def close(self) -> None:
        pass
