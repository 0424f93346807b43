"""Everything that is measured of one project, before any rule."""

from dataclasses import dataclass
from pathlib import Path

from shapely.geometry.base import BaseGeometry

from cspon.errors import InputError
from cspon.schemas.base import Secrecy
from cspon.schemas.spatial import LayerCatalogue, LayerSpec
from tools.compliance.measure import (
    SLIVER_M2,
    LandUseMeasure,
    LineMeasure,
    Patches,
    measure_land_use,
    measure_line,
)
from tools.compliance.tables import hectares
from tools.geometry.area import ellipsoidal_area_m2
from tools.geometry.crs import describe, reproject, require_metric
from tools.geometry.read import Boundary
from tools.layers import layer_by_role
from tools.rules.model import BOUNDARY, COUNTY, FARMLAND, LAND_USE, REDLINE

LINES = (FARMLAND, REDLINE, BOUNDARY)


@dataclass(frozen=True)
class Survey:
    """A project against every layer that the check uses."""

    project: BaseGeometry
    area_ha: float
    catalogue: LayerCatalogue
    lines: dict[str, LineMeasure]
    land_use: LandUseMeasure | None
    land_use_spec: LayerSpec | None
    outside_county: Patches | None
    """None without a county layer."""
    used: tuple[LayerSpec, ...]

    @property
    def conflicts(self) -> dict[str, Patches]:
        """Patches that a project should not have: on a line, or outside the boundary."""
        return conflicts_of(self.lines)

    @property
    def secrecy(self) -> Secrecy:
        """The highest level of the layers used."""
        return max((s.secrecy for s in self.used), key=lambda s: s.rank, default=Secrecy.PUBLIC)

    @property
    def synthetic(self) -> bool:
        """Whether any layer used is made up."""
        return self.catalogue.synthetic or any(s.synthetic for s in self.used)


def conflicts_of(lines: dict[str, LineMeasure]) -> dict[str, Patches]:
    """Return by role the patches that a project should not have."""
    return {role: line.outside if role == BOUNDARY else line.inside for role, line in lines.items()}


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
    *,
    sliver_m2: float = SLIVER_M2,
    source: Path | None = None,
) -> Survey:
    """Measure a project against every layer that the check uses.

    Raises:
        InputError: a layer is wrong, or the project lies wholly outside the county.
    """
    used: list[LayerSpec] = []
    area_m2 = ellipsoidal_area_m2(project, catalogue.epsg)
    county = _spec(catalogue, COUNTY, used)
    outside = None
    if county is not None:
        outside = measure_line(project, county, layers, sliver_m2=sliver_m2).outside
        if outside.total_m2 >= area_m2 - sliver_m2:
            raise _outside(project, catalogue, source)
    lines = {
        role: measure_line(project, spec, layers, sliver_m2=sliver_m2)
        for role in LINES
        if (spec := _spec(catalogue, role, used)) is not None
    }
    land_use_spec = _spec(catalogue, LAND_USE, used)
    return Survey(
        project=project,
        area_ha=hectares(area_m2),
        catalogue=catalogue,
        lines=lines,
        land_use=None
        if land_use_spec is None
        else measure_land_use(
            project,
            land_use_spec,
            layers,
            conflicts_of(lines),
            sliver_m2=sliver_m2,
        ),
        land_use_spec=land_use_spec,
        outside_county=outside,
        used=tuple(used),
    )


def _spec(catalogue: LayerCatalogue, role: str, used: list[LayerSpec]) -> LayerSpec | None:
    spec = layer_by_role(catalogue, role)
    if spec is None:
        return None
    if spec.epsg != catalogue.epsg:
        raise InputError(
            f"图层“{spec.title}”的坐标系 EPSG:{spec.epsg} 与目录的 EPSG:{catalogue.epsg} 不同",
            file="layers.yaml",
            layer=spec.name,
            field="epsg",
            mend="把该图层转换到目录的坐标系",
        )
    used.append(spec)
    return spec


def _outside(project: BaseGeometry, catalogue: LayerCatalogue, source: Path | None) -> InputError:
    x, y = project.centroid.x, project.centroid.y
    return InputError(
        f"项目全部位于{catalogue.region_name}以外（中心约为东坐标 {x:.0f}、北坐标 {y:.0f}，"
        f"{describe(catalogue.epsg)}）",
        file=source,
        mend="核对坐标系、带号和坐标轴次序；或用 --layers 指定项目所在县的图层目录",
    )
