"""How deep and how large the JSON of a request may be, and what a tool description may look like."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cspon.errors import InputError

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
DEPTH, NODES = 24, 5_000
"""Of tools, schemas and labels. A schema that people wrote has a tenth of it."""
GEOMETRY_DEPTH = 16
"""Of GeoJSON: a geometry collection of multipolygons has 11."""
GEOMETRY_NODES = 4_000_000
LONGEST_DESCRIPTION = 8_000
LONGEST_PATTERN = 256
PARTS = 64
"""Parts of one message."""


def check_json(value: Any, *, field: str, depth: int = DEPTH, nodes: int = NODES) -> None:
    """Refuse a value that is too deep or has too many members. Not recursive itself.

    Raises:
        InputError: names the field and the limit.
    """
    level, seen = [value], 0
    for here in range(depth + 1):
        seen += len(level)
        if seen > nodes:
            raise InputError(f"{field} 的成员超过 {nodes} 个", field=field, mend="请拆成几次请求")
        level = [member for one in level for member in _members(one)]
        if not level:
            return
        if here == depth:
            raise InputError(f"{field} 的嵌套超过 {depth} 层", field=field, mend="请减少嵌套")


def check_tools(tools: Sequence[Mapping[str, Any]]) -> None:
    """Refuse tool descriptions that are none, or that would have somebody fetch something.

    Raises:
        InputError: names the tool and what is wrong with it.
    """
    check_json(tools, field="tools")
    names: set[str] = set()
    for number, tool in enumerate(tools):
        field = f"tools.{number}"
        function = tool.get("function")
        if tool.get("type") != "function" or not isinstance(function, Mapping):
            raise _wrong(field, "应为 {type: function, function: {…}}")
        name = function.get("name")
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise _wrong(field, "name 应为 1 到 64 个英文字母、数字、下划线或连字符")
        if name in names:
            raise _wrong(field, f"name {name} 重复")
        names.add(name)
        description = function.get("description", "")
        if not isinstance(description, str) or len(description) > LONGEST_DESCRIPTION:
            raise _wrong(field, f"description 应为不超过 {LONGEST_DESCRIPTION} 字的文字")
        parameters = function.get("parameters")
        if parameters is not None:
            check_schema(parameters, field=f"{field}.function.parameters")


def check_schema(schema: Any, *, field: str) -> None:
    """Refuse a JSON schema that points outside itself, or whose patterns are out of hand.

    Raises:
        InputError: names the place.
    """
    check_json(schema, field=field)
    if not isinstance(schema, Mapping):
        raise _wrong(field, "应为 JSON Schema 对象")
    waiting: list[Any] = [schema]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            reference, pattern = one.get("$ref"), one.get("pattern")
            if isinstance(reference, str) and not reference.startswith("#"):
                raise _wrong(field, "$ref 只能引用本模式之内的定义")
            if isinstance(pattern, str) and len(pattern) > LONGEST_PATTERN:
                raise _wrong(field, f"pattern 超过 {LONGEST_PATTERN} 字")
        waiting += _members(one)


def texts_of(value: Any) -> list[str]:
    """Return the strings of a JSON value: what a model is told of a tool."""
    found, waiting = [], [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            found.append(one)
        waiting += _members(one)
    return found


def _members(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else []


def _wrong(field: str, why: str) -> InputError:
    return InputError(f"{field}：{why}", field=field)
