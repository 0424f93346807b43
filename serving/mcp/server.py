"""The server of the Model Context Protocol: lists, calls, and errors that say how to mend them.

Calls go the way of `/v1/tools/{name}` (`tool_calls.perform`): the same checks, limits and record. An
error of a tool is a result with `isError`, so that the assistant reads it and tries again.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from importlib.metadata import version
from typing import Any, TypeVar
from uuid import uuid4

from mcp.server import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
)
from pydantic import BaseModel, ValidationError

from cspon.errors import RetryTool
from serving.access.caller import Caller
from serving.kb_reading import cite_clause, search_base
from serving.kb_schema import CiteBody, SearchQuery
from serving.mcp.offer import CITE, READINGS, may_read, offered
from serving.problems import ApiError, as_api_error, log_unexpected
from serving.services import Services
from serving.tool_calls import perform

T = TypeVar("T", bound=BaseModel)
Context = ServerRequestContext[Any]
WhoCalls = Callable[[Context], tuple[Caller, str]]
"""Returns who makes a request and the id of the request."""

LARGE_LAYER = 256 << 10
"""Bytes of features that a result carries inline; an assistant has no use for more."""
BEAT_S = 5.0
"""Seconds between two notices that a tool is still at work."""
INSTRUCTIONS = (
    "国土空间规划工具：合规性检查、规划条件、指标、评价、选址、质检等。边界（boundary、parcel、scope）"
    "用内联 GeoJSON 给出，坐标系写在 crs 中，或给 /v1/files 返回的文件编号；数据库、统计表只能给文件编号。"
    "结论以 data 为准；warnings 必须转告用户；basis 为依据的条文；synthetic 为真时数据是合成的，不能用于审批。"
)


def make_server(services: Services, who: WhoCalls) -> Server[Any]:
    """Make the server.

    Args:
        services: The gateway's parts.
        who: Who makes a request.
    """

    async def list_tools(ctx: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        caller, _ = who(ctx)
        return ListToolsResult(tools=await asyncio.to_thread(offered, caller))

    async def call_tool(ctx: Context, params: CallToolRequestParams) -> CallToolResult:
        caller, request_id = who(ctx)
        arguments = params.arguments or {}
        try:
            async with _beating(ctx):
                if params.name in READINGS:
                    return await _read(services, caller, params.name, arguments, request_id)
                with ExitStack() as stack:
                    _, result = await perform(
                        services, caller, params.name, arguments, request_id, stack
                    )
        except Exception as error:  # noqa: BLE001 - bugs are logged, and told without the inside
            log_unexpected(error)
            return _refusal(as_api_error(error))
        return _answer(_light(result.model_dump(mode="json")))

    return Server(
        "cspon-planner",
        version=version("cspon-planner"),
        title="CSPON Planner 国土空间规划工具",
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def new_request_id() -> str:
    """Name a request that no gateway has named."""
    return f"mcp-{uuid4().hex}"


async def _read(
    services: Services, caller: Caller, name: str, arguments: dict[str, Any], request_id: str
) -> CallToolResult:
    if not may_read(caller, name):
        raise ApiError(
            403, f"此密钥不能调用 {name}", code="tool_not_allowed", kind="permission_error"
        )
    reply: BaseModel
    if name == CITE:
        asked = _checked(CiteBody, name, arguments)
        reply = await cite_clause(services, asked, caller.principal, request_id)
    else:
        query = _checked(SearchQuery, name, arguments)
        reply = await search_base(services, query, caller.principal, request_id)
    return _answer(reply.model_dump(mode="json", by_alias=True))


def _checked(model: type[T], name: str, arguments: dict[str, Any]) -> T:
    try:
        return model.model_validate(arguments)
    except ValidationError as error:
        said = "；".join(f"{'.'.join(map(str, e['loc']))}：{e['msg']}" for e in error.errors())
        raise RetryTool(f"工具 {name} 的参数不符：{said}") from None


def _light(result: dict[str, Any]) -> dict[str, Any]:
    """Leave out the features of large layers, and say so."""
    notices = []
    for layer in result["layers"]:
        if len(json.dumps(layer["features"], ensure_ascii=False)) > LARGE_LAYER:
            count, layer["features"] = len(layer["features"]), []
            notices.append(
                f"图层“{layer['title']}”共 {count} 个要素，体积较大，未随结果返回；"
                f"需要时用 POST /v1/tools/{result['tool']}?files=true 取文件"
            )
    return result | {"warnings": [*result["warnings"], *notices]}


def _answer(structured: dict[str, Any]) -> CallToolResult:
    """Give the structure, and as text for clients that read no structure, all but the layers."""
    text = {key: value for key, value in structured.items() if key != "layers"}
    said = json.dumps(text, ensure_ascii=False)
    return CallToolResult(content=[TextContent(text=said)], structured_content=structured)


def _refusal(error: ApiError) -> CallToolResult:
    mend = error.body.get("mend")
    said = str(error.body["message"])
    if mend and mend not in said:
        said = f"{said}\n处理办法：{mend}"
    code = error.body["code"]
    return CallToolResult(
        content=[TextContent(text=f"{said}（{code}）" if code else said)], is_error=True
    )


@asynccontextmanager
async def _beating(ctx: Context) -> AsyncIterator[None]:
    """Tell a client that asked for progress, every few seconds, how long the tool has been at work."""

    async def beat() -> None:
        seconds = 0.0
        while True:
            await asyncio.sleep(BEAT_S)
            seconds += BEAT_S
            await ctx.session.report_progress(seconds, None, f"计算中，已用 {seconds:.0f} 秒")

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
