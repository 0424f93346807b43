"""`POST /v1/kb/documents` and `/v1/kb/ingests`: files handed in, and how far their batch has come."""

import asyncio
import json
import re
import secrets
import shutil
import time
from collections.abc import AsyncGenerator, Sequence
from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BeforeValidator, Field, ValidationError
from starlette.datastructures import FormData, UploadFile

from cspon.schemas.agent import Principal
from cspon.schemas.base import Secrecy
from cspon.schemas.knowledge import Document
from serving.jobs import ingest
from serving.jobs.schema import Taken
from serving.jobs_api import Again, jobs_of, wants_job
from serving.kb_access import Parts, Who, require_editor, require_reach
from serving.kb_received import keep_files
from serving.kb_schema import Asked, Ingest, Short
from serving.kb_taking import taking_in, when_ended
from serving.principal import current_caller, require_scope
from serving.problems import ApiError
from serving.services import Services, threads
from serving.streams import EventStream, sse

router = APIRouter(prefix="/v1/kb", tags=["knowledge base"])

MAX_FILES = 200
LOOK_S = 0.4
"""Seconds between two looks at a batch for its events."""
SILENCE_S = 15.0
"""Longest silence of an event stream; then a comment keeps the connection."""


def _names(value: object) -> object:
    """Read a form field of several names: 甲，乙 or 甲,乙."""
    return [n for n in re.split(r"[,，、;；\s]+", value) if n] if isinstance(value, str) else value


class IngestForm(Asked):
    """What goes with the files."""

    secrecy: Secrecy = Secrecy.PUBLIC
    department: Annotated[Short | None, BeforeValidator(lambda v: v or None)] = None
    roles: Annotated[tuple[Short, ...], BeforeValidator(_names)] = Field((), max_length=20)
    ocr: bool = True
    """Recognise the characters of scans and pictures (seconds a page)."""


UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "description": "docx pdf xlsx html md txt …, or a zip of these",
                        },
                        "secrecy": {"enum": [level.value for level in Secrecy]},
                        "department": {"type": "string"},
                        "roles": {"type": "string", "description": "comma-separated"},
                        "ocr": {"type": "boolean", "default": True},
                    },
                }
            }
        },
    }
}


@router.post("/documents", status_code=202, openapi_extra=UPLOAD, response_model=Ingest)
async def upload_documents(
    request: Request, services: Parts, principal: Who, again: Again = None
) -> Response:
    """Take files into the base; answers at once with the batch. Needs 知识库管理员.

    `Prefer: respond-async`: answers with a job of `/v1/jobs` (202) that outlives the gateway.
    """
    await _record(services, principal, request, "asked", require_editor, principal)
    if request.headers.get("content-type", "").partition(";")[0].strip() != "multipart/form-data":
        raise ApiError(
            415, "请求须为 multipart/form-data（file 字段，可多个）", code="unsupported_media_type"
        )
    async with request.form(max_files=MAX_FILES, max_fields=8) as form:
        files = [item for item in form.getlist("file") if isinstance(item, UploadFile)]
        files = [file for file in files if file.filename]
        if not files:
            raise ApiError(400, "没有收到文件（字段 file）", param="file", code="missing")
        options = _options(form)
        if wants_job(request):
            return await _as_job(services, request, files, options, again)
        batch = await receive(services, request, principal, files, options)
    return JSONResponse(
        batch.model_dump(mode="json"), 202, headers={"location": f"/v1/kb/ingests/{batch.id}"}
    )


@router.get("/ingests")
async def list_ingests(services: Parts, principal: Who) -> list[Ingest]:
    """List the caller's batches, the newest first."""
    return services.ingests.of_user(principal.user)


@router.get("/ingests/{ingest_id}")
async def get_ingest(services: Parts, principal: Who, ingest_id: str) -> Ingest:
    """Say how far a batch has come, and in the end what failed and why."""
    return services.ingests.get(ingest_id, user=principal.user)


@router.delete("/ingests/{ingest_id}")
async def cancel_ingest(services: Parts, principal: Who, ingest_id: str) -> Ingest:
    """Stop a batch at its next step; the base stays as it was."""
    return services.ingests.cancel(ingest_id, user=principal.user)


@router.get("/ingests/{ingest_id}/events", response_class=Response)
async def ingest_events(services: Parts, principal: Who, ingest_id: str) -> EventStream:
    """Stream a batch's progress as server-sent events until it has ended."""
    first = services.ingests.get(ingest_id, user=principal.user)
    return EventStream(_event(first), _events(services, first, principal.user))


