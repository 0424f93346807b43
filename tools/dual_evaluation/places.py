"""Places that people name: a unit, a direction from the central town, a point."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from cspon.errors import InputError
from tools.dual_evaluation.evaluate import DualEvaluation
from tools.dual_evaluation.extent import central_place
from tools.dual_evaluation.inputs import Inputs
from tools.raster.grid import Grid

Mask = npt.NDArray[np.bool_]
REACH_M = 15_000.0
"""How far a direction from the central town reaches; the project's own reading of 城北."""
_BEARINGS = {
    "东北": 45, "东南": 135, "西南": 225, "西北": 315, "北": 0, "东": 90, "南": 180, "西": 270,
}  # fmt: skip
_POINT = re.compile(r"^\s*(-?\d+(?:\.\d+)?)\s*[,，\s]\s*(-?\d+(?:\.\d+)?)\s*$")
_SIDE = re.compile(
    r"(?:县城|城区|城|市区|全县|县|县域)?(东北|东南|西南|西北|北|东|南|西)(?:部|边|面|侧|区|郊)?"
)


@dataclass(frozen=True)
class Place:
    """Cells of the grid and what they are called."""

    title: str
    cells: Mask
    note: str = ""


def find_place(made: DualEvaluation, name: str) -> Place:
    """Find a place by name.

    Args:
        made: The evaluation.
        name: A unit (北岭乡, 北岭), a direction (城北, 县域东部), or a point "x,y" in the grid's system.

    Raises:
        InputError: nothing of that name, or the point is outside.
    """
    inputs = made.inputs
    point = _POINT.match(name)
    if point is not None:
        x, y = float(point[1]), float(point[2])
        cell = inputs.grid.cell_at(x, y)
        if cell is None or not inputs.inside[cell]:
            raise InputError(f"点（{x:g}，{y:g}）不在评价范围内", field="place", mend="核对坐标")
        cells = np.zeros_like(inputs.inside)
        cells[cell] = True
        return Place(f"点（{x:.0f}，{y:.0f}）", cells)
    wanted = name.strip()
    for k, unit in enumerate(made.units, start=1):
        if wanted == unit or wanted in (unit.rstrip("乡镇"), unit.removesuffix("街道")):
            return Place(unit, (made.unit_of == k) & inputs.inside)
    side = _SIDE.fullmatch(wanted)
    if side is not None:
        return _direction(inputs, wanted, _BEARINGS[side[1]])
    if wanted in ("全县", "本县", inputs.catalogue.region_name):
        return Place(inputs.catalogue.region_name, inputs.inside.copy())
    raise InputError(
        f"不知道“{name}”在哪里",
        field="place",
        mend=f"可用：{'、'.join(made.units)}、城东、城南、城西、城北，或坐标“x,y”（EPSG:{inputs.epsg}）",
    )


def _direction(inputs: Inputs, name: str, bearing: float) -> Place:
    centre = central_place(inputs)
    if centre is None:
        raise InputError("没有中心城区位置", field="centre", mend="在配置中写明 centre")
    east, north = offsets(inputs.grid, centre)
    angle = (np.degrees(np.arctan2(east, north)) - bearing + 180) % 360 - 180
    reach = np.hypot(east, north) <= REACH_M
    cells = (np.abs(angle) <= 45) & reach & inputs.inside
    note = f"“{name}”按中心城区（{centre[0]:.0f}，{centre[1]:.0f}）该方向 90° 扇形、{REACH_M / 1000:g} 千米以内理解"
    return Place(name, cells, note)


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
