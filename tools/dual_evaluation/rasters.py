"""Rasters and the evaluation grid: what fits onto it, how it is read, burned and written.

Knows files and cells. Does not know which variable a scheme wants.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tools.raster.grid import Grid
from tools.raster.opening import open_raster
from tools.raster.sources import Source, Terrain

Floats = npt.NDArray[np.float64]
UNKNOWN_CODE = 255
NAN = float("nan")


def read_source(source: Source, grid: Grid, *, category: bool = False) -> npt.NDArray[Any]:
    """Read a source onto the grid: floats with NaN, or uint8 codes with 255 for unknown."""
    from rasterio.enums import Resampling
    from rasterio.vrt import WarpedVRT

    with open_raster(source.file, factor=source.file.stem) as dataset:
        band = source.band or 1
        if source.resampling is None:
            data = dataset.read(band, masked=True)
        else:
            with WarpedVRT(
                dataset,
                crs=grid.crs,
                transform=grid.affine,
                width=grid.width,
                height=grid.height,
                resampling=Resampling[source.resampling],
                src_nodata=source.nodata if source.nodata is not None else dataset.nodata,
            ) as warped:
                data = warped.read(band, masked=True)
    if source.nodata is not None:
        data = np.ma.masked_equal(data, source.nodata)
    if category:
        return np.asarray(np.ma.filled(data.astype(np.uint8), UNKNOWN_CODE))
    values = np.ma.filled(data.astype(np.float64), np.nan)
    return np.asarray(
        values
        if source.scale == 1 and source.offset == 0
        else values * source.scale + source.offset
    )


def read_terrain(terrain: Terrain, grid: Grid) -> Floats:
    """Read heights, or compute slope (degrees) or relief (m) from them."""
    heights = read_source(terrain.dem, grid)
    if terrain.measure == "elevation":
        return np.asarray(heights)
    if terrain.measure == "slope":
        return slope_of(heights, grid.cell)
    return relief_of(heights, terrain.window)


def slope_of(heights: Floats, cell_m: float) -> Floats:
    """Return degrees by Horn 1981; a missing neighbour takes the height of the centre."""
    padded = np.pad(heights, 1, constant_values=np.nan)
    rows, columns = heights.shape
    near = {}
    for j in range(3):
        for i in range(3):
            part = padded[j : j + rows, i : i + columns]
            near[j, i] = np.where(np.isnan(part), heights, part)
    east = near[0, 2] + 2 * near[1, 2] + near[2, 2] - near[0, 0] - 2 * near[1, 0] - near[2, 0]
    south = near[2, 0] + 2 * near[2, 1] + near[2, 2] - near[0, 0] - 2 * near[0, 1] - near[0, 2]
    return np.asarray(np.degrees(np.arctan(np.hypot(east, south) / (8 * cell_m))))


def relief_of(heights: Floats, window: int) -> Floats:
    """Return highest minus lowest cell with data in a square window, m."""
    from scipy import ndimage

    known = np.isfinite(heights)
    most = ndimage.maximum_filter(np.where(known, heights, -np.inf), window, mode="nearest")
    least = ndimage.minimum_filter(np.where(known, heights, np.inf), window, mode="nearest")
    return np.where(known, most - least, np.nan)


def burned(
    shapes: list[tuple[Any, int]], grid: Grid, *, fill: int = 0, dtype: str = "uint8"
) -> npt.NDArray[Any]:
    """Burn polygons into the grid by cell centres; later ones lie over earlier ones."""
    from rasterio.features import rasterize

    kept = [(g, v) for g, v in shapes if g is not None and not g.is_empty]
    if not kept:
        return np.full((grid.height, grid.width), fill, dtype)
    return np.asarray(
        rasterize(kept, (grid.height, grid.width), fill=fill, transform=grid.affine, dtype=dtype)
    )


def write_raster(file: Path, values: npt.NDArray[Any], grid: Grid, *, nodata: float) -> None:
    """Write one band on the grid, under a temporary name first."""
    import rasterio

    draft = file.with_name(f".{file.name}")
    with rasterio.open(
        draft,
        "w",
        driver="GTiff",
        height=grid.height,
        width=grid.width,
        count=1,
        dtype=values.dtype,
        nodata=nodata,
        crs=grid.crs,
        transform=grid.affine,
        tiled=True,
        blockxsize=512,
        blockysize=512,
        compress="zstd",
        zstd_level=1,
    ) as target:
        target.write(values, 1)
    draft.replace(file)
