"""`/ogc/jobs`: processes that are executed asynchronously are jobs of the gateway, told as the standard has it.

They are the durable jobs of `/v1/jobs` with one call: they outlive the process, wait in the same line, and
belong to whoever sent them. Names of members and states are those of OGC API – Processes 1.0.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from serving.access.caller import Caller
from serving.jobs.jobs import Jobs
from serving.jobs.schema import Job, JobOrder
from serving.ogc_parts import Calls, Problems, link, root_of
from serving.principal import require_scope
from serving.problems import ApiError

router = APIRouter(prefix="/ogc/jobs", route_class=Problems, tags=["ogc"])

STATES = {
    "queued": "accepted", "running": "running", "done": "successful", "failed": "failed",
    "cancelled": "dismissed",
}  # fmt: skip


async def begin(request: Request, caller: Caller, name: str, inputs: dict[str, Any]) -> Response:
    """Take an execution as a job; answers 201 with where its status is.

    Raises:
        CsponError: what a direct call with these inputs would answer.
        ApiError: 403, the key may make no jobs; 429, too many are under way.
    """
    require_scope(caller, "jobs")
    jobs: Jobs = request.app.state.jobs
    job, _ = await jobs.submit(
        caller, JobOrder(tool=name, arguments=inputs), request_id=request.state.request_id,
        again=request.headers.get("idempotency-key"),
    )  # fmt: skip
    place = f"{root_of(request)}/jobs/{job.id}"
    headers = {"location": place, "preference-applied": "respond-async"}
    return JSONResponse(status_of(job, root_of(request)), 201, headers=headers)


@router.get("")
async def list_jobs(
    request: Request, caller: Calls, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> dict[str, Any]:
    """List the caller's own executions, the newest first."""
    require_scope(caller, "jobs")
    jobs: Jobs = request.app.state.jobs
    root = root_of(request)
    found = [job for job in await jobs.of_caller(caller, limit) if is_execution(job)]
    links = [link(f"{root}/jobs?limit={limit}", "self", "本页")]
    return {"jobs": [status_of(job, root) for job in found], "links": links}


@router.get("/{job_id}")
async def status(request: Request, caller: Calls, job_id: str) -> dict[str, Any]:
    """Return how an execution stands."""
    return status_of(await _found(request, caller, job_id), root_of(request))


@router.get("/{job_id}/results")
async def results(request: Request, caller: Calls, job_id: str) -> dict[str, Any]:
    """Return the result of an execution that has ended well; its error if it has not."""
    job = await _found(request, caller, job_id)
    if not job.ended:
        raise ApiError(404, f"任务尚未完成（{job.text}）", code="result_not_ready")
    jobs: Jobs = request.app.state.jobs
    return await jobs.result(caller, job_id)


@router.delete("/{job_id}")
async def dismiss(request: Request, caller: Calls, job_id: str) -> dict[str, Any]:
    """Stop an execution, or take it out of the line; one that has ended stays as it is."""
    await _found(request, caller, job_id)
    jobs: Jobs = request.app.state.jobs
    job = await jobs.cancel(caller, job_id, request_id=request.state.request_id)
    return status_of(job, root_of(request))


def is_execution(job: Job) -> bool:
    """Say whether a job is one call of a tool: of several, or a batch, the standard knows nothing."""
    return len(job.steps) == 1 and job.output is None and job.counts is None


def status_of(job: Job, root: str) -> dict[str, Any]:
    """Tell a job as the standard's `statusInfo`."""
    place = f"{root}/jobs/{job.id}"
    links = [link(place, "self", "状态")]
    if job.state == "done":
        rel = "http://www.opengis.net/def/rel/ogc/1.0/results"
        links.append(link(f"{place}/results", rel, "结果"))
    times = {"created": job.created_at, "started": job.started_at, "finished": job.ended_at}
    return {
        "jobID": job.id,
        "processID": job.steps[0].tool,
        "type": "process",
        "status": STATES[job.state],
        "message": job.text,
        "progress": job.percent,
        **{name: _utc(at) for name, at in times.items() if at is not None},
        "links": links,
    }


async def _found(request: Request, caller: Caller, job_id: str) -> Job:
    require_scope(caller, "jobs")
    jobs: Jobs = request.app.state.jobs
    try:
        job = await jobs.get(caller, job_id)
    except ApiError as error:
        if error.status != 404:
            raise
        job = None
    if job is None or not is_execution(job):
        raise ApiError(404, f"没有任务 {job_id[:80]}", code="no_such_job")
    return job


def _utc(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