async def receive(
    services: Services,
    request: Request,
    principal: Principal,
    files: Sequence[UploadFile],
    options: IngestForm,
) -> Ingest:
    """Keep the files, check where they may go, and start their batch.

    Raises:
        ApiError: 403, beyond the caller; 409, too many wait; 503, no embedder.
    """
    embedder, restriction = await _admit(services, request, principal, len(files), options)
    folder = services.ingests.new_folder()
    try:
        paths = await to_thread.run_sync(lambda: keep_files(folder, files), limiter=threads)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return services.ingests.start(
        folder,
        paths,
        user=principal.user,
        work=taking_in(
            services, embedder, principal, request.state.request_id, options.ocr, restriction
        ),
        ended=when_ended(services, principal, request.state.request_id),
    )


async def _as_job(
    services: Services,
    request: Request,
    files: Sequence[UploadFile],
    options: IngestForm,
    again: str | None,
) -> Response:
    """Keep the files for a job that takes them in."""
    caller = current_caller(request)
    require_scope(caller, "jobs")
    await _admit(services, request, caller.principal, len(files), options)
    folder = services.settings.jobs_dir / f"{ingest.RECEIVED}{secrets.token_hex(16)}"
    try:
        await to_thread.run_sync(lambda: folder.mkdir(parents=True, mode=0o700), limiter=threads)
        paths = await to_thread.run_sync(lambda: keep_files(folder, files), limiter=threads)
        names, hashes = await asyncio.to_thread(ingest.hashes_of, folder, paths)
        order = Taken(files=names, hashes=hashes, **options.model_dump())
        job, made = await jobs_of(request).submit_files(
            caller, ingest.kept(caller, order, request.state.request_id),
            partial(ingest.take_over, folder), again=again,
        )  # fmt: skip
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, True)
    headers = {"location": f"/v1/jobs/{job.id}", "preference-applied": "respond-async"}
    if not made:
        headers["idempotent-replayed"] = "true"
    return JSONResponse(job.model_dump(mode="json"), 202 if made else 200, headers=headers)


async def _admit(
    services: Services, request: Request, principal: Principal, count: int, options: IngestForm
) -> tuple[Any, dict[str, Any]]:
    """See that files may come in, and put it on record; returns the embedder and for whom they are.

    Raises:
        ApiError: 403, beyond the caller; 503, no embedder.
    """
    embedder = services.embedder
    if embedder is None:
        why = services.missing.get("store", "向量模型不可用")
        raise ApiError(503, why, code="not_ready")
    restriction: dict[str, Any] = {
        "secrecy": options.secrecy,
        "department": options.department,
        "roles": options.roles,
    }
    facts = {"files": count, **restriction, "roles": list(options.roles)}
    where = Document(id="", title="", **restriction)
    await _record(services, principal, request, "started", require_reach, principal, where, **facts)
    return embedder, restriction


async def _record(
    services: Services,
    principal: Principal,
    request: Request,
    state: str,
    check: Any,
    *given: Any,
    **facts: Any,
) -> None:
    """Check, and put the outcome on record."""
    refused: ApiError | None = None
    try:
        check(*given)
    except ApiError as error:
        refused = error
        state = "refused"
    if refused or state != "asked":
        await asyncio.to_thread(
            services.audit.knowledge,
            "kb.ingest",
            principal=principal,
            request_id=request.state.request_id,
            state=state,
            **facts,
        )
    if refused:
        raise refused


def _options(form: FormData) -> IngestForm:
    fields = {key: value for key, value in form.items() if key != "file"}
    try:
        return IngestForm.model_validate(fields)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None


def _event(batch: Ingest) -> bytes:
    return sse(json.dumps(batch.model_dump(mode="json"), ensure_ascii=False))


async def _events(services: Services, first: Ingest, user: str) -> AsyncGenerator[bytes, None]:
    last, spoke = first, time.monotonic()
    while not last.ended:
        await asyncio.sleep(LOOK_S)
        now = services.ingests.get(last.id, user=user)
        if now.model_copy(update={"seconds": last.seconds}) != last:
            last, spoke = now, time.monotonic()
            yield _event(now)
        elif time.monotonic() - spoke > SILENCE_S:
            spoke = time.monotonic()
            yield b": \n\n"
