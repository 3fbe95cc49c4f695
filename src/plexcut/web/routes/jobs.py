"""Jobs and the progress object."""

from __future__ import annotations

from functools import partial

from quart import Blueprint, Response

from plexcut.domain.jobs import JobQuery
from plexcut.web import mapping, schemas
from plexcut.web.context import answer, context
from plexcut.web.documentation import documented
from plexcut.web.requests import read_body, read_query

blueprint = Blueprint("jobs", __name__)


@blueprint.get("/api/jobs")
@documented("jobs", {200: schemas.Jobs}, query=schemas.JobsQuery)
async def get_jobs() -> Response:
    """Jobs, newest first, also those that the queue has forgotten; while it is offline, as they were last seen."""
    ctx = context()
    asked = read_query(schemas.JobsQuery)
    query = JobQuery(asked.state, asked.recording, asked.offset, asked.limit)

    def read() -> schemas.Jobs:
        return mapping.job_list(ctx.plexdata.jobs(query))

    return answer(await ctx.threads.run("rest", read))


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


@blueprint.get("/api/jobs/<id:job>/log")
@documented("jobs", {200: schemas.JobLog})
async def get_job_log(job: str) -> Response:
    """What a job's worker said, oldest first."""
    ctx = context()
    return answer(mapping.job_log(await ctx.threads.run("rest", ctx.plexdata.job_log, job)))


@blueprint.get("/api/jobs/<id:job>/result")
@documented("jobs", {200: schemas.JobResult})
async def get_job_result(job: str) -> Response:
    """What a finished job wrote, and as which recording the library shows it."""
    ctx = context()
    return answer(mapping.job_result(await ctx.threads.run("library", ctx.plexdata.job_result, job)))


@blueprint.post("/api/jobs/<id:job>/move")
@documented("jobs", {200: schemas.Job}, body=schemas.JobMove)
async def move_job(job: str) -> Response:
    """Give a waiting job another place in the queue; 409 `busy` if it does not wait any more."""
    ctx = context()
    body = await read_body(schemas.JobMove)
    move = partial(ctx.plexdata.move_job, job, position=body.position, before=body.before)
    return answer(mapping.job(await ctx.threads.run("rest", move)))


@blueprint.post("/api/jobs/<id:job>/priority")
@documented("jobs", {200: schemas.Job}, body=schemas.JobPriority)
async def prioritise_job(job: str) -> Response:
    """Make a waiting job more or less urgent: it goes behind the last one that is as urgent; 409 `busy` as above."""
    ctx = context()
    body = await read_body(schemas.JobPriority)
    return answer(mapping.job(await ctx.threads.run("rest", ctx.plexdata.prioritise, job, body.priority)))


@blueprint.post("/api/queue/pause")
@documented("jobs", {200: schemas.Progress})
async def pause_queue() -> Response:
    """Let no more jobs begin; those that run go on. It stays so, over restarts, until the queue is resumed."""
    ctx = context()
    return answer(mapping.progress(await ctx.threads.run("rest", ctx.plexdata.pause_queue, True)))


@blueprint.post("/api/queue/resume")
@documented("jobs", {200: schemas.Progress})
async def resume_queue() -> Response:
    """Let jobs begin again."""
    ctx = context()
    return answer(mapping.progress(await ctx.threads.run("rest", ctx.plexdata.pause_queue, False)))


@blueprint.get("/api/progress")
@documented("jobs", {200: schemas.Progress})
async def get_progress() -> Response:
    """Worker, queue and the current job in one object; reading it changes nothing."""
    ctx = context()
    return answer(mapping.progress(await ctx.threads.run("rest", ctx.plexdata.progress)))
