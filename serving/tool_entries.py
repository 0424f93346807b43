"""Tools as their callers see them: what they decide, and the JSON schemas of their arguments."""

from functools import cache
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, Field, JsonValue, create_model
from pydantic.fields import FieldInfo

from cspon.schemas.base import Frozen
from serving.access.caller import Caller
from serving.data_files import KINDS
from serving.problems import ApiError
from tools.catalogue import OneOf, Sent
from tools.described import described

BOUNDARIES = ("boundary", "parcel", "scope")
"""Arguments that take a boundary; others that take files are marked `Sent` by their tools."""
DECIDED_HERE = ("layers", "clearance", "workers", "out", "overwrite", "max_features")


class ToolEntry(Frozen):
    """One tool as a caller sees it."""

    name: str
    title: str
    version: str
    description: str
    examples: tuple[str, ...]
    available: bool
    why: str = ""
    """Why it cannot be called here."""
    parameters: dict[str, Any]
    """JSON schema of the arguments."""


class ToolList(Frozen):
    """All tools."""

    object: str = "list"
    data: tuple[ToolEntry, ...]


def entries_for(caller: Caller) -> tuple[ToolEntry, ...]:
    """Return the tools that can be called here and that the caller's key opens."""
    return tuple(e for e in all_entries().data if e.available and caller.may_use_tool(e.name))


def mark_of(field: FieldInfo) -> Sent | OneOf | None:
    """Return what a tool marked an argument with, if anything."""
    return next((m for m in field.metadata if isinstance(m, Sent | OneOf)), None)


def all_entries() -> ToolList:
    """Return all tools."""
    return ToolList(data=tuple(entry_of(name) for name in registered()))


def registered() -> dict[str, Any]:
    """Return the registered tools by name."""

    from tools.catalogue import load_tools

    return load_tools()


@cache
def entry_of(name: str) -> ToolEntry:
    """Return one tool.

    Raises:
        ApiError: 404, there is none of this name.
    """
    tool = registered().get(name)
    if tool is None:
        raise ApiError(404, f"没有名为 {name} 的工具", code="tool_not_found", param="name")
    fields: dict[str, Any] = {}
    why = ""
    for key, field in tool.arguments.model_fields.items():
        if key in DECIDED_HERE:
            continue
        if Path in (field.annotation, *get_args(field.annotation)):
            mark = mark_of(field)
            if key in BOUNDARIES:
                kind: Any = str | dict[str, Any]
                fields[key] = (kind, ...) if field.is_required() else (kind | None, None)
            elif isinstance(mark, Sent):
                fields[key] = _file_field(mark, required=field.is_required())
            elif field.is_required():
                why = f"需要文件 {key}，只能由运维人员用命令行给出"
            continue
        fields[key] = (field.annotation, field)
    schema: type[BaseModel] = create_model(f"{name}_request", **fields)
    words = described(name)
    parameters = schema.model_json_schema() | {"additionalProperties": False}
    for key, parameter in parameters["properties"].items():
        said = (words.arguments.get(key, "") if words else "", parameter.get("description", ""))
        if any(said):
            parameter["description"] = "；".join(filter(None, said))
    return ToolEntry(
        name=name,
        title=tool.title,
        version=tool.version,
        description=words.says if words else tool.description,
        examples=tool.examples,
        available=not why,
        why=why,
        parameters=parameters,
    )


def _file_field(mark: Sent, *, required: bool) -> tuple[Any, Any]:
    extra: dict[str, JsonValue] = {"x-cspon-upload": mark.kind}
    said = f"/v1/files（purpose=data）返回的编号：{KINDS[mark.kind]}"
    if required:
        return str, Field(description=said, json_schema_extra=extra)
    return str | None, Field(None, description=said, json_schema_extra=extra)
