"""`POST /v1/kb/documents` and `/v1/kb/ingests`: files handed in, and how far their batch has come."""

import asyncio
import json
import re
import shutil
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BeforeValidator, Field, ValidationError
from starlette.datastructures import FormData, UploadFile

from cspon.schemas.agent import Principal
from cspon.schemas.base import Secrecy
from cspon.schemas.knowledge import Document
from knowledge_base.access import may_read
from knowledge_base.catalogue import current_generation, read_catalogue
from knowledge_base.ingest.build_report import BuildReport
from serving.assembly import store_engine
from serving.guards.documents import DocumentGuard
from serving.kb_access import Parts, Who, require_editor, require_reach
from serving.kb_ingest import Tell
from serving.kb_received import keep_files
from serving.kb_schema import Asked, Ingest, Short
from serving.problems import ApiError
from serving.services import Services, threads
from serving.streams import EventStream, sse

if TYPE_CHECKING:
    from llm.embeddings import Embedder

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
async def upload_documents(request: Request, services: Parts, principal: Who) -> Response:
    """Take files into the base; answers at once with the batch. Needs 知识库管理员."""
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
    embedder = services.embedder
    if embedder is None:
        why = services.missing.get("store", "向量模型不可用")
        raise ApiError(503, why, code="not_ready")
    restriction: dict[str, Any] = {
        "secrecy": options.secrecy,
        "department": options.department,
        "roles": options.roles,
    }
    facts = {"files": len(files), **restriction, "roles": list(options.roles)}
    where = Document(id="", title="", **restriction)
    await _record(services, principal, request, "started", require_reach, principal, where, **facts)
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
        work=_taking_in(
            services, embedder, principal, request.state.request_id, options.ocr, restriction
        ),
        ended=_ended(services, principal, request.state.request_id),
    )


def _taking_in(
    services: Services,
    embedder: "Embedder",
    principal: Principal,
    request_id: str,
    ocr: bool,
    restriction: dict[str, Any],
) -> Callable[[Sequence[Path], Tell], BuildReport]:
    """Return what takes the files of a batch into the base and reports as the caller may know."""

    def work(paths: Sequence[Path], tell: Tell) -> BuildReport:
        from knowledge_base.ingest.build import add_paths

        report = add_paths(
            services.settings.kb_dir,
            paths,
            embedder=embedder,
            progress=tell,
            engine=store_engine(services.settings),
            ocr=ocr,
            may_touch=lambda document: may_read(principal, document),
            look=DocumentGuard(services.guards, principal, request_id).look,
            **restriction,
        )
        return as_known_to(principal, report, services.settings.kb_dir)

    return work


def _ended(services: Services, principal: Principal, request_id: str) -> Callable[[Ingest], None]:
    """Return what opens the new generation when a batch has ended, and records the outcome."""

    def ended(batch: Ingest) -> None:
        services.adopt_base()
        services.audit.knowledge(
            "kb.ingest",
            principal=principal,
            request_id=request_id,
            state=batch.state,
            documents=[*batch.added, *batch.changed],
            failures=len(batch.failures),
        )

    return ended


def as_known_to(principal: Principal, report: BuildReport, folder: Path) -> BuildReport:
    """Leave out of a report what tells of documents that the principal may not know of."""
    generation = current_generation(folder)
    documents = read_catalogue(generation).documents if generation else []
    known = [document for document in documents if may_read(principal, document)]
    named = {name for document in known for name in (document.title, document.source)}
    hidden = {
        name
        for document in documents
        for name in (document.id, document.title, document.source)
        if not may_read(principal, document) and name not in named
    }
    return report.model_copy(
        update={
            "added": tuple(i for i in report.added if i not in hidden),
            "changed": tuple(i for i in report.changed if i not in hidden),
            "unchanged": tuple(i for i in report.unchanged if i not in hidden),
            "notices": tuple(n for n in report.notices if not any(h in n for h in hidden)),
        }
    )


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
