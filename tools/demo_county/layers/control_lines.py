"""The three control lines as layers: CZKFBJ, STBHHX, YJJBNT."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from tools.demo_county.control_lines import Boundary, Farmland, Redline
from tools.demo_county.products import LayerInfo, Setting, VectorLayer, layer
from tools.demo_county.settlements import Town
from tools.geometry.area import ellipsoidal_areas_m2

_COMMON = {"BSM": "TEXT(18)", "XZQDM": "TEXT(12)", "XZQMC": "TEXT(100)"}


def _layer(
    setting: Setting, number: int, areas: Sequence[BaseGeometry], own: dict[str, str],
    columns: dict[str, list[Any]], places: Sequence[tuple[str, str]],
) -> VectorLayer:  # fmt: skip
    geometries = np.empty(len(areas), dtype=object)
    geometries[:] = list(areas)
    fields = {**_COMMON, **own, "MJ": "REAL", "BZ": "TEXT(255)"}
    given = {
        "BSM": [f"{setting.region_code}{number}{k:08d}" for k in range(1, len(areas) + 1)],
        "XZQDM": [code for code, _ in places],
        "XZQMC": [name for _, name in places],
        **columns,
        "MJ": np.round(ellipsoidal_areas_m2(geometries, setting.epsg), 2).tolist(),
        "BZ": ["合成数据"] * len(areas),
    }
    return VectorLayer("polygon", geometries, fields, given)


@layer(
    LayerInfo(
        "urban_development_boundary", "CZKFBJ", "城镇开发边界", id_field="BSM", name_field="FQLX"
    )
)
def development_boundary_layer(
    setting: Setting, development_boundary: Boundary, towns: tuple[Town, ...]
) -> VectorLayer:
    """One row a connected zone; FQLX is its kind."""
    rows = [
        (n, kind, part)
        for n, kind, area in development_boundary.zones
        for part in shapely.get_parts(area)
    ]
    return _layer(
        setting, 2202, [part for _, _, part in rows],
        {"FQLX": "TEXT(30)", "BJMC": "TEXT(100)"},
        {"FQLX": [kind for _, kind, _ in rows], "BJMC": [f"{towns[n].name}城镇开发边界" for n, _, _ in rows]},
        [(towns[n].code, towns[n].name) for n, _, _ in rows],
    )  # fmt: skip


@layer(LayerInfo("ecological_redline", "STBHHX", "生态保护红线", id_field="BSM", name_field="HXMC"))
def redline_layer(setting: Setting, ecological_redline: Redline) -> VectorLayer:
    """One row a name: multipolygons with holes."""
    names = list(
        dict.fromkeys((name, function) for name, function, _ in ecological_redline.patches)
    )
    areas = [
        shapely.multipolygons([a for name, _, a in ecological_redline.patches if name == wanted])
        for wanted, _ in names
    ]
    return _layer(
        setting, 2201, areas, {"HXMC": "TEXT(100)", "STGN": "TEXT(50)"},
        {"HXMC": [f"{name}生态保护红线" for name, _ in names], "STGN": [f for _, f in names]},
        [(setting.region_code, setting.region_name)] * len(areas),
    )  # fmt: skip


@layer(
    LayerInfo(
        "permanent_basic_farmland", "YJJBNT", "永久基本农田", id_field="BSM", name_field="JBNTTBBH"
    )
)
def farmland_layer(
    setting: Setting, permanent_farmland: Farmland, towns: tuple[Town, ...]
) -> VectorLayer:
    """One row a connected patch."""
    from tools.demo_county.land_use import spatial_order

    areas = np.array([area for _, area in permanent_farmland.patches], dtype=object)
    town = np.array([n for n, _ in permanent_farmland.patches])
    order = spatial_order(shapely.get_coordinates(shapely.point_on_surface(areas)))
    areas, places = areas[order], [towns[n] for n in town[order].tolist()]
    return _layer(
        setting, 2005, list(areas), {"JBNTTBBH": "TEXT(20)"},
        {"JBNTTBBH": [f"YN{k:06d}" for k in range(1, len(areas) + 1)]},
        [(t.code, t.name) for t in places],
    )  # fmt: skip
