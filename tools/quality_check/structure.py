"""Checks of files, layers and fields: what must be there and how it is declared."""

import re
from collections.abc import Iterator
from typing import Any

from tools.quality_check.context import LayerContext
from tools.quality_check.database import Database
from tools.quality_check.features import LayerFile
from tools.quality_check.hits import Hit
from tools.quality_check.model import FIELD_TYPES, GEOMETRIES, Pack
from tools.quality_check.registry import check

_GEOMETRY_WORDS = {"polygon": "POLYGON", "line": "LINESTRING", "point": "POINT"}


@check("required_entry", scope="database")
def required_entry(database: Database, pack: Pack, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find directories and files that the pack demands and the folder lacks."""
    if not database.is_folder:
        return
    for rule in pack.files:
        form = re.compile(rule.pattern)
        wants_folder = rule.kind == "directory"
        if rule.required and not any(
            form.fullmatch(entry)
            for entry in database.entries
            if (database.path / entry).is_dir() == wants_folder or entry.lower().endswith(".gdb")
        ):
            kind = "目录" if wants_folder else "文件"
            yield Hit(f"缺少{kind}“{rule.title}”")


@check("entry_name", scope="database", parameters=("allow",))
def entry_name(database: Database, pack: Pack, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find files and directories whose names no entry of the pack allows."""
    if not database.is_folder:
        return
    forms = [re.compile(rule.pattern) for rule in pack.files]
    forms += [re.compile(pattern) for pattern in parameters.get("allow", ())]
    unknown: list[str] = []
    for entry in database.entries:
        if any(entry.startswith(f"{folder}/") for folder in unknown):
            continue  # the folder itself is named
        if not any(form.fullmatch(entry) for form in forms):
            unknown.append(entry)
            yield Hit(f"“{entry}”不符合目录与命名规定")


@check("readable_file", scope="database")
def readable_file(database: Database, pack: Pack, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find vector files that do not open, and empty files."""
    for name, reason in database.unreadable:
        yield Hit(f"文件“{name}”打不开：{reason}", measured=name)
    if database.is_folder:
        for entry in database.entries:
            path = database.path / entry
            if path.is_file() and path.stat().st_size == 0:
                yield Hit(f"文件“{entry}”是空文件", measured=entry)


@check("required_layer", scope="database")
def required_layer(database: Database, pack: Pack, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find layers that the pack demands and the database lacks."""
    held = {rule.name for layer in database.layers if (rule := pack.layer(layer.name))}
    for rule in pack.layers:
        if rule.required and rule.name not in held:
            yield Hit(f"缺少图层 {rule.name}（{rule.title}）", layer=rule.name)


@check("unknown_layer", scope="database")
def unknown_layer(database: Database, pack: Pack, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find layers that the pack does not know: misnamed or not to be delivered."""
    for layer in database.layers:
        if pack.layer(layer.name) is None:
            yield Hit(f"图层 {layer.name} 不在规则包内，未检查其内容", layer=layer.name)


@check("repeated_layer", scope="database")
def repeated_layer(database: Database, pack: Pack, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find layers that stand in the database more than once."""
    seen: dict[str, str] = {}
    for layer in database.layers:
        rule = pack.layer(layer.name)
        if rule is None:
            continue
        if rule.name in seen:
            yield Hit(
                f"图层 {rule.name} 同时在 {seen[rule.name]} 和 {_shown(database, layer)} 中，只检查前者",
                layer=rule.name,
            )
        else:
            seen[rule.name] = _shown(database, layer)


def _shown(database: Database, layer: LayerFile) -> str:
    """Return the file's path inside the database: names alone may be equal."""
    if not database.is_folder:
        return layer.file.name
    return layer.file.relative_to(database.path).as_posix()


@check("empty_layer", scope="layer")
def empty_layer(context: LayerContext, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find layers without features."""
    if context.file.features == 0:
        yield Hit("图层没有要素", layer=context.name)


@check("declared_geometry", scope="layer")
def declared_geometry(context: LayerContext, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find layers declared with another kind of geometry."""
    declared, wanted = context.file.geometry_type, _GEOMETRY_WORDS[context.rule.geometry]
    if wanted in declared or declared in ("GEOMETRY", "UNKNOWN"):
        return
    title = GEOMETRIES[context.rule.geometry]
    yield Hit(f"图层的几何类型应为{title}", layer=context.name, measured=declared, tolerance=title)


@check("required_field", scope="layer")
def required_field(context: LayerContext, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find fields that are not there."""
    for field in context.rule.fields:
        if field.required and field.name not in context.file.column_names:
            yield Hit(
                f"缺少字段 {field.name}（{field.title}）", layer=context.name, field=field.name
            )


@check("unknown_field", scope="layer", parameters=("allow",))
def unknown_field(context: LayerContext, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find fields that the pack does not know."""
    known = {field.name for field in context.rule.fields} | set(parameters.get("allow", ()))
    for name in context.file.column_names:
        if name not in known:
            yield Hit(f"字段 {name} 不在规则包内", layer=context.name, field=name)


@check("field_type", scope="layer")
def field_type(context: LayerContext, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find fields declared with another type; an integer may stand in a number field."""
    declared = {info.name: info for info in context.file.fields}
    for field in context.rule.fields:
        info = declared.get(field.name)
        if info is None or info.type == field.type or info.type == "other":
            continue
        if (field.type, info.type) == ("number", "integer"):
            continue
        found, wanted = FIELD_TYPES[info.type], FIELD_TYPES[field.type]
        yield Hit(
            f"字段类型应为{wanted}，文件声明为{found}",
            layer=context.name, field=field.name, measured=found, tolerance=wanted,
        )  # fmt: skip


@check("field_length", scope="layer")
def field_length(context: LayerContext, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find text fields declared with another length, where the file declares one."""
    declared = {info.name: info for info in context.file.fields}
    for field in context.rule.fields:
        info = declared.get(field.name)
        if info is None or info.length is None or field.length is None:
            continue
        if field.type == "text" and info.type == "text" and info.length != field.length:
            yield Hit(
                f"字段长度应为 {field.length}，文件声明为 {info.length}",
                layer=context.name,
                field=field.name,
                measured=str(info.length),
                tolerance=str(field.length),
            )
