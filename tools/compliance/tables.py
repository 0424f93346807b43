"""Turn measures into what users see: rounded rows that sum to the whole, tables and map layers."""

from collections.abc import Mapping
from typing import Any

import shapely

from cspon.schemas.spatial import (
    CodeOverlap,
    Column,
    Compliance,
    LayerOutput,
    LineOverlap,
    RuleOutcome,
    Table,
)
from tools.compliance.measure import LandUseMeasure, LineMeasure, Patches
from tools.geometry.area import M2_PER_HA, MU_PER_HA
from tools.land_use import UNCOVERED
from tools.rules.lines import role_title
from tools.rules.model import BOUNDARY

HA_DIGITS = 4
ROUNDING_NOTE = (
    "公顷保留四位小数，各行按项目面积平差后以最大余数法取整，合计等于项目面积；"
    "亩为公顷的十五倍，各行四舍五入。"
)
_STEP_M2 = M2_PER_HA / 10**HA_DIGITS


def hectares(area_m2: float) -> float:
    """Round square metres to hectares with four decimals, that is to whole square metres."""
    return round(area_m2 / M2_PER_HA, HA_DIGITS)


def mu(area_ha: float) -> float:
    """Convert rounded hectares to 亩 with two decimals."""
    return round(area_ha * MU_PER_HA, 2)


