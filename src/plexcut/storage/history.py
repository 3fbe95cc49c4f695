"""Jobs as they are kept when the queue forgets them, on a connection in a transaction."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from plexcut.domain.jobs import Job, JobOrder, JobQuery, LogLine, StoredJob
from plexcut.storage.tables import jobs

JOBS_KEPT = 20_000

_OPEN = ("queued", "running")


def save(connection: Connection, stored: StoredJob, log: tuple[LogLine, ...]) -> None:
    """Remember a job as it is now; its log and its order stay where none is given."""
    job = stored.job
    values: dict[str, Any] = {
        "state": job.state,
        "recording": job.recording,
        "created_at": job.created_at,
        "job": asdict(job),
    }
    more: dict[str, Any] = {}
    if stored.order is not None:
        more["ordered"] = asdict(stored.order)
    if log:
        more["log"] = [[line.at, line.level, line.message] for line in log]
    statement = sqlite_insert(jobs).values(id=job.id, **values, **more)
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_={**values, **more}))


def page(connection: Connection, query: JobQuery) -> tuple[tuple[Job, ...], int]:
    """Jobs, newest first, and how many there are in all."""
    chosen = select(jobs.c.job)
    counted = select(func.count()).select_from(jobs)
    for column, value in ((jobs.c.state, query.state), (jobs.c.recording, query.recording)):
        if value is not None:
            chosen, counted = chosen.where(column == value), counted.where(column == value)
    ordered = chosen.order_by(jobs.c.created_at.desc(), jobs.c.id).offset(query.offset).limit(query.limit)
    found = connection.execute(ordered).scalars().all()
    return tuple(_job(data) for data in found), int(connection.execute(counted).scalar_one())


def last_cuts(connection: Connection) -> dict[str, float]:
    """The recordings that were cut, and when the last of these cuts was ordered (seconds since the epoch)."""
    newest = select(jobs.c.recording, func.max(jobs.c.created_at)).where(jobs.c.state == "finished")
    return {row[0]: float(row[1]) for row in connection.execute(newest.group_by(jobs.c.recording))}


def one(connection: Connection, job: str) -> StoredJob | None:
    """A job with its order; None where it is not known."""
    found = connection.execute(select(jobs.c.job, jobs.c.ordered).where(jobs.c.id == job)).one_or_none()
    return None if found is None else StoredJob(_job(found.job), _order(found.ordered))


def log_of(connection: Connection, job: str) -> tuple[LogLine, ...]:
    """The log of a job; empty where it has none, or is not known."""
    found = connection.execute(select(jobs.c.log).where(jobs.c.id == job)).scalar()
    return tuple(LogLine(*line) for line in found or ())


def states(connection: Connection, newest: int) -> dict[str, Job]:
    """The newest jobs, and all that wait or run."""
    last = select(jobs.c.id).order_by(jobs.c.created_at.desc()).limit(newest)
    wanted = select(jobs.c.job).where(jobs.c.state.in_(_OPEN) | jobs.c.id.in_(last))
    return {job.id: job for job in map(_job, connection.execute(wanted).scalars().all())}


def forget(connection: Connection) -> None:
    """The oldest, where there are too many."""
    oldest = select(jobs.c.created_at).order_by(jobs.c.created_at.desc()).offset(JOBS_KEPT).limit(1)
    before = connection.execute(oldest).scalar()
    if before is not None:
        connection.execute(delete(jobs).where((jobs.c.created_at <= before) & jobs.c.state.not_in(_OPEN)))


def _job(data: dict[str, Any]) -> Job:
    return Job(**data)


def _order(data: dict[str, Any] | None) -> JobOrder | None:
    return None if data is None else JobOrder(**data)
