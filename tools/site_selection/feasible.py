"""Land that fulfils every constraint, and why the rest does not: the reasons sum to the study area.

Vector overlay, exact along parcel and control lines; only slope comes from a raster and follows its
cells. Reasons are applied in the order of the request: a place that fails several is counted once,
under the first.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from cspon.errors import InputError
from cspon.schemas.spatial import LayerCatalogue, LayerSpec
from tools.compliance.overlay import polygonal
from tools.compliance.slope import read_elevation, slope_degrees
from tools.compliance.zones import zone_name
from tools.feature_table import read_table
from tools.geometry.area import M2_PER_HA, ellipsoidal_areas_m2
from tools.layer_health import Finding
from tools.layer_inspection import inspect_layer
from tools.layers import layer_by_role
from tools.rules.lines import role_title
from tools.rules.model import DEM
from tools.site_selection.request import Line, SiteRequest


@dataclass
class Places:
    """Reads the layers of one search; remembers which were used."""

    study: BaseGeometry
    catalogue: LayerCatalogue
    folder: Path
    used: list[LayerSpec] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def spec(self, role: str) -> LayerSpec | None:
        """Return the layer of a role or name; None where the owner declares that there is none.

        Raises:
            InputError: there is no such layer: a constraint without data is never fulfilled.
        """
        found = layer_by_role(self.catalogue, role) or next(
            (spec for spec in self.catalogue.layers if spec.name == role), None
        )
        if found is None:
            absent = {entry.role: entry.reason for entry in self.catalogue.absent}
            if role in absent:
                self.notes.append(f"{role_title(role)}：{absent[role]}，不作为约束。")
                return None
            title = role_title(role)
            raise InputError(
                f"缺少图层 {role}" + (f"（{title}）" if title != role else "") + "，不能据以选址",
                file="layers.yaml",
                field="role",
                mend="补充该图层；本地确实没有的，在 layers.yaml 的 absent 中声明；或从选址条件中删去",
            )
        if found not in self.used:
            self.findings += inspect_layer(found, self.catalogue, self.folder, self.study)
            self.used.append(found)
        return found

    def features(
        self, line: Line, spec: LayerSpec, widen_m: float = 0.0
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.str_]]:
        """Read valid features near the study area whose code is asked for, with their codes."""
        if line.codes and spec.code_field is None:
            raise InputError(
                f"图层“{spec.title}”没有编码字段，不能按 codes 选取",
                file="layers.yaml",
                layer=spec.name,
                field="code_field",
                mend="删去 codes，或在 layers.yaml 写 code_field",
            )
        columns = (spec.code_field,) if spec.code_field else ()
        shapes: list[Any] = []
        codes: list[str] = []
        checked: set[str] = set()
        for window in read_table(spec, self.folder, self.study, columns, widen_m=widen_m):
            for i, geometry in enumerate(window.geometries):
                code = str(window.columns[columns[0]][i] or "").strip() if columns else ""
                if columns and spec.code_scheme != "none" and code not in checked:
                    zone_name(spec, code, code, fid=int(window.fids[i]))
                    checked.add(code)
                if not line.codes or code.startswith(line.codes):
                    shapes.append(geometry)
                    codes.append(code)
        found = np.empty(len(shapes), dtype=object)
        found[:] = shapes
        return shapely.make_valid(found), np.array(codes, dtype=np.str_)


@dataclass(frozen=True)
class Feasible:
    """Candidate land, and what was excluded under each reason."""

    land: BaseGeometry
    excluded: dict[str, BaseGeometry]
    """By reason, in the order in which they were applied; disjoint."""


def feasible_land(request: SiteRequest, places: Places) -> Feasible:
    """Apply the constraints in their order.

    Raises:
        InputError: a layer is missing or wrong.
        SetupError: rasterio is not installed (slope only).
    """
    land = places.study
    excluded: dict[str, BaseGeometry] = {}

    def keep(reason: str, cut: Callable[[BaseGeometry], BaseGeometry]) -> None:
        nonlocal land
        if land.is_empty:
            return
        rest = polygonal(cut(land))
        gone = polygonal(shapely.difference(land, rest))
        if gone.area > 0:
            excluded[reason] = gone
        land = rest

    for line in request.within:
        inside = _area(line, places)
        if inside is not None:
            near = f" {line.buffer_m:g} 米以" if line.buffer_m else ""
            keep(f"不在{_title(line, places)}{near}内", lambda at, inside=inside: at & inside)  # type: ignore[misc]
    for line in request.avoid:
        area = _area(line, places)
        if area is not None:
            near = f" {line.buffer_m:g} 米以内" if line.buffer_m else ""
            keep(f"{_title(line, places)}{near}", lambda at, area=area: at - area)  # type: ignore[misc]
    if request.allowed is not None:
        allowed = _area(request.allowed, places)
        if allowed is None:
            raise InputError(
                f"{role_title(request.allowed.role)}已声明没有，不能作为允许用地",
                field="allowed",
                mend="换一个图层，或删去 allowed",
            )
        keep(f"{_title(request.allowed, places)}之外", lambda at: at & allowed)
    if request.max_slope_degrees is not None:
        steep, unknown = _steep(request.max_slope_degrees, places)
        keep(f"坡度大于 {request.max_slope_degrees:g} 度", lambda at: at - steep)
        keep("坡度未知", lambda at: at - unknown)
    if request.min_width_m > 0:
        keep(f"宽度不足 {request.min_width_m:g} 米", lambda at: opened(at, request.min_width_m))
    return Feasible(land, excluded)


def opened(land: BaseGeometry, width_m: float) -> BaseGeometry:
    """Cut off parts that a circle of a diameter does not fit into; right angles stay sharp."""
    inner = shapely.buffer(land, -width_m / 2, join_style="mitre")
    back = shapely.buffer(inner, width_m / 2 * 1.0001, join_style="mitre", mitre_limit=2.0)
    return shapely.intersection(land, back)


def divided(
    land: BaseGeometry, request: SiteRequest, epsg: int
) -> tuple[npt.NDArray[Any], BaseGeometry]:
    """Split feasible land into candidates of the wanted size.

    Areas larger than `max_area_ha` are cut by a square grid, north up, whose cells have that size at
    most; a part of a cell that is too small joins a neighbour, or else is left out.

    Returns:
        Candidates, and what is too small.
    """
    parts = shapely.get_parts(shapely.get_parts(land))
    parts = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
    least = request.min_area_ha * M2_PER_HA
    most = None if request.max_area_ha is None else request.max_area_ha * M2_PER_HA
    pieces: list[Any] = []
    for part in parts:
        pieces += (
            [part]
            if most is None or part.area <= most
            else _blocks(part, least, most, request.min_width_m)
        )
    found = np.empty(len(pieces), dtype=object)
    found[:] = pieces
    large = ellipsoidal_areas_m2(found, epsg) >= least
    left = shapely.difference(land, shapely.union_all(found[large])) if large.any() else land
    return found[large], polygonal(left)


def _blocks(part: BaseGeometry, least_m2: float, most_m2: float, width_m: float) -> list[Any]:
    side = float(np.sqrt(most_m2))
    min_x, min_y, max_x, max_y = part.bounds
    columns, rows = (int(np.ceil((b - a) / side)) for a, b in ((min_x, max_x), (min_y, max_y)))
    step_x, step_y = (max_x - min_x) / columns, (max_y - min_y) / rows
    cells = [
        shapely.box(
            min_x + i * step_x,
            min_y + j * step_y,
            min_x + (i + 1) * step_x,
            min_y + (j + 1) * step_y,
        )
        for i in range(columns)
        for j in range(rows)
    ]
    shapely.prepare(part)
    raw = shapely.get_parts(shapely.get_parts(shapely.intersection(part, np.array(cells))))
    areal = list(raw[shapely.get_type_id(raw) == shapely.GeometryType.POLYGON])
    cut = [opened(block, width_m) for block in joined(areal, least_m2, most_m2)]
    pieces = shapely.get_parts(shapely.get_parts([polygonal(block) for block in cut]))
    return list(pieces[shapely.get_type_id(pieces) == shapely.GeometryType.POLYGON])


def joined(blocks: list[Any], least_m2: float, most_m2: float) -> list[Any]:
    """Join blocks that are too small to a neighbour, along the longest common border that fits.

    Args:
        blocks: Polygons of one grid.
        least_m2: Smaller blocks are joined.
        most_m2: No joined block is larger.
    """
    waiting = sorted((b for b in blocks if b.area < least_m2), key=lambda block: block.area)
    done = [block for block in blocks if block.area >= least_m2]
    while waiting:
        block = waiting.pop(0)
        others = np.array([*done, *waiting], dtype=object)
        borders = (
            shapely.length(shapely.intersection(block, others)) if len(others) else np.empty(0)
        )
        borders = np.where(shapely.area(others) + block.area <= most_m2, borders, 0.0)
        if not len(others) or borders.max() <= 0:
            done.append(block)
            continue
        at = int(borders.argmax())
        whole = shapely.union(block, others[at])
        if at < len(done):
            done[at] = whole
        else:
            waiting.pop(at - len(done))
            (done if whole.area >= least_m2 else waiting).append(whole)
    return done


def _area(line: Line, places: Places) -> BaseGeometry | None:
    spec = places.spec(line.role)
    if spec is None:
        return None
    if spec.geometry == "raster" or (spec.geometry != "polygon" and line.buffer_m == 0):
        raise InputError(
            f"图层“{spec.title}”不是面图层，须写退让距离",
            layer=spec.name,
            field="buffer_m",
            mend="写 buffer_m（米），或换面图层",
        )
    shapes, _ = places.features(line, spec, widen_m=line.buffer_m)
    if line.buffer_m:
        shapes = shapely.buffer(shapes, line.buffer_m, quad_segs=16)
    return polygonal(shapely.union_all(shapes))


def _title(line: Line, places: Places) -> str:
    spec = places.spec(line.role)
    assert spec is not None
    return spec.title + (f"（{'、'.join(line.codes)}）" if line.codes else "")


def _steep(degrees: float, places: Places) -> tuple[BaseGeometry, BaseGeometry]:
    """Return land that is too steep, and land whose slope is unknown."""
    spec = places.spec(DEM)
    if spec is None:
        raise InputError(
            "没有高程图层，不能限制坡度", field="max_slope_degrees", mend="补充高程图层"
        )
    heights, transform = read_elevation(places.study, spec, places.folder)
    if heights is None:
        return shapely.Polygon(), places.study
    from rasterio.features import shapes

    slope = slope_degrees(heights, transform.a, -transform.e)

    def area(mask: npt.NDArray[np.bool_]) -> BaseGeometry:
        parts = [
            shapely.geometry.shape(s) for s, _ in shapes(mask.astype(np.uint8), mask, 4, transform)
        ]
        return shapely.union_all(parts)

    corner = (
        transform.c + heights.shape[1] * transform.a,
        transform.f + heights.shape[0] * transform.e,
    )
    raster = shapely.box(transform.c, corner[1], corner[0], transform.f)
    known = np.isfinite(slope)
    unknown = shapely.union_all([area(~known), shapely.difference(places.study, raster)])
    return area(known & (slope > degrees)), unknown
