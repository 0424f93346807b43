"""Everything that is measured of one project, before any rule is applied."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from shapely.geometry.base import BaseGeometry

from cspon.errors import InputError
from cspon.schemas.base import Secrecy
from cspon.schemas.spatial import LayerCatalogue, LayerSpec
from tools.catalogue_entries import CUSTOM
from tools.compliance.conflicts import (
    Conflict,
    distance_conflicts,
    line_conflicts,
    partition_conflicts,
    slope_conflicts,
)
from tools.compliance.measure import (
    LandUseMeasure,
    LineMeasure,
    measure_land_use,
    measure_line,
)
from tools.compliance.near import NearMeasure, look_around, measure_near
from tools.compliance.patches import SLIVER_M2, Patches
from tools.compliance.rounding import hectares, share_out
from tools.compliance.slope import SlopeMeasure, measure_slope
from tools.compliance.zones import ZoneMeasure, measure_zones
from tools.geometry.area import ellipsoidal_area_m2
from tools.geometry.crs import describe, reproject, require_metric
from tools.geometry.read import Boundary
from tools.layer_health import Finding, label, merged
from tools.layer_inspection import check_place
from tools.layers import layer_by_role
from tools.rules.concerns import conflicting_zones, distance_rules, slope_rules
from tools.rules.lines import PARTITIONS, line_roles
from tools.rules.model import COUNTY, DEM, LAND_USE, Rule, Site


@dataclass(frozen=True)
class Survey:
    """A project against every layer that the check uses."""

    project: BaseGeometry
    area_ha: float
    catalogue: LayerCatalogue
    lines: dict[str, LineMeasure]
    """Lines that a project should avoid or keep within, zoned and bureau's own ones included."""
    land_use: LandUseMeasure | None
    land_use_spec: LayerSpec | None
    outside_county: Patches | None
    """None without a county layer."""
    used: tuple[LayerSpec, ...]
    zones: dict[str, ZoneMeasure] = field(default_factory=dict)
    near: dict[str, NearMeasure] = field(default_factory=dict)
    """By rule."""
    slope: SlopeMeasure | None = None
    conflicts: dict[str, Conflict] = field(default_factory=dict)
    """Patches that a project should not have."""
    findings: tuple[Finding, ...] = ()

    @property
    def secrecy(self) -> Secrecy:
        """The highest level of the layers used."""
        return max((s.secrecy for s in self.used), key=lambda s: s.rank, default=Secrecy.PUBLIC)

    @property
    def synthetic(self) -> bool:
        """Whether any layer used is made up."""
        return self.catalogue.synthetic or any(s.synthetic for s in self.used)


def place(source: Boundary, catalogue: LayerCatalogue) -> tuple[BaseGeometry, tuple[str, ...]]:
    """Bring a boundary into the catalogue's coordinate system.

    Raises:
        InputError: the catalogue's coordinates are not metres.
    """
    require_metric(catalogue.epsg)
    if source.epsg == catalogue.epsg:
        return source.geometry, source.notices
    moved = reproject(source.geometry, source.epsg, catalogue.epsg)
    note = f"项目边界的坐标系为 {describe(source.epsg)}，已转换到图层的 {describe(catalogue.epsg)} 后套合。"
    return moved, (*source.notices, note)


def survey_project(
    project: BaseGeometry,
    catalogue: LayerCatalogue,
    layers: Path,
    rules: tuple[Rule, ...],
    *,
    project_type: str,
    asked_on: date,
    sliver_m2: float = SLIVER_M2,
    source: Path | None = None,
) -> Survey:
    """Measure a project against every layer that the check uses.

    Args:
        project: Valid (Multi)Polygon in the catalogue's coordinate system.
        catalogue: The layers.
        layers: Folder of the catalogue.
        rules: Rules that will be applied: they say which distances and slopes are measured.
        project_type: Kind of project.
        asked_on: Day on which the rules must hold.
        sliver_m2: Smallest patch that counts.
        source: The boundary's file, for errors.

    Raises:
        InputError: a layer is wrong, or the project lies wholly outside the county.
    """
    area_m2 = ellipsoidal_area_m2(project, catalogue.epsg)
    area_ha = hectares(area_m2)
    site = Site(
        area_ha=area_ha,
        project_type=project_type,
        asked_on=asked_on,
        absent={entry.role: entry.reason for entry in catalogue.absent},
    )
    layer = _Layers(project, catalogue, layers, sliver_m2)
    outside = layer.county(area_m2, source)
    lines, zones = layer.lines()
    near: dict[str, NearMeasure] = {}
    for role, concerned in distance_rules(rules, site).items():
        near |= layer.near(role, concerned)
    on_slope = slope_rules(rules, site)
    slope = layer.slope(on_slope)
    zoned_site = site.model_copy(
        update={
            "zones": {role: rounded_zones(zones[role], area_ha) for role in zones},
            "schemes": {role: str(measure.spec.code_scheme) for role, measure in zones.items()},
        }
    )
    barred = {role: conflicting_zones(role, rules, zoned_site) for role in PARTITIONS}
    conflicts = {
        **line_conflicts(lines, zones, catalogue, sliver_m2),
        **partition_conflicts(zones, barred, sliver_m2),
        **distance_conflicts(near, rules),
        **slope_conflicts(slope, on_slope),
    }
    land_use = layer.land_use({name: group.patches for name, group in conflicts.items()})
    return Survey(
        project=project,
        area_ha=area_ha,
        catalogue=catalogue,
        lines=lines,
        land_use=land_use,
        land_use_spec=layer_by_role(catalogue, LAND_USE),
        outside_county=outside,
        used=tuple(layer.used),
        zones=zones,
        near=near,
        slope=slope,
        conflicts=conflicts,
        findings=merged(layer.findings),
    )


