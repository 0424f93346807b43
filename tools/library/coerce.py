"""From what a person or a YAML file writes to a typed value, checked against its port."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from cspon.errors import InputError
from tools.library.entry import GEOMETRY_TITLES, Port
from tools.library.raster import Grid, Raster, array_raster
from tools.library.units import Quantity, UnitError, parse_unit
from tools.library.values import CatalogueLayer, GeometryKind, Layer

_KINDS: dict[str, GeometryKind] = {
    "Polygon": "polygon",
    "MultiPolygon": "polygon",
    "LineString": "line",
    "MultiLineString": "line",
    "Point": "point",
    "MultiPoint": "point",
}


_NUMBER = re.compile(r"([-+]?(?:\d{1,15}(?:\.\d{0,15})?|\.\d{1,15}))\s*([^\d\s,，.].*)?")


def coerce(name: str, port: Port, given: Any, *, file: object = None) -> Any:
    """Turn what is given into the port's type.

    Args:
        name: The port's name, for messages.
        port: Its declaration.
        given: A value of the type, or its written form: `{value, unit}` or "500 m" for a number,
            WKT features for a layer, rows for a table, a grid of numbers for a raster.
        file: Where it is written, for messages.

    Raises:
        InputError: it does not fit; names port, type and mend.
    """
    if port.many:
        items = given if isinstance(given, list | tuple) else [given]
        single = port.model_copy(update={"many": False})
        return tuple(coerce(name, single, item, file=file) for item in items)
    match port.type:
        case "number":
            return _number(name, port, given, file)
        case "text":
            return _text(name, port, given, file)
        case "table":
            return _table(name, given, file)
        case "raster":
            return given if isinstance(given, Raster) else _raster(name, given, file)
        case "layer" | "geometry":
            return _layer(name, port, given, file)


def _number(name: str, port: Port, given: Any, file: object) -> Quantity:
    wanted = port.fixed_unit
    try:
        value = _quantity(name, given, wanted, file)
        if wanted is not None:
            value = value.to(wanted)
    except UnitError as error:
        raise InputError(error.message, file=file, field=name, mend=error.mend) from None
    for bound, wrong, word in (
        (port.minimum, port.minimum is not None and value.value < port.minimum, "小于下限"),
        (port.maximum, port.maximum is not None and value.value > port.maximum, "大于上限"),
    ):
        if wrong:
            raise InputError(
                f"“{port.title}”的值 {value} {word} {bound:g}",
                file=file,
                field=name,
                mend="改为范围之内的值",
            )
    return value


def _quantity(name: str, given: Any, wanted: str | None, file: object) -> Quantity:
    if isinstance(given, Quantity):
        return given
    if isinstance(given, dict) and set(given) == {"value", "unit"}:
        number, unit = given["value"], str(given["unit"])
        if isinstance(number, int | float) and not isinstance(number, bool):
            return Quantity.of(number, unit)
    if isinstance(given, str):
        written = _NUMBER.fullmatch(given.strip())
        if written is None:
            raise _wrong(name, "数值", given, file, "写作“数值 单位”，例如 4000 ha；不用千分位逗号")
        number, unit = float(written[1]), written[2]
        if unit or wanted in (None, "1"):
            return Quantity.of(number, unit or "1")
        given = number
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise _wrong(name, "数值", given, file)
    if wanted is not None and not parse_unit(wanted).same(parse_unit("1")):
        raise InputError(
            f"数值 {given} 缺少单位（应为 {wanted}）",
            file=file,
            field=name,
            mend=f"写明单位，例如 {{value: {given}, unit: {wanted}}} 或 “{given} {wanted}”",
        )
    return Quantity.of(given)


def _text(name: str, port: Port, given: Any, file: object) -> str:
    if not isinstance(given, str):
        raise _wrong(name, "文本", given, file, "编码等以 0 开头的请加引号")
    if port.choices and given not in port.choices:
        raise InputError(
            f"“{port.title}”不能是“{given}”",
            file=file,
            field=name,
            mend=f"可选：{'、'.join(port.choices)}",
        )
    return given


def _table(name: str, given: Any, file: object) -> tuple[dict[str, Any], ...]:
    if not isinstance(given, list | tuple) or not all(isinstance(row, dict) for row in given):
        raise _wrong(name, "表（每行一个“列: 值”）", given, file)
    return tuple(given)


def _raster(name: str, given: Any, file: object) -> Raster:
    try:
        rows = [[np.nan if v is None else float(v) for v in row] for row in given["rows"]]
        west, north = given["origin"]
        grid = Grid(
            float(west),
            float(north),
            float(given["cell"]),
            len(rows),
            len(rows[0]),
            int(given["epsg"]),
        )
        return array_raster(grid, rows)
    except (TypeError, KeyError, ValueError, IndexError, AssertionError):
        mend = "写作 {epsg, origin: [西, 北], cell: 像元边长, rows: [[…]]}"
        raise _wrong(name, "栅格", "", file, mend) from None


def _layer(name: str, port: Port, given: Any, file: object) -> Layer | CatalogueLayer:
    layer = given if isinstance(given, Layer | CatalogueLayer) else _features(name, given, file)
    wanted = "polygon" if port.type == "geometry" else port.geometry
    if wanted not in ("any", layer.geometry):
        raise InputError(
            f"“{port.title}”需要{GEOMETRY_TITLES[wanted]}图层，给的是"
            f"{GEOMETRY_TITLES[layer.geometry]}图层",
            file=file,
            field=name,
            mend="换用该几何类型的图层",
        )
    return layer


def _features(name: str, given: Any, file: object) -> Layer:
    """Read features written as WKT: `{epsg, features: [{wkt, code, …}]}`."""
    mend = "写作 {epsg, features: [{wkt: POLYGON (…), code: …}]}"
    if not isinstance(given, dict) or not {"epsg", "features"} <= set(given):
        raise _wrong(name, "图层", "", file, mend)
    features = given["features"]
    try:
        geometries = np.array([shapely.from_wkt(f["wkt"]) for f in features], dtype=object)
    except (shapely.errors.ShapelyError, KeyError, TypeError):
        raise _wrong(name, "图层", "", file, mend) from None
    kinds = {_KINDS.get(g.geom_type, "") for g in geometries} or {given.get("geometry", "polygon")}
    if len(kinds) != 1 or "" in kinds:
        raise InputError("图层中的几何类型不一致", file=file, field=name, mend="只放一种几何类型")
    keys = dict.fromkeys(key for f in features for key in f if key != "wkt")
    fields = {key: np.array([f.get(key) for f in features]) for key in keys}
    return Layer(kinds.pop(), int(given["epsg"]), geometries, fields)  # type: ignore[arg-type]


def read_layer_file(text: str) -> Layer:
    """Read a vector file that a user names; `FILE::FIELD` names the field that holds the codes.

    Raises:
        InputError: unreadable, no coordinate system, mixed geometry.
    """
    import pyogrio.raw
    from pyogrio.errors import DataSourceError

    from tools.geometry.crs import epsg_of_definition, require_metric

    path, _, code_field = text.partition("::")
    file = Path(path)
    try:
        meta, _, wkb, columns = pyogrio.raw.read(file, force_2d=True)
    except (DataSourceError, OSError, ValueError):
        raise InputError(
            "矢量文件打不开", file=file, mend="核对路径与格式（GeoPackage、Shapefile、GeoJSON）"
        ) from None
    if not meta["crs"]:
        raise InputError("文件没有坐标系", file=file, mend="补上 .prj 或另存为 GeoPackage")
    epsg = epsg_of_definition(meta["crs"], file=file)
    require_metric(epsg)
    fields = {str(f): np.asarray(c) for f, c in zip(meta["fields"], columns, strict=True)}
    if code_field:
        if code_field not in fields:
            raise InputError(
                f"没有字段 {code_field}", file=file, mend=f"可用字段：{'、'.join(fields)}"
            )
        fields["code"] = np.array([str(v).strip() for v in fields[code_field]])
    geometries = shapely.from_wkb(wkb)
    kinds = {_KINDS.get(g.geom_type, "") for g in geometries if g is not None}
    if len(kinds) != 1 or "" in kinds or any(g is None for g in geometries):
        raise InputError("几何类型不一致或有空几何", file=file, mend="按类型拆分，删除空几何")
    return Layer(kinds.pop(), epsg, geometries, fields)  # type: ignore[arg-type]


def read_boundary_layer(file: Path, epsg: int | None = None) -> Layer:
    """Read a project boundary in any of the five formats as a layer of one feature.

    Args:
        file: The boundary.
        epsg: Coordinate system to bring it into; None keeps its own.

    Raises:
        InputError: unreadable, or not in metres.
    """
    from tools.geometry.crs import reproject, require_metric
    from tools.geometry.read import read_boundary

    boundary = read_boundary(file)
    code = boundary.epsg if epsg is None else epsg
    require_metric(code)
    moved = reproject(boundary.geometry, boundary.epsg, code)
    return Layer("polygon", code, np.array([moved], dtype=object))


def _wrong(name: str, wanted: str, given: Any, file: object, mend: str = "") -> InputError:
    shown = f"，给的是 {given!r}" if given != "" else ""
    return InputError(
        f"需要{wanted}{shown}"[:200], file=file, field=name, mend=mend or f"把 {name} 改为{wanted}"
    )
