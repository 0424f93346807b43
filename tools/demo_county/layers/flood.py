"""Flood risk line: the waters' management range, flood plains, and a retention area."""

import shapely
from shapely import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from tools.demo_county.control_lines import Boundary
from tools.demo_county.noise import Warp
from tools.demo_county.plan_layer import areas, plan_polygons
from tools.demo_county.products import LayerInfo, Setting, VectorLayer, layer
from tools.demo_county.settlements import Town
from tools.demo_county.shapes import polygons, warped
from tools.demo_county.terrain import Courses, Waters

MANAGED, PLAIN, RETENTION = "河湖管理范围", "洪泛区", "蓄滞洪区"
_REACHES = ((0.13, 0.30, 430.0), (0.58, 0.80, 520.0))
"""Parts of the river without dykes and half the width of their flood plains, m."""
_STRIP_M = {"1701": 25.0, "1702": 40.0, "1703": 50.0, "0506": 0.0}


@layer(
    LayerInfo(
        "flood_risk_line", "HLFXKZX", "洪涝风险控制线", id_field="BSM", code_field="FXLX",
        name_field="MC", code_scheme="flood_zones",
    )
)  # fmt: skip
def flood_line_layer(
    setting: Setting, county_outline: Polygon, courses: Courses, waters: Waters,
    development_boundary: Boundary, towns: tuple[Town, ...],
) -> VectorLayer:  # fmt: skip
    """One row a connected area; classes do not overlap."""
    managed = shapely.union_all(
        [shapely.buffer(b, _STRIP_M[c], quad_segs=3) for _, c, b in waters.bodies]
    )
    dyked = shapely.union_all(
        [shapely.buffer(area, 120, quad_segs=2) for _, _, area in development_boundary.zones]
    )
    bank = Warp(setting.seed, 210, ((55.0, 1500.0), (14.0, 330.0)))
    river = courses.river
    plain = shapely.union_all(
        [
            warped(LineString(river[int(a * len(river)) : int(b * len(river))]).buffer(w), bank, step=40)
            for a, b, w in _REACHES
        ]
    )  # fmt: skip
    lake = next(body for _, code, body in waters.bodies if code == "1702")
    basin = warped(shapely.buffer(lake.centroid, 1750), Warp(setting.seed, 211, ((210.0, 3800.0), (40.0, 900.0))), step=50)  # fmt: skip
    rows: list[tuple[str, str, BaseGeometry]] = []
    taken: BaseGeometry = Polygon()
    for kind, name, sketch in ((MANAGED, "河湖管理范围", managed), (PLAIN, "示例河洪泛区", plain), (RETENTION, "南湖蓄滞洪区", basin)):  # fmt: skip
        area = shapely.difference(shapely.intersection(sketch, county_outline), taken)
        if kind != MANAGED:
            area = shapely.difference(area, dyked)
        taken = shapely.union(taken, area)
        rows += [(kind, name, part) for part in polygons(areas(area, 20_000))]
    own = {
        "FXLX": ("TEXT(30)", [kind for kind, _, _ in rows]),
        "MC": ("TEXT(100)", [name for _, name, _ in rows]),
    }
    return plan_polygons(setting, 2322, [a for _, _, a in rows], own, towns=towns, element="2090020229")  # fmt: skip
