"""County and towns: unions of their parcels, so that levels fit each other exactly."""

from collections.abc import Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from tools.demo_county.land_use import LandUse
from tools.demo_county.products import LayerInfo, Setting, VectorLayer, layer
from tools.demo_county.settlements import Town
from tools.geometry.area import ellipsoidal_areas_m2

_FIELDS = {
    "BSM": "TEXT(18)", "YSDM": "TEXT(10)", "XZQDM": "TEXT(12)", "XZQMC": "TEXT(100)",
    "DCMJ": "REAL", "BZ": "TEXT(255)",
}  # fmt: skip


def _layer(setting: Setting, number: int, areas: Sequence[BaseGeometry], codes: list[str], names: list[str]) -> VectorLayer:  # fmt: skip
    geometries = np.empty(len(areas), dtype=object)
    geometries[:] = list(areas)
    columns = {
        "BSM": [f"{setting.region_code}{number}{k:08d}" for k in range(1, len(areas) + 1)],
        "YSDM": ["1000600100"] * len(areas),
        "XZQDM": codes,
        "XZQMC": names,
        "DCMJ": np.round(ellipsoidal_areas_m2(geometries, setting.epsg), 2).tolist(),
        "BZ": ["合成数据"] * len(areas),
    }
    return VectorLayer("polygon", geometries, _FIELDS, columns)


@layer(LayerInfo("admin_county", "XZQ", "县级行政区", id_field="XZQDM", name_field="XZQMC"))
def county_layer(setting: Setting, land_use: LandUse) -> VectorLayer:
    """One row: the county."""
    area = shapely.coverage_union_all(shapely.get_parts(land_use.polygons))
    return _layer(setting, 1006, [area], [setting.region_code], [setting.region_name])


@layer(LayerInfo("admin_town", "XZQ_XZ", "乡级行政区", id_field="XZQDM", name_field="XZQMC"))
def town_layer(setting: Setting, land_use: LandUse, towns: tuple[Town, ...]) -> VectorLayer:
    """One row a town."""
    areas = [
        shapely.coverage_union_all(shapely.get_parts(land_use.polygons[land_use.town == n]))
        for n in range(len(towns))
    ]
    return _layer(setting, 1007, areas, [t.code for t in towns], [t.name for t in towns])
