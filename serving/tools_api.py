"""`/v1/tools/compliance` and `/v1/files`: the deterministic tools without any model.

A boundary comes as a multipart upload in one of five formats (a shapefile as zip) or as inline
GeoJSON. Reading and checking run in threads of their own, never on the event loop.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import date
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, BinaryIO, Literal

from anyio import to_thread
from fastapi import APIRouter, Depends, Form, Request
from fastapi import UploadFile as UploadForm
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import FormData, UploadFile

from cspon.errors import CsponError
from cspon.schemas.agent import Principal
from cspon.schemas.spatial import ToolResult
from serving.access.caller import Caller
from serving.data_files import BATCH_FORMATS, PREFIX
from serving.data_files import FORMATS as DATA_FORMATS
from serving.files_api import told
from serving.guards.calls import CallGuard
from serving.principal import (
    current_caller,
    current_principal,
    require_clearance,
    require_tool,
)
from serving.problems import ApiError
from serving.services import Services, threads
from serving.streams import unless_gone
from serving.tool_results import PREFIX as RESULT
from serving.tool_results import results_of
from serving.uploads import FORMATS, StoredFile, clean_name, inline_boundary, write_boundary

router = APIRouter(prefix="/v1")
Who = Annotated[Principal, Depends(current_principal)]
Calls = Annotated[Caller, Depends(current_caller)]

MULTIPART = {
    "schema": {
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": {"type": "string", "format": "binary", "description": " ".join(FORMATS)},
            "project_type": {"type": "string", "default": "unspecified"},
            "asked_on": {"type": "string", "format": "date"},
            "epsg": {"type": "integer"},
        },
    }
}


class ComplianceForm(BaseModel):
    """What goes with a boundary file."""

    model_config = ConfigDict(extra="forbid")

    project_type: str = Field("unspecified", max_length=40)
    asked_on: date | None = None
    epsg: int | None = Field(None, ge=1024, le=999_999)
    """CRS of a boundary that does not name its own."""


class ComplianceBody(ComplianceForm):
    """The JSON body: inline GeoJSON."""

    boundary: dict[str, Any]
    name: str | None = Field(None, max_length=80)


@router.post(
    "/tools/compliance",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": MULTIPART,
                "application/json": {"schema": ComplianceBody.model_json_schema()},
            },
        }
    },
)
async def check_compliance(request: Request, caller: Calls) -> Response:
    """Check a boundary against the control lines; returns the `ToolResult`."""
    principal = caller.principal
    require_tool(caller, "check_compliance")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    services: Services = request.app.state.services
    guard = CallGuard(services.guards, principal, request.state.request_id)
    if kind == "application/json":
        result = await _count(services, _in_thread(request, await _inline(request, guard)))
    elif kind == "multipart/form-data":
        async with request.form(max_files=1, max_fields=8) as form:
            await guard.take_in({key: getattr(v, "filename", v) for key, v in form.items()})
            result = await _count(services, _in_thread(request, _upload(services, form)))
    else:
        raise ApiError(
            415,
            "请求须为 multipart/form-data（file 字段为边界文件）或 application/json",
            code="unsupported_media_type",
        )
    require_clearance(principal, result)
    result = await guard.give_out(result)
    await asyncio.to_thread(
        services.audit.tool, result, principal=principal, request_id=request.state.request_id
    )
    return Response(result.model_dump_json(), media_type="application/json")


async def _count(services: Services, work: Coroutine[Any, Any, ToolResult]) -> ToolResult:
    calls = services.metrics.tool_calls
    try:
        result = await work
    except CsponError as error:
        calls.labels("check_compliance", type(error).__name__).inc()
        raise
    calls.labels("check_compliance", "ok").inc()
    return result


async def _in_thread(request: Request, work: Callable[[], ToolResult]) -> ToolResult:
    """Run the tool; the body must have been read, for the watch takes what the client sends."""
    return await unless_gone(request, to_thread.run_sync(work, limiter=threads))


async def _inline(request: Request, guard: CallGuard) -> Callable[[], ToolResult]:
    try:
        body = ComplianceBody.model_validate_json(await request.body())
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None
    await guard.take_in(body.model_dump(mode="json"))
    services: Services = request.app.state.services

    def work() -> ToolResult:
        with inline_boundary(body.boundary, epsg=None, name=body.name) as path:
            return _run(services, path, body)

    return work


def _upload(services: Services, form: FormData) -> Callable[[], ToolResult]:
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise ApiError(400, "缺少边界文件（字段 file）", param="file", code="missing")
    try:
        options = ComplianceForm.model_validate({k: v for k, v in form.items() if k != "file"})
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None

    def work() -> ToolResult:
        with TemporaryDirectory(prefix="cspon-boundary-") as folder:
            path = write_boundary(
                Path(folder),
                clean_name(file.filename or ""),
                file.file,
                max_bytes=services.uploads.max_bytes,
            )
            return _run(services, path, options)

    return work


def _run(services: Services, path: Path, options: ComplianceForm) -> ToolResult:
    from tools.catalogue import load_tools

    tool = load_tools()["check_compliance"]
    result = tool.run(
        boundary=path,
        layers=services.settings.layers,
        project_type=options.project_type,
        asked_on=options.asked_on,
        epsg=options.epsg,
    )
    text = result.model_dump_json()
    return ToolResult.model_validate_json(text.replace(f"{path.parent}/", ""))


@router.post("/files")
async def upload_file(
    request: Request,
    principal: Who,
    file: UploadForm,
    purpose: Annotated[Literal["boundary", "data", "batch"], Form()] = "boundary",
) -> dict[str, Any]:
    """Keep a file for a day: a boundary, data for tools (database, plan, table), or a batch of requests."""
    services: Services = request.app.state.services
    if purpose == "boundary":
        return await to_thread.run_sync(
            store_boundary, services, file.filename or "", file.file, principal.user,
            limiter=threads,
        )  # fmt: skip
    formats = BATCH_FORMATS if purpose == "batch" else DATA_FORMATS
    save = partial(services.data_files.save, formats=formats)
    stored = await to_thread.run_sync(
        save, file.filename or "", file.file, principal.user, limiter=threads
    )
    await asyncio.to_thread(
        services.audit.file, "upload", stored.id, principal=principal,
        request_id=request.state.request_id, name=stored.name, bytes=stored.bytes,
    )  # fmt: skip
    return told(stored, purpose)


def store_boundary(
    services: Services, name: str, source: BinaryIO, owner: str = "local"
) -> dict[str, Any]:
    """Store a boundary file and describe it; what cannot be read is not kept.

    Raises:
        InputError: it is no boundary, with the mend.
        ApiError: it is too large.
    """
    stored = services.uploads.save(name, source, owner)
    try:
        return describe(stored)
    except BaseException:
        services.uploads.remove(stored.id, owner)
        raise


@router.delete("/files/{file_id}")
async def delete_file(request: Request, principal: Who, file_id: str) -> dict[str, Any]:
    """Remove a file at once."""
    services: Services = request.app.state.services
    if file_id.startswith(PREFIX):
        await to_thread.run_sync(services.data_files.remove, file_id, principal.user)
    elif file_id.startswith(RESULT):
        await to_thread.run_sync(results_of(services).remove, file_id, principal)
    else:
        await to_thread.run_sync(services.uploads.remove, file_id, principal.user)
    await asyncio.to_thread(
        services.audit.file, "delete", file_id, principal=principal,
        request_id=request.state.request_id,
    )  # fmt: skip
    return {"id": file_id, "object": "file", "deleted": True}


def describe(stored: StoredFile) -> dict[str, Any]:
    """Read the boundary and say what it is.

    Raises:
        InputError: it cannot be read.
    """
    from tools.geometry.area import M2_PER_HA, ellipsoidal_area_m2
    from tools.geometry.crs import describe as describe_crs
    from tools.geometry.read import read_boundary

    boundary = read_boundary(stored.path)
    area_ha = ellipsoidal_area_m2(boundary.geometry, boundary.epsg) / M2_PER_HA
    return {
        **told(stored, "boundary"),
        "cspon": {
            "project": boundary.name,
            "area_ha": round(area_ha, 4),
            "epsg": boundary.epsg,
            "crs": describe_crs(boundary.epsg),
            "parcels": len(boundary.parcels),
            "notices": list(boundary.notices),
        },
    }