def share_out(areas_m2: Mapping[str, float], total_ha: float) -> dict[str, float]:
    """Adjust areas to a total and round them to hectares that sum to it (largest remainder).

    Pieces have vertices where parcels meet the project's edges, the project does not; an edge is
    straight in latitude and longitude, so pieces and whole differ by some 0.2 m² for an edge of
    300 m. As surveys do (平差), the difference is spread in proportion to the areas.

    Args:
        areas_m2: Areas by key.
        total_ha: The rounded total, a multiple of 0.0001 ha.
    """
    found = sum(areas_m2.values())
    factor = total_ha * M2_PER_HA / found if found > 0 else 1.0
    areas_m2 = {key: area * factor for key, area in areas_m2.items()}
    units = {key: int(area // _STEP_M2) for key, area in areas_m2.items()}
    left = round(total_ha * 10**HA_DIGITS) - sum(units.values())
    by_remainder = sorted(areas_m2, key=lambda key: areas_m2[key] % _STEP_M2, reverse=left > 0)
    if by_remainder:
        whole, rest = divmod(abs(left), len(by_remainder))
        sign = 1 if left > 0 else -1
        for position, key in enumerate(by_remainder):
            units[key] += sign * (whole + (position < rest))
    return {key: value / 10**HA_DIGITS for key, value in units.items()}


def line_overlap(line: LineMeasure, total_ha: float, role_title: str) -> LineOverlap:
    """Describe one measured control line; inside and outside sum to the project."""
    split = share_out(
        {"inside": line.inside.total_m2, "outside": total_ha * M2_PER_HA - line.inside.total_m2},
        total_ha,
    )
    within = line.spec.role == BOUNDARY
    if within:
        outside = 0.0 if not len(line.outside.polygons) else hectares(line.outside.total_m2)
        split = {"inside": round(total_ha - outside, HA_DIGITS), "outside": outside}
    return LineOverlap(
        role=line.spec.role,
        name=line.spec.name,
        title=role_title,
        present=True,
        area_ha=split["inside"],
        area_mu=mu(split["inside"]),
        share=round(split["inside"] / total_ha, 6) if total_ha else 0.0,
        patches=len(line.outside.polygons if within else line.inside.polygons),
        outside_ha=split["outside"],
    )


def code_overlaps(measure: LandUseMeasure, total_ha: float) -> tuple[CodeOverlap, ...]:
    """Describe land use by code, codes in order and the uncovered part last."""
    rounded = share_out({code: m.area_m2 for code, m in measure.codes.items()}, total_ha)
    return tuple(
        CodeOverlap(
            code=code,
            name=measure.codes[code].name,
            area_ha=rounded[code],
            area_mu=mu(rounded[code]),
            share=round(rounded[code] / total_ha, 6) if total_ha else 0.0,
            parcels=measure.codes[code].parcels,
        )
        for code in sorted(rounded, key=lambda code: (code == UNCOVERED, code))
    )


def crossing_rows(
    measure: LandUseMeasure, conflicts: Mapping[str, float]
) -> tuple[dict[str, Any], ...]:
    """Describe land use within each conflict; the rows of a conflict sum to its rounded hectares."""
    rows: list[dict[str, Any]] = []
    for role, total_ha in conflicts.items():
        areas = measure.crossings.get(role, {})
        for code, area in sorted(share_out(areas, total_ha).items()):
            if area > 0:
                rows.append(
                    {
                        "line": role,
                        "line_title": conflict_title(role),
                        "code": code,
                        "name": measure.codes[code].name,
                        "area_ha": area,
                        "area_mu": mu(area),
                    }
                )
    return tuple(rows)


def conflict_title(role: str) -> str:
    """Name what is wrong with land of a conflict: inside a line, or outside the boundary."""
    title = role_title(role)
    return f"{title}外" if role == BOUNDARY else title


def conflict_layer(
    conflicts: Mapping[str, Patches], measure: LandUseMeasure | None, epsg: int
) -> LayerOutput:
    """Write the conflict patches as GeoJSON features, largest first within a line."""
    features: list[dict[str, Any]] = []
    for role, group in conflicts.items():
        order = sorted(range(len(group.polygons)), key=lambda i: -float(group.areas_m2[i]))
        for number, index in enumerate(order, start=1):
            polygon = group.polygons[index]
            point = shapely.point_on_surface(polygon)
            by_code = measure.patch_codes.get((role, index), {}) if measure else {}
            area = hectares(float(group.areas_m2[index]))
            largest = max(by_code, key=lambda code: by_code[code], default="")
            features.append(
                {
                    "type": "Feature",
                    "geometry": shapely.geometry.mapping(polygon),
                    "properties": {
                        "line": role,
                        "line_title": conflict_title(role),
                        "number": number,
                        "area_ha": area,
                        "area_mu": mu(area),
                        "code": largest,
                        "code_name": measure.codes[largest].name if measure and largest else "",
                        "codes_ha": {
                            code: hectares(m2)
                            for code, m2 in sorted(by_code.items(), key=lambda item: -item[1])
                        },
                        "x": round(point.x, 3),
                        "y": round(point.y, 3),
                    },
                }
            )
    return LayerOutput(name="conflicts", title="冲突图斑", epsg=epsg, features=tuple(features))


def result_tables(data: Compliance) -> tuple[Table, ...]:
    """Build the four tables of a result."""
    area = (
        Column(key="area_ha", title="面积", unit="公顷"),
        Column(key="area_mu", title="面积", unit="亩"),
    )
    share = Column(key="share_percent", title="占比", unit="%")
    return (
        Table(
            name="lines",
            title="控制线套合",
            columns=(
                Column(key="title", title="控制线"),
                Column(key="area_ha", title="线内", unit="公顷"),
                Column(key="area_mu", title="线内", unit="亩"),
                share,
                Column(key="outside_ha", title="线外", unit="公顷"),
                Column(key="patches", title="冲突图斑", unit="处"),
                Column(key="note", title="要求"),
            ),
            rows=tuple(_line_row(line) for line in data.lines),
            note=data.area_definition,
        ),
        Table(
            name="codes",
            title="占用地类",
            columns=(
                Column(key="code", title="编码"),
                Column(key="name", title="地类"),
                *area,
                share,
                Column(key="parcels", title="图斑数", unit="个"),
            ),
            rows=tuple(
                {**code.model_dump(exclude={"share"}), "share_percent": round(100 * code.share, 2)}
                for code in data.codes
            ),
            note=ROUNDING_NOTE,
        ),
        Table(
            name="crossings",
            title="冲突范围内的地类",
            columns=(
                Column(key="line_title", title="控制线"),
                Column(key="code", title="编码"),
                Column(key="name", title="地类"),
                *area,
            ),
            rows=data.crossings,
        ),
        Table(
            name="rules",
            title="规则判定",
            columns=(
                Column(key="title", title="规则"),
                Column(key="verdict", title="结论"),
                Column(key="message", title="说明"),
                Column(key="approval", title="审批层级"),
                Column(key="basis", title="依据"),
            ),
            rows=tuple(_rule_row(rule) for rule in data.rules),
        ),
    )


def _line_row(line: LineOverlap) -> dict[str, Any]:
    note = "应位于线内" if line.role == BOUNDARY else "不得占用"
    return {
        **line.model_dump(include={"role", "title", "area_ha", "area_mu", "outside_ha"}),
        "patches": line.patches if line.present else None,
        "share_percent": None if line.share is None else round(100 * line.share, 2),
        "note": note if line.present else "图层缺失，未检查",
    }


def _rule_row(rule: RuleOutcome) -> dict[str, Any]:
    return {
        "rule_id": rule.rule_id,
        "title": rule.title,
        "verdict": rule.verdict.value,
        "message": rule.message,
        "approval": rule.approval or "",
        "basis": "；".join(dict.fromkeys(f"《{b.title}》{b.article or ''}" for b in rule.basis)),
    }
