"""Where a factor's values come from: a band of a file, or the terrain of an elevation model."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from tools.raster.frozen import Frozen

Resampling = Literal["nearest", "bilinear", "average", "mode"]


class Source(Frozen):
    """One band of a raster file; value = stored · scale + offset, in `unit`."""

    file: Path
    band: int | None = Field(default=None, ge=1)
    """None: the file has one band; a file of several bands is refused until the band is named."""
    unit: str = ""
    scale: float = Field(default=1.0, gt=0)
    offset: float = 0.0
    nodata: float | None = None
    """Stored value that means no data; None: as the file declares."""
    resampling: Resampling | None = None
    """None: the file must lie on the grid; otherwise it is warped to the grid, window by window."""


class Terrain(Frozen):
    """Slope, elevation or relief of an elevation model.

    Slope is in degrees by Horn's 3 × 3 window (Horn 1981), with cells and heights in metres. Relief is
    the difference in metres between the highest and the lowest cell with data in a square window.
    """

    measure: Literal["slope", "elevation", "relief"]
    dem: Source
    """Heights; `unit` is m, or a unit that converts to m."""
    window: int = Field(default=3, ge=3, le=201)
    """Cells on a side of the window of relief, odd."""
    missing: Literal["nodata", "centre"] = "centre"
    """Slope where one of the eight neighbours is missing: no data, or the neighbour takes the height of
    the centre (as ArcGIS does). A centre without data is always without data."""
