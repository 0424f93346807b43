"""Bring one input onto the grid: rasters, layers, vectors, unit tables, stations, constants."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from cspon.errors import InputError
from cspon.schemas.spatial import LayerSpec
from tools.dual_evaluation.config import (
    AnyInput,
    ConstantInput,
    DailyRainInput,
    LayerInput,
    MonthlyClimateInput,
    RasterInput,
    StationInput,
    TableInput,
    VectorInput,
)
from tools.dual_evaluation.formulas import land_cover_table
from tools.dual_evaluation.inputs import (
    UNKNOWN_CODE,
    Found,
    Inputs,
    burned,
    central_place,
    raster_source,
    write_raster,
)
from tools.dual_evaluation.stations import interpolate, read_stations
from tools.dual_evaluation.variables import Variable, conversion
from tools.feature_table import read_table
from tools.geometry.crs import epsg_of_definition, reproject
from tools.layers import read_windows
from tools.raster.sources import Source, Terrain

MOST_CATEGORIES = 250
NEAR_PIECES, POINTS_AT_ONCE = 4, 100_000
LAPSED = ("accumulated_temperature",)
"""Variables that fall with height; the fall is a parameter of the scheme."""


def take(inputs: Inputs, variable: Variable, entry: AnyInput) -> None:
    """Take a variable as the configuration says.

    Raises:
        InputError: the file, field, unit or value does not fit.
    """
    if isinstance(entry, RasterInput):
        file = inputs.path(entry.file, variable.id)
        more = entry.model_dump(include={"band", "scale", "offset", "nodata", "resampling"})
        source = raster_source(inputs, variable, file, unit=entry.unit, **more)
        how = f"重采样（{entry.resampling}）" if entry.resampling else "直接读取"
        _keep_source(inputs, variable, source, how, file.name)
    elif isinstance(entry, LayerInput):
        spec = inputs.role(entry.role)
        if spec is None:
            raise InputError(
                f"图层目录没有角色为 {entry.role} 的图层", field=variable.id, mend="补充该图层"
            )
        if spec.geometry == "raster":
            take_raster_layer(inputs, variable, spec, unit=entry.unit, resampling=entry.resampling)
        else:
            take_category_layer(
                inputs,
                variable,
                spec,
                field=entry.field,
                classes=entry.classes,
                outside=entry.outside,
            )
    elif isinstance(entry, VectorInput):
        _take_vector(inputs, variable, entry)
    elif isinstance(entry, TableInput):
        _take_table(inputs, variable, entry)
    elif isinstance(entry, StationInput):
        _take_stations(inputs, variable, entry)
    elif isinstance(entry, DailyRainInput | MonthlyClimateInput):
        from tools.dual_evaluation import climate

        if isinstance(entry, DailyRainInput):
            climate.take_daily_rain(inputs, variable, entry)
        else:
            climate.take_monthly_climate(inputs, variable, entry)
    else:
        _take_constant(inputs, variable, entry)


def _keep_source(
    inputs: Inputs, variable: Variable, source: Source, how: str, name: str, date: str = ""
) -> None:
    taken: Source | Terrain = source
    if variable.id == "elevation":
        taken = Terrain(measure="elevation", dem=source)
    codes: dict[str, int] = {}
    inputs.found[variable.id] = Found(
        variable, taken, how, codes, {name: inputs.digest(source.file)}, date
    )


def take_raster_layer(
    inputs: Inputs, variable: Variable, spec: LayerSpec, *, unit: str = "", resampling: Any = None
) -> None:
    """Take a raster layer of the catalogue."""
    file = inputs.folder / spec.path
    if variable.id == "elevation" and inputs.config.grid.cell is not None and resampling is None:
        resampling = "bilinear"
    source = raster_source(inputs, variable, file, unit=unit, resampling=resampling)
    how = f"图层“{spec.title}”" + (f"，重采样（{resampling}）" if resampling else "")
    _keep_source(inputs, variable, source, how, spec.name, spec.date)


def take_category_layer(
    inputs: Inputs,
    variable: Variable,
    spec: LayerSpec,
    *,
    field: str | None,
    classes: dict[str, str],
    outside: str | None,
) -> None:
    """Burn a polygon layer's categories."""
    column = field or spec.name_field
    if column is None or spec.geometry != "polygon":
        raise InputError(
            f"图层“{spec.title}”不能作为“{variable.title}”的类别图层",
            layer=spec.name,
            field=variable.id,
            mend="给出面图层，并在 inputs 中写明 field",
        )
    geometries: list[Any] = []
    values: list[str] = []
    for window in read_table(spec, inputs.folder, inputs.area, (column,)):
        geometries += list(window.geometries)
        values += [str(v).strip() for v in window.columns[column]]
    _burn_categories(
        inputs, variable, geometries, values, spec.epsg, classes, outside,
        how=f"图层“{spec.title}”栅格化", name=spec.name,
        digest=inputs.digest(inputs.folder / spec.path), date=spec.date,
    )  # fmt: skip


