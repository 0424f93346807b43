"""From the files of a plan database to its layers: GeoPackage, FileGDB and Shapefile, alone or in a folder."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from agents.review.database.plan import (
    Layer,
    LayerKind,
    PlanDatabase,
    columns_of,
    kind_of,
    layer_kinds,
    make_layer,
)
from cspon.errors import InputError
from cspon.schemas.review import NotReviewed
from tools.geometry.crs import reproject, require_metric, zone_by_longitude, zone_of
from tools.quality_check.database import Database, open_database
from tools.quality_check.features import LayerFile
from tools.quality_check.source import read_chunk, split


def open_plan_database(path: Path) -> PlanDatabase:
    """Open the plan database of a submission; what does not open is told in its notices.

    Raises:
        InputError: there is no such file or folder.
    """
    if not path.exists():
        raise InputError("找不到规划数据库", file=path, mend="写出数据库文件夹或文件的路径")
    try:
        found = open_database(path)
    except InputError as error:
        return PlanDatabase(path.name, 0, notices=(NotReviewed(what=path.name, why=error.message),))
    notices = [
        NotReviewed(what=f"{path.name}/{name}", why=f"打不开：{reason}")
        for name, reason in found.unreadable
    ]
    chosen: dict[str, tuple[LayerKind, LayerFile]] = {}
    unknown: list[str] = []
    for layer, kind in _by_kind(found, unknown):
        if kind.role in chosen:
            notices.append(
                _left(found, layer, f"已有{kind.title}图层 {chosen[kind.role][1].name}，只核对后者")
            )
        elif layer.epsg is None:
            notices.append(_left(found, layer, f"{layer.crs_problem}，面积与位置无法核对"))
        else:
            chosen[kind.role] = kind, layer
    if unknown:
        notices.append(NotReviewed(what=path.name, why=f"不认识的图层未核对：{'、'.join(unknown)}"))
    missing = [k.title for k in layer_kinds().values() if k.needed and k.role not in chosen]
    if missing:
        why = f"没有可用的图层：{'、'.join(missing)}，有关的指标和位置未与数据库核对"
        notices.append(NotReviewed(what=path.name, why=why))
    epsg = _metric([layer for _, layer in chosen.values()])
    loads = {
        role: partial(_load, kind, layer, _shown(found, layer), epsg)
        for role, (kind, layer) in chosen.items()
    }
    return PlanDatabase(path.name, epsg, loads, tuple(notices))


def _by_kind(found: Database, unknown: list[str]) -> list[tuple[LayerFile, LayerKind]]:
    """Return the known layers, the latest year of each kind first, then the outer folder; the others' names go to `unknown`."""
    known: list[tuple[int, LayerFile, LayerKind]] = []
    for layer in found.layers:
        kind = kind_of(layer.name) or kind_of(layer.file.stem)
        if kind is None:
            unknown.append(layer.name)
        else:
            known.append((kind[1] or 9999, layer, kind[0]))
    known.sort(key=lambda item: (-item[0], len(item[1].file.parts)))
    return [(layer, kind) for _, layer, kind in known]


def _left(found: Database, layer: LayerFile, why: str) -> NotReviewed:
    return NotReviewed(what=f"{_shown(found, layer)} 的图层 {layer.name}", why=why)


def _shown(found: Database, layer: LayerFile) -> str:
    if not found.is_folder:
        return found.path.name
    return f"{found.path.name}/{layer.file.relative_to(found.path).as_posix()}"


def _metric(layers: list[LayerFile]) -> int:
    """Return the metric system in which everything is compared: that of the first layer that has one."""
    for layer in layers:
        if layer.epsg is not None and zone_of(layer.epsg) is not None:
            return layer.epsg
    for layer in layers:
        for part in split(layer)[:1]:
            for geometry in read_chunk(layer, part, ()).geometries:
                if geometry is not None and not geometry.is_empty:
                    zone = zone_by_longitude(float(geometry.centroid.x))
                    return zone.epsg if zone else 0
    return 0


def _load(kind: LayerKind, layer: LayerFile, file: str, epsg: int) -> Layer:
    require_metric(epsg)
    columns = tuple(dict.fromkeys(columns_of(kind.role, layer.column_names).values()))
    fids: list[int] = []
    geometries: list[Any] = []
    values: dict[str, list[Any]] = {name: [] for name in columns}
    for part in split(layer):
        chunk = read_chunk(layer, part, columns)
        fids += chunk.fids.tolist()
        geometries += list(chunk.geometries)
        for name in columns:
            values[name] += chunk.columns[name]
    shapes = np.empty(len(geometries), dtype=object)
    assert layer.epsg is not None
    shapes[:] = [None if g is None else reproject(g, layer.epsg, epsg) for g in geometries]
    return make_layer(kind, layer.name, file, epsg, fids, shapes, values)
