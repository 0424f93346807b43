"""The detailed plan (控规) of the central town: plots with use and control figures.

Field names are the project's own (verified: false): the official ones were not found.
"""

import numpy as np

from tools.demo_county.control_lines import CORE, ELASTIC
from tools.demo_county.noise import hash01
from tools.demo_county.plan_faces import PlanFaces
from tools.demo_county.plan_layer import Columns, plan_polygons
from tools.demo_county.plan_map import ZONES, PlanMap, use_areas
from tools.demo_county.products import LayerInfo, Setting, VectorLayer, layer
from tools.demo_county.settlements import Town
from tools.demo_county.zoning import NAMES

LEAST_M2 = 200.0
FLOOR_M = {"07": 3.1, "09": 4.2, "10": 6.5, "11": 8.0}
BY_USE = {
    # code prefix: building density %, green ratio %, floors from and to
    "07": (22, 35, 6, 14), "08": (28, 35, 3, 6), "09": (42, 20, 5, 12), "10": (48, 12, 1, 4),
    "11": (50, 12, 1, 2), "13": (32, 25, 1, 3), "1401": (4, 75, 1, 1), "1402": (2, 85, 1, 1),
    "1403": (5, 45, 1, 1),
}  # fmt: skip
_LONGEST = max(map(len, BY_USE))
UPPER = "容积率、建筑密度、建筑高度为上限，绿地率为下限"
INDUSTRY = "容积率、建筑密度为下限，绿地率、建筑高度为上限"
OTHER_FLOOR_M = 3.9


@layer(
    LayerInfo(
        "detailed_plan", "XXGHDK", "详细规划地块", id_field="BSM", code_field="YDYHFLDM",
        name_field="DKBH", code_scheme="ydyh_2023",
    )
)  # fmt: skip
def detailed_plan_layer(
    setting: Setting, plan_faces: PlanFaces, plan_map: PlanMap, towns: tuple[Town, ...]
) -> VectorLayer:
    """One row a plot inside the seat's part of the boundary; roads and water are no plots."""
    areas, piece = use_areas(setting, plan_faces, plan_map)
    codes = plan_map.codes[plan_map.use[piece]]
    urban = np.isin(plan_map.zone[piece], [ZONES.index(CORE), ZONES.index(ELASTIC)])
    known = np.array([_rule(str(code)) is not None for code in codes])
    size = np.array([area.area for area in areas])
    chosen = np.flatnonzero(urban & known & (plan_faces.town[piece] == 0) & (size >= LEAST_M2))
    order = chosen[np.lexsort((plan_faces.points[piece[chosen], 0], -size[chosen]))]
    return plan_polygons(
        setting, 2317, areas[order].tolist(), _columns(setting, [str(c) for c in codes[order]]),
        towns=towns[:1],
    )  # fmt: skip


def _rule(code: str) -> tuple[int, int, int, int] | None:
    lengths = range(_LONGEST, 1, -1)
    return next((BY_USE[code[:n]] for n in lengths if code[:n] in BY_USE), None)


def _columns(setting: Setting, codes: list[str]) -> Columns:
    unit = hash01(setting.seed, 320, np.arange(len(codes)))
    rows = []
    for code, share in zip(codes, unit.tolist(), strict=True):
        rule = _rule(code)
        assert rule is not None
        density, green, lowest, highest = rule
        floors = lowest + int(share * (highest - lowest + 1))
        ratio = max(0.1, round(0.85 * density / 100 * floors, 1))
        height = round(floors * FLOOR_M.get(code[:2], OTHER_FLOOR_M) + 2)
        works = code[:2] in ("10", "11")
        rows.append((ratio, density, green, height, INDUSTRY if works else UPPER))
    numbers = [f"CG-{k:03d}" for k in range(1, len(codes) + 1)]
    ratio_, density_, green_, height_, limits = (
        [list(column) for column in zip(*rows, strict=True)] if rows else [[]] * 5
    )
    return {
        "DKBH": ("TEXT(20)", numbers),
        "YDYHFLDM": ("TEXT(10)", codes),
        "YDYHFLMC": ("TEXT(60)", [NAMES[code] for code in codes]),
        "RJL": ("REAL", ratio_),
        "JZMD": ("REAL", density_),
        "LDL": ("REAL", green_),
        "JZGD": ("REAL", height_),
        "KZYQ": ("TEXT(100)", limits),
        "TZTK": ("TEXT(100)", [f"城关镇详细规划（合成）图则 {number}" for number in numbers]),
    }
