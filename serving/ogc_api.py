"""`/ogc`: the tools as processes of OGC API – Processes 1.0 (Part 1: Core), for clients such as QGIS.

Synchronous execution, or asynchronous (`ogc_jobs`) where the request prefers that; inputs by value. An
input by reference (`href`) is refused, since the gateway fetches nothing from elsewhere; the Core class is
therefore not declared in full. Calls go the way of `/v1/tools/{name}` (`tool_calls.perform`).
"""

from contextlib import ExitStack
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Body, Query, Request
from fastapi.responses import JSONResponse, Response

from cspon.errors import InputError
from serving.access.caller import Caller
from serving.jobs_api import wants_job
from serving.ogc_jobs import begin
from serving.ogc_parts import Calls, Problems, link, root_of
from serving.ogc_process import inputs_of, process, summary
from serving.problems import ApiError
from serving.services import Services, threads
from serving.streams import unless_gone
from serving.tool_calls import perform
from serving.tool_entries import ToolEntry, entries_for

CONFORMS = (
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/ogc-process-description",
)
MAX_PAGE = 1000


router = APIRouter(prefix="/ogc", route_class=Problems, tags=["ogc"])


@router.get("")
@router.get("/", include_in_schema=False)
async def landing(request: Request) -> dict[str, Any]:
    """Return the landing page."""
    root = root_of(request)
    return {
        "title": "CSPON Planner 国土空间规划处理服务",
        "description": "合规性检查、规划条件、评价、选址、质检等空间处理，OGC API – Processes",
        "links": [
            link(f"{root}/", "self", "本页"),
            link(
                f"{root.removesuffix('/ogc')}/openapi.json", "service-desc", "接口描述",
                "application/vnd.oai.openapi+json;version=3.1",
            ),
            link(f"{root}/conformance", "http://www.opengis.net/def/rel/ogc/1.0/conformance", "符合性"),
            link(f"{root}/processes", "http://www.opengis.net/def/rel/ogc/1.0/processes", "处理"),
            link(f"{root}/jobs", "http://www.opengis.net/def/rel/ogc/1.0/job-list", "任务"),
        ],
    }  # fmt: skip


@router.get("/conformance")
async def conformance() -> dict[str, Any]:
    """Return the conformance classes."""
    return {"conformsTo": list(CONFORMS)}


@router.get("/processes")
async def processes(
    request: Request,
    caller: Calls,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    """List the processes that the caller's key opens."""
    root = root_of(request)
    entries = await to_thread.run_sync(entries_for, caller, limiter=threads)
    links = [link(f"{root}/processes?limit={limit}&offset={offset}", "self", "本页")]
    if offset + limit < len(entries):
        following = f"{root}/processes?limit={limit}&offset={offset + limit}"
        links.append(link(following, "next", "下一页"))
    page = entries[offset : offset + limit]
    return {"processes": [summary(e, _links(root, e.name)) for e in page], "links": links}


@router.get("/processes/{name}")
async def describe_process(request: Request, caller: Calls, name: str) -> dict[str, Any]:
    """Describe a process with its inputs and its output."""
    entry = await _entry(caller, name)
    return process(entry, _links(root_of(request), name))


@router.post("/processes/{name}/execution")
async def execute(
    request: Request, caller: Calls, name: str, body: Annotated[dict[str, Any], Body()]
) -> Response:
    """Execute a process and answer with its result; `Prefer: respond-async`: answer with a job (201)."""
    services: Services = request.app.state.services
    await _entry(caller, name)
    wrapped = _response_of(body)
    if wants_job(request):
        if wrapped:
            raise InputError(
                "异步执行的结果只有 raw 一种", field="response", mend="去掉 response，或不写 Prefer"
            )
        return await begin(request, caller, name, inputs_of(body.get("inputs", {})))
    with ExitStack() as stack:
        inputs = inputs_of(body.get("inputs", {}))
        running = perform(services, caller, name, inputs, request.state.request_id, stack)
        _, result = await unless_gone(request, running)
    given = result.model_dump(mode="json")
    if wrapped:
        given = {"result": {"value": given, "mediaType": "application/json"}}
    return JSONResponse(given)


async def _entry(caller: Caller, name: str) -> ToolEntry:
    """Find a process; what the key does not open is answered as what does not exist."""
    entries = await to_thread.run_sync(entries_for, caller, limiter=threads)
    found = next((entry for entry in entries if entry.name == name), None)
    if found is None:
        raise ApiError(404, f"没有处理 {name[:80]}，或密钥不能调用", code="no_such_process")
    return found


def _response_of(body: dict[str, Any]) -> bool:
    """Say whether the answer is a document with the outputs by name; the bare result if not."""
    unknown = sorted(set(body) - {"inputs", "outputs", "response", "subscriber"})
    if unknown:
        raise InputError(
            f"请求没有成员 {'、'.join(unknown)}", mend="可用：inputs、outputs、response"
        )
    outputs = body.get("outputs", {})
    if not isinstance(outputs, dict) or set(outputs) - {"result"}:
        raise InputError("outputs 只能要 result", field="outputs", mend='写 {"result": {}} 或省去')
    for wanted in outputs.values():
        if isinstance(wanted, dict) and wanted.get("transmissionMode", "value") != "value":
            raise InputError(
                "结果只能随应答返回", field="transmissionMode", mend='写 "value" 或省去'
            )
    response = body.get("response", "raw")
    if response not in ("raw", "document"):
        raise InputError("response 应为 raw 或 document", field="response", mend="改为 raw")
    return bool(response == "document")


def _links(root: str, name: str) -> list[dict[str, str]]:
    place = f"{root}/processes/{name}"
    execution = "http://www.opengis.net/def/rel/ogc/1.0/execute"
    return [link(place, "self", "描述"), link(f"{place}/execution", execution, "执行")]
