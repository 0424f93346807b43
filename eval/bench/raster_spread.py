"""Workloads and baselines of patches and travel time in the raster benchmark.

The baselines hold the whole raster: `scipy.ndimage.label`, and Dijkstra of `scipy.sparse.csgraph` on one
graph of all cells.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tools.raster.grid import Grid

CELL_M, TILE, PATTERN = 30.0, 512, 2_048
KINDS = ("patches", "travel")
SPEEDS = (0, 5, 20, 40, 100)
"""km/h: water, slope, field, road, motorway."""


def grid_of(size: int) -> Grid:
    """Return the grid of `size` × `size` cells of 30 m."""
    return Grid(
        crs="EPSG:4547", west=500_000, north=3_900_000, cell=CELL_M, width=size, height=size
    )


def places(size: int) -> list[tuple[float, float]]:
    """Return three places; a motorway (see `make_raster`) runs through each, so none lies in water."""
    grid = grid_of(size)
    cells = ((size // 8, size // 8), (size // 2, size * 3 // 4), (size * 7 // 8, size // 3))
    return [(grid.west + (c + 0.5) * CELL_M, grid.north - (r + 0.5) * CELL_M) for r, c in cells]


def make_raster(folder: Path, kind: str, size: int, say: Callable[[str], None]) -> Path:
    """Write a uint8 raster: 0/1 in blotches with single cells (patches), or km/h with motorways (travel)."""
    import rasterio
    from rasterio.windows import Window

    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{kind}_{size}.tif"
    say(f"生成 {file.name}")
    field = _field(1 if kind == "patches" else 2)
    grid, columns = grid_of(size), np.arange(size) % PATTERN
    ways = [round((grid.north - y) / CELL_M - 0.5) for _, y in places(size)]
    with rasterio.open(
        file, "w", driver="GTiff", width=size, height=size, count=1, dtype="uint8", nodata=255,
        crs=grid.crs, transform=grid.affine, tiled=True, blockxsize=TILE, blockysize=TILE,
        compress="ZSTD", zstd_level=1, num_threads=2,
    ) as dataset:  # fmt: skip
        for first in range(0, size, TILE):
            last = min(size, first + TILE)
            part = field[((np.arange(first, last) * 3 // 2) % PATTERN)[:, None], columns[None, :]]
            if kind == "patches":
                values = (part > np.float32(0.55)).astype(np.uint8)
            else:
                speeds = np.array(SPEEDS[:-1], dtype=np.uint8)
                values = speeds[np.digitize(part, (0.25, 0.5, 0.8))]
                for way in ways:
                    if first <= way < last:
                        values[way - first] = SPEEDS[-1]
            dataset.write(values, 1, window=Window(0, first, size, last - first))
    return file


def carry_out(kind: str, file: Path, size: int, out: Path) -> dict[str, Any]:
    """Run the engine; return what it found."""
    from tools.raster.sources import Source

    if kind == "patches":
        from tools.raster.patches import label_patches

        found = label_patches(Source(file=file), grid_of(size), {1}, out)
        return {"patches": found.count, "largest_m2": found.area_m2[0]}
    from tools.raster.travel import TILE as SIDE
    from tools.raster.travel import travel_time

    travel = travel_time(Source(file=file, unit="km/h"), grid_of(size), places(size), out)
    return {
        "reached_cells": travel.reached_cells,
        "longest_s": travel.longest_s,
        "tiles_worked": travel.tiles_worked,
        "tiles": (-(-size // SIDE)) ** 2,
    }


def baseline(kind: str, file: Path, size: int) -> Any:
    """Return the whole raster of patch numbers, or of seconds (-1 is not reached)."""
    import rasterio

    with rasterio.open(file) as dataset:
        values = dataset.read(1)
    if kind == "patches":
        from scipy.ndimage import label

        return label(values == 1, structure=np.ones((3, 3)))[0]
    grid = grid_of(size)
    starts = [cell for x, y in places(size) if (cell := grid.cell_at(x, y)) is not None]
    return one_graph(values.astype(float), CELL_M, starts)


def one_graph(kmh: Any, cell: float, starts: list[tuple[int, int]]) -> Any:
    """Return seconds by Dijkstra on one graph of 8 neighbours, half crossings in whole milliseconds."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import dijkstra

    rows, columns = kmh.shape
    with np.errstate(divide="ignore"):
        half = cell / 2 / (kmh / 3.6) * 1000
    straight, diagonal = (np.floor(half * f + 0.5) for f in (1, math.sqrt(2)))
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    a, b, cost = [], [], []
    for dr, dc in ((0, 1), (1, 0), (1, 1), (1, -1)):
        one = (slice(0, rows - dr), slice(max(0, -dc), columns - max(0, dc)))
        two = (slice(dr, rows), slice(max(0, dc), columns - max(0, -dc)))
        crossing = straight if dr == 0 or dc == 0 else diagonal
        step = (crossing[one] + crossing[two]).ravel()
        held = np.isfinite(step)
        a.append(index[one].ravel()[held])
        b.append(index[two].ravel()[held])
        cost.append(step[held])
    links = (np.concatenate(cost), (np.concatenate(a), np.concatenate(b)))
    graph = coo_array(links, shape=(index.size, index.size)).tocsr()
    ms = dijkstra(graph, directed=False, indices=[index[s] for s in starts], min_only=True)
    return np.where(np.isfinite(ms), np.floor((ms + 500) / 1000), -1).reshape(rows, columns)


def _field(seed: int) -> Any:
    """Return a smooth random field of `PATTERN`² with noise, about 0 to 1, that repeats without a seam."""
    from scipy.ndimage import zoom

    rng = np.random.default_rng(seed)
    coarse = rng.random((PATTERN // 64, PATTERN // 64))
    field = zoom(coarse, 64, order=1, mode="grid-wrap", grid_mode=True).astype(np.float32)
    return field + rng.normal(0, 0.04, field.shape).astype(np.float32)
