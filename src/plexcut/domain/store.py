"""The port of the saved state, and what is saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from plexcut.domain.jobs import Job, JobPage, JobQuery, LogLine, StoredJob
from plexcut.domain.naming import SpanName


@dataclass(frozen=True, slots=True)
class SavedKeep:
    """A saved keep list; `revision` counts saves, 0 where nothing was ever saved.

    `names`: what its spans are called; None: as they were called before, or it is not known.
    """

    keep: tuple[tuple[int, int], ...]
    revision: int
    fingerprint: str | None
    names: tuple[SpanName, ...] | None = None


@dataclass(frozen=True, slots=True)
class KeepStep:
    """A keep list as it was or will be again; `label` says what made it (may be empty), `saved_at` when (epoch)."""

    saved: SavedKeep
    label: str
    saved_at: float | None


@dataclass(frozen=True, slots=True)
class KeepHistory:
    """`steps[position]` is the saved list; undo leads to the one before it, redo to the one after."""

    saved: SavedKeep
    steps: tuple[KeepStep, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that somebody has to know and to do something about."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class EditedRecordings:
    """Ids of recordings that have a saved keep list, and of those that were cut.

    `dismissed`: those of which somebody dismissed every proposed break, and which cut list proposed them (its stamp).
    """

    kept: frozenset[str]
    cut: frozenset[str]
    dismissed: Mapping[str, str] = field(default_factory=dict)


class Store(Protocol):
    """State that survives restarts."""

    def notices(self) -> tuple[Notice, ...]:
        """What is wrong with the saved state: a damaged database that was set aside."""

    def load_selection(self, client: str) -> dict[str, Any] | None:
        """The ids that a client had selected, as `save_selection` got them."""

    def save_selection(self, client: str, selection: dict[str, Any]) -> None:
        """Remember them."""

    def edited(self) -> EditedRecordings:
        """All recordings with a saved keep list, and all whose last cut was not taken back."""

    def forget_cut(self, recording: str) -> None:
        """The original of a recording is back in its place."""

    def load_dismissed(self, recording: str) -> tuple[tuple[int, int], ...]:
        """The proposed breaks of a recording that somebody dismissed, as frames."""

    def save_dismissed(self, recording: str, frames: tuple[tuple[int, int], ...], stamp: str) -> None:
        """Remember them; `stamp`: of the list whose breaks are all among them, empty where some are not."""

    def load_keep(self, recording: str) -> SavedKeep:
        """The saved keep list; empty with revision 0 where there is none."""

    def save_keep(self, recording: str, new: SavedKeep, label: str = "") -> SavedKeep:
        """Save `new` over the revision that it names. Raises `StaleRevision` when the saved one has another."""

    def recall_keep(self, recording: str, fingerprint: str) -> SavedKeep | None:
        """Make the last list that was saved for this state of the file the saved one again, with what undo led to.

        None where the saved one is of that state, or no such list is remembered.
        """

    def keep_at(self, recording: str, revision: int) -> SavedKeep | None:
        """The keep list as it was at that revision; None where that is forgotten."""

    def step_keep(self, recording: str, revision: int, steps: int) -> SavedKeep:
        """Undo (negative) or redo so many changes of the list that has `revision`, as far as that is possible.

        Raises `StaleRevision`; `NothingToUndo`: not even one.
        """

    def keep_history(self, recording: str, limit: int) -> KeepHistory:
        """What undo and redo lead to, at most `limit` states in each direction."""

    def load_names(self, recording: str) -> tuple[SpanName, ...]:
        """What its spans are called; () where nothing was."""

    def save_names(self, recording: str, names: tuple[SpanName, ...]) -> None:
        """Remember them in place of those that were there."""

    def secret(self, name: str) -> bytes:
        """32 random bytes, made at the first call and kept (the key that signs stream URLs, ...)."""

    def record_speed(self, kind: str, nbytes: int, seconds: float, storage: str = "") -> None:
        """Remember how long a job took, for estimates."""

    def speed(self, kind: str, storage: str = "") -> float | None:
        """Bytes per second of past jobs of this kind: on this storage, or else on any; None where there were none."""

    def choice(self, name: str) -> Any:
        """What somebody chose on the page, JSON; None where nobody did."""

    def save_choice(self, name: str, value: Any) -> None:
        """Remember it."""

    def save_jobs(self, entries: Sequence[tuple[StoredJob, tuple[LogLine, ...]]]) -> None:
        """Remember jobs as they are now, all or none; a log and an order stay where none is given."""

    def jobs(self, query: JobQuery) -> JobPage:
        """Remembered jobs."""

    def job(self, job: str) -> StoredJob | None:
        """One of them; None where it is not known."""

    def job_log(self, job: str) -> tuple[LogLine, ...]:
        """Its log; empty where it has none."""

    def job_states(self, newest: int) -> dict[str, Job]:
        """The newest jobs, and all that wait or run, by id."""

    def follow_ups(self) -> dict[str, dict[str, Any]]:
        """What a library's server is (or was) to be told, by the job's id, as `save_follow_up` got it."""

    def save_follow_up(self, job: str, follow_up: dict[str, Any]) -> None:
        """Remember it; what ended long ago is forgotten."""

    def close(self) -> None:
        """Close the database."""
