"""Bring one input onto the grid as the configuration says: rasters, unit tables, stations, constants."""

from contextlib import ExitStack
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
from tools.dual_evaluation.interpolation import doubtful, interpolate
from tools.dual_evaluation.rasters import NAN, UNKNOWN_CODE, raster_writer, row_strips, source_rows
from tools.dual_evaluation.stations import read_stations
from tools.dual_evaluation.variables import Variable, conversion, spelling
from tools.raster.inputs import look_at
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
        _keep_source(inputs, variable, source, how, {file.name: inputs.digest(file)})
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
    inputs: Inputs,
    variable: Variable,
    source: Source,
    how: str,
    files: dict[str, str],
    date: str = "",
) -> None:
    taken: Source | Terrain = source
    if variable.id == "elevation":
        taken = Terrain(measure="elevation", dem=source)
    inputs.found[variable.id] = Found(variable, taken, how, {}, files, date)


def take_raster_layer(
    inputs: Inputs, variable: Variable, spec: LayerSpec, *, unit: str = "", resampling: Any = None
) -> None:
    """Take a raster layer of the catalogue."""
    file = inputs.folder / spec.path
    if variable.id == "elevation" and inputs.config.grid.cell is not None and resampling is None:
        resampling = "bilinear"
    source = raster_source(inputs, variable, file, unit=unit, resampling=resampling)
    how = f"图层“{spec.title}”" + (f"，重采样（{resampling}）" if resampling else "")
    _keep_source(inputs, variable, source, how, {spec.name: inputs.state(spec)}, spec.date)


def raster_source(
    inputs: Inputs, variable: Variable, file: Path, *, unit: str, **more: Any
) -> Source:
    """Make the engine's source; a unit of the file itself counts where none is given.

    Raises:
        InputError: the unit does not fit, or the file is not on the grid and no resampling is declared.
    """
    if variable.category:
        raise InputError(
            f"“{variable.title}”是类别，不能由栅格的数值给出",
            file=file,
            field=variable.id,
            mend="把栅格转为面（gdal_polygonize.py）后用 kind: vector 给出，或用 table、constant",
        )
    with open_raster(file, factor=variable.title) as dataset:
        bands = dataset.count
        degrees = dataset.crs is not None and dataset.crs.is_geographic
        band = more.get("band") or 1
        stated = (dataset.units[band - 1] if band <= bands else "") or ""
        written = dataset.scales[band - 1] if band <= bands else 1.0
    if bands > 1 and more.get("band") is None:
        raise InputError(
            f"因子“{variable.title}”的栅格有 {bands} 个波段",
            file=file,
            field=variable.id,
            mend=f"在 inputs.{variable.id} 中用 band 写明取第几个波段；三波段的彩色图片不是因子数据",
        )
    if degrees and more.get("resampling") is None:
        raise InputError(
            f"因子“{variable.title}”的栅格是经纬度坐标系，与评价格网（EPSG:{inputs.epsg}，"
            f"像元 {inputs.grid.cell:g} 米）不同",
            file=file,
            field=variable.id,
            mend=f"在 inputs.{variable.id} 中写明 resampling（连续量用 bilinear 或 average），"
            "由系统重采样到评价格网",
        )
    used = unit or stated or variable.unit
    factor = conversion(used, variable) * inputs.factors.get(variable.id, 1.0)
    scale, offset = more.pop("scale", 1.0), more.pop("offset", 0.0)
    source = Source(file=file, unit=spelling(used), scale=scale, offset=offset, **more)
    _look(source, inputs, variable)
    if factor == 1:
        return source.model_copy(update={"unit": variable.unit})
    if stated or written != 1:
        return _converted(inputs, variable, source, factor)
    return Source(
        file=file, unit=variable.unit, scale=scale * factor, offset=offset * factor, **more
    )


def _look(source: Source, inputs: Inputs, variable: Variable) -> None:
    """Let the engine look at the file first; its words are about plans, these about `inputs`."""
    try:
        look_at(source, inputs.grid, variable.title)
    except InputError as error:
        mend = error.mend.replace("该因子的 source 下", f" inputs.{variable.id} 下")
        raise InputError(
            error.message,
            file=error.file,
            field=variable.id,
            mend=mend.replace("source 下", f"inputs.{variable.id} 下"),
        ) from None


