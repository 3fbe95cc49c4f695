"""One thing that a library's server is told after a job, and how far that is."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

FollowKind = Literal["beside", "replace", "restore"]
FollowState = Literal["waiting", "done", "failed"]
FollowStep = Literal["find", "resume", "look", "scan", "analyze", "check"]


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A file that was made, replaced or brought back, whose library's server must come to know of it.

    `recording` is empty until the server has been asked which one has the file.
    `path` and `size_bytes` are the file's as it is now, `duration_s` how long it is. `keep` are the spans (seconds of
    the original) that the cut kept; with `restore` those of the cut that it takes back. `changed_at`: when it was put
    in place. `resume_from_s` and `resume_to_s`: where the resume point was and where it belongs (None: nowhere), with
    the `count` of plays. `message` is for people. `first_at`: when the server was first reached for it, `step_at` when
    the present step began, `asked` how often the server was asked to look within it, `next_at` when to go on (None:
    never). All of these are seconds since the epoch.
    """

    job: str
    library: str
    recording: str
    kind: FollowKind
    path: str
    size_bytes: int
    duration_s: float
    keep: tuple[tuple[float, float], ...]
    changed_at: float
    item: str = ""
    state: FollowState = "waiting"
    step: FollowStep = "resume"
    message: str = ""
    shown_s: float | None = None
    resume_from_s: float | None = None
    resume_to_s: float | None = None
    resume_moved: bool = False
    count: int = 0
    first_at: float | None = None
    step_at: float = 0.0
    asked: int = 0
    next_at: float | None = 0.0

    def as_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        return asdict(self)

    @classmethod
    def of_json(cls, data: dict[str, Any]) -> Self:
        """The same again; what another version wrote besides is left out. Raises `TypeError`, `ValueError`."""
        names = {field.name for field in fields(cls)}
        known = {name: value for name, value in data.items() if name in names}
        keep = tuple((float(a), float(b)) for a, b in known.get("keep", ()))
        return cls(**{**known, "keep": keep})
