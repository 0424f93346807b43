"""Rasters that are read in windows and computed strip by strip; no data is NaN."""

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cspon.errors import InputError
from cspon.schemas.spatial import LayerSpec
from tools.geometry.crs import require_metric

Floats = npt.NDArray[np.float64]

MAX_CELLS_IN_MEMORY = 25_000_000
STRIP_ROWS = 512


@dataclass(frozen=True)
class Grid:
    """A north-up raster grid in metres."""

    west: float
    north: float
    cell: float
    rows: int
    columns: int
    epsg: int

    @property
    def affine(self) -> Any:
        """The transform that rasterio takes."""
        from affine import Affine

        return Affine(self.cell, 0.0, self.west, 0.0, -self.cell, self.north)

    def strips(self) -> Iterator[tuple[int, int]]:
        """Yield first and last (exclusive) rows of the strips that are worked on."""
        for start in range(0, self.rows, STRIP_ROWS):
            yield start, min(start + STRIP_ROWS, self.rows)


@dataclass(frozen=True)
class Raster:
    """A raster that is read in windows; no data is NaN."""

    grid: Grid
    read: Callable[[int, int, int, int], Floats]
    """First and last row, first and last column (exclusive) to float64 values."""
    specs: tuple[LayerSpec, ...] = ()

    @property
    def epsg(self) -> int:
        """EPSG code of the grid."""
        return self.grid.epsg

    def rows(self, start: int, stop: int) -> Floats:
        """Read whole rows."""
        return self.read(start, stop, 0, self.grid.columns)

    def array(self) -> Floats:
        """Read everything."""
        return self.rows(0, self.grid.rows)


def array_raster(grid: Grid, values: Any, specs: tuple[LayerSpec, ...] = ()) -> Raster:
    """Make a raster of an array of `grid.rows` × `grid.columns`, NaN for no data."""
    array: Floats = np.asarray(values, dtype=np.float64)
    assert array.shape == (grid.rows, grid.columns)
    return Raster(grid, lambda a, b, c, d: array[a:b, c:d], specs)


def file_raster(file: Path, *, epsg: int | None = None, spec: LayerSpec | None = None) -> Raster:
    """Open a GeoTIFF; nothing is read yet.

    Raises:
        InputError: unreadable, rotated, not square, or not in a CGCS2000 projection in metres.
    """
    import rasterio
    from rasterio.errors import RasterioIOError
    from rasterio.windows import Window

    from tools.geometry.crs import epsg_of_definition

    try:
        with rasterio.open(file) as source:
            t, shape, crs = source.transform, source.shape, source.crs
    except RasterioIOError:
        raise InputError("栅格文件打不开", file=file, mend="核对路径，或另存为 GeoTIFF") from None
    if t.b or t.d or t.a <= 0 or abs(t.a + t.e) > 1e-9 * t.a:
        raise InputError("栅格须为正北朝上、像元为正方形", file=file, mend="用 gdalwarp 重采样")
    if crs is None and epsg is None:
        raise InputError("栅格没有坐标系", file=file, mend="用 gdal_translate -a_srs 写入坐标系")
    code = epsg if crs is None else epsg_of_definition(crs.to_wkt(), file=file)
    assert code is not None
    require_metric(code)

    def read(first: int, last: int, left: int, right: int) -> Floats:
        with rasterio.open(file) as source:
            window = Window(left, first, right - left, last - first)
            masked = source.read(1, window=window, masked=True)
        return np.asarray(masked.astype(np.float64).filled(np.nan), dtype=np.float64)

    grid = Grid(t.c, t.f, t.a, shape[0], shape[1], code)
    return Raster(grid, read, (spec,) if spec else ())


def make_raster(
    grid: Grid, strip: Callable[[int, int], Floats], specs: tuple[LayerSpec, ...]
) -> Raster:
    """Compute a raster strip by strip: in memory when small, else into a temporary GeoTIFF.

    Args:
        grid: Of the result.
        strip: First and last row to values, NaN for no data.
        specs: What it was made from.
    """
    if grid.rows * grid.columns <= MAX_CELLS_IN_MEMORY:
        parts = [strip(a, b) for a, b in grid.strips()]
        return array_raster(grid, np.concatenate(parts), specs)
    import rasterio
    from rasterio.windows import Window

    folder = tempfile.mkdtemp(prefix="cspon-raster-")
    file = Path(folder) / "result.tif"
    with rasterio.open(
        file,
        "w",
        driver="GTiff",
        height=grid.rows,
        width=grid.columns,
        count=1,
        dtype="float32",
        nodata=float("nan"),
        transform=grid.affine,
        crs=f"EPSG:{grid.epsg}",
        tiled=True,
        compress="zstd",
        BIGTIFF="IF_SAFER",
    ) as target:
        for a, b in grid.strips():
            target.write(
                strip(a, b).astype(np.float32), 1, window=Window(0, a, grid.columns, b - a)
            )
    read = file_raster(file, epsg=grid.epsg).read
    weakref.finalize(read, shutil.rmtree, folder, ignore_errors=True)
    return Raster(grid, read, specs)
