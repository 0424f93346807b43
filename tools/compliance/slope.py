"""Measure slope within a project from an elevation raster, as `gdaldem slope` does (Horn 1981).

Cells whose slope needs a missing neighbour have none, as in GDAL. Area over a threshold is the area of
the steep cells, clipped to the project.
"""

from dataclasses import dataclass
from math import ceil, floor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from cspon.errors import InputError, missing_extra
from cspon.schemas.spatial import LayerSpec
from tools.compliance.patches import SLIVER_M2, Patches, patches

MOST_CELLS = 50_000_000
"""Of the window around a project: 200 MB of elevations."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SlopeMeasure:
    """Slope within a project."""

    spec: LayerSpec
    cell_m: float
    max_degrees: float
    mean_degrees: float
    over: dict[float, Patches]
    """Patches steeper than a threshold in degrees."""
    unknown_m2: float
    """Planar area of the project without slope."""


def measure_slope(
    project: BaseGeometry,
    spec: LayerSpec,
    folder: Path,
    thresholds: set[float],
    *,
    sliver_m2: float = SLIVER_M2,
) -> SlopeMeasure | None:
    """Measure slope within a project.

    Args:
        project: Valid (Multi)Polygon in `spec.epsg`.
        spec: The elevation raster, metres in both directions.
        folder: Folder of the catalogue.
        thresholds: Degrees.
        sliver_m2: Smallest patch that counts.

    Returns:
        None where the raster says nothing about the project.

    Raises:
        InputError: no such file, not one band of elevations, or another coordinate system.
        SetupError: rasterio is not installed.
    """
    heights, transform = read_elevation(project, spec, folder)
    if heights is None:
        return None
    from rasterio.features import rasterize, shapes

    width, height = transform.a, -transform.e
    degrees = slope_degrees(heights, width, height)
    touched = rasterize(
        [project], degrees.shape, transform=transform, all_touched=True, dtype="uint8"
    ).astype(bool)
    known = touched & np.isfinite(degrees)
    if not known.any():
        return None
    centred = known & rasterize(
        [project], degrees.shape, transform=transform, dtype="uint8"
    ).astype(bool)
    over = {}
    for threshold in thresholds:
        steep = (known & (degrees > threshold)).astype(np.uint8)
        parts = [shapely.geometry.shape(s) for s, _ in shapes(steep, steep == 1, 4, transform)]
        steep_land = shapely.intersection(project, shapely.union_all(parts))
        over[threshold] = patches(steep_land, spec.epsg, sliver_m2)
    return SlopeMeasure(
        spec=spec,
        cell_m=float(width),
        max_degrees=float(degrees[known].max()),
        mean_degrees=float(degrees[centred if centred.any() else known].mean()),
        over=over,
        unknown_m2=_unknown_m2(project, touched & ~known, transform, heights.shape, shapes),
    )


def _unknown_m2(
    project: BaseGeometry, unknown: npt.NDArray[np.bool_], transform: Any, shape: Any, shapes: Any
) -> float:
    """Return the area of a project in cells without slope, or outside the raster."""
    corner_x, corner_y = transform.c + shape[1] * transform.a, transform.f + shape[0] * transform.e
    raster = shapely.box(transform.c, corner_y, corner_x, transform.f)
    parts = [
        shapely.geometry.shape(s)
        for s, _ in shapes(unknown.astype(np.uint8), unknown, 4, transform)
    ]
    inside = shapely.intersection(project, shapely.union_all(parts)).area
    return float(inside + shapely.difference(project, raster).area)


def slope_degrees(heights: Floats, cell_width: float, cell_height: float) -> Floats:
    """Return the slope of every cell in degrees by Horn's eight neighbours.

    Args:
        heights: Metres, rows from north to south, NaN where unknown.
        cell_width: Metres.
        cell_height: Metres.

    Returns:
        The same shape; NaN at the edges and beside unknown cells.
    """
    slope = np.full(heights.shape, np.nan)
    if min(heights.shape) < 3:
        return slope
    z = heights
    west = z[:-2, :-2] + 2 * z[1:-1, :-2] + z[2:, :-2]
    east = z[:-2, 2:] + 2 * z[1:-1, 2:] + z[2:, 2:]
    north = z[:-2, :-2] + 2 * z[:-2, 1:-1] + z[:-2, 2:]
    south = z[2:, :-2] + 2 * z[2:, 1:-1] + z[2:, 2:]
    along_x, along_y = (west - east) / (8 * cell_width), (south - north) / (8 * cell_height)
    inner = np.degrees(np.arctan(np.hypot(along_x, along_y)))
    slope[1:-1, 1:-1] = np.where(np.isfinite(z[1:-1, 1:-1]), inner, np.nan)
    return slope


def read_elevation(
    project: BaseGeometry, spec: LayerSpec, folder: Path
) -> tuple[Floats | None, Any]:
    """Read the elevations around a project, one cell wider; None where the raster does not reach."""
    try:
        import rasterio
        from rasterio.errors import RasterioIOError
    except ImportError:
        raise missing_extra("rasterio", "core") from None
    file = folder / spec.path
    if not file.is_file():
        raise InputError(
            f"图层“{spec.title}”的文件不存在",
            file=file,
            layer=spec.name,
            field="path",
            mend="放入该文件，或从 layers.yaml 中删除这个图层（相关规则将判为“数据缺失”）",
        )
    try:
        with rasterio.open(file) as raster:
            _check_raster(raster, spec, file)
            window = _around(project.bounds, raster)
            if window is None:
                return None, None
            if window.width * window.height > MOST_CELLS:
                raise InputError(
                    f"项目范围内的高程格网过大（{window.width * window.height:.0f} 格）",
                    file=file,
                    layer=spec.name,
                    mend="用较粗的高程格网，或把项目分块检查",
                )
            heights = raster.read(1, window=window, masked=True, out_dtype="float64")
            grid = raster.transform
            east = grid.c + window.col_off * grid.a
            north = grid.f + window.row_off * grid.e
            return np.ma.filled(heights, np.nan), type(grid)(grid.a, 0.0, east, 0.0, grid.e, north)
    except RasterioIOError as error:
        raise InputError(
            f"高程栅格无法读取（{error}）", file=file, layer=spec.name, mend="重新导出为 GeoTIFF"
        ) from None


def _around(bounds: tuple[float, float, float, float], raster: Any) -> Any:
    """Return the window of a raster around a box, two cells wider; None where they do not meet."""
    from rasterio.windows import Window

    grid = raster.transform
    left, right = (bounds[0] - grid.c) / grid.a, (bounds[2] - grid.c) / grid.a
    top, bottom = (bounds[3] - grid.f) / grid.e, (bounds[1] - grid.f) / grid.e
    first_column, last_column = max(0, floor(left) - 2), min(raster.width, ceil(right) + 2)
    first_row, last_row = max(0, floor(top) - 2), min(raster.height, ceil(bottom) + 2)
    if first_column >= last_column or first_row >= last_row:
        return None
    return Window(first_column, first_row, last_column - first_column, last_row - first_row)


def _check_raster(raster: Any, spec: LayerSpec, file: Path) -> None:
    turned = raster.transform.b or raster.transform.d or raster.transform.e > 0
    found = raster.crs.to_epsg() if raster.crs else None
    if found is not None and found != spec.epsg:
        message, field = f"的坐标系是 EPSG:{found}，目录写的是 EPSG:{spec.epsg}", "epsg"
    elif raster.count != 1:
        message, field = f"有 {raster.count} 个波段，应为一个高程波段", "path"
    elif turned:
        message, field = "的格网不是正北方向", "path"
    else:
        return
    raise InputError(
        f"图层“{spec.title}”{message}",
        file=file,
        layer=spec.name,
        field=field,
        mend="转换后重新导出",
    )
