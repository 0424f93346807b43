"""The tables and the layer of a result."""

from collections.abc import Iterable, Mapping
from typing import Any

import shapely

from cspon.schemas.spatial import (
    Column,
    Compliance,
    LayerOutput,
    LineOverlap,
    RuleOutcome,
    Table,
    ZoneOverlap,
)
from tools.compliance.conflicts import Conflict, passed_lines
from tools.compliance.measure import LandUseMeasure
from tools.compliance.rounding import ROUNDING_NOTE, hectares, mu
from tools.geometry.geojson import geometry_object
from tools.rules.lines import PARTITIONS

_REQUIREMENTS = {"avoid": "应避让", "within": "应位于线内", "inform": "只作提示"}
_AREA = (
    Column(key="area_ha", title="面积", unit="公顷"),
    Column(key="area_mu", title="面积", unit="亩"),
)
_SHARE = Column(key="share_percent", title="占比", unit="%")


def conflict_layer(
    conflicts: Mapping[str, Conflict], measure: LandUseMeasure | None, epsg: int
) -> LayerOutput:
    """Write the conflict patches as GeoJSON features, numbered by line or rule, the largest first."""
    by_group: dict[str, list[tuple[float, str, int]]] = {}
    for name, conflict in conflicts.items():
        group = by_group.setdefault(conflict.rule or conflict.role, [])
        group += [(-float(area), name, i) for i, area in enumerate(conflict.patches.areas_m2)]
    features = [
        _feature(conflicts[name], name, index, number, measure)
        for group in by_group.values()
        for number, (_, name, index) in enumerate(sorted(group), start=1)
    ]
    return LayerOutput(name="conflicts", title="冲突图斑", epsg=epsg, features=tuple(features))


