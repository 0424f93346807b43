"""Planning zones (GHFQ) and planned land use (YDYHGHFQ): coverages of the whole county."""

import numpy as np
from numpy.typing import NDArray

from tools.demo_county.plan_faces import PlanFaces, dissolve
from tools.demo_county.plan_layer import Columns, plan_polygons
from tools.demo_county.plan_map import ZONES, PlanMap, use_areas
from tools.demo_county.products import LayerInfo, Setting, VectorLayer, layer
from tools.demo_county.settlements import Town
from tools.demo_county.zoning import NAMES

ELEMENT = "2090020610"
ZONES_INFO = LayerInfo(
    "planning_zones", "GHFQ", "规划分区", id_field="BSM", code_field="GHFQDM", name_field="GHFQMC",
    code_scheme="planning_zones",
)  # fmt: skip
USES_INFO = LayerInfo(
    "planned_land_use", "YDYHGHFQ", "用地用海规划分区", id_field="BSM", code_field="YDYHFLDM",
    name_field="YDYHFLMC", code_scheme="ydyh_2023",
)  # fmt: skip


@layer(ZONES_INFO)
def planning_zones_layer(
    setting: Setting, plan_faces: PlanFaces, plan_map: PlanMap, towns: tuple[Town, ...]
) -> VectorLayer:
    """One row a connected area of one zone within a town."""
    return zones_layer(setting, plan_faces, plan_map, towns)


@layer(USES_INFO)
def planned_land_use_layer(
    setting: Setting, plan_faces: PlanFaces, plan_map: PlanMap, towns: tuple[Town, ...]
) -> VectorLayer:
    """One row a connected area of one planned use."""
    return uses_layer(setting, plan_faces, plan_map, towns)


def zones_layer(
    setting: Setting, faces: PlanFaces, plan: PlanMap, towns: tuple[Town, ...]
) -> VectorLayer:
    """GHFQ of one version of the plan."""
    areas, piece = dissolve(faces, plan.zone)
    names = [ZONES[k] for k in plan.zone[piece].tolist()]
    own: Columns = {"GHFQDM": ("TEXT(20)", names), "GHFQMC": ("TEXT(60)", names)}
    return _in_towns(setting, 2301, areas, own, faces.town[piece].tolist(), towns)


def uses_layer(
    setting: Setting, faces: PlanFaces, plan: PlanMap, towns: tuple[Town, ...]
) -> VectorLayer:
    """YDYHGHFQ of one version of the plan."""
    areas, piece = use_areas(setting, faces, plan)
    codes = plan.codes[plan.use[piece]].tolist()
    own: Columns = {
        "YDYHFLDM": ("TEXT(10)", codes),
        "YDYHFLMC": ("TEXT(60)", [NAMES[code] for code in codes]),
    }
    return _in_towns(setting, 2302, areas, own, faces.town[piece].tolist(), towns)


def _in_towns(
    setting: Setting, number: int, areas: NDArray[np.object_], own: Columns, town: list[int],
    towns: tuple[Town, ...],
) -> VectorLayer:  # fmt: skip
    made = plan_polygons(setting, number, areas.tolist(), own, element=ELEMENT)
    columns = dict(made.columns)
    columns["XZQDM"] = [towns[k].code for k in town]
    columns["XZQMC"] = [towns[k].name for k in town]
    return VectorLayer(made.geometry, made.geometries, made.fields, columns)
