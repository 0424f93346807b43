"""`/v1/tools` and `/v1/tools/{name}`: every registered tool.

The schema is the tool's own, less what the server decides: which layers are read, how far the caller
may see, how many processes work and where files are written. A boundary comes as inline GeoJSON or as
the id of a file uploaded to `/v1/files`, a database or a table as the id of one uploaded there with
`purpose=data`; a path of the server is never taken from a caller.
"""

import asyncio
import json
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Body, Depends, Request
from fastapi.responses import Response

from cspon.errors import CsponError, InputError
from cspon.schemas.agent import Principal
from cspon.schemas.spatial import ToolResult
from serving import tracing
from serving.access.caller import Caller
from serving.data_files import fitting
from serving.guards.calls import CallGuard
from serving.limits import heavy_tools
from serving.principal import current_caller, require_clearance, require_tool
from serving.problems import ApiError
from serving.services import Services, threads
from serving.streams import unless_gone
from serving.tool_entries import (
    BOUNDARIES,
    ToolEntry,
    ToolList,
    all_entries,
    entry_of,
    mark_of,
    registered,
)
from serving.tool_process import run_tool_process
from serving.tool_results import keep_files
from serving.uploads import Uploads, inline_boundary
from tools.catalogue import OneOf, Sent, Tool

router = APIRouter(prefix="/v1/tools")
Calls = Annotated[Caller, Depends(current_caller)]

HEAVY = ("dual_evaluation", "assess_implementation")
"""Tools that take long on the layers of a whole county."""


@router.get("")
async def listregistered() -> ToolList:
    """List the tools with the JSON schemas of their arguments."""
    return await to_thread.run_sync(all_entries, limiter=threads)


@router.get("/{name}")
async def get_tool(name: str) -> ToolEntry:
    """Return one tool."""
    return await to_thread.run_sync(entry_of, name, limiter=threads)


@router.post("/{name}")
async def call_tool(
    request: Request,
    name: str,
    caller: Calls,
    arguments: Annotated[dict[str, Any], Body()],
    files: bool = False,
) -> Response:
    """Call a tool; returns the `ToolResult`. A result above the caller's clearance is not given.

    With `files=true` the report, map and layers are made too: `files` of the answer names what is had at
    `/v1/files/{id}/content`.
    """
    services: Services = request.app.state.services
    with ExitStack() as stack:
        running = perform(services, caller, name, arguments, request.state.request_id, stack, files)
        call, result = await unless_gone(request, running)
        reply = result.model_dump(mode="json")
        if files:
            kept, notices = await to_thread.run_sync(
                partial(
                    keep_files, services, result,
                    title=call.tool.title, boundary=call.boundary, made=call.made,
                    owner=caller.principal.user,
                ),
                limiter=threads,
            )  # fmt: skip
            reply |= {"files": kept, "warnings": [*reply["warnings"], *notices]}
    text = json.dumps(reply, ensure_ascii=False)
    return Response(text, media_type="application/json")


async def perform(
    services: Services,
    caller: Caller,
    name: str,
    arguments: dict[str, Any],
    request_id: str,
    stack: ExitStack,
    files: bool = False,
) -> tuple["Call", ToolResult]:
    """Call a tool for a caller, whichever way they came: checked, run, counted, on record.

    Args:
        services: The gateway's parts.
        caller: Who calls.
        name: Of the tool.
        arguments: As sent.
        request_id: Of the request, for the record.
        stack: Removes on leaving what was written for the call.
        files: The tool shall write files for the caller, where it can.

    Raises:
        ApiError: 400, the guards refuse it; 403, not allowed, or a result above the clearance; 404; 409; 429.
        InputError: an argument is wrong.
    """
    principal, calls = caller.principal, services.metrics.tool_calls
    require_tool(caller, name)
    try:
        call = await to_thread.run_sync(
            prepare, services, principal, name, arguments, stack, files, limiter=threads
        )
        guard = CallGuard(services.guards, principal, request_id)
        await guard.take_in(arguments)
        with tracing.span("execute_tool", name):
            result = await _run(call)
    except CsponError as error:
        known = name if name in registered() else "unknown"
        calls.labels(known, type(error).__name__).inc()
        raise
    calls.labels(name, "ok").inc()
    require_clearance(principal, result)
    result = await guard.give_out(result)
    await asyncio.to_thread(services.audit.tool, result, principal=principal, request_id=request_id)
    return call, result


