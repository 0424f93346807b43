"""Read what the map of a control-line check shows: only the window around the project.

Knows scale, window and layers. Areas come from the tool result and are never computed here.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from cspon.schemas.spatial import Compliance, LayerCatalogue, LayerSpec, LineOverlap, ToolResult
from tools.geometry.crs import describe, reproject
from tools.geometry.read import read_boundary
from tools.layers import is_there, layer_by_role, load_catalogue, read_window
from tools.rules.lines import line_roles, role_title

FRAME_MM = (200.0, 168.0)
"""Width and height of the map frame on A4 landscape."""
FILL = 0.6
"""Largest part of the frame's width and height that the project takes."""

EDGE = 0.005
"""Of the frame's width: what only touches its edge is not in the view."""
DETAIL_MM = 0.03
"""What is finer on paper than a fifth of a pixel is left out of large shapes."""
MANY_VERTICES = 5_000

CONFLICTS = "conflicts"
"""Layer of the tool result that holds the conflict patches."""

_MANTISSAS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
Geometries = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Conflict:
    """One conflict patch of the tool result, in the map's coordinates."""

    role: str
    number: int
    """Number within its line or rule, 1 for the largest."""
    geometry: BaseGeometry
    area_ha: float
    title: str = ""
    """What it is a conflict with."""
    rule: str = ""
    """Id of the rule that keeps a distance or sets a slope; nothing for areas on a line."""
    zone: str = ""

    @property
    def group(self) -> str:
        """What numbers and the legend count together."""
        return self.rule or self.role


@dataclass(frozen=True)
class ControlLine:
    """A control line near the project, with what the check says of it."""

    role: str
    title: str
    geometries: Geometries
    overlap: LineOverlap | None = None
    """None for roads, pipelines and the like, which have no inside."""

    @property
    def missing(self) -> bool:
        """Whether its layer is missing."""
        return self.overlap is not None and not self.overlap.present

    @property
    def outside(self) -> bool:
        """Whether the conflict is what lies outside."""
        return self.overlap is not None and self.overlap.control == "within"


@dataclass(frozen=True)
class Sheet:
    """Everything that is drawn."""

    compliance: Compliance
    project: BaseGeometry
    scale: float
    """Denominator: metres on the ground per metre on paper."""
    window: tuple[float, float, float, float]
    """Ground window of the frame, metres: min x, min y, max x, max y."""
    land_use: dict[str, Geometries]
    """First-level code to parcels."""
    lines: tuple[ControlLine, ...]
    conflicts: tuple[Conflict, ...]
    county: BaseGeometry | None
    place: str
    crs: str
    data_date: str
    synthetic: bool


def read_sheet(boundary: Path, layers: Path, result: ToolResult) -> Sheet:
    """Read what the sheet shows."""
    catalogue = load_catalogue(layers)
    compliance = Compliance.model_validate(result.data)
    read = read_boundary(boundary, epsg=result.provenance.parameters.get("epsg"))
    project = reproject(read.geometry, read.epsg, catalogue.epsg)
    scale = choose_scale(project.bounds)
    window = _window(project.bounds, scale)
    project = generalise(project, scale)
    county = layer_by_role(catalogue, "admin_county")
    return Sheet(
        compliance=compliance,
        project=project,
        scale=scale,
        window=window,
        land_use=_land_use(catalogue, layers, window),
        lines=_lines(catalogue, layers, window, compliance),
        conflicts=_conflicts(result, catalogue.epsg, scale),
        county=_outline(county, layers, catalogue.epsg, project) if county else None,
        place=catalogue.region_name,
        crs=describe(catalogue.epsg),
        data_date=_data_date(result, catalogue),
        synthetic=catalogue.synthetic or result.synthetic,
    )


def choose_scale(bounds: tuple[float, float, float, float]) -> float:
    """Return the largest round scale (smallest denominator) at which the project fits."""
    width, height = bounds[2] - bounds[0], bounds[3] - bounds[1]
    needed = max(width / (FRAME_MM[0] * FILL), height / (FRAME_MM[1] * FILL), 0.2) * 1000
    power = 10.0 ** math.floor(math.log10(needed))
    return next(m * power for m in (*_MANTISSAS, 10.0) if m * power >= needed * (1 - 1e-9))


