"""Rasters of grades as the engine writes and reads them, and the area of evaluation."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from tools.dual_evaluation.arrays import Grades
from tools.dual_evaluation.inputs import Inputs
from tools.dual_evaluation.rasters import write_raster
from tools.raster.plan import Classes

NODATA = 255
"""No data in the engine's uint8 rasters."""


def as_they_are(file: Path) -> Classes:
    """Take the grades that a raster has as they are."""
    found = np.unique(read_grades(file))
    return Classes(scores={int(g): int(g) for g in found if g} or {1: 1})


def inside_file(inputs: Inputs) -> Path:
    """Return the raster of the area of evaluation: 1 inside, 0 outside."""
    file = inputs.work / "inside.tif"
    if not file.is_file():
        write_raster(file, inputs.inside.astype(np.uint8), inputs.grid, nodata=NODATA)
    return file


def read_grades(file: Path) -> Grades:
    """Read a raster of the engine: 0 for no data."""
    import rasterio

    with rasterio.open(file) as dataset:
        values: npt.NDArray[np.uint8] = dataset.read(1)
        values[values == NODATA] = 0
        return values
