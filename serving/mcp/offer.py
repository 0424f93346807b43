"""What the MCP server offers a caller: the tools that their key opens, and two readings of the base.

Schemas and descriptions are those of `/v1/tools`; nothing is written twice.
"""

from typing import Any

from mcp_types import Tool, ToolAnnotations

from cspon.schemas.knowledge import Citation
from cspon.schemas.spatial import ToolResult
from serving.access.caller import Caller
from serving.kb_schema import CiteBody, SearchQuery, SearchReply
from serving.tool_entries import ToolEntry, entries_for

SEARCH, CITE = "search_regulations", "cite_clause"
READINGS = (SEARCH, CITE)
READS = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)


def may_read(caller: Caller, name: str) -> bool:
    """Say whether a caller may use one of the readings: by scope, and by the tools of the key."""
    scoped = caller.key is None or "kb.read" in caller.key.scopes
    return scoped and caller.may_use_tool(name)


def offered(caller: Caller) -> list[Tool]:
    """List what a caller may call."""
    tools = [_tool(entry) for entry in entries_for(caller)]
    return tools + [tool for tool in _readings() if may_read(caller, tool.name)]


def _tool(entry: ToolEntry) -> Tool:
    asked = "".join(f"\n- {example}" for example in entry.examples)
    return Tool(
        name=entry.name,
        title=entry.title,
        description=entry.description + (f"\n\n适用的问题：{asked}" if asked else ""),
        input_schema=entry.parameters,
        output_schema=ToolResult.model_json_schema(mode="serialization"),
        annotations=READS,
    )


def _readings() -> tuple[Tool, Tool]:
    return (
        Tool(
            name=SEARCH,
            title="检索法规",
            description="在法规库中检索条文，返回条文原文、效力与出处；只检索您有权查看的文献。",
            input_schema=SearchQuery.model_json_schema(),
            output_schema=_schema(SearchReply),
            annotations=READS,
        ),
        Tool(
            name=CITE,
            title="核对条文",
            description="核对一条引用：条文是否存在、是否现行有效、引文与原文是否一致。",
            input_schema=CiteBody.model_json_schema(),
            output_schema=_schema(Citation),
            annotations=READS,
        ),
    )


def _schema(model: Any) -> dict[str, Any]:
    schema: dict[str, Any] = model.model_json_schema(mode="serialization")
    return schema
