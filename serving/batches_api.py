"""`/v1/batches`, as OpenAI has it: a file of requests in, a file of answers out, as a durable job."""

import asyncio
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from serving.access.caller import Caller
from serving.jobs import batch
from serving.jobs.schema import Batch, Job, Kept
from serving.jobs_api import Again, jobs_of
from serving.principal import current_caller
from serving.services import Services

router = APIRouter(prefix="/v1/batches", tags=["jobs"])
Calls = Annotated[Caller, Depends(current_caller)]
STATUSES = {
    "queued": "in_progress",
    "running": "in_progress",
    "done": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
}


class BatchOrder(BaseModel):
    """The body of `POST /v1/batches`."""

    model_config = ConfigDict(extra="forbid")

    input_file_id: str = Field(max_length=80)
    endpoint: str = Field(max_length=120)
    completion_window: str = Field("24h", pattern="^24h$")
    metadata: dict[str, str] | None = Field(None, max_length=16)


@router.post("")
async def create(
    request: Request, caller: Calls, order: BatchOrder, again: Again = None
) -> dict[str, Any]:
    """Answer the requests of a file that was uploaded with `purpose=batch`."""
    services: Services = request.app.state.services
    batch.check_endpoint(caller, order.endpoint)
    sent = await asyncio.to_thread(
        services.data_files.get, order.input_file_id, caller.principal.user
    )
    lines = await asyncio.to_thread(batch.check_lines, sent.path, order.endpoint, sent.name)
    kept = Batch(
        input_file_id=order.input_file_id,
        endpoint=order.endpoint,
        metadata=order.metadata or {},
        lines=lines,
    )
    wanted = batch.kept(caller, kept, sent.name, request.state.request_id)
    job, _ = await jobs_of(request).submit_files(
        caller, wanted, partial(batch.take_copy, sent.path), again=again
    )
    return _shown(job, kept)


@router.get("")
async def list_batches(
    request: Request, caller: Calls, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> dict[str, Any]:
    """List the caller's batches, the newest first."""
    jobs = jobs_of(request)
    found = [job for job in await jobs.of_caller(caller, 100) if job.kind == "batch"][:limit]
    data = [_shown(job, _batch(await jobs.order_of(job.id))) for job in found]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": False,
    }


@router.get("/{batch_id}")
async def get_batch(request: Request, caller: Calls, batch_id: str) -> dict[str, Any]:
    """Return how a batch stands."""
    jobs = jobs_of(request)
    job = await jobs.get(caller, batch_id, kind="batch")
    return _shown(job, _batch(await jobs.order_of(job.id)))


@router.post("/{batch_id}/cancel")
async def cancel(request: Request, caller: Calls, batch_id: str) -> dict[str, Any]:
    """Stop a batch."""
    jobs = jobs_of(request)
    await jobs.get(caller, batch_id, kind="batch")
    job = await jobs.cancel(caller, batch_id, request_id=request.state.request_id)
    return _shown(job, _batch(await jobs.order_of(job.id)))


def _batch(job: Kept) -> Batch:
    assert job.batch is not None
    return job.batch


def _shown(job: Job, kept: Batch) -> dict[str, Any]:
    output, counts = job.output or {}, job.counts or {}
    return {
        "id": job.id,
        "object": "batch",
        "endpoint": kept.endpoint,
        "input_file_id": kept.input_file_id,
        "completion_window": kept.completion_window,
        "status": STATUSES[job.state],
        "output_file_id": output.get("output_file_id"),
        "error_file_id": output.get("error_file_id"),
        "errors": {"object": "list", "data": [job.error]} if job.error else None,
        "created_at": job.created_at,
        "in_progress_at": job.started_at,
        "completed_at": job.ended_at if job.state == "done" else None,
        "failed_at": job.ended_at if job.state == "failed" else None,
        "cancelled_at": job.ended_at if job.state == "cancelled" else None,
        "expires_at": job.expires_at,
        "request_counts": {
            "total": kept.lines,
            "completed": counts.get("completed", 0),
            "failed": counts.get("failed", 0),
        },
        "metadata": kept.metadata,
        "cspon": {"state": job.state, "percent": job.percent, "text": job.text},
    }
