"""The central urban area (中心城区范围): one polygon around the seat's part of the boundary."""

import shapely
from shapely.geometry.base import BaseGeometry

from tools.demo_county.plan_layer import areas, plan_polygons
from tools.demo_county.products import LayerInfo, Setting, VectorLayer, layer, product
from tools.demo_county.settlements import Town
from tools.demo_county.shapes import largest

GAP_M = 150.0
"""Gaps of the development boundary narrower than twice this belong to the urban area."""


@product
def urban_area(central_town: BaseGeometry, towns: tuple[Town, ...]) -> BaseGeometry:
    """The seat's zones of the development boundary with their gaps and holes closed."""
    closed = shapely.buffer(shapely.buffer(central_town, GAP_M), -GAP_M)
    outer = shapely.Polygon(largest(closed).exterior)
    return largest(areas(shapely.intersection(outer, towns[0].territory)))


@layer(LayerInfo("urban_area", "ZXCQFW", "中心城区范围", id_field="BSM", name_field="MC"))
def urban_area_layer(
    setting: Setting, urban_area: BaseGeometry, towns: tuple[Town, ...]
) -> VectorLayer:
    """One feature."""
    own = {"MC": ("TEXT(100)", ["中心城区"])}
    return plan_polygons(setting, 2316, [urban_area], own, towns=towns[:1])
