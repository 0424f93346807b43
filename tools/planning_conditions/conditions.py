"""The tool `planning_conditions`: what the plan and the rules say about one parcel."""

from datetime import date
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from cspon.errors import InputError
from cspon.schemas.base import Frozen, Secrecy
from cspon.schemas.knowledge import Basis
from cspon.schemas.spatial import (
    CodeOverlap,
    Compliance,
    LayerCatalogue,
    LayerOutput,
    LayerSpec,
    LineOverlap,
    RuleOutcome,
    SlopeOverlap,
    ToolResult,
    Verdict,
    ZoneOverlap,
)
from tools.catalogue import tool
from tools.compliance.check import check_compliance
from tools.compliance.rounding import hectares, mu
from tools.compliance.slope import measure_slope
from tools.compliance.survey import place
from tools.geometry.read import read_boundary
from tools.layers import layer_by_role, load_catalogue
from tools.planning_conditions import tables
from tools.planning_conditions.control_figures import (
    DETAILED_PLAN,
    NOT_GIVEN,
    PlotFigures,
    figure_table,
    read_figures,
)
from tools.planning_conditions.network_services import ON_NETWORK, STRAIGHT, services_on_network
from tools.planning_conditions.surroundings import (
    CONTROL_ZONE,
    Road,
    Service,
    roads_around,
    services_around,
)
from tools.rules.evaluate import rules_in_use
from tools.rules.lines import role_title
from tools.rules.model import COUNTY, DEM, PLANNED_USE, ZONES

VERSION = "1"
SERVICES_M = 1_000.0
MOST_M = 20_000.0
DETAILED_PLAN_BASIS = Basis(
    title="中华人民共和国城乡规划法",
    article="第三十八条",
    point="出让前依据控制性详细规划提出地块的位置、使用性质、开发强度等规划条件",
    quote="应当依据控制性详细规划，提出出让地块的位置、使用性质、开发强度等规划条件",
)
STEEP = (8.0, 15.0, 25.0)
"""Degrees: grades of terrain that planners tell apart."""


class Conditions(Frozen):
    """`ToolResult.data` of the tool."""

    parcel: str
    area_ha: float
    area_mu: float
    epsg: int
    project_type: str
    planned_use: tuple[ZoneOverlap, ...]
    """Parts sum to the parcel; empty where the layer is missing."""
    planning_zones: tuple[ZoneOverlap, ...]
    current_use: tuple[CodeOverlap, ...]
    lines: tuple[LineOverlap, ...]
    """Every control line, touched or not."""
    demands: tuple[RuleOutcome, ...]
    """What rules demand of the parcel, those that are simply met left out."""
    met: tuple[str, ...]
    roads: tuple[Road, ...] | None
    """None where the layer is missing or has no classes."""
    services: tuple[Service, ...] | None
    services_within_m: float
    service_distance: str = STRAIGHT
    """How the distances of `services` were measured."""
    slope: SlopeOverlap | None
    figures: tuple[PlotFigures, ...]
    figures_note: str
    """详细规划未提供 where no layer has any control figure."""
    verdict: Verdict
    headline: str
    unknowns: tuple[str, ...]


@tool(
    "planning_conditions",
    title="规划条件提取",
    version=VERSION,
    examples=(
        "这块地的规划条件是什么？规划用途、控制线、周边道路和配套设施列一份。",
        "提取地块的规划条件：用地性质、容积率、建筑密度、绿地率、限高。",
        "出让地块要附哪些规划条件，受哪些控制线限制？",
    ),
    needs=(PLANNED_USE, COUNTY),
)
def planning_conditions(
    parcel: Path,
    layers: Path,
    project_type: str = "unspecified",
    asked_on: date | None = None,
    services_m: float = SERVICES_M,
    epsg: int | None = None,
) -> ToolResult:
    """Collect the planning conditions of a parcel.

    Planned land use and planning zone by code (parts sum to the parcel), control lines and what each
    demands with its clause, roads with building-control widths, public services within a walking
    distance on the street network (a straight line where there is no network, and then said), slope,
    and the control figures that a detailed plan states. What no layer states is said to be not
    provided, never made up.

    Args:
        parcel: Boundary file (GeoJSON, Shapefile, GeoPackage, DXF or 界址点 TXT).
        layers: Folder with `layers.yaml`.
        project_type: Kind of project by id, title or alias; rules tell kinds apart.
        asked_on: Date on which the rules must hold; today when not given.
        services_m: How far public services are looked for, metres.
        epsg: Coordinate system of the parcel where the file does not say it.

    Raises:
        InputError: parcel, catalogue or a layer is wrong, or the parcel lies outside the county.
    """
    if not 0 < services_m <= MOST_M:
        raise InputError(
            f"设施查找距离 {services_m:g} 米不合理",
            field="services_m",
            mend=f"改为 0 至 {MOST_M:g} 米之间，例如 1000",
        )
    checked = check_compliance(parcel, layers, project_type, asked_on, epsg=epsg)
    found = Compliance.model_validate(checked.data)
    catalogue = load_catalogue(layers)
    boundary, _ = place(read_boundary(parcel, epsg=epsg), catalogue)
    around = _Around(boundary, catalogue, layers)
    roads = around.roads()
    services = around.services(services_m)
    slope = around.slope()
    figures, plan_layers = read_figures(boundary, catalogue, layers)
    used = (*around.used, *plan_layers)
    detailed = any(spec.role == DETAILED_PLAN for spec in plan_layers)
    plain = [rule for rule in found.rules if _is_plain(rule)]
    data = Conditions(
        parcel=found.project,
        area_ha=found.area_ha,
        area_mu=mu(found.area_ha),
        epsg=found.epsg,
        project_type=str(checked.provenance.parameters["project_type"]),
        planned_use=tuple(zone for zone in found.zones if zone.role == PLANNED_USE),
        planning_zones=tuple(zone for zone in found.zones if zone.role == ZONES),
        current_use=found.codes,
        lines=found.lines,
        demands=tuple(rule for rule in found.rules if rule not in plain),
        met=tuple(rule.title for rule in plain),
        roads=roads,
        services=services,
        services_within_m=services_m,
        service_distance=around.service_distance,
        slope=slope,
        figures=figures,
        figures_note="" if _stated(figures) else NOT_GIVEN,
        verdict=found.verdict,
        headline=found.headline,
        unknowns=found.unknowns,
    )
    outline = LayerOutput(
        name="parcel",
        title="地块",
        epsg=found.epsg,
        features=(
            {
                "type": "Feature",
                "geometry": shapely.geometry.mapping(boundary),
                "properties": {"name": found.project, "area_ha": found.area_ha},
            },
        ),
    )
    dates = {**checked.provenance.layer_dates, **{spec.name: spec.date for spec in used}}
    inputs = {**{s.name: s.date for s in used}, **checked.provenance.inputs}
    return ToolResult(
        tool="planning_conditions",
        version=VERSION,
        data=data.model_dump(mode="json"),
        tables=tables.condition_tables(data),
        layers=(outline,),
        basis=(*((DETAILED_PLAN_BASIS,) if detailed else ()), *_bases(data.demands)),
        provenance=checked.provenance.model_copy(
            update={
                "tool": "planning_conditions",
                "version": VERSION,
                "inputs": inputs,
                "layer_dates": dates,
                "parameters": {**checked.provenance.parameters, "services_m": services_m},
            }
        ),
        warnings=(*checked.warnings, *around.remarks, *_missing(data, catalogue)),
        secrecy=_highest(checked.secrecy, used),
        synthetic=checked.synthetic or any(spec.synthetic for spec in used),
    )


