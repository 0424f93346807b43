"""Truth tables of the differences between two versions of the plan, for tests of the comparison.

Areas are ellipsoidal, in ha. `changes.csv` lists the places that were changed on purpose;
`transitions.csv` sums the whole county by the code that it had and the code that it has.
"""

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from tools.demo_county.control_lines import Boundary, Farmland, Redline
from tools.demo_county.plan_2020 import BOUNDARY, FARMLAND, REDLINE, EarlierPlan
from tools.demo_county.plan_faces import PlanFaces
from tools.demo_county.plan_map import ZONES, PlanMap
from tools.demo_county.products import Setting
from tools.geometry.area import M2_PER_HA, ellipsoidal_areas_m2

Lines = tuple[Boundary, Redline, Farmland]
_OUTSIDE = ""


def changes_csv(setting: Setting, plan: EarlierPlan) -> bytes:
    """One row a change; x and y are an inner point of today's place, or of the old one."""

    def hectares(area: BaseGeometry | None) -> str:
        if area is None:
            return ""
        return f"{ellipsoidal_areas_m2(np.array([area], object), setting.epsg)[0] / M2_PER_HA:.4f}"

    rows = []
    for change in plan.changes:
        place = change.old if change.new is None else change.new
        assert place is not None
        spot = shapely.point_on_surface(place)
        both = change.old is not None and change.new is not None
        moved = (
            (change.new.centroid.x - change.old.centroid.x, change.new.centroid.y - change.old.centroid.y)  # type: ignore[union-attr]
            if both else (0.0, 0.0)
        )  # fmt: skip
        rows.append([
            change.layer, change.kind, change.old_code, change.new_code, hectares(change.old),
            hectares(change.new), f"{moved[0]:.1f}", f"{moved[1]:.1f}", f"{spot.x:.3f}", f"{spot.y:.3f}",
            f"{change.note}（合成数据）",
        ])  # fmt: skip
    head = ["图层", "变化", "原代码", "现代码", "原面积_公顷", "现面积_公顷", "东移_米", "北移_米", "X", "Y", "说明"]  # fmt: skip
    return _csv(head, rows)


def transitions_csv(
    setting: Setting, faces: PlanFaces, before: tuple[Lines, PlanMap], after: tuple[Lines, PlanMap]
) -> bytes:
    """One row a layer, old code and new code, unchanged land included; no code means not in the layer."""
    area = ellipsoidal_areas_m2(faces.polygons, setting.epsg) / M2_PER_HA
    rows = []
    old, new = _labels(faces, *before), _labels(faces, *after)
    for layer in old:
        names, number = np.unique(np.concatenate([old[layer], new[layer]]), return_inverse=True)
        one, other = number[: len(area)], number[len(area) :]
        pair, position = np.unique(one * len(names) + other, return_inverse=True)
        total, count = np.bincount(position, area), np.bincount(position)
        for k in np.argsort(-total).tolist():
            a, b = str(names[pair[k] // len(names)]), str(names[pair[k] % len(names)])
            if (a or b) and total[k] >= 0.0001:
                state = "不变" if a == b else "新增" if not a else "删除" if not b else "类型变化"
                rows.append([layer, state, a, b, f"{total[k]:.4f}", str(int(count[k]))])
    return _csv(["图层", "变化", "原代码", "现代码", "面积_公顷", "计算单元数"], rows)


def _labels(faces: PlanFaces, lines: Lines, plan: PlanMap) -> dict[str, NDArray[np.str_]]:
    """Code of each piece in each layer."""
    boundary, redline, farmland = lines
    zones = np.full(len(faces.polygons), _OUTSIDE, "<U20")
    for _, kind, area in boundary.zones:
        zones[faces.within(area)] = kind
    named = np.full(len(faces.polygons), _OUTSIDE, "<U20")
    for name, _, area in redline.patches:
        named[faces.within(area)] = f"{name}生态保护红线"
    return {
        BOUNDARY: zones,
        REDLINE: named,
        FARMLAND: np.where(farmland.parcels[faces.parcel], "永久基本农田", _OUTSIDE),
        "GHFQ": np.array(ZONES)[plan.zone],
        "YDYHGHFQ": plan.codes[plan.use],
    }


def _csv(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")
