"""The benchmark's plan in rioxarray and dask, as their users write it: lazy chunks, windowed write."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from tools.raster.plan import Plan, Thresholds, Weighted
from tools.raster.sources import Terrain

CHUNK = 2_048


def overlay(plan: Plan, out: Path) -> dict[str, int]:
    """Write the weighted overlay of graded factors; slope by `map_overlap`, no data carried.

    The arithmetic is that of the engine (squared gradients, whole weights, half up), so the counts must
    be the same.
    """
    import dask.array
    import rioxarray

    da: Any = dask.array

    total: Any = None
    lost: Any = None
    composition = plan.compositions[0]
    assert isinstance(composition, Weighted)
    reference: Any = None
    for factor in plan.factors:
        terrain = isinstance(factor.source, Terrain)
        source = factor.source.dem if isinstance(factor.source, Terrain) else factor.source
        opened: Any = rioxarray.open_rasterio(
            source.file, chunks={"band": 1, "x": CHUNK, "y": CHUNK}
        )
        reference, nodata = opened, int(opened.rio.nodata)
        values = opened.data[0]
        grades = factor.grades
        assert isinstance(grades, Thresholds)
        if terrain:
            missing = values == nodata
            height = da.where(missing, np.float32(np.nan), values.astype(np.float32))
            values = da.map_overlap(
                _squared_gradient, height, depth=1, boundary=np.nan, dtype=np.float32
            )
            bounds = [
                np.float32((8 * plan.grid.cell * math.tan(math.radians(b))) ** 2)
                for b in grades.bounds
            ]
        else:
            missing = values == nodata
            bounds = [values.dtype.type(b) for b in grades.bounds]
        score = da.map_blocks(_graded, values, bounds, grades.scores, grades.closed, dtype=np.uint8)
        part = score.astype(np.int32) * composition.weights[factor.name]
        total = part if total is None else total + part
        lost = missing if lost is None else lost | missing
    weight = sum(composition.weights.values())
    result = da.where(lost, 255, (2 * total + weight) // (2 * weight)).astype(np.uint8)
    written = reference.copy(data=result[None]).astype("uint8")
    written.rio.write_nodata(255, inplace=True)
    out.mkdir(parents=True, exist_ok=True)
    file = out / "dask.tif"
    written.rio.to_raster(
        file, tiled=True, windowed=True, compress="ZSTD", zstd_level=1, lock=True, dtype="uint8"
    )
    return _counts(file)


def _graded(values: Any, bounds: Any, scores: Any, closed: str) -> Any:
    side = "left" if closed == "right" else "right"
    return np.asarray(scores, np.uint8)[
        np.digitize(values, bounds, right=side == "left").clip(0, len(scores) - 1)
    ]


def _squared_gradient(z: Any) -> Any:
    n = {}
    padded = np.pad(z, 1, constant_values=np.nan)
    rows, columns = z.shape
    for i in range(3):
        for j in range(3):
            part = padded[i : i + rows, j : j + columns]
            n[i, j] = np.where(np.isnan(part), z, part)
    two = np.float32(2)
    gx = ((n[0, 2] - n[0, 0]) + two * (n[1, 2] - n[1, 0])) + (n[2, 2] - n[2, 0])
    gy = ((n[2, 0] - n[0, 0]) + two * (n[2, 1] - n[0, 1])) + (n[2, 2] - n[0, 2])
    return gx * gx + gy * gy


def _counts(file: Path) -> dict[str, int]:
    import rasterio

    tally = np.zeros(256, np.int64)
    with rasterio.open(file) as dataset:
        for _, window in dataset.block_windows(1):
            tally += np.bincount(dataset.read(1, window=window).ravel(), minlength=256)
    return {str(v): int(n) for v, n in enumerate(tally[:255]) if n}
