"""The layer catalogue of a place (`layers.yaml`) and the windowed read of its vector layers."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
import yaml
from pydantic import ValidationError
from shapely.geometry.base import BaseGeometry

from cspon.errors import InputError
from cspon.schemas.spatial import LayerCatalogue, LayerSpec
from tools.catalogue_entries import check_entries, field_error
from tools.geopackage import Box, Table, Window, open_table, read_boxes
from tools.ogr_layer import SUFFIXES, OgrTable, open_ogr, read_ogr_boxes
from tools.postgis.connection import in_postgis
from tools.postgis.table import PostgisTable, open_postgis, read_postgis_boxes

CATALOGUE = "layers.yaml"
AnyTable = Table | OgrTable | PostgisTable
CHUNK = 20_000
"""Features held at a time: bounds the memory of a project of any size."""

_SPARSE = 4.0
"""A window whose box is this many times the project's area inside it is split."""
_MAX_DEPTH = 5


@dataclass(frozen=True)
class Features:
    """Features of a layer near a geometry: parallel arrays, one element a feature."""

    fids: npt.NDArray[np.int64]
    geometries: npt.NDArray[np.object_]
    codes: npt.NDArray[np.str_]
    """Land-use codes, stripped; empty strings where the layer has no code field."""
    names: npt.NDArray[np.str_]
    """Values of `name_field`; empty strings where the layer has none."""
    ids: npt.NDArray[np.str_] | None = None
    """Values of `id_field`, where asked for and the layer has one."""
    stated_areas: npt.NDArray[np.float64] | None = None
    """Values of `area_field`, NaN where empty, where asked for and the layer has one."""

    def __len__(self) -> int:
        return len(self.fids)


def load_catalogue(folder: Path) -> LayerCatalogue:
    """Read and validate `layers.yaml`; an unchanged file is parsed once per process.

    Raises:
        InputError: the file is missing, is not YAML, or an entry has a wrong field.
    """
    file = folder / CATALOGUE
    try:
        version = file.stat().st_mtime_ns
    except OSError:
        raise InputError(
            "找不到图层目录文件",
            file=file,
            mend="用 --layers 指定含 layers.yaml 的文件夹；演示数据用 make demo 生成",
        ) from None
    return _load(file, version)


@lru_cache(maxsize=16)
def _load(file: Path, version: int) -> LayerCatalogue:
    try:
        raw = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except UnicodeDecodeError:
        raise InputError("不是 UTF-8 文本", file=file, mend="另存为 UTF-8 编码") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise InputError(
            f"YAML 语法错误：{getattr(error, 'problem', error)}",
            file=file,
            row=mark.line + 1 if mark else None,
            mend="按该行提示改正缩进、冒号或引号",
        ) from None
    try:
        catalogue = LayerCatalogue.model_validate(raw)
    except ValidationError as error:
        raise field_error(file, raw, error) from None
    check_entries(file, catalogue)
    return catalogue


def layer_by_role(catalogue: LayerCatalogue, role: str) -> LayerSpec | None:
    """Return the layer that plays a role, or None when the catalogue has none.

    Raises:
        InputError: more than one layer claims the role.
    """
    found = [spec for spec in catalogue.layers if spec.role == role]
    if len(found) > 1:
        raise InputError(
            f"图层角色 {role} 有 {len(found)} 个图层（{'、'.join(s.name for s in found)}），应只有一个",
            file=CATALOGUE,
            field="role",
            mend="只保留一个图层的该角色",
        )
    return found[0] if found else None


def is_there(spec: LayerSpec, folder: Path) -> bool:
    """Say whether a layer's file exists; a table of a database counts as there."""
    return in_postgis(spec.path) or (folder / spec.path).exists()


