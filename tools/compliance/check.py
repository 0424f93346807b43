"""The tool `check_compliance`: a project against control lines, land use and the rules on both."""

from datetime import UTC, date, datetime
from pathlib import Path

from cspon.schemas.knowledge import Basis
from cspon.schemas.spatial import (
    Compliance,
    LayerOutput,
    LayerSpec,
    Provenance,
    RuleOutcome,
    ToolResult,
)
from tools.catalogue import tool
from tools.compliance import tables
from tools.compliance.conflicts import Conflict, standing
from tools.compliance.figures import figures, site_of
from tools.compliance.patches import SLIVER_M2
from tools.compliance.remarks import headline, unknowns, warnings
from tools.compliance.survey import Survey, place, survey_project
from tools.geometry.area import AREA_DEFINITION
from tools.geometry.geojson import geometry_object
from tools.geometry.read import Boundary, read_boundary
from tools.layers import load_catalogue, open_layer
from tools.rules.evaluate import caveats, evaluate, rules_in_use, worst
from tools.rules.load import project_type as find_project_type
from tools.rules.model import BOUNDARY, COUNTY, FARMLAND, LAND_USE, REDLINE
from tools.rules.own_lines import own_line_outcomes

VERSION = "2"


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

    Measures every control line, zone, distance and slope that the rules are on, and land use within
    the boundary (ellipsoidal hectares), decides each rule, and lists procedure and grounds. A
    missing layer gives 数据缺失, never a pass; one declared absent is not asked.

    Args:
        boundary: Boundary file (GeoJSON, Shapefile, GeoPackage, DXF or 界址点 TXT).
        layers: Folder with `layers.yaml`.
        project_type: Kind of project by id, title or alias: unspecified, industrial_park,
            urban_development, public_service, linear_infrastructure, national_key_project, …
        asked_on: Date on which the rules must hold; today when not given.
        sliver_m2: Patches smaller than this (m²) count as contact, not as occupation.
        epsg: Coordinate system of the boundary where the file does not say it.

    Raises:
        InputError: boundary, catalogue or a layer is wrong, or the project lies outside the county.
    """
    kind = find_project_type(project_type)
    day = asked_on or date.today()
    rules = rules_in_use()
    catalogue = load_catalogue(layers)
    source = read_boundary(boundary, epsg=epsg)
    project, notices = place(source, catalogue)
    survey = survey_project(
        project,
        catalogue,
        layers,
        rules,
        project_type=kind.id,
        asked_on=day,
        sliver_m2=sliver_m2,
        source=source.source,
    )
    found = figures(survey, rules)
    site = site_of(survey, found, kind.id, day)
    own = own_line_outcomes(found.lines, site.outside_county_ha or 0.0).values()
    outcomes = (*evaluate(site, rules), *(outcome for outcome, _ in own))
    conflicts = standing(survey.conflicts, outcomes)
    in_conflict = {conflict.role for conflict in conflicts.values()}
    data = Compliance(
        project=source.name,
        area_ha=survey.area_ha,
        planar_area_m2=round(float(project.area), 4),
        epsg=catalogue.epsg,
        verdict=worst(outcomes),
        headline=headline(site, outcomes, [clause for _, clause in own if clause]),
        lines=found.lines,
        codes=found.codes,
        code_scheme=survey.land_use_spec.code_scheme if survey.land_use_spec else "none",
        crossings=tuple(row for row in found.crossings if row["line"] in in_conflict),
        zones=found.zones,
        near=found.near,
        slope=found.slope,
        sliver_m2=sliver_m2,
        rules=outcomes,
        unknowns=unknowns(survey, outcomes, rules, kind),
        area_definition=AREA_DEFINITION,
        asked_on=day,
    )
    return ToolResult(
        tool="check_compliance",
        version=VERSION,
        data=data.model_dump(mode="json"),
        tables=tables.result_tables(data),
        layers=_layers(source.name, survey, conflicts),
        basis=_bases(outcomes),
        provenance=_provenance(source, survey, layers, kind.id, day, sliver_m2, epsg),
        warnings=(*notices, *warnings(survey, sliver_m2), *caveats(site)),
        secrecy=survey.secrecy,
        synthetic=survey.synthetic,
    )


def _layers(
    name: str, survey: Survey, standing_conflicts: dict[str, Conflict]
) -> tuple[LayerOutput, ...]:
    """Return the project and its conflict patches as GeoJSON features."""
    feature = {
        "type": "Feature",
        "geometry": geometry_object(survey.project),
        "properties": {"name": name, "area_ha": survey.area_ha},
    }
    epsg = survey.catalogue.epsg
    project = LayerOutput(name="project", title="项目范围", epsg=epsg, features=(feature,))
    conflicts = tables.conflict_layer(standing_conflicts, survey.land_use, epsg)
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
            **{s.name: f"{s.date} / {_last_change(s, layers)}" for s in survey.used},
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


def _last_change(spec: LayerSpec, layers: Path) -> str:
    if spec.geometry != "raster":
        return open_layer(spec, layers).last_change
    changed = datetime.fromtimestamp((layers / spec.path).stat().st_mtime, UTC)
    return changed.isoformat(timespec="seconds")
