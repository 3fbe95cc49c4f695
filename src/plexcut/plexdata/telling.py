"""The steps in which a library's server is told of a file, until it shows it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from plexcut.domain.followup import FollowUp
from plexcut.domain.ports import Library
from plexcut.domain.upkeep import Upkeep
from plexcut.errors import LibraryNotFound, LibraryOffline, NotAllowed, NotFound, NotInLibrary, PlexcutError
from plexcut.plexdata.resuming import check_resume, length, plan_resume, resume_note, resume_state

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FollowTimes:
    """Seconds. `poll`: how often a server is asked what it shows; `offline`: how often one that is away is tried.

    `look_again`: after so long it is told once more, `asks` times in all; then it is said that it does not show the
    file. From then on it is asked every `later`, for `later_for`. `adopt`: how often what commands left is
    looked for.
    """

    poll: float = 3.0
    offline: float = 10.0
    look_again: float = 120.0
    asks: int = 5
    later: float = 3600.0
    later_for: float = 48 * 3600.0
    adopt: float = 15.0


Reach = Callable[[Callable[[Library], FollowUp]], FollowUp]
"""Calls something with the library, where it answers."""


class Telling:
    """`others`: all that is known, for those that follow each other; `save` keeps what must not be forgotten."""

    def __init__(
        self,
        times: Callable[[], FollowTimes],
        clock: Callable[[], float],
        others: Callable[[], Iterable[FollowUp]],
        save: Callable[[FollowUp], None],
    ) -> None:
        self._get_times = times
        self._clock = clock
        self._others = others
        self._save = save

    @property
    def _times(self) -> FollowTimes:
        return self._get_times()

    def step(self, before: FollowUp, reach: Reach) -> FollowUp:
        """What became of it. Raises nothing."""
        try:
            return reach(lambda library: self._with(library, before))
        except LibraryNotFound:
            return replace(before, state="failed", message="its library is no longer configured", next_at=None)
        except NotInLibrary as error:
            return replace(before, state="done", message=f"Plex was not told: {error.line}", next_at=None)
        except (LibraryOffline, NotAllowed) as error:
            text = f"Plex is told when it answers again: {error.line}"
            state = before.state if before.state == "failed" else "waiting"
            return replace(before, state=state, message=text, next_at=self._clock() + self._times.offline)
        except PlexcutError as error:
            return self._failed(before, error.line)
        except Exception:
            log.exception("following up job %s failed", before.job)
            return self._failed(before, "something unexpected went wrong; the log tells more")

    def _with(self, library: Library, now: FollowUp) -> FollowUp:
        upkeep = library.upkeep()
        if upkeep is None:
            return replace(now, state="done", message="", next_at=None)
        now = replace(now, first_at=now.first_at or self._clock(), next_at=self._clock() + self._times.poll)
        try:
            if now.step == "find" or not now.recording:
                return self._find(upkeep, now)
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
            if now.step in {"find", "resume", "look"}:
                return self._failed(now, error.line)
            return self._patient(upkeep, now, error.message)

    def _resume(self, library: Library, upkeep: Upkeep, now: FollowUp) -> FollowUp:
        """What was watched, brought to the new time line before the server scans: it may count a play at its end.

        After a restore the place may lie behind the end of the file that the server knows, and would count as a play:
        it is brought there when the server shows the file (`check_resume`).
        """
        if now.kind == "beside":
            return replace(now, step="look")
        if not now.item:
            now = replace(now, item=library.recording(now.recording).item)
            ours = [one.resume_to_s for one in self._others() if one.recording == now.recording]
            now = plan_resume(now, upkeep.watch_state(now.item), ours)
            self._save(now)  # what is sent next must be known if it is only half done
        wanted = resume_state(now)
        if wanted is not None and now.kind != "restore":
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
        elif not now.recording:
            upkeep.look_into(now.path)
        else:
            upkeep.look_again(now.recording, now.path)
        return replace(now, asked=now.asked + 1, message=why)

    def _failed(self, now: FollowUp, why: str) -> FollowUp:
        """Given up for now; it is told again later, because a server may be busy for hours."""
        first_at = now.first_at or self._clock()
        later = self._clock() + self._times.later if self._clock() - first_at < self._times.later_for else None
        hint = "the cut itself is done; in Plex, scan the library and analyze the item"
        again = replace(now, state="failed", message=f"{why} ({hint})", first_at=first_at, asked=0, next_at=later)
        return replace(again, step="look" if now.recording else "find")

    def _find(self, upkeep: Upkeep, now: FollowUp) -> FollowUp:
        """Which recording has the file; a server that knows none looks into its folder first."""
        found = upkeep.find(now.path)
        if found is not None:
            return replace(now, recording=found, step="resume", asked=0)
        if now.asked:
            return self._patient(upkeep, now, "Plex does not show the file yet")
        upkeep.look_into(now.path)
        return replace(now, asked=1, step_at=self._clock())

    def _superseded(self, now: FollowUp) -> bool:
        """Whether a later job put another file in the same place."""
        return any(other.path == now.path and other.changed_at > now.changed_at for other in self._others())
