"""What a run returns: files, cells and area by value, notices."""

from pathlib import Path
from typing import Literal

from tools.raster.frozen import Frozen


class Count(Frozen):
    """Cells that have one value."""

    value: int
    cells: int
    area_m2: float
    """In the plane of the grid's projection."""


class Written(Frozen):
    """A raster that was written."""

    layer: str
    file: Path
    dtype: Literal["uint8", "int16"]
    nodata: int
    """255 in uint8, -32768 in int16."""
    counts: tuple[Count, ...]
    """By rising value; values without a cell are left out."""
    nodata_cells: int


class RunResult(Frozen):
    """The outcome of a run."""

    outputs: tuple[Written, ...]
    engine: Literal["numba", "numpy"]
    """`numba`: kernels compiled by the LLVM that comes with numba."""
    notices: tuple[str, ...]
    """In Chinese; e.g. that numba is absent, or that an input has no overviews."""
    seconds: float

    def of(self, layer: str) -> Written:
        """Return the raster of a layer.

        Raises:
            KeyError: the layer is no output of the plan.
        """
        for written in self.outputs:
            if written.layer == layer:
                return written
        raise KeyError(layer)