def _take_vector(inputs: Inputs, variable: Variable, entry: VectorInput) -> None:
    import pyogrio.raw
    from pyogrio.errors import DataLayerError, DataSourceError

    file = inputs.path(entry.file, variable.id)
    try:
        meta, _, geometry, columns = pyogrio.raw.read(
            file, layer=entry.layer, columns=[entry.field]
        )
    except (DataSourceError, DataLayerError, ValueError) as error:
        raise InputError(
            f"因子“{variable.title}”的矢量文件读不了（{error}）",
            file=file,
            mend="核对图层名与字段名",
        ) from None
    if entry.field not in meta["fields"]:
        raise InputError("没有这个字段", file=file, field=entry.field, mend="核对字段名")
    epsg = epsg_of_definition(meta["crs"] or "", file=file)
    _burn_categories(
        inputs, variable, list(shapely.from_wkb(geometry)), [str(v) for v in columns[0]], epsg,
        entry.classes, None, how="矢量图层栅格化", name=file.name, digest=inputs.digest(file),
    )  # fmt: skip


def _burn_categories(
    inputs: Inputs,
    variable: Variable,
    geometries: Sequence[Any],
    values: Sequence[str],
    epsg: int,
    classes: dict[str, str],
    outside: str | None,
    *,
    how: str,
    name: str,
    digest: str,
    date: str = "",
) -> None:
    named = [classes.get(value, value) for value in values]
    known = sorted({*named, *([outside] if outside else [])})
    if len(known) > MOST_CATEGORIES:
        raise InputError(
            f"因子“{variable.title}”有 {len(known)} 个不同取值，不像类别",
            field=variable.id,
            mend="在 inputs 中用 classes 归并",
        )
    codes = {category: code for code, category in enumerate(known, start=1)}
    shapes = [
        (reproject(g, epsg, inputs.epsg), codes[c])
        for g, c in zip(geometries, named, strict=True)
        if g is not None
    ]
    values_ = burned(shapes, inputs.grid, fill=codes[outside] if outside else 0)
    _keep_codes(inputs, variable, values_, codes, how=how, files={name: digest}, date=date)


def _keep_codes(
    inputs: Inputs,
    variable: Variable,
    values: npt.NDArray[np.uint8],
    codes: dict[str, int],
    *,
    how: str,
    files: dict[str, str],
    date: str = "",
) -> None:
    file = inputs.work / f"{variable.id}.tif"
    kept = np.where(inputs.inside, values, UNKNOWN_CODE).astype(np.uint8)
    write_raster(file, kept, inputs.grid, nodata=UNKNOWN_CODE)
    inputs.found[variable.id] = Found(variable, Source(file=file), how, codes, files, date)


def _take_table(inputs: Inputs, variable: Variable, entry: TableInput) -> None:
    """Give every unit its value; a unit without a row is unknown."""
    file = inputs.path(entry.file, variable.id)
    rows = read_csv(file, (entry.key, entry.value))
    table = {row[entry.key].strip(): row[entry.value].strip() for row in rows}
    names, units = unit_codes(inputs)
    unknown = sorted(set(table) - set(names))
    if unknown:
        raise InputError(
            f"表中的“{unknown[0]}”不是评价单元",
            file=file,
            field=entry.key,
            mend=f"评价单元：{'、'.join(names)}",
        )
    lacking = [name for name in names if name not in table]
    if lacking:
        inputs.notices.append(f"“{variable.title}”没有这些单元的值：{'、'.join(lacking)}")
    how, files = "评价单元表", {file.name: inputs.digest(file)}
    if variable.category:
        known = sorted(set(table.values()))
        codes = {category: code for code, category in enumerate(known, start=1)}
        codebook = np.full(256, UNKNOWN_CODE, np.uint8)
        for number, name in enumerate(names, start=1):
            if name in table:
                codebook[number] = codes[table[name]]
        _keep_codes(inputs, variable, codebook[units], codes, how=how, files=files)
        return
    factor = conversion(entry.unit, variable)
    numbers = np.full(256, np.nan)
    for number, name in enumerate(names, start=1):
        if name in table:
            numbers[number] = number_of(table[name], file, entry.value) * factor
    inputs.keep(variable.id, numbers[units], how=how, files=files)


