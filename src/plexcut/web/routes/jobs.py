"""Jobs and the progress object."""

from __future__ import annotations

from quart import Blueprint, Response

from plexcut.web import mapping, schemas
from plexcut.web.context import answer, context
from plexcut.web.documentation import documented

blueprint = Blueprint("jobs", __name__)


@blueprint.get("/api/jobs")
@documented("jobs", {200: schemas.Jobs})
async def get_jobs() -> Response:
    """All known jobs, newest first."""
    ctx = context()
    return answer(mapping.job_list(await ctx.threads.run("rest", ctx.plexdata.jobs)))


@blueprint.get("/api/jobs/<id:job>")
@documented("jobs", {200: schemas.Job})
async def get_job(job: str) -> Response:
    """One job."""
    ctx = context()
    return answer(mapping.job(await ctx.threads.run("rest", ctx.plexdata.job, job)))


@blueprint.delete("/api/jobs/<id:job>")
@documented("jobs", {200: schemas.Job})
async def cancel_job(job: str) -> Response:
    """Stop a job that waits or runs; one that has ended stays as it is."""
    ctx = context()
    return answer(mapping.job(await ctx.threads.run("rest", ctx.plexdata.cancel, job)))


@blueprint.post("/api/jobs/<id:job>/retry")
@documented("jobs", {202: schemas.Job})
async def retry_job(job: str) -> Response:
    """Queue a failed or cancelled job again; the answer is the new job."""
    ctx = context()
    return answer(mapping.job(await ctx.threads.run("rest", ctx.plexdata.retry, job)), 202)


@blueprint.get("/api/progress")
@documented("jobs", {200: schemas.Progress})
async def get_progress() -> Response:
    """Worker, queue and the current job in one object; reading it changes nothing."""
    ctx = context()
    return answer(mapping.progress(await ctx.threads.run("rest", ctx.plexdata.progress)))
