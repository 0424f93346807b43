"""`/v1/jobs`: long work that outlives its request: submit, progress, cancel, result."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse

from serving.access.caller import Caller
from serving.jobs.jobs import Jobs
from serving.jobs.schema import Job, JobOrder
from serving.principal import current_caller
from serving.problems import ApiError
from serving.streams import EventStream

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
Calls = Annotated[Caller, Depends(current_caller)]
Again = Annotated[
    str | None,
    Header(alias="idempotency-key", min_length=1, max_length=255, description="同一请求重发时不变"),
]

LOOK_S = 0.5
"""Seconds between two looks at a job whose progress somebody reads."""
SILENCE_S = 15.0
"""Seconds after which a comment keeps the connection open."""


def jobs_of(request: Request) -> Jobs:
    """Return the jobs of the gateway."""
    found: Jobs = request.app.state.jobs
    return found


def wants_job(request: Request) -> bool:
    """Say whether a request asks to be done as a job: `Prefer: respond-async` (RFC 7240)."""
    wanted = request.headers.get("prefer", "").lower().replace(" ", "").split(",")
    return "respond-async" in wanted


@router.post("", status_code=202)
async def submit(
    request: Request, response: Response, caller: Calls, order: JobOrder, again: Again = None
) -> Job:
    """Submit one tool call, or several that run one after the other; answers at once.

    The same `Idempotency-Key` with the same body answers with the same job (200), also after a restart;
    with another body it is refused (409).
    """
    job, made = await jobs_of(request).submit(
        caller, order, request_id=request.state.request_id, again=again
    )
    response.headers["location"] = f"/v1/jobs/{job.id}"
    if not made:
        response.status_code = 200
        response.headers["idempotent-replayed"] = "true"
    return job


@router.get("")
async def list_jobs(
    request: Request, caller: Calls, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> dict[str, Any]:
    """List the caller's jobs, the newest first."""
    found = await jobs_of(request).of_caller(caller, limit)
    return {"object": "list", "data": [job.model_dump(mode="json") for job in found]}


@router.get("/{job_id}")
async def get_job(request: Request, caller: Calls, job_id: str) -> Job:
    """Return how a job stands."""
    return await jobs_of(request).get(caller, job_id)


@router.post("/{job_id}/cancel")
async def cancel(request: Request, caller: Calls, job_id: str) -> Job:
    """Stop a job: its processes end within seconds; one that has ended stays as it is."""
    return await jobs_of(request).cancel(caller, job_id, request_id=request.state.request_id)


@router.get("/{job_id}/result")
async def result(request: Request, caller: Calls, job_id: str) -> Response:
    """Return what the call gave, or the list of what several gave."""
    found = await jobs_of(request).result(caller, job_id)
    return JSONResponse(found, headers={"cache-control": "private, no-store"})


@router.get("/{job_id}/events", response_class=Response)
async def events(
    request: Request,
    caller: Calls,
    job_id: str,
    last: Annotated[str | None, Header(alias="last-event-id", pattern=r"^\d{0,9}$")] = None,
) -> Response:
    """Tell the progress as server-sent events; `Last-Event-ID` goes on where a reader left off.

    `progress` events carry `percent` and `text`; the last one, `end`, carries the job.
    """
    jobs = jobs_of(request)
    job = await jobs.get(caller, job_id)
    offset = int(last) + 1 if last else 0
    told = await jobs.events(job_id, 0) if job.ended else []
    if job.ended and offset > len(told):
        return Response(status_code=204)  # a browser stops coming back
    return EventStream(b"retry: 2000\n\n", _events(jobs, caller, job_id, offset))


async def _events(
    jobs: Jobs, caller: Caller, number: str, offset: int
) -> AsyncGenerator[bytes, None]:
    spoken, text = time.monotonic(), ""
    while True:
        try:
            job = await jobs.get(caller, number)
            for event in await jobs.events(number, offset):
                said = event.model_dump(mode="json", exclude_none=True)
                yield _event("progress", said, offset)
                offset, spoken, text = offset + 1, time.monotonic(), event.text
        except ApiError as error:
            yield _event("error", {"error": error.body}, None)
            return
        if job.ended:
            yield _event("end", job.model_dump(mode="json"), offset)
            return
        if job.state == "queued" and job.text != text:
            text = job.text
            yield _event("waiting", {"percent": job.percent, "text": text}, None)
        elif time.monotonic() - spoken > SILENCE_S:
            spoken = time.monotonic()
            yield b": \n\n"
        await asyncio.sleep(LOOK_S)


def _event(kind: str, data: dict[str, Any], number: int | None) -> bytes:
    head = f"event: {kind}\n" if number is None else f"id: {number}\nevent: {kind}\n"
    return f"{head}data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