def layer_state(spec: LayerSpec, folder: Path) -> tuple[object, ...]:
    """Tell one state of a layer from another: size and time of the file, or the table's changes."""
    if in_postgis(spec.path):
        return (open_postgis(spec.path, spec.layer).last_change,)
    try:
        stat = (folder / spec.path).stat()
    except OSError:
        return ()  # opening the layer says what is wrong
    return stat.st_mtime_ns, stat.st_size


def open_layer(spec: LayerSpec, folder: Path) -> AnyTable:
    """Open a vector layer and check that file or table agrees with the catalogue.

    Raises:
        InputError: missing file or table, another coordinate system, or a missing field.
        SetupError: a database does not answer.
    """
    table = _opened(spec, folder)
    _agrees(spec, table)
    return table


def read_boxes_of(
    table: AnyTable, boxes: list[Box], columns: tuple[str, ...], *, chunk: int
) -> Iterator[Window]:
    """Yield the features whose boxes meet any of the boxes, each once, whatever holds the layer.

    Raises:
        InputError: a feature does not parse.
        SetupError: a database does not answer.
    """
    if isinstance(table, OgrTable):
        return read_ogr_boxes(table, boxes, columns, chunk=chunk)
    if isinstance(table, PostgisTable):
        return read_postgis_boxes(table, boxes, columns, chunk=chunk)
    return read_boxes(table, boxes, columns, chunk=chunk)


def _opened(spec: LayerSpec, folder: Path) -> AnyTable:
    if in_postgis(spec.path):
        return open_postgis(spec.path, spec.layer)
    file = folder / spec.path
    if not file.is_file() and not (file.suffix.lower() == ".gdb" and file.is_dir()):
        raise InputError(
            f"图层“{spec.title}”的文件不存在",
            file=file,
            layer=spec.name,
            field="path",
            mend=f"放入该文件，或从 {CATALOGUE} 中删除这个图层（相关规则将判为“数据缺失”）",
        )
    if file.suffix.lower() == ".gpkg":
        return open_table(file, spec.layer)
    if file.suffix.lower() in SUFFIXES:
        return open_ogr(file, spec.layer)
    raise InputError(
        f"图层“{spec.title}”不是 GeoPackage、Shapefile 或 FileGDB",
        file=file,
        layer=spec.name,
        field="path",
        mend=f"ogr2ogr -f GPKG {file.stem}.gpkg {file.name}，再改 {CATALOGUE} 的 path",
    )


def _agrees(spec: LayerSpec, table: AnyTable) -> None:
    if table.srs_epsg is not None and table.srs_epsg != spec.epsg:
        raise InputError(
            f"图层“{spec.title}”的坐标系是 EPSG:{table.srs_epsg}，目录写的是 EPSG:{spec.epsg}",
            file=table.file,
            layer=table.name,
            field="epsg",
            mend=f"改正 {CATALOGUE} 的 epsg，或把数据转换到该坐标系",
        )
    for role, column in (
        ("id_field", spec.id_field),
        ("code_field", spec.code_field),
        ("name_field", spec.name_field),
        ("area_field", spec.area_field),
    ):
        if column is not None and column not in table.columns:
            raise InputError(
                f"图层“{spec.title}”没有字段 {column}；已有：{'、'.join(table.columns)}",
                file=table.file,
                layer=table.name,
                field=role,
                mend=f"改正 {CATALOGUE} 的 {role}",
            )


def read_window(spec: LayerSpec, folder: Path, geometry: BaseGeometry) -> Features:
    """Read the features whose boxes meet the geometry's search boxes.

    Args:
        spec: The layer.
        folder: Folder of the catalogue.
        geometry: Window in the layer's coordinate system.

    Raises:
        InputError: as `open_layer`, or a feature does not parse.
    """
    parts = list(read_windows(spec, folder, geometry))
    if len(parts) == 1:
        return parts[0]
    return Features(
        fids=np.concatenate([np.empty(0, np.int64), *(p.fids for p in parts)]),
        geometries=np.concatenate([np.empty(0, object), *(p.geometries for p in parts)]),
        codes=np.concatenate([np.empty(0, "U1"), *(p.codes for p in parts)]),
        names=np.concatenate([np.empty(0, "U1"), *(p.names for p in parts)]),
    )


