"""Telling a library's server of files that changed, until it shows them; kept over restarts of either side."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from plexcut.domain.catalog import library_of
from plexcut.domain.followup import FollowUp
from plexcut.domain.jobs import Job
from plexcut.domain.ports import Library, Store
from plexcut.domain.upkeep import Upkeep
from plexcut.errors import (
    CannotWrite,
    LibraryNotFound,
    LibraryOffline,
    NotAllowed,
    NotFound,
    NotInLibrary,
    PlexcutError,
)
from plexcut.plexdata.hosts import Hosts
from plexcut.plexdata.resuming import check_resume, length, plan_resume, resume_note, resume_state

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FollowTimes:
    """Seconds. `poll`: how often a server is asked what it shows; `offline`: how often one that is away is tried.

    `look_again`: after so long it is told once more, `asks` times in all; then it is said that it does not show the
    file. From then on it is asked every `later`, for `later_for`.
    """

    poll: float = 3.0
    offline: float = 10.0
    look_again: float = 120.0
    asks: int = 5
    later: float = 3600.0
    later_for: float = 48 * 3600.0


class FollowUps:
    """All of them, and the thread that gets them done, one step after the other."""

    def __init__(
        self, hosts: Hosts, store: Store, clock: Callable[[], float], times: FollowTimes | None = None
    ) -> None:
        self._hosts = hosts
        self._store = store
        self._clock = clock
        self._times = times or FollowTimes()
        self._lock = threading.Lock()
        self._known: dict[str, FollowUp] = {}
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        for job, data in store.follow_ups().items():
            try:
                self._known[job] = FollowUp.of_json(data)
            except (TypeError, ValueError):
                log.warning("what was to be told after job %s cannot be read", job)

    def start(self) -> None:
        """Go on with what is not done."""
        self._thread = threading.Thread(target=self._run, name="follow-ups", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread; what is not done is gone on with at the next start."""
        self._ended.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(5)

    def collect(self, jobs: Iterable[Job]) -> None:
        """Take up the jobs that have ended well and whose library's server does not know of it yet."""
        for job in jobs:
            if job.state == "finished" and job.kind == "cut" and job.id not in self._known and job.result:
                found = self._of_job(job)
                if found is not None:
                    self.add(found)

    def add(self, follow_up: FollowUp) -> None:
        """Remember one, and begin with it."""
        self._save(replace(follow_up, message=follow_up.message or "Plex is told of the new file"))
        self._wake.set()

    def on(self, job: Job) -> Job:
        """The job with what its library's server made of it: in `meta["plex"]`, and as a warning of its result."""
        found = self._known.get(job.id)
        if found is None:
            return job
        shown = {"state": found.state, "message": found.message, "duration_s": found.shown_s}
        result = job.result
        if result is not None and found.state == "failed":
            result = {**result, "warnings": [*(result.get("warnings") or ()), found.message]}
        return replace(job, meta={**job.meta, "plex": shown}, result=result)

    def _of_job(self, job: Job) -> FollowUp | None:
        library_id = library_of(job.recording)
        result = job.result or {}
        path, duration_s, nbytes = result.get("path"), result.get("duration_s"), result.get("bytes")
        if library_id not in self._hosts.ids or self._hosts.host(library_id).library.kind != "plex":
            return None
        if not isinstance(path, str) or not isinstance(duration_s, (int, float)) or not isinstance(nbytes, int):
            return None
        return FollowUp(
            job=job.id,
            library=library_id,
            recording=job.recording,
            kind="replace" if job.meta.get("in_place") else "beside",
            path=path,
            size_bytes=nbytes,
            duration_s=float(duration_s),
            keep=tuple((float(a), float(b)) for a, b in job.meta.get("keep") or ()),
            changed_at=job.ended_at or self._clock(),
        )

    # -- getting them done ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._ended.is_set():
            self._wake.clear()
            waits = [self._step(found) for found in self._due()]
            self._wake.wait(min([self._times.poll, *waits]))

    def _due(self) -> list[FollowUp]:
        """Those to go on with now, in the order in which the files changed."""
        now = self._clock()
        with self._lock:
            due = [one for one in self._known.values() if one.next_at is not None and one.next_at <= now]
        return sorted(due, key=lambda one: one.changed_at)

    def _step(self, before: FollowUp) -> float:
        """One step of one of them; how long until the next at the earliest."""
        try:
            after = self._advanced(before)
        except LibraryNotFound:
            after = replace(before, state="failed", message="its library is no longer configured", next_at=None)
        except NotInLibrary as error:
            after = replace(before, state="done", message=f"Plex was not told: {error.line}", next_at=None)
        except (LibraryOffline, NotAllowed) as error:
            text = f"Plex is told when it answers again: {error.line}"
            state = before.state if before.state == "failed" else "waiting"
            after = replace(before, state=state, message=text, next_at=self._clock() + self._times.offline)
        except PlexcutError as error:
            after = self._failed(before, error.line)
        except Exception:
            log.exception("following up job %s failed", before.job)
            after = self._failed(before, "something unexpected went wrong; the log tells more")
        if after != before:
            if after.state != before.state:
                log.info("job %s: %s", after.job, after.message)
            try:
                self._save(after)
            except CannotWrite as error:
                log.warning("how far job %s was followed up cannot be saved: %s", after.job, error.line)
        return 0.0 if after.step != before.step and after.state == "waiting" else self._times.poll

    def _advanced(self, now: FollowUp) -> FollowUp:
        """The next step done. Raises `PlexcutError`."""
        return self._hosts.call(now.library, lambda library: self._with(library, now))

    def _with(self, library: Library, now: FollowUp) -> FollowUp:
        upkeep = library.upkeep()
        if upkeep is None:
            return replace(now, state="done", message="", next_at=None)
        now = replace(now, first_at=now.first_at or self._clock(), next_at=self._clock() + self._times.poll)
        try:
            if now.step == "resume":
                return self._resume(library, upkeep, now)
            if self._superseded(now):
                return replace(now, state="done", message="a later job changed the file again", next_at=None)
            if now.step == "look":
                upkeep.look_again(now.recording, now.path)
                return replace(now, step="scan", step_at=self._clock(), asked=1)
            return self._judged(upkeep, now)
        except NotInLibrary:
            raise
        except NotFound as error:
            if now.step in {"resume", "look"}:
                return self._failed(now, error.line)
            return self._patient(upkeep, now, error.message)

    def _resume(self, library: Library, upkeep: Upkeep, now: FollowUp) -> FollowUp:
        """What was watched, brought to the new time line before the server scans: it may count a play at its end."""
        if now.kind == "beside":
            return replace(now, step="look")
        if not now.item:
            now = replace(now, item=library.recording(now.recording).item)
            with self._lock:
                ours = [one.resume_to_s for one in self._known.values() if one.recording == now.recording]
            now = plan_resume(now, upkeep.watch_state(now.item), ours)
            self._save(now)  # what is sent next must be known if it is only half done
        wanted = resume_state(now)
        if wanted is not None:
            upkeep.set_watch_state(now.item, wanted)
        return replace(now, step="look")

    def _judged(self, upkeep: Upkeep, now: FollowUp) -> FollowUp:
        shown = upkeep.shown(now.recording, now.path)
        if shown is None:
            return self._patient(upkeep, now, "Plex does not show the new file yet")
        now = replace(now, item=shown.item, shown_s=shown.duration_s)
        if now.step == "scan":
            if shown.size_bytes not in {None, now.size_bytes}:
                return self._patient(upkeep, now, "Plex has not noticed yet that the file is another one")
            upkeep.analyze(shown.item)
            return replace(now, step="analyze", step_at=self._clock(), asked=1)
        if shown.duration_s is None or abs(shown.duration_s - now.duration_s) > max(2.0, now.duration_s / 200):
            what = f"shows {length(shown.duration_s)}" if shown.duration_s is not None else "shows no duration"
            return self._patient(upkeep, now, f"Plex {what} instead of {length(now.duration_s)}")
        if now.kind != "beside":
            check_resume(upkeep, now)
        notes = [resume_note(now)]
        if shown.optimised and now.kind != "beside":
            notes.append("an optimised version there still has the content of before")
        text = "; ".join(note for note in (f"Plex shows the new file, {length(shown.duration_s)} long", *notes) if note)
        return replace(now, state="done", step="check", message=text, next_at=None)

    def _patient(self, upkeep: Upkeep, now: FollowUp, why: str) -> FollowUp:
        """The server does not show what it should: it is told again after a while, and at last that is said."""
        if now.state == "failed":
            return self._failed(now, why)
        waited_s = self._clock() - now.step_at
        if waited_s < now.asked * self._times.look_again:
            return replace(now, message=why)
        if now.asked >= self._times.asks:
            return self._failed(now, why)
        if now.step == "analyze":
            upkeep.analyze(now.item)
        else:
            upkeep.look_again(now.recording, now.path)
        return replace(now, asked=now.asked + 1, message=why)

    def _failed(self, now: FollowUp, why: str) -> FollowUp:
        """Given up for now; it is told again later, because a server may be busy for hours."""
        first_at = now.first_at or self._clock()
        later = self._clock() + self._times.later if self._clock() - first_at < self._times.later_for else None
        hint = "the cut itself is done; in Plex, scan the library and analyze the item"
        return replace(now, state="failed", message=f"{why} ({hint})", first_at=first_at, step="look", next_at=later)

    def _superseded(self, now: FollowUp) -> bool:
        """Whether a later job put another file in the same place."""
        with self._lock:
            return any(other.path == now.path and other.changed_at > now.changed_at for other in self._known.values())

    def _save(self, follow_up: FollowUp) -> None:
        with self._lock:
            self._known[follow_up.job] = follow_up
        self._store.save_follow_up(follow_up.job, follow_up.as_json())
