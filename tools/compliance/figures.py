"""Turn measures into the figures that users and rules see: rounded, parts that sum to the whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, cast

from cspon.schemas.spatial import (
    CodeOverlap,
    LineOverlap,
    NearOverlap,
    SlopeOverlap,
    ZoneOverlap,
)
from tools.compliance.conflicts import control_of
from tools.compliance.measure import LandUseMeasure, LineMeasure
from tools.compliance.rounding import HA_DIGITS, hectares, mu, share_out
from tools.compliance.survey import Survey, rounded_zones
from tools.geometry.area import M2_PER_HA
from tools.land_use import SCHEME_TITLES, UNCOVERED
from tools.rules.line_predicates import degrees_key, limits_text
from tools.rules.lines import PARTITIONS, line_roles, role_title
from tools.rules.model import LineFigures, NearFigures, Rule, Site, SlopeFigures

Control = Literal["avoid", "within", "inform"]


@dataclass(frozen=True)
class Figures:
    """All rounded figures of a project."""

    lines: tuple[LineOverlap, ...]
    codes: tuple[CodeOverlap, ...]
    crossings: tuple[dict[str, Any], ...]
    zones: tuple[ZoneOverlap, ...]
    near: tuple[NearOverlap, ...]
    slope: SlopeOverlap | None


def figures(survey: Survey, rules: tuple[Rule, ...]) -> Figures:
    """Round everything that was measured."""
    lines = tuple(_lines(survey))
    land_use = survey.land_use
    return Figures(
        lines=lines,
        codes=code_overlaps(land_use, survey.area_ha) if land_use else (),
        crossings=crossing_rows(land_use, survey, _line_ha(lines)) if land_use else (),
        zones=tuple(_zones(survey)),
        near=tuple(_near(survey, rules)),
        slope=_slope(survey),
    )


def _lines(survey: Survey) -> list[LineOverlap]:
    """Describe every line, those without a layer too, but not what the place does not have."""
    absent = {entry.role for entry in survey.catalogue.absent}
    roles = [
        role.role
        for role in line_roles().values()
        if role.geometry == "polygon" and role.role not in (*PARTITIONS, *absent)
    ]
    rows = []
    for role in dict.fromkeys([*roles, *survey.lines]):
        title = role_title(role, survey.catalogue)
        control = cast("Control", control_of(role, survey.catalogue))
        if role in survey.lines:
            rows.append(line_overlap(survey.lines[role], survey.area_ha, title, control))
        else:
            rows.append(
                LineOverlap(role=role, name="", title=title, control=control, present=False)
            )
    return rows


def line_overlap(
    line: LineMeasure, total_ha: float, title: str, control: Control = "avoid"
) -> LineOverlap:
    """Describe one measured control line; inside and outside sum to the project."""
    split = share_out(
        {"inside": line.inside.total_m2, "outside": total_ha * M2_PER_HA - line.inside.total_m2},
        total_ha,
    )
    within = control == "within"
    if within:
        outside = 0.0 if not len(line.outside.polygons) else hectares(line.outside.total_m2)
        split = {"inside": round(total_ha - outside, HA_DIGITS), "outside": outside}
    conflict = line.outside if within else line.inside
    return LineOverlap(
        role=line.spec.role,
        name=line.spec.name,
        title=title,
        control=control,
        present=True,
        area_ha=split["inside"],
        area_mu=mu(split["inside"]),
        share=round(split["inside"] / total_ha, 6) if total_ha else 0.0,
        patches=len(conflict.polygons),
        outside_ha=split["outside"],
        contact_m2=round(conflict.contact_m2, 2),
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


def _line_ha(lines: tuple[LineOverlap, ...]) -> dict[str, float]:
    """Return the hectares in conflict, by role, as the lines' table shows them."""
    return {
        line.role: (line.outside_ha if line.control == "within" else line.area_ha) or 0.0
        for line in lines
        if line.present
    }


def crossing_rows(
    measure: LandUseMeasure, survey: Survey, line_ha: Mapping[str, float]
) -> tuple[dict[str, Any], ...]:
    """Describe land use on each line; the rows of a line or zone sum to its rounded hectares."""
    rows: list[dict[str, Any]] = []
    for name, conflict in survey.conflicts.items():
        if conflict.rule or conflict.role in PARTITIONS:
            continue
        total_ha = line_ha[name] if name in line_ha else hectares(conflict.patches.total_m2)
        areas = measure.crossings.get(name, {})
        for code, area in sorted(share_out(areas, total_ha).items()):
            if area > 0:
                rows.append(
                    {
                        "line": conflict.role,
                        "line_title": conflict.title,
                        "zone": conflict.zone,
                        "code": code,
                        "name": measure.codes[code].name,
                        "area_ha": area,
                        "area_mu": mu(area),
                    }
                )
    return tuple(rows)


