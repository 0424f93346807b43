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

BOUNDARY_INFO = LayerInfo(
    "urban_development_boundary", "CZKFBJ", "城镇开发边界", id_field="BSM", name_field="FQLX"
)
REDLINE_INFO = LayerInfo(
    "ecological_redline", "STBHHX", "生态保护红线", id_field="BSM", name_field="HXMC"
)
FARMLAND_INFO = LayerInfo(
    "permanent_basic_farmland", "YJJBNT", "永久基本农田", id_field="BSM", name_field="JBNTTBBH"
)
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


@layer(BOUNDARY_INFO)
def development_boundary_layer(
    setting: Setting, development_boundary: Boundary, towns: tuple[Town, ...]
) -> VectorLayer:
    """One row a connected zone; FQLX is its kind."""
    return boundary_rows(setting, development_boundary, towns)


def boundary_rows(setting: Setting, boundary: Boundary, towns: tuple[Town, ...]) -> VectorLayer:
    """CZKFBJ of one version of the plan."""
    rows = [(n, kind, part) for n, kind, area in boundary.zones for part in shapely.get_parts(area)]
    return _layer(
        setting, 2202, [part for _, _, part in rows],
        {"FQLX": "TEXT(30)", "BJMC": "TEXT(100)"},
        {"FQLX": [kind for _, kind, _ in rows], "BJMC": [f"{towns[n].name}城镇开发边界" for n, _, _ in rows]},
        [(towns[n].code, towns[n].name) for n, _, _ in rows],
    )  # fmt: skip


@layer(REDLINE_INFO)
def redline_layer(setting: Setting, ecological_redline: Redline) -> VectorLayer:
    """One row a name: multipolygons with holes."""
    return redline_rows(setting, ecological_redline)


def redline_rows(setting: Setting, redline: Redline) -> VectorLayer:
    """STBHHX of one version of the plan."""
    names = list(dict.fromkeys((name, function) for name, function, _ in redline.patches))
    areas = [
        shapely.multipolygons([a for name, _, a in redline.patches if name == wanted])
        for wanted, _ in names
    ]
    return _layer(
        setting, 2201, areas, {"HXMC": "TEXT(100)", "STGN": "TEXT(50)"},
        {"HXMC": [f"{name}生态保护红线" for name, _ in names], "STGN": [f for _, f in names]},
        [(setting.region_code, setting.region_name)] * len(areas),
    )  # fmt: skip


@layer(FARMLAND_INFO)
def farmland_layer(
    setting: Setting, permanent_farmland: Farmland, towns: tuple[Town, ...]
) -> VectorLayer:
    """One row a connected patch."""
    return farmland_rows(setting, permanent_farmland, towns)


def farmland_rows(setting: Setting, farmland: Farmland, towns: tuple[Town, ...]) -> VectorLayer:
    """YJJBNT of one version of the plan."""
    from tools.demo_county.land_use import spatial_order

    areas = np.array([area for _, area in farmland.patches], dtype=object)
    town = np.array([n for n, _ in farmland.patches])
    order = spatial_order(shapely.get_coordinates(shapely.point_on_surface(areas)))
    areas, places = areas[order], [towns[n] for n in town[order].tolist()]
    return _layer(
        setting, 2005, list(areas), {"JBNTTBBH": "TEXT(20)"},
        {"JBNTTBBH": [f"YN{k:06d}" for k in range(1, len(areas) + 1)]},
        [(t.code, t.name) for t in places],
    )  # fmt: skip
