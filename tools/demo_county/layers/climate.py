"""Climate grids on the cells of the DEM: rain grows and warmth falls with height."""

import numpy as np

from tools.demo_county.layers.elevation import north_up
from tools.demo_county.noise import Floats, Fractal
from tools.demo_county.products import LayerInfo, RasterLayer, Setting, layer
from tools.demo_county.terrain import Grid, Terrain

_COARSE = 6
"""Cells that one value of the smooth noise is made for; between them it is interpolated."""


def surface(setting: Setting, terrain: Terrain, salt: int, wavelength: float) -> Floats:
    """Smooth noise of about -1..1 on the terrain's cells."""
    fine = terrain.height
    x, y = np.meshgrid(fine.x[::_COARSE], fine.y[::_COARSE])
    values = Fractal(setting.seed, salt, wavelength, 2)(x, y)
    cell = fine.cell * _COARSE
    coarse = Grid(
        fine.west - (cell - fine.cell) / 2, fine.south - (cell - fine.cell) / 2, cell, values
    )
    return coarse.sample(*np.meshgrid(fine.x, fine.y))


def raster(terrain: Terrain, values: Floats, unit: str, decimals: int = 1) -> RasterLayer:
    """Values on the terrain's cells as a layer."""
    height = terrain.height
    return north_up(
        Grid(height.west, height.south, height.cell, values), unit=unit, decimals=decimals
    )


@layer(LayerInfo("precipitation", "PRE", "多年平均降水量"))
def precipitation_layer(setting: Setting, terrain: Terrain) -> RasterLayer:
    """mm a year."""
    values = 1160 + 0.42 * terrain.height.values + 45 * surface(setting, terrain, 130, 9000)
    return raster(terrain, values, "mm", 0)


@layer(LayerInfo("accumulated_temperature", "AT0", "≥0℃活动积温"))
def accumulated_temperature_layer(setting: Setting, terrain: Terrain) -> RasterLayer:
    """℃·d; 0.6 ℃ less for every 100 m, over 365 days."""
    values = 6180 - 0.006 * 365 * terrain.height.values + 35 * surface(setting, terrain, 131, 12000)
    return raster(terrain, values, "℃·d", 0)


@layer(LayerInfo("evapotranspiration", "ET", "多年平均蒸散发量"))
def evapotranspiration_layer(setting: Setting, terrain: Terrain) -> RasterLayer:
    """mm a year."""
    values = 730 - 0.18 * terrain.height.values + 30 * surface(setting, terrain, 132, 7000)
    return raster(terrain, values, "mm", 0)
