"""The DEM."""

import numpy as np

from tools.demo_county.products import LayerInfo, RasterLayer, Setting, layer
from tools.demo_county.terrain import Grid, Terrain


def north_up(grid: Grid, *, unit: str, decimals: int) -> RasterLayer:
    """A terrain grid as a raster of 32-bit floats, row 0 in the north."""
    values = np.round(grid.values[::-1], decimals).astype(np.float32)
    return RasterLayer(values, grid.west, grid.south + grid.cell * values.shape[0], grid.cell, unit)


@layer(LayerInfo("dem", "DEM", "数字高程模型"))
def elevation_layer(setting: Setting, terrain: Terrain) -> RasterLayer:
    """Heights in m over the frame."""
    return north_up(terrain.height, unit="m", decimals=1)