def unit_codes(inputs: Inputs) -> tuple[tuple[str, ...], npt.NDArray[np.uint8]]:
    """Return the units' names and, on the grid, the unit of each cell (1 first, 0 none).

    Raises:
        InputError: no such layer, or more units than a byte holds.
    """
    spec = inputs.role(inputs.config.unit_role)
    if spec is None:
        raise InputError(
            f"图层目录没有评价单元图层（角色 {inputs.config.unit_role}）",
            field="unit_role",
            mend="补充该图层，或改 unit_role",
        )
    window = inputs.area if inputs.area is not None else shapely.box(-1e9, -1e9, 1e9, 1e9)
    named: dict[str, list[Any]] = {}
    for part in read_windows(spec, inputs.folder, window):
        for name, geometry in zip(part.names.tolist(), part.geometries, strict=True):
            named.setdefault(name, []).append(reproject(geometry, spec.epsg, inputs.epsg))
    if len(named) > 254:
        raise InputError("评价单元超过 254 个", layer=spec.name, mend="用上一级行政区作单元")
    names = tuple(sorted(named))
    shapes = [(shapely.union_all(named[n]), k) for k, n in enumerate(names, start=1)]
    return names, np.where(inputs.inside, burned(shapes, inputs.grid), 0).astype(np.uint8)


def _take_stations(inputs: Inputs, variable: Variable, entry: StationInput) -> None:
    file = inputs.path(entry.file, variable.id)
    stations = read_stations(file, entry, inputs.epsg)
    factor = conversion(entry.unit, variable)
    lapse = entry.lapse_per_100m
    if lapse is None and entry.height is not None:
        lapse = _lapse(inputs, variable)
    heights = None
    if entry.height is not None:
        from tools.dual_evaluation.inputs import find

        if not find(inputs, "elevation"):
            raise InputError("高程订正需要数字高程模型", field=variable.id, mend="补充 elevation")
        heights = inputs.read("elevation")
    values, quality = interpolate(
        stations, inputs.grid, factor=factor, lapse_per_100m=lapse or 0.0, heights=heights,
        smoothing=entry.smoothing,
    )  # fmt: skip
    if variable.range is not None:
        values = np.clip(values, *variable.range)
    how = f"{quality['stations']} 个站点薄板样条插值" + ("，按高程订正" if lapse else "")
    inputs.keep(variable.id, values, how=how, files={file.name: inputs.digest(file)}, extra=quality)


def _lapse(inputs: Inputs, variable: Variable) -> float:
    """Return the fall of a variable for every 100 m, in its unit."""
    parameters = inputs.scheme.parameters
    if variable.id == "accumulated_temperature":
        return parameters["temperature_lapse"].value * parameters["lapse_days"].value
    raise InputError(
        f"“{variable.title}”随高程的递减率没有写明",
        field=f"inputs.{variable.id}.lapse_per_100m",
        mend="写明 lapse_per_100m（每升高 100 米减少多少）",
    )


def _take_constant(inputs: Inputs, variable: Variable, entry: ConstantInput) -> None:
    how = f"常数（{entry.why}）"
    shape = (inputs.grid.height, inputs.grid.width)
    if variable.category:
        codes = {str(entry.value): 1}
        _keep_codes(inputs, variable, np.ones(shape, np.uint8), codes, how=how, files={})
        return
    if isinstance(entry.value, str):
        raise InputError(f"“{variable.title}”应为数值", field=variable.id, mend="写数值")
    inputs.keep(
        variable.id, np.full(shape, entry.value * conversion(entry.unit, variable)), how=how
    )


def _land_cover(inputs: Inputs, variable: Variable) -> bool:
    """Cover classes from the land-use codes."""
    spec = inputs.role("land_use")
    if spec is None:
        return False
    if spec.code_scheme != "ydyh_2023":
        inputs.missing[variable.id] = f"图层“{spec.title}”不是用地用海分类（{spec.code_scheme}）"
        return False
    by_prefix = {
        prefix: int(entry["code"])
        for entry in land_cover_table()["classes"].values()
        for prefix in entry["prefixes"]
    }
    longest = sorted(by_prefix, key=len, reverse=True)
    values = np.zeros((inputs.grid.height, inputs.grid.width), np.uint8)
    window = inputs.area if inputs.area is not None else shapely.box(-1e9, -1e9, 1e9, 1e9)
    for part in read_windows(spec, inputs.folder, window):
        shapes = []
        for geometry, code in zip(part.geometries, part.codes.tolist(), strict=True):
            prefix = next((p for p in longest if code.startswith(p)), None)
            if prefix is not None:
                shapes.append((reproject(geometry, spec.epsg, inputs.epsg), by_prefix[prefix]))
        values = np.maximum(values, burned(shapes, inputs.grid)) if shapes else values
    values[values == 0] = UNKNOWN_CODE
    codes = {name: int(entry["code"]) for name, entry in land_cover_table()["classes"].items()}
    _keep_codes(
        inputs, variable, values, codes, how=f"图层“{spec.title}”按用地用海编码归类、栅格化",
        files={spec.name: inputs.digest(inputs.folder / spec.path)}, date=spec.date,
    )  # fmt: skip
    return True


