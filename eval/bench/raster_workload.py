"""Rasters for the benchmark: an elevation model and eight factors, tiled and zstd-compressed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tools.raster.grid import Grid
from tools.raster.plan import Category, Factor, Output, Plan, Thresholds, Weighted
from tools.raster.sources import Source, Terrain

CELL_M, TILE, PATTERN = 30.0, 512, 2_048
DEM_NODATA = -32768
BYTE_FACTORS, SHORT_FACTORS = 4, 4
COLOURS = ("#a50026", "#fdae61", "#ffffbf", "#a6d96a", "#1a9641")
NAMES = ("低", "较低", "中等", "较高", "高")


def make_rasters(folder: Path, size: int, say: Callable[[str], None], *, seed: int = 1) -> Plan:
    """Write the rasters of `size` × `size` cells and return the plan over them.

    Four factors are uint8, four are int16 with no data in 1 % of their cells; the elevation model is
    int16 metres with a hole. The values are a repeated pattern with a drift, so no strip equals another.
    """
    folder.mkdir(parents=True, exist_ok=True)
    grid = Grid(
        crs="EPSG:4547", west=500_000, north=3_900_000, cell=CELL_M, width=size, height=size
    )
    names = [
        "dem",
        *(f"byte{k}" for k in range(BYTE_FACTORS)),
        *(f"short{k}" for k in range(SHORT_FACTORS)),
    ]
    for number, name in enumerate(names):
        file = folder / f"{name}_{size}.tif"
        say(f"生成 {file.name}")
        kind = "uint8" if name.startswith("byte") else "int16"
        nodata = 255 if kind == "uint8" else DEM_NODATA
        _write(file, grid, _pattern(number, seed), kind, nodata, dem=name == "dem")
    return plan_over(folder, grid)


def plan_over(folder: Path, grid: Grid) -> Plan:
    """Return the plan: slope and eight factors in five grades each, weighted."""
    size = grid.width
    dem = Source(file=folder / f"dem_{size}.tif", unit="m")
    five = (5, 4, 3, 2, 1)
    factors = [
        Factor(name="坡度", source=Terrain(measure="slope", dem=dem), grades=Thresholds(bounds=(3, 8, 15, 25), scores=five)),
        *(
            Factor(name=f"因子{k + 1}", source=Source(file=folder / f"byte{k}_{size}.tif"),
                   grades=Thresholds(bounds=(40, 80, 120, 160), scores=five), valid=(0, 200))
            for k in range(BYTE_FACTORS)
        ),
        *(
            Factor(name=f"因子{k + 5}", source=Source(file=folder / f"short{k}_{size}.tif"),
                   grades=Thresholds(bounds=(800, 1200, 1600, 2000), scores=five, closed="left"), valid=(0, 5000))
            for k in range(SHORT_FACTORS)
        ),
    ]  # fmt: skip
    weights = {factor.name: 20 if factor.name == "坡度" else 10 for factor in factors}
    return Plan(
        grid=grid,
        factors=tuple(factors),
        compositions=(Weighted(name="适宜性", weights=weights),),
        outputs=(
            Output(
                layer="适宜性",
                file="suitability.tif",
                categories={
                    k + 1: Category(name=name, colour=colour)
                    for k, (name, colour) in enumerate(zip(NAMES, COLOURS, strict=True))
                },
            ),
        ),
    )


def _pattern(number: int, seed: int) -> Any:
    """Return a smooth random field of `PATTERN`², about 0 to 1, that repeats without a seam."""
    from scipy.ndimage import zoom

    rng = np.random.default_rng([seed, number])
    coarse = zoom(
        rng.random((PATTERN // 64, PATTERN // 64)), 8, order=1, mode="grid-wrap", grid_mode=True
    )
    field = zoom(coarse, 8, order=1, mode="grid-wrap", grid_mode=True).astype(np.float32)
    return field + rng.random(field.shape, dtype=np.float32) * np.float32(0.01)


def _write(file: Path, grid: Grid, pattern: Any, kind: str, nodata: int, *, dem: bool) -> None:
    import rasterio
    from rasterio.windows import Window

    part = file.with_suffix(".part")
    low, span = (200, 1_500) if dem else ((0, 195) if kind == "uint8" else (400, 2_400))
    columns = np.arange(grid.width) % PATTERN
    with rasterio.open(
        part, "w", driver="GTiff", width=grid.width, height=grid.height, count=1, dtype=kind,
        nodata=nodata, crs=grid.crs, transform=grid.affine, tiled=True, blockxsize=TILE, blockysize=TILE,
        compress="ZSTD", zstd_level=1, predictor=2 if kind == "int16" else 1, num_threads=2, bigtiff="IF_SAFER",
    ) as dataset:  # fmt: skip
        for first in range(0, grid.height, TILE):
            last = min(grid.height, first + TILE)
            rows = (np.arange(first, last) * 3 // 2) % PATTERN
            values = (pattern[rows[:, None], columns[None, :]] * span + low).astype(kind)
            if kind == "int16":
                lost = slice(None, None, 97) if not dem else slice(0, 5)
                values[:: 37 if not dem else 400, lost] = nodata
            dataset.write(values, 1, window=Window(0, first, grid.width, last - first))
    part.replace(file)