def read_windows(
    spec: LayerSpec,
    folder: Path,
    geometry: BaseGeometry,
    *,
    chunk: int = CHUNK,
    widen_m: float = 0.0,
    attributes: bool = False,
) -> Iterator[Features]:
    """Yield what `read_window` returns, at most `chunk` features at a time.

    Args:
        spec: The layer.
        folder: Folder of the catalogue.
        geometry: Window in the layer's coordinate system.
        chunk: Most features held at a time.
        widen_m: Also features whose boxes come this near to the window.
        attributes: Whether identifiers and stated areas are read too.
    """
    table = open_layer(spec, folder)
    named = [spec.code_field, spec.name_field]
    if attributes:
        named += [spec.id_field, spec.area_field]
    columns = tuple(dict.fromkeys(c for c in named if c))
    boxes = [
        (min_x - widen_m, min_y - widen_m, max_x + widen_m, max_y + widen_m)
        for min_x, min_y, max_x, max_y in search_boxes(geometry)
    ]
    for window in read_boxes_of(table, boxes, columns, chunk=chunk):
        yield Features(
            fids=window.fids,
            geometries=window.geometries,
            codes=_text(window, spec.code_field),
            names=_text(window, spec.name_field),
            ids=_text(window, spec.id_field) if attributes and spec.id_field else None,
            stated_areas=_numbers(spec, window) if attributes and spec.area_field else None,
        )


def search_boxes(geometry: BaseGeometry) -> list[Box]:
    """Cover a polygon with boxes that are not much larger than it.

    A compact project has one box. The box of a long or scattered one (a road, several parcels) is
    mostly empty: it is quartered until the boxes fit.
    """
    if geometry.is_empty:
        return []
    boxes: list[Box] = []
    queue = [(part, 0) for part in shapely.get_parts(geometry)]
    if shapely.box(*geometry.bounds).area <= _SPARSE * geometry.area or len(queue) > 256:
        queue = [(geometry, 0)]
    while queue:
        part, depth = queue.pop()
        if part.is_empty:
            continue
        min_x, min_y, max_x, max_y = part.bounds
        sparse = (max_x - min_x) * (max_y - min_y) > _SPARSE * part.area
        if depth == _MAX_DEPTH or not sparse or part.area == 0:
            boxes.append((min_x, min_y, max_x, max_y))
            continue
        mid_x, mid_y = (min_x + max_x) / 2, (min_y + max_y) / 2
        for quarter in (
            shapely.box(min_x, min_y, mid_x, mid_y),
            shapely.box(mid_x, min_y, max_x, mid_y),
            shapely.box(min_x, mid_y, mid_x, max_y),
            shapely.box(mid_x, mid_y, max_x, max_y),
        ):
            queue.append((shapely.intersection(part, quarter), depth + 1))
    return boxes


def _text(window: Window, column: str | None) -> npt.NDArray[np.str_]:
    if column is None:
        return np.full(len(window), "", dtype="U1")
    values = window.columns[column]
    return np.array([v.strip() if type(v) is str else _printed(v) for v in values], dtype=np.str_)


def _printed(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _numbers(spec: LayerSpec, window: Window) -> npt.NDArray[np.float64]:
    """Read the stated areas; a text that is no number is an error with its feature."""
    assert spec.area_field is not None
    values = []
    for fid, value in zip(window.fids.tolist(), window.columns[spec.area_field], strict=True):
        try:
            values.append(float("nan") if value is None else float(value))
        except (TypeError, ValueError):
            raise InputError(
                f"要素 {fid} 的面积“{value}”不是数",
                file=spec.path,
                layer=spec.name,
                field=spec.area_field,
                mend="改正该字段",
            ) from None
    return np.array(values, dtype=np.float64)
