"""Places that people name: a town, a side of the central town or of the county, a point."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from cspon.errors import InputError
from tools.dual_evaluation.evaluate import DualEvaluation
from tools.dual_evaluation.extent import central_place, central_town
from tools.dual_evaluation.inputs import Inputs
from tools.geometry.crs import reproject
from tools.layers import read_windows
from tools.raster.grid import Grid

Mask = npt.NDArray[np.bool_]
REACH_M = 15_000.0
"""How far a direction from the central town reaches; the project's own reading of 城北."""
GEOGRAPHIC = 4490
"""CGCS2000 in degrees: what a point with small figures is taken for."""
VILLAGES = "admin_village"
_BEARINGS = {
    "东北": 45, "东南": 135, "西南": 225, "西北": 315, "北": 0, "东": 90, "南": 180, "西": 270,
}  # fmt: skip
_POINT = re.compile(r"^\s*(-?\d+(?:\.\d+)?)\s*[,，\s]\s*(-?\d+(?:\.\d+)?)\s*$")
_SIDES = "(东北|东南|西南|西北|北|东|南|西)"
_END = "(?:部|边|面|侧|区|郊|方向|方|片区|片)"
_OF_TOWN = re.compile(rf"(?:中心城区|县城|城区|城镇|城|市区|主城区)?的?{_SIDES}{_END}?")
_OF_COUNTY = re.compile(rf"(?:全县|本县|县域|县境|全域|县)的?{_SIDES}{_END}?")
_OF_UNIT = re.compile(rf"(.{{2,}}?)的?{_SIDES}{_END}")
_TOWN = re.compile(r"中心城区|主城区|县城|城区|市区|城里|城中|城中心")
_BETWEEN = re.compile(r"[、；;/]|(?<!\d)[,，]|[,，](?!\s*-?\d)")


@dataclass(frozen=True)
class Place:
    """Cells of the grid and what they are called."""

    title: str
    cells: Mask
    note: str = ""


def find_places(made: DualEvaluation, names: str) -> tuple[Place, ...]:
    """Find several places, written with 、 or ； between them, each once.

    Raises:
        InputError: one is not known or outside.
    """
    wanted = [name.strip() for name in _BETWEEN.split(names) if name.strip()]
    found = {place.title: place for place in (find_place(made, name) for name in wanted)}
    if not found:
        raise InputError("没有写明位置", field="place", mend=_known(made))
    return tuple(found.values())


def find_place(made: DualEvaluation, name: str) -> Place:
    """Find a place by name.

    Args:
        made: The evaluation.
        name: A unit (北岭乡, 北岭), a part of one (北岭乡北部), a side of the central town (城北) or of the
            county (县域东部), the central town (县城), a village, or a point "x,y" in the grid's system or
            in degrees (longitude, latitude).

    Raises:
        InputError: nothing of that name, or the point is outside.
    """
    inputs, wanted = made.inputs, name.strip()
    point = _POINT.match(wanted)
    if point is not None:
        return _point(inputs, float(point[1]), float(point[2]))
    unit = _unit(made, wanted)
    if unit is not None:
        return unit
    side = _OF_TOWN.fullmatch(wanted)
    if side is not None:
        return _from_town(inputs, wanted, _BEARINGS[side[1]])
    if wanted in ("全县", "本县", "县域", "全域", inputs.catalogue.region_name):
        return Place(inputs.catalogue.region_name, inputs.inside.copy())
    side = _OF_COUNTY.fullmatch(wanted)
    if side is not None:
        return _side_of(inputs, wanted, inputs.inside, _BEARINGS[side[1]], "县域")
    side = _OF_UNIT.fullmatch(wanted)
    whole = _unit(made, side[1]) if side is not None else None
    if side is not None and whole is not None:
        return _side_of(inputs, wanted, whole.cells, _BEARINGS[side[2]], whole.title)
    if _TOWN.fullmatch(wanted):
        return _town(made, wanted)
    village = _village(made, wanted)
    if village is not None:
        return village
    raise InputError(f"不知道“{name}”在哪里", field="place", mend=_known(made))


def _known(made: DualEvaluation) -> str:
    return (
        f"可用：{'、'.join(made.units)}，或城东、城南、城西、城北、县域北部等方位，"
        f"或坐标“x,y”（EPSG:{made.inputs.epsg} 或经纬度）"
    )


