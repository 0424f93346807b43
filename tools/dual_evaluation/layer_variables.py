"""Variables that a vector layer gives in a way of its own: land cover, fault distance, travel time."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from tools.dual_evaluation.categories import keep_codes
from tools.dual_evaluation.extent import central_place
from tools.dual_evaluation.formulas import land_cover_table
from tools.dual_evaluation.inputs import Inputs
from tools.dual_evaluation.rasters import UNKNOWN_CODE, burned, row_strips
from tools.dual_evaluation.variables import Variable
from tools.geometry.crs import reproject
from tools.layers import read_windows

NEAR_PIECES, POINTS_AT_ONCE = 4, 100_000


def _land_cover(inputs: Inputs, variable: Variable) -> bool:
    """Cover classes from the land-use codes."""
    spec = inputs.role("land_use")
    if spec is None:
        return False
    if spec.code_scheme != "ydyh_2023":
        inputs.missing[variable.id] = f"图层“{spec.title}”不是用地用海分类（{spec.code_scheme}）"
        return False
    by_prefix = {
        prefix: int(entry["code"])
        for entry in land_cover_table()["classes"].values()
        for prefix in entry["prefixes"]
    }
    longest = sorted(by_prefix, key=len, reverse=True)
    values = np.zeros((inputs.grid.height, inputs.grid.width), np.uint8)
    window = inputs.area if inputs.area is not None else shapely.box(-1e9, -1e9, 1e9, 1e9)
    for part in read_windows(spec, inputs.folder, window):
        shapes = []
        for geometry, code in zip(part.geometries, part.codes.tolist(), strict=True):
            prefix = next((p for p in longest if code.startswith(p)), None)
            if prefix is not None:
                shapes.append((reproject(geometry, spec.epsg, inputs.epsg), by_prefix[prefix]))
        values = np.maximum(values, burned(shapes, inputs.grid)) if shapes else values
    values[values == 0] = UNKNOWN_CODE
    codes = {name: int(entry["code"]) for name, entry in land_cover_table()["classes"].items()}
    keep_codes(
        inputs, variable, values, codes, how=f"图层“{spec.title}”按用地用海编码归类、栅格化",
        files={spec.name: inputs.state(spec)}, date=spec.date,
    )  # fmt: skip
    return True


def _fault_distance(inputs: Inputs, variable: Variable) -> bool:
    """Distance of cell centres to the nearest fault, from the nearest of its short pieces."""
    spec = inputs.role("fault_lines")
    if spec is None:
        return False
    lines = [
        reproject(g, spec.epsg, inputs.epsg)
        for part in read_windows(spec, inputs.folder, shapely.box(-1e9, -1e9, 1e9, 1e9))
        for g in part.geometries
    ]
    if not lines:
        return False
    inputs.keep_strips(
        variable.id, _distances(inputs, lines), how=f"到图层“{spec.title}”的距离", date=spec.date,
        files={spec.name: inputs.state(spec)},
    )  # fmt: skip
    return True


def _distances(inputs: Inputs, lines: list[Any]) -> Iterator[tuple[slice, npt.NDArray[np.float64]]]:
    from scipy.spatial import cKDTree

    grid = inputs.grid
    dense, line_of = shapely.get_coordinates(
        shapely.segmentize(shapely.get_parts(lines), grid.cell), return_index=True
    )
    joined = line_of[1:] == line_of[:-1]
    start_, along = dense[:-1][joined], (dense[1:] - dense[:-1])[joined]
    tree = cKDTree(start_ + along / 2)
    for strip in row_strips(grid.height):
        inside = inputs.inside[strip]
        rows, columns = np.nonzero(inside)
        result = np.full(inside.shape, np.nan)
        for start in range(0, len(rows), POINTS_AT_ONCE):
            r, c = rows[start : start + POINTS_AT_ONCE], columns[start : start + POINTS_AT_ONCE]
            x = grid.west + grid.cell * (c + 0.5)
            y = grid.north - grid.cell * (strip.start + r + 0.5)
            places = np.column_stack([x, y])[:, None, :]
            near = tree.query(places[:, 0], k=min(NEAR_PIECES, len(along)))[1].reshape(len(r), -1)
            offset, direction = places - start_[near], along[near]
            share = (offset * direction).sum(axis=2) / np.maximum((direction**2).sum(axis=2), 1e-12)
            foot = np.clip(share, 0, 1)[:, :, None] * direction
            result[r, c] = np.hypot(*np.moveaxis(offset - foot, 2, 0)).min(axis=1)
        yield strip, result


def _travel_minutes(inputs: Inputs, variable: Variable) -> bool:
    """Travel time to the central town along the roads."""
    from tools.dual_evaluation.travel import travel_minutes

    spec = inputs.role("roads")
    if spec is None:
        return False
    centre = central_place(inputs)
    if centre is None:
        inputs.missing[variable.id] = "没有中心城区位置（centre）"
        return False
    if inputs.config.centre is None:
        inputs.notices.append(
            f"中心城区位置取城镇开发边界最大一片内的点（{centre[0]:.0f}，{centre[1]:.0f}）"
        )
    strips, notices = travel_minutes(inputs, spec, centre)
    inputs.notices += notices
    files = {spec.name: inputs.state(spec)}
    town = inputs.role("urban_development_boundary")
    if inputs.config.centre is None and town is not None:
        files[town.name] = inputs.state(town)
    inputs.keep_strips(
        variable.id, strips, how=f"沿图层“{spec.title}”的最短车程，路网外按步行", date=spec.date,
        files=files,
    )  # fmt: skip
    return True


FROM_LAYER: dict[str, Callable[[Inputs, Variable], bool]] = {
    "land_cover": _land_cover,
    "fault_distance": _fault_distance,
    "travel_minutes": _travel_minutes,
}
"""Takes its variable; says whether the layer is there."""
