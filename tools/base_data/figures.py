"""Base figures (底数) of what was taken: area, length or number by code; parts sum to the whole."""

from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from cspon.schemas.base import Frozen
from cspon.schemas.spatial import Column, Table
from tools.base_data.taking import Taken
from tools.compliance.patches import SLIVER_M2, patches
from tools.compliance.rounding import hectares, mu, share_out
from tools.geometry.area import AREA_DEFINITION, ellipsoidal_area_m2
from tools.land_use import UNCOVERED


class BaseFigures(Frozen):
    """Of one layer."""

    total_ha: float | None = None
    """Sum of the rows; None for lines and points."""
    rows: tuple[dict[str, Any], ...]
    overlapping_ha: float = 0.0
    """Counted more than once, because features overlap."""
    covers_area: bool = False
    """The rows (with 未覆盖) sum to the extracted area."""


def base_figures(taken: Taken, area: BaseGeometry | None, *, whole: bool) -> BaseFigures:
    """Count one layer.

    Args:
        taken: What was taken.
        area: Where; None for everything.
        whole: Whether the layer should cover the area wholly and nothing was filtered out: then the
            part that no feature covers is a row of its own.
    """
    if taken.spec.geometry == "polygon":
        return _areas(taken, area, whole=whole)
    rows = []
    for code in sorted(set(taken.codes.tolist())):
        at = taken.codes == code
        row: dict[str, Any] = {
            "code": code,
            "name": taken.names.get(code, ""),
            "count": int(at.sum()),
        }
        if taken.spec.geometry == "line":
            row["length_km"] = round(float(shapely.length(taken.exact[at]).sum()) / 1000, 3)
        rows.append(row)
    return BaseFigures(rows=tuple(rows))


def _areas(taken: Taken, area: BaseGeometry | None, *, whole: bool) -> BaseFigures:
    codes = sorted(set(taken.codes.tolist()))
    by_code = {code: float(taken.areas_m2[taken.codes == code].sum()) for code in codes}
    counts = {code: int((taken.codes == code).sum()) for code in codes}
    names = dict(taken.names)
    planar = float(shapely.area(taken.exact).sum())
    overlapping, covers = 0.0, False
    if whole and area is not None:
        if abs(planar - area.area) > SLIVER_M2:
            covered = shapely.union_all(shapely.make_valid(taken.exact))
            overlapping = max(0.0, planar - float(covered.area))
            bare = patches(shapely.difference(area, covered), taken.spec.epsg, 0.0)
            if bare.total_m2 >= SLIVER_M2:
                by_code[UNCOVERED], names[UNCOVERED] = bare.total_m2, UNCOVERED
        overlapping = overlapping if overlapping > SLIVER_M2 else 0.0
        covers = overlapping == 0.0
    whole_m2 = sum(by_code.values())
    if covers and area is not None:
        whole_m2 = ellipsoidal_area_m2(area, taken.spec.epsg)
    total = hectares(whole_m2)
    shown = share_out(by_code, total)
    rows = tuple(
        {
            "code": code,
            "name": names.get(code, ""),
            "area_ha": shown[code],
            "area_mu": mu(shown[code]),
            "share_percent": round(100 * shown[code] / total, 2) if total else 0.0,
            "count": counts.get(code, 0),
        }
        for code in by_code
    )
    return BaseFigures(
        total_ha=total, rows=rows, overlapping_ha=hectares(overlapping), covers_area=covers
    )


def figures_table(taken: Taken, figures: BaseFigures) -> Table:
    """Build the table of one layer, with its sum."""
    measured = {
        "polygon": (
            Column(key="area_ha", title="面积", unit="公顷"),
            Column(key="area_mu", title="面积", unit="亩"),
            Column(key="share_percent", title="占比", unit="%"),
        ),
        "line": (Column(key="length_km", title="长度", unit="千米"),),
    }.get(taken.spec.geometry, ())
    total: dict[str, Any] = {"code": "合计", "name": "", "count": len(taken.codes)}
    note = "各行为要素个数。"
    if figures.total_ha is not None:
        total |= {
            "area_ha": figures.total_ha,
            "area_mu": mu(figures.total_ha),
            "share_percent": 100.0,
        }
        note = (
            f"{AREA_DEFINITION}公顷保留四位小数，以最大余数法取整，各行之和等于合计"
            + ("，合计为提取范围的面积。" if figures.covers_area else "。")
            + (
                f"要素相互重叠约 {figures.overlapping_ha:.4f} 公顷，重复计入。"
                if figures.overlapping_ha
                else ""
            )
        )
    elif taken.spec.geometry == "line":
        total["length_km"] = round(float(np.sum([row["length_km"] for row in figures.rows])), 3)
        note = "长度为投影平面长度。"
    return Table(
        name=taken.spec.name,
        title=f"{taken.spec.title}（{taken.spec.name}）底数",
        columns=(
            Column(key="code", title="编码"),
            Column(key="name", title="名称"),
            *measured,
            Column(key="count", title="要素", unit="个"),
        ),
        rows=(*figures.rows, total) if figures.rows else (),
        note=note,
    )
