"""From typed outputs to a `ToolResult`: numbers as a table, polygons as features, and provenance."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely

from cspon.schemas.base import Secrecy
from cspon.schemas.spatial import Column, LayerOutput, LayerSpec, Provenance, Table, ToolResult
from tools.library.entry import Entry, Ports
from tools.library.raster import Raster
from tools.library.units import Quantity
from tools.library.values import CatalogueLayer, Layer, specs_of
from tools.models.engine import NodeRun, summary


def tool_result(
    entry: Entry,
    outputs: Mapping[str, Any],
    ports: Ports,
    digits: Mapping[str, int],
    records: tuple[NodeRun, ...],
    used: Mapping[str, Any],
    *,
    warnings: tuple[str, ...] = (),
    seconds: float = 0.0,
    most_features: int | None = None,
) -> ToolResult:
    """Make the result of a model, an indicator or an operator.

    Args:
        entry: What was run.
        outputs: Typed values by name.
        ports: Their declarations.
        digits: Decimals of numbers.
        records: What each node did.
        used: Typed inputs.
        warnings: Sentences for the reader.
        seconds: Time it took.
        most_features: Of a layer inside the result; None for all.
    """
    specs = specs_of(*_flat(used.values()), *_flat(outputs.values()))
    name = f"{entry.kind}:{entry.id}"
    notices = list(warnings)
    if not entry.verified:
        notices.append(
            f"“{entry.title}”的依据或常数尚未全部核实（verified: false），结果供分析，正式使用前请复核。"
        )
    tables = [_numbers(outputs, ports, digits)]
    layers: list[LayerOutput] = []
    for key, value in outputs.items():
        title = ports[key].title
        if isinstance(value, tuple) and all(isinstance(row, dict) for row in value):
            tables.append(_table(key, title, value))
        elif isinstance(value, Layer | CatalogueLayer):
            layer = value.whole()
            layers.append(_layer(key, title, layer, _secrecy(specs), most_features))
            if most_features is not None and len(layer) > most_features:
                notices.append(
                    f"“{title}”共 {len(layer)} 个要素，结果中只列前 {most_features} 个；"
                    "要全部的，用命令行运行并加 --out。"
                )
    epsg = next((v.epsg for v in _flat(outputs.values()) if hasattr(v, "epsg")), None)
    return ToolResult(
        tool=name,
        version=entry.version,
        data={
            "kind": entry.kind,
            "id": entry.id,
            "title": entry.title,
            "verified": entry.verified,
            "outputs": {key: _plain(key, v, ports, digits) for key, v in outputs.items()},
            "nodes": [record.model_dump() for record in records],
        },
        tables=tuple(table for table in tables if table.rows),
        layers=tuple(layers),
        basis=entry.basis,
        provenance=Provenance(
            tool=name,
            version=entry.version,
            inputs={"definition": f"sha256:{entry.sha256}", **_versions(specs)},
            parameters={key: summary(v) for key, v in used.items() if not hasattr(v, "specs")},
            epsg=epsg,
            layer_dates={spec.name: spec.date for spec in specs},
            elapsed_ms=round(seconds * 1000, 1),
        ),
        warnings=tuple(dict.fromkeys(notices)),
        secrecy=_secrecy(specs),
        synthetic=any(spec.synthetic for spec in specs),
    )


def _numbers(outputs: Mapping[str, Any], ports: Ports, digits: Mapping[str, int]) -> Table:
    rows = [
        {"title": ports[key].title, "value": _rounded(value, digits.get(key, 4)), "unit": unit}
        for key, value in outputs.items()
        if isinstance(value, Quantity | str)
        for unit in [value.unit.text if isinstance(value, Quantity) else ""]
    ]
    columns = (
        Column(key="title", title="结果"),
        Column(key="value", title="数值"),
        Column(key="unit", title="单位"),
    )
    return Table(name="results", title="计算结果", columns=columns, rows=tuple(rows))


_COLUMNS = {
    "code": "编码",
    "name": "名称",
    "value": "分值",
    "area_ha": "面积",
    "area_mu": "面积",
    "share_percent": "占比",
    "distance_m": "距离",
    "count": "个数",
    "zone": "分区",
    "cells": "像元数",
    "mean": "平均",
    "minimum": "最小",
    "maximum": "最大",
    "rank": "名次",
}


def _table(key: str, title: str, rows: tuple[dict[str, Any], ...]) -> Table:
    names = dict.fromkeys(
        column for row in rows for column, value in row.items() if value not in ("", None)
    )
    columns = tuple(_column(name) for name in names)
    kept = tuple({name: row.get(name) for name in names} for row in rows)
    return Table(name=key, title=title, columns=columns, rows=kept)


def _column(name: str) -> Column:
    """Name a column; its unit stands in the end of its key."""
    suffix = name.rpartition("_")[2]
    unit = {"ha": "公顷", "mu": "亩", "percent": "%", "m": "米"}.get(suffix, "")
    return Column(key=name, title=_COLUMNS.get(name, name), unit=unit)


def _layer(key: str, title: str, layer: Layer, secrecy: Secrecy, most: int | None) -> LayerOutput:
    features = []
    for index in range(len(layer))[:most]:
        properties = {name: _scalar(values[index]) for name, values in layer.fields.items()}
        features.append(
            {
                "type": "Feature",
                "geometry": shapely.geometry.mapping(layer.geometries[index]),
                "properties": properties,
            }
        )
    return LayerOutput(
        name=key, title=title, epsg=layer.epsg, features=tuple(features), secrecy=secrecy
    )


def _plain(key: str, value: Any, ports: Ports, digits: Mapping[str, int]) -> dict[str, Any]:
    shown: dict[str, Any] = {"title": ports[key].title, "type": ports[key].type}
    if isinstance(value, Quantity):
        return {**shown, "value": _rounded(value, digits.get(key, 4)), "unit": value.unit.text}
    if isinstance(value, str):
        return {**shown, "value": value}
    if isinstance(value, Raster):
        return {**shown, "summary": summary(value)}
    if isinstance(value, tuple):
        return {**shown, "rows": len(value)}
    return {**shown, "features": len(value.whole())}


def _rounded(value: Quantity | str, digits: int) -> float | str:
    return value if isinstance(value, str) else round(value.value, digits)


def _scalar(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _flat(values: Any) -> list[Any]:
    found: list[Any] = []
    for value in values:
        found.extend(value if isinstance(value, tuple) else [value])
    return found


def _versions(specs: tuple[LayerSpec, ...]) -> dict[str, str]:
    return {spec.name: spec.date for spec in specs}


def _secrecy(specs: tuple[LayerSpec, ...]) -> Secrecy:
    return max(
        (spec.secrecy for spec in specs), key=lambda level: level.rank, default=Secrecy.PUBLIC
    )
