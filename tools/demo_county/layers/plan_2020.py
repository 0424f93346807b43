"""The layers of the plan's version of 2020 and the list of what has changed since."""

from dataclasses import replace

from tools.demo_county.control_lines import Boundary, Farmland, Redline
from tools.demo_county.layers import control_lines, plan_zones
from tools.demo_county.plan_2020 import EarlierPlan
from tools.demo_county.plan_changes import changes_csv, transitions_csv
from tools.demo_county.plan_faces import PlanFaces
from tools.demo_county.plan_map import PlanMap
from tools.demo_county.products import LayerInfo, Setting, VectorLayer, document, layer
from tools.demo_county.settlements import Town

FOLDER, DATE = "plan_2020", "2020-12-31"


def _earlier(info: LayerInfo) -> LayerInfo:
    return replace(info, folder=FOLDER, date=DATE)


@layer(_earlier(control_lines.BOUNDARY_INFO))
def boundary_2020_layer(
    setting: Setting, plan_2020: EarlierPlan, towns: tuple[Town, ...]
) -> VectorLayer:
    """CZKFBJ."""
    return control_lines.boundary_rows(setting, plan_2020.boundary, towns)


@layer(_earlier(control_lines.REDLINE_INFO))
def redline_2020_layer(setting: Setting, plan_2020: EarlierPlan) -> VectorLayer:
    """STBHHX."""
    return control_lines.redline_rows(setting, plan_2020.redline)


@layer(_earlier(control_lines.FARMLAND_INFO))
def farmland_2020_layer(
    setting: Setting, plan_2020: EarlierPlan, towns: tuple[Town, ...]
) -> VectorLayer:
    """YJJBNT."""
    return control_lines.farmland_rows(setting, plan_2020.farmland, towns)


@layer(_earlier(plan_zones.ZONES_INFO))
def planning_zones_2020_layer(
    setting: Setting, plan_faces: PlanFaces, plan_map_2020: PlanMap, towns: tuple[Town, ...]
) -> VectorLayer:
    """GHFQ."""
    return plan_zones.zones_layer(setting, plan_faces, plan_map_2020, towns)


@layer(_earlier(plan_zones.USES_INFO))
def planned_land_use_2020_layer(
    setting: Setting, plan_faces: PlanFaces, plan_map_2020: PlanMap, towns: tuple[Town, ...]
) -> VectorLayer:
    """YDYHGHFQ."""
    return plan_zones.uses_layer(setting, plan_faces, plan_map_2020, towns)


@document(f"{FOLDER}/changes.csv")
def changes_2020(setting: Setting, plan_2020: EarlierPlan) -> bytes:
    """The known places where the three lines differ."""
    return changes_csv(setting, plan_2020)


@document(f"{FOLDER}/transitions.csv")
def transitions_2020(
    setting: Setting, plan_faces: PlanFaces, plan_2020: EarlierPlan, plan_map: PlanMap,
    plan_map_2020: PlanMap, development_boundary: Boundary, ecological_redline: Redline,
    permanent_farmland: Farmland,
) -> bytes:  # fmt: skip
    """Area by code in 2020 and code today, layer by layer."""
    today = (development_boundary, ecological_redline, permanent_farmland)
    before = (plan_2020.boundary, plan_2020.redline, plan_2020.farmland)
    return transitions_csv(setting, plan_faces, (before, plan_map_2020), (today, plan_map))