def _point(inputs: Inputs, x: float, y: float) -> Place:
    title, note = f"点（{x:.0f}，{y:.0f}）", ""
    if abs(x) <= 180 and abs(y) <= 90:
        title, note = f"点（{x:g}，{y:g}）", "坐标按经度、纬度（CGCS2000）理解"
        x, y = shapely.get_coordinates(reproject(shapely.Point(x, y), GEOGRAPHIC, inputs.epsg))[0]
    cell = inputs.grid.cell_at(x, y) if np.isfinite([x, y]).all() else None
    if cell is None or not inputs.inside[cell]:
        raise InputError(f"{title}不在评价范围内", field="place", mend="核对坐标")
    cells = np.zeros_like(inputs.inside)
    cells[cell] = True
    return Place(title, cells, note)


def _unit(made: DualEvaluation, wanted: str) -> Place | None:
    for k, unit in enumerate(made.units, start=1):
        if wanted == unit or wanted in (unit.rstrip("乡镇"), unit.removesuffix("街道")):
            return Place(unit, (made.unit_of == k) & made.inputs.inside)
    return None


def _village(made: DualEvaluation, wanted: str) -> Place | None:
    inputs = made.inputs
    spec = inputs.role(VILLAGES)
    if spec is None or not spec.name_field:
        return None
    shapes = [
        reproject(geometry, spec.epsg, inputs.epsg)
        for part in read_windows(spec, inputs.folder, shapely.box(-1e9, -1e9, 1e9, 1e9))
        for name, geometry in zip(part.names.tolist(), part.geometries, strict=True)
        if name == wanted
    ]
    return area_place(made, shapely.union_all(shapes), wanted) if shapes else None


def _town(made: DualEvaluation, name: str) -> Place:
    town = central_town(made.inputs)
    if town is None:
        raise InputError("没有中心城区的范围", field="place", mend=_known(made))
    found = area_place(made, town, name)
    note = f"“{name}”按城镇开发边界最大的一片理解"
    return Place(found.title, found.cells, note)


def _from_town(inputs: Inputs, name: str, bearing: float) -> Place:
    centre = central_place(inputs)
    if centre is None:
        raise InputError("没有中心城区位置", field="centre", mend="在配置中写明 centre")
    east, north = offsets(inputs.grid, centre)
    reach = np.hypot(east, north) <= REACH_M
    cells = _sector(east, north, bearing) & reach & inputs.inside
    note = f"“{name}”按中心城区（{centre[0]:.0f}，{centre[1]:.0f}）该方向 90° 扇形、{REACH_M / 1000:g} 千米以内理解"
    return _some(Place(name, cells, note))


def _side_of(inputs: Inputs, name: str, cells: Mask, bearing: float, whole: str) -> Place:
    """Return the sector of an area, seen from the middle of its cells."""
    rows, columns = np.nonzero(cells)
    grid = inputs.grid
    middle = (
        grid.west + grid.cell * (float(columns.mean()) + 0.5),
        grid.north - grid.cell * (float(rows.mean()) + 0.5),
    )
    east, north = offsets(grid, middle)
    note = f"“{name}”按{whole}几何中心该方向 90° 扇形理解"
    return _some(Place(name, _sector(east, north, bearing) & cells, note))


def _sector(east: Any, north: Any, bearing: float) -> Mask:
    angle = (np.degrees(np.arctan2(east, north)) - bearing + 180) % 360 - 180
    return np.asarray(np.abs(angle) <= 45)


def _some(place: Place) -> Place:
    if not place.cells.any():
        raise InputError(f"“{place.title}”不在评价范围内", field="place", mend="换一个位置")
    return place


def offsets(grid: Grid, centre: tuple[float, float]) -> tuple[Any, Any]:
    """Return metres east and north of a place, broadcastable to rows × columns."""
    x = grid.west + grid.cell * (np.arange(grid.width) + 0.5) - centre[0]
    y = grid.north - grid.cell * (np.arange(grid.height) + 0.5) - centre[1]
    east, north = np.broadcast_arrays(x[None, :], y[:, None])
    return east, north


def area_place(made: DualEvaluation, geometry: Any, title: str) -> Place:
    """Return the cells whose centres lie in a polygon of the grid's system."""
    from tools.dual_evaluation.rasters import burned

    cells = (burned([(geometry, 1)], made.inputs.grid) == 1) & made.inputs.inside
    if not cells.any():
        raise InputError(f"“{title}”不在评价范围内", field="place", mend="核对坐标系与位置")
    assert shapely.is_valid(geometry)
    return Place(title, cells)