@dataclass
class Call:
    """A call whose arguments were checked: what runs, and which folders no answer may name."""

    tool: Tool
    arguments: dict[str, Any]
    folders: tuple[Path, ...]
    boundary: Path | None
    made: Path | None
    """Folder into which the tool writes files for the caller."""
    heavy: bool

    def without_folders(self, result: ToolResult) -> ToolResult:
        """Take the folders of this machine out of a result."""
        text = result.model_dump_json()
        for folder in self.folders:
            text = text.replace(f"{folder}/", "").replace(str(folder), folder.name)
        return ToolResult.model_validate_json(text)


async def _run(call: Call) -> ToolResult:
    """Run in a thread, or a call that takes long or reads a caller's data in its own process.

    Raises:
        ApiError: 429, too many of those run.
    """
    if call.heavy:
        with heavy_tools.one():
            result = await run_tool_process(call.tool.name, call.arguments)
    else:
        result = await to_thread.run_sync(partial(call.tool.run, **call.arguments), limiter=threads)
    return call.without_folders(result)


def prepare(
    services: Services,
    principal: Principal,
    name: str,
    arguments: dict[str, Any],
    stack: ExitStack,
    files: bool,
) -> Call:
    """Check a call and find its files.

    Args:
        services: The gateway's parts.
        principal: Who calls.
        name: Of the tool.
        arguments: As sent.
        stack: Removes on leaving what was written for the call.
        files: The tool shall write files for the caller, where it can.

    Raises:
        InputError: unknown argument, value, or a file of another kind.
        ApiError: 404, no such tool or file; 409, a tool that cannot be called here.
    """
    entry = entry_of(name)
    if not entry.available:
        raise ApiError(409, f"工具 {name} 不能经接口调用：{entry.why}", code="tool_unavailable")
    tool = registered()[name]
    unknown = sorted(set(arguments) - set(entry.parameters["properties"]))
    if unknown:
        raise InputError(
            f"工具 {name} 没有参数 {'、'.join(unknown)}",
            field=unknown[0],
            mend=f"可用：{'、'.join(entry.parameters['properties'])}",
        )
    sent: dict[str, Any] = {}
    folders: list[Path] = []
    boundary: Path | None = None
    heavy = name in HEAVY
    for key, value in arguments.items():
        mark = mark_of(tool.arguments.model_fields[key])
        if key in BOUNDARIES and value is not None:
            boundary = _boundary(stack, services.uploads, key, value, principal.user)
            folders.append(boundary.parent)
            sent[key] = boundary
        elif isinstance(mark, Sent) and value is not None:
            sent[key], folder = _data(services, principal, key, value, mark)
            folders.append(folder)
            heavy = True
        elif isinstance(mark, OneOf) and value not in mark.names():
            raise InputError(
                f"{key} 没有“{value}”", field=key, mend=f"可用：{'、'.join(mark.names())}"
            )
        else:
            sent[key] = value
    taken = tool.arguments.model_fields
    decided = {"layers": services.settings.layers, "clearance": principal.clearance}
    sent |= {key: value for key, value in decided.items() if key in taken}
    made = None
    if files and "out" in taken:
        made = Path(stack.enter_context(TemporaryDirectory(prefix="cspon-made-"))) / "data"
        sent["out"] = made
        folders.append(made)
    return Call(tool, sent, (*folders, services.settings.layers), boundary, made, heavy)


def _data(
    services: Services, principal: Principal, key: str, value: Any, mark: Sent
) -> tuple[Path, Path]:
    """Find an uploaded database or table; returns it and the folder that no result may name."""
    if not isinstance(value, str):
        raise InputError(
            f"{key} 应为 /v1/files（purpose=data）返回的文件编号", field=key, mend="先上传文件"
        )
    stored = services.data_files.get(value, principal.user)
    path = fitting(stored, mark.kind)
    return path, stored.path if stored.path.is_dir() else stored.path.parent


def _boundary(stack: ExitStack, uploads: Uploads, key: str, value: Any, owner: str) -> Path:
    """Find an uploaded boundary, or write an inline one down for the length of the call."""
    if isinstance(value, str):
        return uploads.get(value, owner).path
    if isinstance(value, dict):
        return stack.enter_context(inline_boundary(value, epsg=None, name=None))
    raise InputError(
        f"{key} 应为 GeoJSON 对象，或 /v1/files 返回的文件编号", field=key, mend="先上传边界文件"
    )
