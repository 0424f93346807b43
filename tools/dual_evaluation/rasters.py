"""Rasters and the evaluation grid: read by strips of rows, burned, and written.

Knows files and cells. Does not know which variable a scheme wants. A strip is read by the reader of
the raster engine, so that values in memory are those that the engine grades.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cspon.errors import SetupError
from tools.raster.cog import require_complete
from tools.raster.grid import Grid
from tools.raster.inputs import look_at
from tools.raster.program import Band
from tools.raster.sources import Source, Terrain
from tools.raster.strips import BandReader

Floats = npt.NDArray[np.float64]
Rows = Callable[[int, int], npt.NDArray[Any]]
"""Reads the rows from the first to the last (exclusive)."""
UNKNOWN_CODE = 255
NAN = float("nan")
STRIP_ROWS = 512
SLOPE_ROWS = 32
BURN_CACHE = 512 * 1024 * 1024
"""Bytes of GDAL's cache while polygons are burned."""


def row_strips(height: int, rows: int = STRIP_ROWS) -> Iterator[slice]:
    """Yield the strips of a raster from the north."""
    for first in range(0, height, rows):
        yield slice(first, min(first + rows, height))


@contextmanager
def source_rows(
    source: Source | Terrain, grid: Grid, *, factor: str, category: bool = False
) -> Iterator[Rows]:
    """Open a source on the grid for reading by strips.

    Args:
        source: A band, or slope or relief of one.
        grid: That it lies on, or is warped to.
        factor: For the errors.
        category: Read uint8 codes with 255 for unknown; else float64 in the unit with NaN.

    Raises:
        InputError: the file does not fit the grid, or is damaged.
    """
    if isinstance(source, Terrain):
        with source_rows(source.dem, grid, factor=factor) as heights:
            yield _terrain_rows(source, heights, grid)
        return
    look = look_at(source, grid, factor)
    whole = look.nodata is not None and np.dtype(look.dtype).kind != "f"
    band = Band(source, factor, look.dtype, int(look.nodata or 0) if whole else None)
    with ExitStack() as stack:
        reader = BandReader(band, grid, stack, 1)

        def rows(first: int, last: int) -> npt.NDArray[Any]:
            block = np.empty((last - first, grid.width), look.dtype)
            reader.read(first, last, block)
            gaps = block == band.nodata if whole else None
            if category:
                codes = block.astype(np.uint8)
                if gaps is not None:
                    codes[gaps] = UNKNOWN_CODE
                return codes
            values = block.astype(np.float64)
            if gaps is not None:
                values[gaps] = np.nan
            if source.scale != 1 or source.offset != 0:
                values *= source.scale
                values += source.offset
            return values

        yield rows


def _terrain_rows(terrain: Terrain, heights: Rows, grid: Grid) -> Rows:
    if terrain.measure == "elevation":
        return heights
    halo = 1 if terrain.measure == "slope" else terrain.window // 2

    def rows(first: int, last: int) -> npt.NDArray[Any]:
        start, stop = max(0, first - halo), min(grid.height, last + halo)
        wide = heights(start, stop)
        if terrain.measure == "relief":
            return relief_of(wide, terrain.window)[first - start : last - start]
        found = np.empty((last - first, grid.width))
        for part in row_strips(
            last - first, SLOPE_ROWS
        ):  # it holds some fifteen arrays of its rows
            above = first - start + part.start
            near = slice(max(0, above - 1), first - start + part.stop + 1)
            slopes = slope_of(wide[near], grid.cell)
            found[part] = slopes[above - near.start :][: part.stop - part.start]
        return found

    return rows


def read_whole(
    source: Source | Terrain, grid: Grid, *, factor: str, category: bool = False, thin: int = 1
) -> npt.NDArray[Any]:
    """Read a source wholly, or every `thin`-th row and column of it."""
    kind = np.uint8 if category else np.float64
    shape = (-(-grid.height // thin), -(-grid.width // thin))
    values = np.empty(shape, kind)
    with source_rows(source, grid, factor=factor, category=category) as rows:
        for part in row_strips(grid.height, max(1, STRIP_ROWS // thin) * thin):
            into = slice(part.start // thin, -(-part.stop // thin))
            values[into] = rows(part.start, part.stop)[::thin, ::thin]
    return values


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
    """Burn polygons into the grid by cell centres; later ones lie over earlier ones.

    GDAL burns as many rows at once as its cache holds, and every polygon again for each: the cache is
    set here, for a raster that is open elsewhere may have made it small.
    """
    import rasterio
    from rasterio.features import rasterize

    kept = [(g, v) for g, v in shapes if g is not None and not g.is_empty]
    if not kept:
        return np.full((grid.height, grid.width), fill, dtype)
    with rasterio.Env(GDAL_CACHEMAX=BURN_CACHE):
        return np.asarray(
            rasterize(
                kept, (grid.height, grid.width), fill=fill, transform=grid.affine, dtype=dtype
            )
        )


@contextmanager
def raster_writer(
    file: Path, grid: Grid, *, dtype: str, nodata: float
) -> Iterator[Callable[[int, npt.NDArray[Any]], None]]:
    """Give a function that writes rows from a first row on; the file is there when all went well.

    Raises:
        SetupError: the disk is full or the folder cannot be written; nothing is left.
    """
    import rasterio
    from rasterio.errors import RasterioError
    from rasterio.windows import Window

    draft = file.with_name(f".{file.name}")
    try:
        with rasterio.open(
            draft, "w", driver="GTiff", height=grid.height, width=grid.width, count=1,
            dtype=dtype, nodata=nodata, crs=grid.crs, transform=grid.affine, tiled=True,
            blockxsize=512, blockysize=512, compress="zstd", zstd_level=1, bigtiff="IF_SAFER",
        ) as target:  # fmt: skip

            def write(first: int, values: npt.NDArray[Any]) -> None:
                target.write(values, 1, window=Window(0, first, grid.width, len(values)))

            yield write
        require_complete(draft)
        draft.replace(file)
    except (RasterioError, OSError) as problem:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise SetupError(
            f"中间栅格 {file.name} 没有写成：{problem}",
            mend=f"核对 {file.parent} 所在磁盘的剩余空间（df -h），或用环境变量 TMPDIR 换一个临时文件夹",
        ) from None


def write_raster(file: Path, values: npt.NDArray[Any], grid: Grid, *, nodata: float) -> None:
    """Write one band on the grid, under a temporary name first.

    Raises:
        SetupError: as `raster_writer`.
    """
    with raster_writer(file, grid, dtype=str(values.dtype), nodata=nodata) as write:
        for part in row_strips(grid.height):
            write(part.start, values[part])