def rounded_zones(measure: ZoneMeasure, area_ha: float) -> dict[str, float]:
    """Return hectares by code as users see them; those of a partition sum to the project."""
    if measure.spec.role in PARTITIONS:
        return share_out(measure.areas_m2, area_ha) if measure.areas_m2 else {}
    return {code: hectares(area) for code, area in measure.areas_m2.items()}


class _Layers:
    """Reads the layers of one check; remembers which were used and what was found in them."""

    def __init__(
        self, project: BaseGeometry, catalogue: LayerCatalogue, folder: Path, sliver_m2: float
    ) -> None:
        self.project, self.catalogue, self.folder = project, catalogue, folder
        self.sliver_m2 = sliver_m2
        self.used: list[LayerSpec] = []
        self.findings: list[Finding] = []

    def spec(self, role: str) -> LayerSpec | None:
        """Return the layer of a role, checked for its place; None when there is none."""
        spec = layer_by_role(self.catalogue, role)
        if spec is None:
            return None
        self.findings += check_place(spec, self.catalogue, self.folder)
        self.used.append(spec)
        return spec

    def coded(self, spec: LayerSpec) -> bool:
        """Say whether a layer of a role with codes has any; without them its rules lack data."""
        if spec.code_scheme == "none":
            message = "没有写编码体系（code_scheme），不能分级分类，相关规则判为“数据缺失”"
            self.findings.append(Finding("no_scheme", label(spec), message))
            return False
        return True

    def county(self, area_m2: float, source: Path | None) -> Patches | None:
        """Return what lies outside the county; a project wholly outside is an error."""
        spec = self.spec(COUNTY)
        if spec is None:
            return None
        measure = self.line(spec)
        inside_m2 = measure.inside.total_m2 + measure.inside.contact_m2
        if inside_m2 <= min(self.sliver_m2, area_m2 / 2):
            raise _outside(self.project, self.catalogue, source)
        return measure.outside

    def line(self, spec: LayerSpec) -> LineMeasure:
        """Measure one line."""
        measure = measure_line(self.project, spec, self.folder, sliver_m2=self.sliver_m2)
        self.findings += measure.findings
        return measure

    def lines(self) -> tuple[dict[str, LineMeasure], dict[str, ZoneMeasure]]:
        """Measure all lines and zoned layers, in the order of results."""
        lines: dict[str, LineMeasure] = {}
        zones: dict[str, ZoneMeasure] = {}
        polygons = [r.role for r in line_roles().values() if r.geometry == "polygon"]
        own = [s.role for s in self.catalogue.layers if s.role.startswith(CUSTOM)]
        for role in (*polygons, *dict.fromkeys(own)):
            spec = self.spec(role)
            if spec is None:
                continue
            zoned = role in line_roles() and line_roles()[role].measure == "zoned"
            if zoned and self.coded(spec):
                zones[role] = measure_zones(
                    self.project,
                    spec,
                    self.folder,
                    partition=role in PARTITIONS,
                    sliver_m2=self.sliver_m2,
                )
                self.findings += zones[role].findings
            if role not in PARTITIONS:
                lines[role] = self.line(spec)
        return lines, zones

    def near(self, role: str, rules: list[Rule]) -> dict[str, NearMeasure]:
        """Measure the distances that rules keep from one layer."""
        spec = self.spec(role)
        if spec is None or not self.coded(spec):
            return {}
        around = look_around(self.project, spec, self.folder, rules)
        self.findings += around.findings
        return {
            rule.id: measure_near(self.project, around, rule, sliver_m2=self.sliver_m2)
            for rule in rules
        }

    def slope(self, rules: list[Rule]) -> SlopeMeasure | None:
        """Measure slope, where a rule asks for it."""
        spec = self.spec(DEM) if rules else None
        if spec is None:
            return None
        thresholds = {float(rule.parameters["degrees"]) for rule in rules}
        return measure_slope(self.project, spec, self.folder, thresholds, sliver_m2=self.sliver_m2)

    def land_use(self, conflicts: Mapping[str, Patches]) -> LandUseMeasure | None:
        """Measure land use, whole and within the conflicts."""
        spec = self.spec(LAND_USE)
        if spec is None:
            return None
        measure = measure_land_use(
            self.project, spec, self.folder, conflicts, sliver_m2=self.sliver_m2
        )
        self.findings += measure.findings
        return measure


def _outside(project: BaseGeometry, catalogue: LayerCatalogue, source: Path | None) -> InputError:
    x, y = project.centroid.x, project.centroid.y
    return InputError(
        f"项目全部位于{catalogue.region_name}以外（中心约为东坐标 {x:.0f}、北坐标 {y:.0f}，"
        f"{describe(catalogue.epsg)}）",
        file=source,
        mend="核对坐标系、带号和坐标轴次序；或用 --layers 指定项目所在县的图层目录",
    )