def _converted(inputs: Inputs, variable: Variable, source: Source, factor: float) -> Source:
    """Write the values in the variable's unit; the engine takes a file that states another at its word."""
    file = inputs.work / f"{variable.id}_converted.tif"
    with (
        source_rows(source, inputs.grid, factor=variable.title) as rows,
        raster_writer(file, inputs.grid, dtype="float32", nodata=NAN) as write,
    ):
        for part in row_strips(inputs.grid.height):
            write(part.start, (rows(part.start, part.stop) * factor).astype(np.float32))
    return Source(file=file, unit=variable.unit)


def _take_table(inputs: Inputs, variable: Variable, entry: TableInput) -> None:
    """Give every unit its value; a unit without a row is unknown."""
    file = inputs.path(entry.file, variable.id)
    names, units = unit_codes(inputs)
    table: dict[str, tuple[int, str]] = {}
    for line, row in enumerate(read_csv(file, (entry.key, entry.value)), start=2):
        name, text = row[entry.key].strip(), row[entry.value].strip()
        if name not in names:
            raise InputError(
                f"表中的“{name}”不是评价单元（因子“{variable.title}”）",
                file=file, row=line, field=entry.key, mend=f"评价单元：{'、'.join(names)}",
            )  # fmt: skip
        if name in table:
            raise InputError(
                f"单元“{name}”与第 {table[name][0]} 行重复", file=file, row=line, field=entry.key,
                mend="每个单元只留一行",
            )  # fmt: skip
        table[name] = line, text
    lacking = [name for name in names if not table.get(name, (0, ""))[1]]
    if lacking:
        inputs.notices.append(f"“{variable.title}”没有这些单元的值：{'、'.join(lacking)}")
    given = {name: at for name, at in table.items() if at[1]}
    how, files = "评价单元表", {file.name: inputs.digest(file)}
    if variable.category:
        known = sorted({text for _, text in given.values()})
        codes = {category: code for code, category in enumerate(known, start=1)}
        codebook = np.full(256, UNKNOWN_CODE, np.uint8)
        for number, name in enumerate(names, start=1):
            if name in given:
                codebook[number] = codes[given[name][1]]
        keep_codes(inputs, variable, codebook[units], codes, how=how, files=files)
        return
    factor = conversion(entry.unit, variable)
    numbers = np.full(256, np.nan)
    for number, name in enumerate(names, start=1):
        if name in given:
            line, text = given[name]
            numbers[number] = number_of(text, file, entry.value, line) * factor
    parts = ((part, numbers[units[part]]) for part in row_strips(inputs.grid.height))
    inputs.keep_strips(variable.id, parts, how=how, files=files)


def _take_stations(inputs: Inputs, variable: Variable, entry: StationInput) -> None:
    file = inputs.path(entry.file, variable.id)
    factor = conversion(entry.unit, variable)
    plausible = variable.range
    if plausible is not None:
        plausible = plausible[0] / factor, plausible[1] / factor
    stations = read_stations(
        file, entry, inputs.epsg, bounds=inputs.grid.bounds, plausible=plausible
    )
    lapse = entry.lapse_per_100m
    if lapse is None and entry.height is not None:
        lapse = _lapse(inputs, variable)
    with ExitStack() as stack:
        heights = None
        if entry.height is not None:
            if not find(inputs, "elevation"):
                raise InputError(
                    "高程订正需要数字高程模型", field=variable.id, mend="补充 elevation"
                )
            heights = stack.enter_context(inputs.rows("elevation"))
        strips, quality = interpolate(
            stations, inputs.grid, factor=factor, lapse_per_100m=lapse or 0.0, heights=heights,
            smoothing=entry.smoothing,
        )  # fmt: skip
        if variable.range is not None:
            low, high = variable.range
            strips = ((part, np.clip(values, low, high)) for part, values in strips)
        inputs.notices += doubtful(variable.title, quality)
        how = f"{quality['stations']} 个站点薄板样条插值" + ("，按高程订正" if lapse else "")
        inputs.keep_strips(
            variable.id, strips, how=how, files={file.name: inputs.digest(file)}, extra=quality
        )


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
    if variable.category:
        codes = {str(entry.value): 1}
        shape = (inputs.grid.height, inputs.grid.width)
        keep_codes(inputs, variable, np.ones(shape, np.uint8), codes, how=how, files={})
        return
    if isinstance(entry.value, str):
        raise InputError(f"“{variable.title}”应为数值", field=variable.id, mend="写数值")
    value = entry.value * conversion(entry.unit, variable)
    inputs.keep_strips(
        variable.id,
        (
            (part, np.full((part.stop - part.start, inputs.grid.width), value))
            for part in row_strips(inputs.grid.height)
        ),
        how=how,
    )