def _zones(survey: Survey) -> list[ZoneOverlap]:
    rows = []
    for role, measure in survey.zones.items():
        rounded = rounded_zones(measure, survey.area_ha)
        shown = [c for c in rounded if rounded[c] > 0]  # contact alone is no part of a zone
        for code in sorted(shown, key=lambda c: (c == UNCOVERED, c)):
            rows.append(
                ZoneOverlap(
                    role=role,
                    title=role_title(role),
                    scheme=measure.spec.code_scheme,
                    code=code,
                    name=measure.names[code],
                    area_ha=rounded[code],
                    area_mu=mu(rounded[code]),
                    share=round(rounded[code] / survey.area_ha, 6) if survey.area_ha else 0.0,
                )
            )
    return rows


def _near(survey: Survey, rules: tuple[Rule, ...]) -> list[NearOverlap]:
    by_id = {rule.id: rule for rule in rules}
    rows = []
    for rule_id, near in survey.near.items():
        area = hectares(near.inside.total_m2)
        rows.append(
            NearOverlap(
                rule_id=rule_id,
                role=near.spec.role,
                title=by_id[rule_id].title,
                limits=limits_text(by_id[rule_id].parameters, near.classes),
                distance_m=None if near.distance_m is None else round(near.distance_m, 1),
                searched_m=near.searched_m,
                area_ha=area,
                area_mu=mu(area),
                classes=near.classes,
                names=near.names,
            )
        )
    return rows


def _slope(survey: Survey) -> SlopeOverlap | None:
    slope = survey.slope
    if slope is None:
        return None
    return SlopeOverlap(
        max_degrees=round(slope.max_degrees, 1),
        mean_degrees=round(slope.mean_degrees, 1),
        cell_m=slope.cell_m,
        over_ha={degrees_key(d): hectares(p.total_m2) for d, p in slope.over.items()},
    )


def site_of(survey: Survey, found: Figures, kind: str, day: date) -> Site:
    """Give the rules the figures that users see."""
    by_code = {code.code: code.area_ha for code in found.codes}
    outside = survey.outside_county
    problem = _land_use_problem(survey)
    zones: dict[str, dict[str, float]] = {role: {} for role in survey.zones}
    for zone in found.zones:
        zones[zone.role][zone.code] = zone.area_ha
    return Site(
        area_ha=survey.area_ha,
        project_type=kind,
        asked_on=day,
        lines={
            line.role: LineFigures(
                inside_ha=line.area_ha or 0.0,
                outside_ha=line.outside_ha or 0.0,
                patches=line.patches,
            )
            for line in found.lines
            if line.present
        },
        codes=None if problem else by_code,
        crossings={} if problem else _by_line(found.crossings),
        uncovered_ha=by_code.get(UNCOVERED, 0.0),
        outside_county_ha=None if outside is None else hectares(outside.total_m2),
        land_use_problem=problem,
        zones=zones,
        schemes={role: str(measure.spec.code_scheme) for role, measure in survey.zones.items()},
        near={rule_id: _near_figures(survey, rule_id) for rule_id in survey.near},
        slope=_slope_figures(survey, found.slope),
        absent={entry.role: entry.reason for entry in survey.catalogue.absent},
    )


def _near_figures(survey: Survey, rule_id: str) -> NearFigures:
    near = survey.near[rule_id]
    return NearFigures(
        distance_m=near.distance_m,
        inside_ha=hectares(near.inside.total_m2),
        margin_ha=hectares(near.margin.total_m2),
        by_class={name: hectares(group.total_m2) for name, group in near.by_class.items()},
        classes=near.classes,
        names=near.names,
        searched_m=near.searched_m,
    )


def _slope_figures(survey: Survey, slope: SlopeOverlap | None) -> SlopeFigures | None:
    if slope is None or survey.slope is None:
        return None
    return SlopeFigures(
        max_degrees=slope.max_degrees,
        mean_degrees=slope.mean_degrees,
        over_ha=slope.over_ha,
        unknown_ha=hectares(survey.slope.unknown_m2),
    )


def _land_use_problem(survey: Survey) -> str:
    """Say why rules on land use cannot be decided, or nothing."""
    spec = survey.land_use_spec
    if spec is None:
        return "缺少土地利用现状图层"
    if spec.code_scheme != "ydyh_2023":
        scheme = SCHEME_TITLES.get(spec.code_scheme, spec.code_scheme)
        return (
            f"土地利用现状图层采用{scheme}编码，规则需要用地用海分类（2023）"
            "编码，两套编码数字相同而含义不同，不作换算"
        )
    return ""


def _by_line(crossings: tuple[dict[str, Any], ...]) -> dict[str, dict[str, float]]:
    """Return land use on whole lines; zones of a line may lie over each other."""
    by_line: dict[str, dict[str, float]] = {}
    for row in crossings:
        if not row["zone"]:
            by_line.setdefault(row["line"], {})[row["code"]] = row["area_ha"]
    return by_line