def _window(
    bounds: tuple[float, float, float, float], scale: float
) -> tuple[float, float, float, float]:
    x, y = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
    half_width, half_height = (side * scale / 2000 for side in FRAME_MM)
    return (x - half_width, y - half_height, x + half_width, y + half_height)


def generalise(geometry: BaseGeometry, scale: float) -> BaseGeometry:
    """Leave out detail that a sheet of this scale cannot show, where there is very much of it."""
    if shapely.get_num_coordinates(geometry) <= MANY_VERTICES:
        return geometry
    return shapely.simplify(geometry, DETAIL_MM * scale / 1000)


def _read(
    spec: LayerSpec, folder: Path, window: tuple[float, float, float, float], epsg: int
) -> tuple[Geometries, npt.NDArray[np.str_]]:
    """Read geometries and codes of a layer in the window, in the map's coordinates."""
    box = reproject(shapely.box(*window), epsg, spec.epsg)
    features = read_window(spec, folder, box)
    geometries = features.geometries
    if spec.epsg != epsg:
        geometries = np.array([reproject(g, spec.epsg, epsg) for g in geometries], dtype=object)
    return geometries, features.codes


def _land_use(
    catalogue: LayerCatalogue, folder: Path, window: tuple[float, float, float, float]
) -> dict[str, Geometries]:
    spec = layer_by_role(catalogue, "land_use")
    if spec is None or not is_there(spec, folder):
        return {}  # the check has said that the layer is missing
    geometries, codes = _read(spec, folder, window, catalogue.epsg)
    classes = np.array([code[:2] for code in codes], dtype=np.str_)
    return {str(code): geometries[classes == code] for code in np.unique(classes)}


def _lines(
    catalogue: LayerCatalogue,
    folder: Path,
    window: tuple[float, float, float, float],
    compliance: Compliance,
) -> tuple[ControlLine, ...]:
    """Read what is in the view, and name what is missing; the first to be drawn comes first."""
    lines = [
        ControlLine(
            overlap.role,
            overlap.title,
            _in_view(catalogue, overlap.role, folder, window),
            overlap,
        )
        for overlap in compliance.lines
    ]
    for role in dict.fromkeys(near.role for near in compliance.near):
        seen = _in_view(catalogue, role, folder, window)
        lines.append(ControlLine(role, role_title(role), seen))
    return tuple(line for line in lines if line.missing or len(line.geometries))


def _in_view(
    catalogue: LayerCatalogue,
    role: str,
    folder: Path,
    window: tuple[float, float, float, float],
) -> Geometries:
    spec = layer_by_role(catalogue, role)
    if spec is None:
        return np.empty(0, dtype=object)
    geometries, _ = _read(spec, folder, window, catalogue.epsg)
    view = shapely.box(*window).buffer(-EDGE * (window[2] - window[0]))
    return geometries[shapely.intersects(view, geometries)]


def _conflicts(result: ToolResult, epsg: int, scale: float) -> tuple[Conflict, ...]:
    """Take the conflict patches with numbers and areas from the result, largest first."""
    conflicts = [
        Conflict(
            role=str(feature["properties"]["line"]),
            number=int(feature["properties"]["number"]),
            geometry=generalise(reproject(shape(feature["geometry"]), layer.epsg, epsg), scale),
            area_ha=float(feature["properties"]["area_ha"]),
            title=str(feature["properties"]["line_title"]),
            rule=str(feature["properties"]["rule"]),
            zone=str(feature["properties"]["zone"]),
        )
        for layer in result.layers
        if layer.name == CONFLICTS
        for feature in layer.features
    ]
    return tuple(sorted(conflicts, key=lambda c: -c.area_ha))


def _outline(
    spec: LayerSpec, folder: Path, epsg: int, project: BaseGeometry
) -> BaseGeometry | None:
    """Read the county that the project lies in, for the small location map."""
    if not is_there(spec, folder):
        return None
    geometries, _ = _read(spec, folder, project.bounds, epsg)
    return shapely.union_all(geometries) if len(geometries) else None


def _data_date(result: ToolResult, catalogue: LayerCatalogue) -> str:
    dates = sorted(set(result.provenance.layer_dates.values())) or sorted(
        {spec.date for spec in catalogue.layers if spec.role in (*line_roles(), "land_use")}
    )
    return dates[0] if len(dates) == 1 else f"{dates[0]} 至 {dates[-1]}" if dates else "未注明"