class _Around:
    """Reads what the check does not read, and remembers which layers that were."""

    def __init__(self, parcel: BaseGeometry, catalogue: LayerCatalogue, folder: Path) -> None:
        self.parcel, self.catalogue, self.folder = parcel, catalogue, folder
        self.used: list[LayerSpec] = []
        self.service_distance = STRAIGHT
        self.remarks: list[str] = []

    def _spec(self, role: str) -> LayerSpec | None:
        spec = layer_by_role(self.catalogue, role)
        if spec is not None:
            self.used.append(spec)
        return spec

    def roads(self) -> tuple[Road, ...] | None:
        spec = self._spec("roads")
        if spec is None or spec.code_scheme == "none":
            return None
        rule = next((rule for rule in rules_in_use() if rule.id == CONTROL_ZONE), None)
        return roads_around(self.parcel, spec, self.folder, rule)

    def services(self, within_m: float) -> tuple[Service, ...] | None:
        spec = self._spec("facilities")
        if spec is None:
            return None
        walked = services_on_network(self.parcel, spec, self.catalogue, self.folder, within_m)
        if walked is None:
            self.remarks.append(
                "没有道路图层或地块不邻可步行的道路，公共服务设施按直线距离计，实际路程更长。"
            )
            return services_around(self.parcel, spec, self.folder, within_m)
        self.service_distance = ON_NETWORK
        self.remarks += walked[1]
        return walked[0]

    def slope(self) -> SlopeOverlap | None:
        spec = self._spec(DEM)
        found = measure_slope(self.parcel, spec, self.folder, set(STEEP)) if spec else None
        if found is None:
            return None
        return SlopeOverlap(
            max_degrees=round(found.max_degrees, 1),
            mean_degrees=round(found.mean_degrees, 1),
            cell_m=found.cell_m,
            over_ha={f"{d:g}": hectares(found.over[d].total_m2) for d in STEEP},
        )


def _stated(figures: tuple[PlotFigures, ...]) -> bool:
    controls = {figure.key for figure in figure_table() if not figure.describes}
    return any(controls & plot.values.keys() for plot in figures)


def _is_plain(rule: RuleOutcome) -> bool:
    return rule.verdict is Verdict.PASS and not (rule.procedure or rule.documents or rule.approval)


def _bases(outcomes: tuple[RuleOutcome, ...]) -> tuple[Basis, ...]:
    seen = {(b.title, b.article, b.quote): b for o in reversed(outcomes) for b in reversed(o.basis)}
    return tuple(reversed(seen.values()))


def _missing(data: Conditions, catalogue: LayerCatalogue) -> tuple[str, ...]:
    """Say which conditions could not be extracted, and why."""
    absent = {entry.role: entry.reason for entry in catalogue.absent}
    parts = {
        PLANNED_USE: bool(data.planned_use),
        ZONES: bool(data.planning_zones),
        "roads": data.roads is not None,
        "facilities": data.services is not None,
        DEM: data.slope is not None,
    }
    own = {"facilities": "公共服务设施", "roads": "道路（含等级）"}
    return tuple(
        f"{own.get(role, role_title(role))}：{absent[role]}（目录已声明没有）。"
        if role in absent
        else f"缺少{own.get(role, role_title(role))}图层，相应的规划条件没有提取（数据缺失）。"
        for role, there in parts.items()
        if not there
    )


def _highest(level: Secrecy, used: tuple[LayerSpec, ...]) -> Secrecy:
    return max((level, *(spec.secrecy for spec in used)), key=lambda s: s.rank)
