"""Soil grids on the cells of the DEM: texture (its three parts make 100 %), acidity, carbon."""

import numpy as np

from tools.demo_county.layers.climate import raster, surface
from tools.demo_county.noise import Floats
from tools.demo_county.products import LayerInfo, RasterLayer, Setting, layer, product
from tools.demo_county.terrain import Terrain


@product
def soil_texture(setting: Setting, terrain: Terrain) -> tuple[Floats, Floats, Floats]:
    """Whole percents of sand, silt and clay."""
    hill = np.clip(terrain.hill.values / 250, 0, 1)
    sand = np.rint(24 + 26 * hill + 9 * surface(setting, terrain, 140, 3800))
    clay = np.rint(24 - 8 * hill + 7 * surface(setting, terrain, 141, 3100))
    return sand, 100 - sand - clay, clay


@layer(LayerInfo("soil_sand", "SAND", "土壤砂粒含量"))
def sand_layer(terrain: Terrain, soil_texture: tuple[Floats, Floats, Floats]) -> RasterLayer:
    """Per cent."""
    return raster(terrain, soil_texture[0], "%", 0)


@layer(LayerInfo("soil_silt", "SILT", "土壤粉粒含量"))
def silt_layer(terrain: Terrain, soil_texture: tuple[Floats, Floats, Floats]) -> RasterLayer:
    """Per cent."""
    return raster(terrain, soil_texture[1], "%", 0)


@layer(LayerInfo("soil_clay", "CLAY", "土壤黏粒含量"))
def clay_layer(terrain: Terrain, soil_texture: tuple[Floats, Floats, Floats]) -> RasterLayer:
    """Per cent."""
    return raster(terrain, soil_texture[2], "%", 0)


@layer(LayerInfo("soil_ph", "PH", "土壤 pH"))
def acidity_layer(setting: Setting, terrain: Terrain) -> RasterLayer:
    """PH: sour in the hills, about neutral on the plain."""
    hill = np.clip(terrain.hill.values / 200, 0, 1)
    return raster(terrain, 6.7 - 1.3 * hill + 0.5 * surface(setting, terrain, 142, 4200), "pH", 1)


@layer(LayerInfo("soil_organic_carbon", "SOC", "土壤有机碳含量"))
def carbon_layer(setting: Setting, terrain: Terrain) -> RasterLayer:
    """Per cent of mass."""
    hill = np.clip(terrain.hill.values / 250, 0, 1)
    return raster(terrain, 1.3 + 0.9 * hill + 0.3 * surface(setting, terrain, 143, 2600), "%", 2)
