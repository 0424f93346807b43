"""Rasters of grades as the engine writes and reads them, and the area of evaluation."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tools.dual_evaluation.arrays import Grades
from tools.dual_evaluation.inputs import Inputs
from tools.dual_evaluation.rasters import row_strips, write_raster
from tools.raster.plan import Classes

NODATA = 255
"""No data in the engine's uint8 rasters."""


def as_they_are(file: Path) -> Classes:
    """Take the grades that a raster has as they are."""
    import rasterio

    with rasterio.open(file) as dataset, grade_rows(file) as rows:
        parts = [np.unique(rows(part)) for part in row_strips(dataset.height)]
    found = [g for g in np.unique(np.concatenate(parts)) if g != NODATA]
    return Classes(scores={int(g): int(g) for g in found if g} or {1: 1})


def inside_file(inputs: Inputs) -> Path:
    """Return the raster of the area of evaluation: 1 inside, 0 outside."""
    file = inputs.work / "inside.tif"
    if not file.is_file():
        write_raster(file, inputs.inside.astype(np.uint8), inputs.grid, nodata=NODATA)
    return file


@contextmanager
def grade_rows(file: Path) -> Iterator[Callable[[slice], Grades]]:
    """Open a raster of the engine; give a function that reads a strip of rows, NODATA kept."""
    import rasterio
    from rasterio.windows import Window

    with rasterio.open(file) as dataset:

        def rows(part: slice) -> Grades:
            window = Window(0, part.start, dataset.width, part.stop - part.start)
            values: Grades = dataset.read(1, window=window)
            return values

        yield rows


def read_grades(file: Path) -> Grades:
    """Read a raster of the engine: 0 for no data."""
    import rasterio

    with rasterio.open(file) as dataset:
        values: npt.NDArray[np.uint8] = dataset.read(1)
        values[values == NODATA] = 0
        return values
