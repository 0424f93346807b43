"""The tool `check_compliance`: a project against control lines, land use and the rules on both."""

from datetime import date
from pathlib import Path
from typing import Any

import shapely

from cspon.schemas.knowledge import Basis
from cspon.schemas.spatial import (
    CodeOverlap,
    Compliance,
    LayerOutput,
    LineOverlap,
    Provenance,
    RuleOutcome,
    ToolResult,
)
from tools.catalogue import tool
from tools.compliance import tables
from tools.compliance.measure import SLIVER_M2
from tools.compliance.remarks import headline, unknowns, warnings
from tools.compliance.survey import LINES, Survey, place, survey_project
from tools.geometry.area import AREA_DEFINITION
from tools.geometry.read import Boundary, read_boundary
from tools.land_use import SCHEME_TITLES, UNCOVERED
from tools.layers import load_catalogue, open_layer
from tools.rules.evaluate import caveats, evaluate, worst
from tools.rules.lines import role_title
from tools.rules.load import project_type as find_project_type
from tools.rules.model import (
    BOUNDARY,
    COUNTY,
    FARMLAND,
    LAND_USE,
    REDLINE,
    LineFigures,
    Site,
)

VERSION = "1"


@tool(
    "check_compliance",
    title="控制线合规性检查",
    version=VERSION,
    examples=(
        "拟建产业园项目选址是否可行？占用了哪些控制线，各多少公顷，需要办理什么手续？",
        "这个项目边界有没有压占永久基本农田和生态保护红线？",
        "该地块是否全部位于城镇开发边界内？",
        "项目用地占用多少耕地、多少林地，要报哪一级政府批准？",
        "对上传的红线做三区三线套合分析",
    ),
    needs=(LAND_USE, FARMLAND, REDLINE, BOUNDARY, COUNTY),
)
def check_compliance(
    boundary: Path,
    layers: Path,
    project_type: str = "unspecified",
    asked_on: date | None = None,
    sliver_m2: float = SLIVER_M2,
    epsg: int | None = None,
) -> ToolResult:
    """Check a construction project's boundary against control lines, land use and their rules.

    Measures permanent basic farmland, ecological redline, urban development boundary and land use
    within the boundary (ellipsoidal hectares), decides each rule, and lists procedure and grounds.
    A missing layer gives 数据缺失, never a pass.

    Args:
        boundary: Boundary file (GeoJSON, Shapefile, GeoPackage, DXF or 界址点 TXT).
        layers: Folder with `layers.yaml`.
        project_type: Kind of project: unspecified, industrial_park, urban_development,
            public_service, linear_infrastructure or national_key_project.
        asked_on: Date on which the rules must hold; today when not given.
        sliver_m2: Patches smaller than this (m²) count as contact, not as occupation.
        epsg: Coordinate system of the boundary where the file does not say it.

    Raises:
        InputError: boundary, catalogue or a layer is wrong, or the project lies outside the county.
    """
    kind = find_project_type(project_type)
    day = asked_on or date.today()
    catalogue = load_catalogue(layers)
    source = read_boundary(boundary, epsg=epsg)
    project, notices = place(source, catalogue)
    survey = survey_project(project, catalogue, layers, sliver_m2=sliver_m2, source=source.source)
    lines = _lines(survey)
    codes = tables.code_overlaps(survey.land_use, survey.area_ha) if survey.land_use else ()
    crossings = (
        tables.crossing_rows(survey.land_use, _conflict_ha(lines)) if survey.land_use else ()
    )
    site = _site(survey, lines, codes, crossings, kind.id, day)
    outcomes = evaluate(site)
    data = Compliance(
        project=source.name,
        area_ha=survey.area_ha,
        planar_area_m2=round(float(project.area), 4),
        epsg=catalogue.epsg,
        verdict=worst(outcomes),
        headline=headline(site, outcomes),
        lines=lines,
        codes=codes,
        code_scheme=survey.land_use_spec.code_scheme if survey.land_use_spec else "none",
        crossings=crossings,
        rules=outcomes,
        unknowns=unknowns(catalogue, outcomes, kind),
        area_definition=AREA_DEFINITION,
        asked_on=day,
    )
    return ToolResult(
        tool="check_compliance",
        version=VERSION,
        data=data.model_dump(mode="json"),
        tables=tables.result_tables(data),
        layers=_layers(source.name, survey),
        basis=_bases(outcomes),
        provenance=_provenance(source, survey, layers, kind.id, day, sliver_m2, epsg),
        warnings=(*notices, *warnings(survey, sliver_m2), *caveats(site)),
        secrecy=survey.secrecy,
        synthetic=survey.synthetic,
    )