def _feature(
    conflict: Conflict, name: str, index: int, number: int, measure: LandUseMeasure | None
) -> dict[str, Any]:
    polygon = conflict.patches.polygons[index]
    point = shapely.point_on_surface(polygon)
    by_code = measure.patch_codes.get((name, index), {}) if measure else {}
    area = hectares(float(conflict.patches.areas_m2[index]))
    largest = max(by_code, key=lambda code: by_code[code], default="")
    return {
        "type": "Feature",
        "geometry": geometry_object(polygon),
        "properties": {
            "line": conflict.role,
            "line_title": conflict.title,
            "zone": conflict.zone,
            "rule": conflict.rule,
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


def result_tables(data: Compliance) -> tuple[Table, ...]:
    """Build the tables of a result; those of zones and distances where there are any."""
    tables = [_lines(data), *_zones(data), _codes(data), _crossings(data), *_near(data)]
    return (*tables, _rules(data.rules))


def _lines(data: Compliance) -> Table:
    passed = passed_lines(data.rules)
    return Table(
        name="lines",
        title="控制线套合",
        columns=(
            Column(key="title", title="控制线"),
            Column(key="area_ha", title="线内", unit="公顷"),
            Column(key="area_mu", title="线内", unit="亩"),
            _SHARE,
            Column(key="outside_ha", title="线外", unit="公顷"),
            Column(key="patches", title="冲突图斑", unit="处"),
            Column(key="note", title="说明"),
        ),
        rows=tuple(_line_row(line, passed) for line in data.lines),
        note=f"{data.area_definition}{tolerance(data.sliver_m2)}{_contacts(data)}",
    )


def tolerance(sliver_m2: float) -> str:
    """State what counts as occupation."""
    return f"容差：单块投影面积不足 {sliver_m2:g} 平方米的重叠按边界接触处理，不计入占用（可在检查时另行指定）。"


def _line_row(line: LineOverlap, passed: set[str]) -> dict[str, Any]:
    allowed = line.role in passed and line.control == "avoid" and bool(line.area_ha)
    return {
        **line.model_dump(include={"role", "title", "area_ha", "area_mu", "outside_ha"}),
        "patches": (0 if allowed else line.patches) if line.present else None,
        "share_percent": None if line.share is None else round(100 * line.share, 2),
        "note": _requirement(line, allowed) if line.present else "图层缺失，未检查",
    }


def _requirement(line: LineOverlap, allowed: bool) -> str:
    if line.control == "avoid" and not line.area_ha:
        return "未占用"
    return "本项目可以位于其内" if allowed else _REQUIREMENTS[line.control]


def _contacts(data: Compliance) -> str:
    """Say what was set aside as contact, line by line."""
    found = [
        f"{line.title} {line.contact_m2:.2f} 平方米"
        for line in data.lines
        if line.contact_m2 >= 0.01
    ]
    return f"本次按接触处理：{'、'.join(found)}。" if found else ""


def _zones(data: Compliance) -> list[Table]:
    """Build one table for each partition, and one for the zones of all lines."""
    tables = []
    for role in PARTITIONS:
        rows = [zone for zone in data.zones if zone.role == role]
        if rows:
            tables.append(_zone_table(role, rows[0].title, rows, ROUNDING_NOTE))
    rest = [zone for zone in data.zones if zone.role not in PARTITIONS]
    if rest:
        note = "同一控制线的分区可能相互重叠，各行不求合计。"
        tables.append(_zone_table("line_zones", "控制线内的分区", rest, note))
    return tables


def _zone_table(name: str, title: str, zones: Iterable[ZoneOverlap], note: str) -> Table:
    of_lines = name == "line_zones"
    return Table(
        name=name,
        title=title,
        columns=(
            *([Column(key="title", title="控制线")] if of_lines else []),
            Column(key="code", title="代码"),
            Column(key="name", title="名称"),
            *_AREA,
            _SHARE,
        ),
        rows=tuple(
            {
                **zone.model_dump(exclude={"share", "scheme"}),
                "share_percent": round(100 * zone.share, 2),
            }
            for zone in zones
        ),
        note=note,
    )


def _codes(data: Compliance) -> Table:
    return Table(
        name="codes",
        title="占用地类",
        columns=(
            Column(key="code", title="编码"),
            Column(key="name", title="地类"),
            *_AREA,
            _SHARE,
            Column(key="parcels", title="图斑数", unit="个"),
        ),
        rows=tuple(
            {**code.model_dump(exclude={"share"}), "share_percent": round(100 * code.share, 2)}
            for code in data.codes
        ),
        note=ROUNDING_NOTE,
    )


def _crossings(data: Compliance) -> Table:
    return Table(
        name="crossings",
        title="冲突范围内的地类",
        columns=(
            Column(key="line_title", title="控制线"),
            Column(key="code", title="编码"),
            Column(key="name", title="地类"),
            *_AREA,
        ),
        rows=data.crossings,
    )


def _near(data: Compliance) -> list[Table]:
    tables = []
    if data.near:
        tables.append(
            Table(
                name="near",
                title="限距核对",
                columns=(
                    Column(key="title", title="规则"),
                    Column(key="limits", title="限距"),
                    Column(key="distance", title="最近距离"),
                    *_AREA,
                    Column(key="names", title="对象"),
                ),
                rows=tuple(
                    {
                        **near.model_dump(include={"rule_id", "role", "title", "limits"}),
                        "distance": f"超过 {near.searched_m:g} 米"
                        if near.distance_m is None
                        else f"{near.distance_m:.1f} 米",
                        "area_ha": near.area_ha,
                        "area_mu": near.area_mu,
                        "names": "、".join(near.names) or "、".join(near.classes),
                    }
                    for near in data.near
                ),
                note="距离为投影平面距离，从图层中的线（多为中心线）量起；面积为项目在限距以内的部分。",
            )
        )
    if data.slope is not None:
        tables.append(
            Table(
                name="slope",
                title="坡度",
                columns=(Column(key="title", title="坡度"), *_AREA),
                rows=tuple(
                    {"title": f"{degrees} 度以上", "area_ha": area, "area_mu": mu(area)}
                    for degrees, area in data.slope.over_ha.items()
                ),
                note=f"最大 {data.slope.max_degrees:.1f} 度，平均 {data.slope.mean_degrees:.1f} 度；"
                f"按 {data.slope.cell_m:g} 米格网以 Horn 八邻域法计算。",
            )
        )
    return tables


def _rules(rules: tuple[RuleOutcome, ...]) -> Table:
    return Table(
        name="rules",
        title="规则判定",
        columns=(
            Column(key="title", title="规则"),
            Column(key="verdict", title="结论"),
            Column(key="message", title="说明"),
            Column(key="approval", title="审批层级"),
            Column(key="basis", title="依据"),
        ),
        rows=tuple(_rule_row(rule) for rule in rules),
    )


def _rule_row(rule: RuleOutcome) -> dict[str, Any]:
    return {
        "rule_id": rule.rule_id,
        "title": rule.title,
        "verdict": rule.verdict.value,
        "message": rule.message,
        "approval": rule.approval or "",
        "basis": "；".join(dict.fromkeys(f"《{b.title}》{b.article or ''}" for b in rule.basis)),
    }