def _fault_distance(inputs: Inputs, variable: Variable) -> bool:
    """Distance of cell centres to the nearest fault, from the nearest of its short pieces."""
    from scipy.spatial import cKDTree

    spec = inputs.role("fault_lines")
    if spec is None:
        return False
    lines = [
        reproject(g, spec.epsg, inputs.epsg)
        for part in read_windows(spec, inputs.folder, shapely.box(-1e9, -1e9, 1e9, 1e9))
        for g in part.geometries
    ]
    if not lines:
        return False
    grid = inputs.grid
    dense, line_of = shapely.get_coordinates(
        shapely.segmentize(shapely.get_parts(lines), grid.cell), return_index=True
    )
    joined = line_of[1:] == line_of[:-1]
    start_, along = dense[:-1][joined], (dense[1:] - dense[:-1])[joined]
    tree = cKDTree(start_ + along / 2)
    rows, columns = np.nonzero(inputs.inside)
    result = np.full((grid.height, grid.width), np.nan)
    for start in range(0, len(rows), POINTS_AT_ONCE):
        r, c = rows[start : start + POINTS_AT_ONCE], columns[start : start + POINTS_AT_ONCE]
        x, y = grid.west + grid.cell * (c + 0.5), grid.north - grid.cell * (r + 0.5)
        places = np.column_stack([x, y])[:, None, :]
        near = tree.query(places[:, 0], k=min(NEAR_PIECES, len(along)))[1].reshape(len(r), -1)
        offset, direction = places - start_[near], along[near]
        share = (offset * direction).sum(axis=2) / np.maximum((direction**2).sum(axis=2), 1e-12)
        foot = np.clip(share, 0, 1)[:, :, None] * direction
        result[r, c] = np.hypot(*np.moveaxis(offset - foot, 2, 0)).min(axis=1)
    inputs.keep(
        variable.id, result, how=f"到图层“{spec.title}”的距离", date=spec.date,
        files={spec.name: inputs.digest(inputs.folder / spec.path)},
    )  # fmt: skip
    return True


def _travel_minutes(inputs: Inputs, variable: Variable) -> bool:
    """Travel time to the central town along the roads."""
    from tools.dual_evaluation.travel import travel_minutes

    spec = inputs.role("roads")
    if spec is None:
        return False
    centre = central_place(inputs)
    if centre is None:
        inputs.missing[variable.id] = "没有中心城区位置（centre）"
        return False
    if inputs.config.centre is None:
        inputs.notices.append(
            f"中心城区位置取城镇开发边界最大一片内的点（{centre[0]:.0f}，{centre[1]:.0f}）"
        )
    values, notices = travel_minutes(inputs, spec, centre)
    inputs.notices += notices
    inputs.keep(
        variable.id, values, how=f"沿图层“{spec.title}”的最短车程，路网外按步行", date=spec.date,
        files={spec.name: inputs.digest(inputs.folder / spec.path)},
    )  # fmt: skip
    return True


FROM_LAYER: dict[str, Callable[[Inputs, Variable], bool]] = {
    "land_cover": _land_cover,
    "fault_distance": _fault_distance,
    "travel_minutes": _travel_minutes,
}
"""Variables that their layer gives in a way of its own."""


def read_csv(file: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read a CSV with a heading.

    Raises:
        InputError: not UTF-8, or a column is not there.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle)
            heading = reader.fieldnames or []
            for column in columns:
                if column not in heading:
                    raise InputError(
                        f"没有列“{column}”",
                        file=file,
                        field=column,
                        mend=f"已有：{'、'.join(heading)}",
                    )
            return [dict(row) for row in reader]
    except UnicodeDecodeError:
        raise InputError("不是 UTF-8 文本", file=file, mend="另存为 UTF-8 编码的 CSV") from None


def number_of(text: str, file: Path, field: str, row: int | None = None) -> float:
    """Return a finite number.

    Raises:
        InputError: it is none.
    """
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = float("nan")
    if not np.isfinite(value):
        raise InputError(
            f"“{text}”不是数", file=file, field=field, row=row, mend="改为数值或删去该行"
        )
    return value
