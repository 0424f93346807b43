"""Bring one input onto the grid as the configuration says: rasters, unit tables, stations, constants."""

from pathlib import Path
from typing import Any

import numpy as np

from cspon.errors import InputError
from cspon.schemas.spatial import LayerSpec
from tools.dual_evaluation.categories import keep_codes, take_category_layer, take_vector
from tools.dual_evaluation.config import (
    AnyInput,
    ConstantInput,
    DailyRainInput,
    DailyWindInput,
    LayerInput,
    MonthlyClimateInput,
    RasterInput,
    StationInput,
    TableInput,
    VectorInput,
)
from tools.dual_evaluation.csv_rows import number_of, read_csv
from tools.dual_evaluation.extent import unit_codes
from tools.dual_evaluation.inputs import Found, Inputs, find
from tools.dual_evaluation.rasters import UNKNOWN_CODE
from tools.dual_evaluation.stations import interpolate, read_stations
from tools.dual_evaluation.variables import Variable, conversion
from tools.geometry.crs import epsg_of_definition
from tools.raster.grid import Grid
from tools.raster.opening import open_raster
from tools.raster.sources import Source, Terrain


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
        take_vector(inputs, variable, entry)
    elif isinstance(entry, TableInput):
        _take_table(inputs, variable, entry)
    elif isinstance(entry, StationInput):
        _take_stations(inputs, variable, entry)
    elif isinstance(entry, DailyRainInput | DailyWindInput | MonthlyClimateInput):
        from tools.dual_evaluation import climate

        if isinstance(entry, DailyRainInput):
            climate.take_daily_rain(inputs, variable, entry)
        elif isinstance(entry, DailyWindInput):
            climate.take_daily_wind(inputs, variable, entry)
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


def raster_source(
    inputs: Inputs, variable: Variable, file: Path, *, unit: str, **more: Any
) -> Source:
    """Make the engine's source; a unit of the file itself counts where none is given.

    Raises:
        InputError: the unit does not fit, or the file is not on the grid and no resampling is declared.
    """
    with open_raster(file, factor=variable.title) as dataset:
        stated = (dataset.units or ("",))[0] or ""
        crs, transform, bands = dataset.crs, dataset.transform, dataset.count
        shape = (dataset.height, dataset.width)
    if bands > 1 and more.get("band") is None:
        raise InputError(
            f"因子“{variable.title}”的栅格有 {bands} 个波段",
            file=file,
            field=variable.id,
            mend="在 inputs 中用 band 写明取第几个波段",
        )
    factor = conversion(unit or stated or variable.unit, variable)
    factor *= inputs.factors.get(variable.id, 1.0)
    if crs is None:
        raise InputError(
            f"因子“{variable.title}”的栅格没有坐标系",
            file=file,
            mend="用 gdal_edit.py -a_srs 写入坐标系",
        )
    if more.get("resampling") is None:
        same = (
            shape == (inputs.grid.height, inputs.grid.width)
            and _same_place(transform, inputs.grid)
            and _same_system(crs, inputs)
        )
        if not same:
            where = "经纬度坐标系" if crs.is_geographic else f"像元 {transform.a:g}"
            raise InputError(
                f"因子“{variable.title}”的栅格（{where}）与评价格网（像元 {inputs.grid.cell:g} 米）不同",
                file=file,
                field=variable.id,
                mend="在 inputs 中写明 resampling：连续量用 bilinear 或 average，类别用 nearest 或 mode",
            )
    scale, offset = more.pop("scale", 1.0), more.pop("offset", 0.0)
    return Source(
        file=file, unit=variable.unit, scale=scale * factor, offset=offset * factor, **more
    )


def _same_place(transform: Any, grid: Grid) -> bool:
    part = 1e-6 * grid.cell
    wanted = (grid.cell, 0.0, grid.west, 0.0, -grid.cell, grid.north)
    return all(abs(a - b) <= part for a, b in zip(tuple(transform)[:6], wanted, strict=True))


def _same_system(crs: Any, inputs: Inputs) -> bool:
    return epsg_of_definition(crs.to_wkt()) == inputs.epsg


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
        keep_codes(inputs, variable, codebook[units], codes, how=how, files=files)
        return
    factor = conversion(entry.unit, variable)
    numbers = np.full(256, np.nan)
    for number, name in enumerate(names, start=1):
        if name in table:
            numbers[number] = number_of(table[name], file, entry.value) * factor
    inputs.keep(variable.id, numbers[units], how=how, files=files)


def _take_stations(inputs: Inputs, variable: Variable, entry: StationInput) -> None:
    file = inputs.path(entry.file, variable.id)
    stations = read_stations(file, entry, inputs.epsg)
    factor = conversion(entry.unit, variable)
    lapse = entry.lapse_per_100m
    if lapse is None and entry.height is not None:
        lapse = _lapse(inputs, variable)
    heights = None
    if entry.height is not None:
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
        keep_codes(inputs, variable, np.ones(shape, np.uint8), codes, how=how, files={})
        return
    if isinstance(entry.value, str):
        raise InputError(f"“{variable.title}”应为数值", field=variable.id, mend="写数值")
    inputs.keep(
        variable.id, np.full(shape, entry.value * conversion(entry.unit, variable)), how=how
    )