def _lines(survey: Survey) -> tuple[LineOverlap, ...]:
    return tuple(
        tables.line_overlap(survey.lines[role], survey.area_ha, role_title(role))
        if role in survey.lines
        else LineOverlap(role=role, name="", title=role_title(role), present=False)
        for role in LINES
    )


def _conflict_ha(lines: tuple[LineOverlap, ...]) -> dict[str, float]:
    return {
        line.role: (line.outside_ha if line.role == BOUNDARY else line.area_ha) or 0.0
        for line in lines
        if line.present
    }


def _site(
    survey: Survey,
    lines: tuple[LineOverlap, ...],
    codes: tuple[CodeOverlap, ...],
    crossings: tuple[dict[str, Any], ...],
    kind: str,
    day: date,
) -> Site:
    """Give the rules the figures that users see."""
    by_code = {code.code: code.area_ha for code in codes}
    outside = survey.outside_county
    problem = _land_use_problem(survey)
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
            for line in lines
            if line.present
        },
        codes=None if problem else by_code,
        crossings={} if problem else _by_line(crossings),
        uncovered_ha=by_code.get(UNCOVERED, 0.0),
        outside_county_ha=None if outside is None else tables.hectares(outside.total_m2),
        land_use_problem=problem,
    )


def _land_use_problem(survey: Survey) -> str:
    """Say why rules on land use cannot be decided, or nothing."""
    spec = survey.land_use_spec
    if spec is None:
        return "缺少土地利用现状图层"
    if spec.code_scheme != "ydyh_2023":
        return (
            f"土地利用现状图层采用{SCHEME_TITLES[spec.code_scheme]}编码，规则需要用地用海分类（2023）"
            "编码，两套编码数字相同而含义不同，不作换算"
        )
    return ""


def _by_line(crossings: tuple[dict[str, Any], ...]) -> dict[str, dict[str, float]]:
    by_line: dict[str, dict[str, float]] = {}
    for row in crossings:
        by_line.setdefault(row["line"], {})[row["code"]] = row["area_ha"]
    return by_line


def _layers(name: str, survey: Survey) -> tuple[LayerOutput, ...]:
    """Return the project and its conflict patches as GeoJSON features."""
    feature = {
        "type": "Feature",
        "geometry": shapely.geometry.mapping(survey.project),
        "properties": {"name": name, "area_ha": survey.area_ha},
    }
    epsg = survey.catalogue.epsg
    project = LayerOutput(name="project", title="项目范围", epsg=epsg, features=(feature,))
    conflicts = tables.conflict_layer(survey.conflicts, survey.land_use, epsg)
    return project, conflicts.model_copy(update={"secrecy": survey.secrecy})


def _bases(outcomes: tuple[RuleOutcome, ...]) -> tuple[Basis, ...]:
    """List each clause once, in the order of the rules."""
    seen: dict[tuple[str, str | None, str | None], Basis] = {}
    for outcome in outcomes:
        for basis in outcome.basis:
            seen.setdefault((basis.title, basis.article, basis.quote), basis)
    return tuple(seen.values())


def _provenance(
    source: Boundary,
    survey: Survey,
    layers: Path,
    kind: str,
    day: date,
    sliver_m2: float,
    epsg: int | None,
) -> Provenance:
    return Provenance(
        tool="check_compliance",
        version=VERSION,
        inputs={
            "boundary": f"sha256:{source.sha256.removeprefix('sha256:')}",
            **{s.name: f"{s.date} / {open_layer(s, layers).last_change}" for s in survey.used},
        },
        parameters={
            "project_type": kind,
            "asked_on": day.isoformat(),
            "sliver_m2": sliver_m2,
            "layers": survey.catalogue.title,
            **({} if epsg is None else {"epsg": epsg}),
        },
        epsg=survey.catalogue.epsg,
        layer_dates={s.name: s.date for s in survey.used},
    )
