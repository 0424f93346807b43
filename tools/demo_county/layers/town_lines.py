"""The four lines of the central town (四线) and the industrial land line."""

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from tools.demo_county.control_lines import CORE, ELASTIC, Boundary
from tools.demo_county.land_use import LandUse
from tools.demo_county.plan_faces import Flags, PlanFaces, absorb
from tools.demo_county.plan_layer import areas, plan_polygons
from tools.demo_county.plan_map import ZONES, PlanMap
from tools.demo_county.products import LayerInfo, Setting, VectorLayer, layer, product
from tools.demo_county.settlements import Town
from tools.demo_county.shapes import polygons
from tools.demo_county.terrain import Waters

OLD_TOWN_RADIUS_M = 190.0
_PARKS, _WORKS = ("1401", "1402"), ("1001", "1101")
_UTILITIES = {"1301": "供水设施", "1303": "供电设施", "1310": "消防设施", "120801": "交通场站"}


@product
def central_town(development_boundary: Boundary) -> BaseGeometry:
    """The seat's zones of the development boundary."""
    return shapely.union_all([area for n, _, area in development_boundary.zones if n == 0])


@product
def old_town(land_use: LandUse, towns: tuple[Town, ...]) -> BaseGeometry:
    """A historic quarter: the blocks around the middle of the seat."""
    centre = np.array(towns[0].centre)
    near = np.hypot(*(land_use.points - centre).T) < OLD_TOWN_RADIUS_M
    lots = land_use.polygons[near & (land_use.kinds == "built_up")]
    quarter = shapely.buffer(shapely.union_all(lots), 30, join_style="mitre")
    quarter = shapely.buffer(quarter, -30, join_style="mitre")
    outer = max(polygons(quarter), key=lambda part: part.area)
    return shapely.set_precision(shapely.Polygon(outer.exterior), 0.001)


def _planned(faces: PlanFaces, plan: PlanMap, codes: tuple[str, ...]) -> Flags:
    urban = np.isin(plan.zone, [ZONES.index(CORE), ZONES.index(ELASTIC)])
    return np.asarray(urban & np.isin(plan.codes[plan.use], codes))


def _union(faces: PlanFaces, chosen: Flags) -> BaseGeometry:
    return shapely.coverage_union_all(faces.polygons[chosen])


@layer(LayerInfo("urban_green_line", "ZXCQCSLVX", "城市绿线", id_field="BSM", name_field="MC"))
def green_line_layer(
    setting: Setting, plan_faces: PlanFaces, plan_map: PlanMap, old_town: BaseGeometry,
    towns: tuple[Town, ...],
) -> VectorLayer:  # fmt: skip
    """Parks and shelter belts of the seat, present and planned."""
    chosen = _planned(plan_faces, plan_map, _PARKS) & (plan_faces.town == 0)
    green = areas(shapely.difference(_union(plan_faces, chosen), old_town), 1500)
    parts = polygons(green)
    names = [f"{towns[0].name}绿地{k}" for k in range(1, len(parts) + 1)]
    return plan_polygons(setting, 2311, parts, {"MC": ("TEXT(100)", names)}, towns=towns[:1], element="2090020232")  # fmt: skip


@layer(LayerInfo("urban_purple_line", "ZXCQCSZX", "城市紫线", id_field="BSM", name_field="MC"))
def purple_line_layer(
    setting: Setting, old_town: BaseGeometry, towns: tuple[Town, ...]
) -> VectorLayer:
    """The historic quarter."""
    own = {"MC": ("TEXT(100)", ["老城历史文化街区（合成）"])}
    return plan_polygons(setting, 2312, [old_town], own, towns=towns[:1], element="2090020233")


@layer(LayerInfo("urban_blue_line", "ZXCQCSLX", "城市蓝线", id_field="BSM", name_field="MC"))
def blue_line_layer(
    setting: Setting, central_town: BaseGeometry, waters: Waters, towns: tuple[Town, ...]
) -> VectorLayer:
    """River surfaces within and beside the seat, with a strip of bank."""
    reach = shapely.buffer(central_town, 120)
    rows = []
    for name, code, body in waters.bodies:
        if code in ("1701", "1702"):
            water = shapely.intersection(shapely.buffer(body, 10), reach)
            rows += [(name, part) for part in polygons(areas(water, 5000))]
    taken: BaseGeometry = shapely.MultiPolygon()
    parts = []
    for name, part in rows:
        left = areas(shapely.difference(part, taken), 1000)
        taken = shapely.union(taken, part)
        parts += [(name, piece) for piece in polygons(left)]
    own = {"MC": ("TEXT(100)", [f"{name}蓝线" for name, _ in parts])}
    return plan_polygons(setting, 2313, [p for _, p in parts], own, towns=towns[:1], element="2090020233")  # fmt: skip


@layer(LayerInfo("urban_yellow_line", "ZXCQCSHX", "城市黄线", id_field="BSM", name_field="MC"))
def yellow_line_layer(
    setting: Setting, plan_faces: PlanFaces, plan_map: PlanMap, old_town: BaseGeometry,
    towns: tuple[Town, ...],
) -> VectorLayer:  # fmt: skip
    """Sites of water and power supply, fire service and stations of the seat."""
    rows = []
    for code, title in _UTILITIES.items():
        chosen = _planned(plan_faces, plan_map, (code,)) & (plan_faces.town == 0)
        site = areas(shapely.difference(_union(plan_faces, chosen), old_town), 400)
        rows += [(title, part) for part in polygons(site)]
    own = {"MC": ("TEXT(100)", [f"{towns[0].name}{title}" for title, _ in rows])}
    return plan_polygons(setting, 2314, [p for _, p in rows], own, towns=towns[:1], element="2090020234")  # fmt: skip


@layer(
    LayerInfo("industrial_land_line", "GYYDKZX", "工业用地控制线", id_field="BSM", name_field="MC")
)
def industrial_line_layer(
    setting: Setting, plan_faces: PlanFaces, plan_map: PlanMap, towns: tuple[Town, ...]
) -> VectorLayer:
    """Quarters of works inside the development boundary, streets between them included."""
    urban = np.isin(plan_map.zone, [ZONES.index(CORE), ZONES.index(ELASTIC)])
    code = plan_map.codes[plan_map.use]
    street = urban & np.isin(code, ["1207", "1202"])
    works = (urban & np.isin(code, _WORKS)).astype(np.int64)
    chosen = absorb(plan_faces, works, street, urban & ~street) == 1
    parts = polygons(areas(_union(plan_faces, chosen), 10_000))
    names = [f"工业用地保护区块{k}" for k in range(1, len(parts) + 1)]
    return plan_polygons(setting, 2315, parts, {"MC": ("TEXT(100)", names)}, towns=towns)
