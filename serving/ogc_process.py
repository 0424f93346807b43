"""How a tool is described as a process of OGC API – Processes, and how its inputs are read."""

from typing import Any

from cspon.errors import InputError
from cspon.schemas.spatial import ToolResult
from serving.tool_entries import BOUNDARIES, ToolEntry

BOUNDARY: dict[str, Any] = {
    "oneOf": [
        {
            "allOf": [
                {"type": "object"},
                {"format": "geojson-feature-collection"},
            ]
        },
        {"type": "string", "description": "/v1/files 返回的文件编号"},
    ]
}


def summary(entry: ToolEntry, links: list[dict[str, str]]) -> dict[str, Any]:
    """Describe a process in short."""
    return {
        "id": entry.name,
        "title": entry.title,
        "description": entry.description,
        "version": entry.version,
        "keywords": ["国土空间规划"],
        "jobControlOptions": ["sync-execute", "async-execute", "dismiss"],
        "outputTransmission": ["value"],
        "links": links,
    }


def process(entry: ToolEntry, links: list[dict[str, str]]) -> dict[str, Any]:
    """Describe a process with inputs and its one output, `result`: the `ToolResult`."""
    schema = entry.parameters
    needed = set(schema.get("required", ()))
    inputs = {
        name: {
            "title": field.get("title", name),
            "description": field.get("description", ""),
            "minOccurs": int(name in needed),
            "maxOccurs": 1,
            "schema": BOUNDARY if name in BOUNDARIES else _whole(field, schema.get("$defs", {})),
        }
        for name, field in schema["properties"].items()
    }
    result = ToolResult.model_json_schema(mode="serialization")
    output = {
        "title": "结果",
        "description": "结论与指标（data）、表（tables）、图层（layers，GeoJSON）、依据、来源与提示",
        "schema": _whole(result, result.get("$defs", {})),
    }
    return summary(entry, links) | {"inputs": inputs, "outputs": {"result": output}}


def inputs_of(inputs: Any) -> dict[str, Any]:
    """Read the inputs of an execution: each a value, or a qualified one (`{"value": …}`).

    Raises:
        InputError: not an object, or an input by reference.
    """
    if not isinstance(inputs, dict):
        raise InputError("inputs 应为对象", field="inputs", mend='写 {"inputs": {"名称": 值}}')
    return {name: _value(name, value) for name, value in inputs.items()}


def _value(name: str, given: Any) -> Any:
    if not isinstance(given, dict):
        return given
    if "href" in given:
        raise InputError(
            f"输入 {name} 不能按引用（href）给出：服务不向外取数据",
            field=name,
            mend="内联给出 GeoJSON，或先上传到 /v1/files 再给文件编号",
        )
    qualified = "value" in given and not set(given) - {"value", "mediaType", "encoding", "schema"}
    return given["value"] if qualified else given


def _whole(schema: Any, parts: dict[str, Any], seen: tuple[str, ...] = ()) -> Any:
    """Put the parts that a schema refers to in their places: it stands alone in the description."""
    if isinstance(schema, list):
        return [_whole(item, parts, seen) for item in schema]
    if not isinstance(schema, dict):
        return schema
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    if name:
        if name in seen:
            return {"type": "object"}
        return _whole(parts[name], parts, (*seen, name))
    return {key: _whole(value, parts, seen) for key, value in schema.items() if key != "$defs"}
