"""Look at a source before the run: bands, types, no data, units and grid; refuse what does not fit."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from cspon.errors import InputError
from tools.raster.grid import Grid, grid_of
from tools.raster.opening import open_raster
from tools.raster.sources import Source
from tools.raster.units import canonical, conversion

_READ_AS = {
    "uint8": "uint8",
    "int8": "int16",
    "int16": "int16",
    "uint16": "uint16",
    "int32": "int32",
    "uint32": "float64",
    "int64": "float64",
    "uint64": "float64",
    "float16": "float32",
    "float32": "float32",
    "float64": "float64",
}
_INDEX_OF_UNIT = {"metre": "m", "meter": "m", "meters": "m", "metres": "m", "millimeter": "mm",
                  "degrees": "degree", "percent": "%"}  # fmt: skip


@dataclass(frozen=True)
class Look:
    """What was learnt of a source."""

    dtype: str
    """Type that the values are read as."""
    nodata: float | None
    """Stored value of no data, if it can occur in `dtype`."""
    tile_rows: int
    overviews: bool


def look_at(source: Source, grid: Grid, factor: str) -> Look:
    """Check a source against the grid.

    Raises:
        InputError: several bands, complex numbers, masks, another grid, a unit or scale that the file
            declares otherwise; the message names factor and file.
    """
    with open_raster(source.file, factor=factor) as dataset:
        band = _band(dataset, source, factor)
        stored = str(dataset.dtypes[band - 1])
        if stored not in _READ_AS:
            raise InputError(
                f"因子“{factor}”的栅格类型 {stored} 不受支持",
                file=source.file,
                mend="转换为实数类型",
            )
        _check_declarations(dataset, band, source, factor)
        dtype = _READ_AS[stored]
        nodata = source.nodata if source.nodata is not None else dataset.nodatavals[band - 1]
        nodata = _usable(nodata, dtype)
        if source.resampling is None:
            _require_grid(dataset, grid, source, factor)
        else:
            _require_warpable(dataset, grid, source, factor, nodata)
            if source.resampling in ("bilinear", "average") and dtype != "float64":
                dtype = "float32"
        return Look(
            dtype, nodata, int(dataset.block_shapes[band - 1][0]), bool(dataset.overviews(band))
        )


def stored_scale(source: Source, unit: str, factor: str) -> tuple[Fraction, Fraction]:
    """Return scale and offset that take stored values to a factor's unit, exactly.

    Raises:
        InputError: the source declares no unit where one is wanted, or one that does not convert.
    """
    if unit and not source.unit:
        raise InputError(
            f"因子“{factor}”按“{unit}”分级，数据源没有声明单位",
            file=source.file,
            field="unit",
            mend="在 source 下写明 unit；单位不从数值猜测",
        )
    factor_of_unit = conversion(source.unit, unit) if unit else Fraction(1)
    if factor_of_unit is None:
        percent = {canonical(source.unit), canonical(unit)} <= {"percent_slope", "%", "degree"}
        raise InputError(
            f"因子“{factor}”按“{unit}”分级，数据源单位为“{source.unit}”，两者不能换算",
            file=source.file,
            field="unit",
            mend="百分比坡度不能当作度：请由高程重算坡度，或把分级界值改为百分比"
            if percent
            else "改正单位，或提供所需单位的数据",
        )
    scale, offset = Fraction(str(source.scale)), Fraction(str(source.offset))
    return scale * factor_of_unit, offset * factor_of_unit


def _band(dataset: Any, source: Source, factor: str) -> int:
    if source.band is None and dataset.count != 1:
        raise InputError(
            f"因子“{factor}”的栅格有 {dataset.count} 个波段，没有指明用哪一个",
            file=source.file,
            field="band",
            mend="在 source 下写明 band；三波段的彩色图片不是因子数据",
        )
    band = source.band or 1
    if band > dataset.count:
        raise InputError(
            f"因子“{factor}”的栅格没有第 {band} 波段（共 {dataset.count} 个）",
            file=source.file,
            field="band",
        )
    return band


def _check_declarations(dataset: Any, band: int, source: Source, factor: str) -> None:
    from rasterio.enums import MaskFlags

    flags = dataset.mask_flag_enums[band - 1]
    if MaskFlags.per_dataset in flags:
        raise InputError(
            f"因子“{factor}”的栅格用掩膜或透明波段表示无数据",
            file=source.file,
            mend="用 gdal_translate 改为 nodata 值",
        )
    scale, offset = dataset.scales[band - 1], dataset.offsets[band - 1]
    declared = (scale, offset) != (1.0, 0.0)
    if declared and (scale, offset) != (source.scale, source.offset):
        raise InputError(
            f"因子“{factor}”的文件声明了 scale={scale:g}、offset={offset:g}，"
            f"配置为 scale={source.scale:g}、offset={source.offset:g}",
            file=source.file,
            field="scale",
            mend="在 source 下写明与文件相同的 scale 和 offset，或改正文件",
        )
    unit = dataset.units[band - 1]
    if unit and source.unit:
        stated = canonical(_INDEX_OF_UNIT.get(unit.lower(), unit))
        if conversion(stated, source.unit) not in (None, 1):
            raise InputError(
                f"因子“{factor}”的文件声明单位为“{unit}”，配置为“{source.unit}”",
                file=source.file,
                field="unit",
                mend="核对单位后改正其中之一",
            )


def _usable(nodata: float | None, dtype: str) -> float | None:
    """Return no data as it can occur in a type; what the type cannot hold does not occur."""
    if nodata is None:
        return None
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return float(kind.type(nodata))
    info = np.iinfo(kind)
    if nodata != nodata or nodata != int(nodata) or not info.min <= nodata <= info.max:
        return None
    return float(nodata)


def _require_grid(dataset: Any, grid: Grid, source: Source, factor: str) -> None:
    difference = grid.differs(grid_of(dataset, file=source.file, factor=factor))
    if difference is not None:
        raise InputError(
            f"因子“{factor}”的栅格与评价格网不同：{difference}",
            file=source.file,
            mend="先对齐格网；或在 source 下写明 resampling（nearest、bilinear、average、mode）",
        )


def _require_warpable(
    dataset: Any, grid: Grid, source: Source, factor: str, nodata: float | None
) -> None:
    """Refuse to warp a raster without no data over a grid that it does not cover."""
    from rasterio.warp import transform_bounds

    if dataset.crs is None:
        raise InputError(
            f"因子“{factor}”的栅格没有坐标系，不能重采样",
            file=source.file,
            mend="用 gdal_edit.py -a_srs 写入坐标系",
        )
    west, south, east, north = transform_bounds(grid.crs, dataset.crs, *grid.bounds, densify_pts=21)
    bounds = dataset.bounds
    left, right = sorted((bounds.left, bounds.right))
    bottom, top = sorted((bounds.bottom, bounds.top))
    if east <= left or west >= right or north <= bottom or south >= top:
        raise InputError(
            f"因子“{factor}”的栅格与评价范围不相交",
            file=source.file,
            mend="核对坐标系（是否缺带号、经纬度是否颠倒）与范围",
        )
    covered = left <= west and right >= east and bottom <= south and top >= north
    if nodata is None and not covered:
        raise InputError(
            f"因子“{factor}”的栅格没有覆盖评价范围，又没有 nodata 值，范围外无法表示",
            file=source.file,
            field="nodata",
            mend="在 source 下写明 nodata（一个数据中不出现的值）",
        )
