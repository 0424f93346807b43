"""`/ogc`: the tools as processes of OGC API – Processes 1.0 (Part 1: Core), for clients such as QGIS.

Synchronous execution, inputs by value. An input by reference (`href`) is refused, since the gateway
fetches nothing from elsewhere, and there are no asynchronous jobs; the Core class is therefore not
declared in full. Calls go the way of `/v1/tools/{name}` (`tool_calls.perform`).
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Body, Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute

from cspon.errors import InputError
from serving.access.caller import Caller
from serving.ogc_process import inputs_of, process, summary
from serving.principal import current_caller
from serving.problems import ApiError, answer, as_api_error, log_unexpected
from serving.services import Services, threads
from serving.streams import ClientGone, unless_gone
from serving.tool_calls import perform
from serving.tool_entries import ToolEntry, entries_for

CONFORMS = (
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/ogc-process-description",
)
MAX_PAGE = 1000


class Problems(APIRoute):
    """Answers every error as `application/problem+json`."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Wrap the handler of the route."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await inner(request)
            except ClientGone:
                raise
            except Exception as error:  # noqa: BLE001 - bugs are logged, and told without the inside
                log_unexpected(error)
                return answer(as_api_error(error), request.url.path)

        return handle


router = APIRouter(prefix="/ogc", route_class=Problems, tags=["ogc"])
Calls = Annotated[Caller, Depends(current_caller)]


@router.get("")
@router.get("/", include_in_schema=False)
async def landing(request: Request) -> dict[str, Any]:
    """Return the landing page."""
    root = _root(request)
    return {
        "title": "CSPON Planner 国土空间规划处理服务",
        "description": "合规性检查、规划条件、评价、选址、质检等空间处理，OGC API – Processes",
        "links": [
            _link(f"{root}/", "self", "本页"),
            _link(
                f"{root.removesuffix('/ogc')}/openapi.json", "service-desc", "接口描述",
                "application/vnd.oai.openapi+json;version=3.1",
            ),
            _link(f"{root}/conformance", "http://www.opengis.net/def/rel/ogc/1.0/conformance", "符合性"),
            _link(f"{root}/processes", "http://www.opengis.net/def/rel/ogc/1.0/processes", "处理"),
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
    root = _root(request)
    entries = await to_thread.run_sync(entries_for, caller, limiter=threads)
    links = [_link(f"{root}/processes?limit={limit}&offset={offset}", "self", "本页")]
    if offset + limit < len(entries):
        following = f"{root}/processes?limit={limit}&offset={offset + limit}"
        links.append(_link(following, "next", "下一页"))
    page = entries[offset : offset + limit]
    return {"processes": [summary(e, _links(root, e.name)) for e in page], "links": links}


@router.get("/processes/{name}")
async def describe_process(request: Request, caller: Calls, name: str) -> dict[str, Any]:
    """Describe a process with its inputs and its output."""
    entry = await _entry(caller, name)
    return process(entry, _links(_root(request), name))


@router.post("/processes/{name}/execution")
async def execute(
    request: Request, caller: Calls, name: str, body: Annotated[dict[str, Any], Body()]
) -> Response:
    """Execute a process and answer with its result."""
    services: Services = request.app.state.services
    await _entry(caller, name)
    wrapped = _response_of(body)
    with ExitStack() as stack:
        inputs = inputs_of(body.get("inputs", {}))
        running = perform(services, caller, name, inputs, request.state.request_id, stack)
        _, result = await unless_gone(request, running)
    given = result.model_dump(mode="json")
    if wrapped:
        given = {"result": {"value": given, "mediaType": "application/json"}}
    return JSONResponse(given)


@router.get("/jobs/{job_id}")
@router.get("/jobs/{job_id}/results")
async def job(job_id: str) -> None:
    """Say that there is no such job: execution is synchronous and makes none."""
    raise ApiError(404, f"没有任务 {job_id[:80]}：本服务同步执行", code="no_such_job")


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


def _root(request: Request) -> str:
    return str(request.base_url).rstrip("/") + "/ogc"


def _links(root: str, name: str) -> list[dict[str, str]]:
    place = f"{root}/processes/{name}"
    execution = "http://www.opengis.net/def/rel/ogc/1.0/execute"
    return [_link(place, "self", "描述"), _link(f"{place}/execution", execution, "执行")]


def _link(href: str, rel: str, title: str, kind: str = "application/json") -> dict[str, str]:
    return {"href": href, "rel": rel, "type": kind, "title": title}
