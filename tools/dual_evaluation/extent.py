"""Where is evaluated: the grid, the county, its units and its central town."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from cspon.errors import InputError
from cspon.schemas.spatial import LayerCatalogue
from tools.dual_evaluation.config import DualConfig
from tools.dual_evaluation.inputs import Inputs, resolved
from tools.dual_evaluation.rasters import burned
from tools.dual_evaluation.scheme import Scheme
from tools.geometry.crs import epsg_of_definition, reproject
from tools.layers import layer_by_role, load_catalogue, read_window, read_windows
from tools.raster.grid import Grid

MOST_CELLS = 60_000_000
COUNTY_ROLE = "admin_county"


def open_inputs(
    config: DualConfig, scheme: Scheme, folder: Path, *, work: Path, base: Path | None = None
) -> Inputs:
    """Open the place: catalogue, grid, area of evaluation.

    Raises:
        InputError: no elevation raster to take the grid from, or a grid that does not fit.
    """
    catalogue = load_catalogue(folder)
    given = config.inputs.get("elevation")
    spec = layer_by_role(catalogue, "dem")
    if given is not None and given.kind == "raster":
        reference = resolved(given.file, "elevation", folder=folder, base=base)
    elif spec is not None:
        reference = folder / spec.path
    else:
        raise InputError(
            "没有数字高程模型，无法确定评价格网",
            field="elevation",
            mend="在图层目录中加入角色为 dem 的高程栅格，或在 inputs.elevation 中给出",
        )
    grid = Grid.from_raster(reference)
    code = _epsg(grid)
    area = _county(catalogue, folder, code)
    if config.grid.cell is not None:
        bounds = area.bounds if area is not None else grid.bounds
        grid = Grid.from_bounds(bounds, crs=grid.crs, cell=config.grid.cell)
    grid = grid.model_copy(update={"crs": f"EPSG:{code}"})
    check_size(grid)
    inside = (
        burned([(area, 1)], grid) == 1
        if area is not None
        else np.ones((grid.height, grid.width), bool)
    )
    work.mkdir(parents=True, exist_ok=True)
    made = Inputs(
        config,
        scheme,
        catalogue,
        folder,
        base or folder,
        base is not None,
        work,
        grid,
        inside,
        area,
    )
    if area is not None:
        made.role(COUNTY_ROLE)
    else:
        made.notices.append("图层目录没有行政区，按高程栅格全部范围评价")
    return made


def check_size(grid: Grid) -> None:
    """Refuse a grid of too many cells, before anything of its size is allocated.

    Raises:
        InputError: too many; the message says the cell that fits.
    """
    cells = grid.width * grid.height
    if cells <= MOST_CELLS:
        return
    fits = math.ceil(grid.cell * math.sqrt(cells / MOST_CELLS) * 1.001)
    raise InputError(
        f"评价格网有 {grid.height:,} 行 {grid.width:,} 列，共 {cells:,} 个像元，超过上限 {MOST_CELLS:,}",
        field="grid.cell",
        mend=f"配置 grid: {{cell: {fits}}}（{fits} 米或更大；省级一般 50 米），或分县评价",
    )


def _epsg(grid: Grid) -> int:
    if grid.crs.startswith("EPSG:"):
        return int(grid.crs.removeprefix("EPSG:"))
    return epsg_of_definition(grid.crs)


def _county(catalogue: LayerCatalogue, folder: Path, epsg: int) -> Any:
    spec = layer_by_role(catalogue, COUNTY_ROLE)
    if spec is None:
        return None
    features = read_window(spec, folder, shapely.box(-1e9, -1e9, 1e9, 1e9))
    return reproject(shapely.union_all(features.geometries), spec.epsg, epsg)


def central_place(inputs: Inputs) -> tuple[float, float] | None:
    """Return the central town: as configured, else inside the largest part of the development boundary."""
    if inputs.config.centre is not None:
        return inputs.config.centre
    town = central_town(inputs)
    if town is None:
        return None
    point = shapely.point_on_surface(town)
    return round(point.x, 1), round(point.y, 1)


def central_town(inputs: Inputs) -> Any:
    """Return the largest part of the development boundary, in the grid's system; None without one."""
    spec = inputs.role("urban_development_boundary")
    if spec is None:
        return None
    features = read_window(spec, inputs.folder, inputs.area or shapely.box(*inputs.grid.bounds))
    parts = shapely.get_parts(shapely.union_all(features.geometries))
    if not len(parts):
        return None
    return reproject(max(parts, key=lambda part: part.area), spec.epsg, inputs.epsg)


def unit_codes(inputs: Inputs) -> tuple[tuple[str, ...], npt.NDArray[np.uint8]]:
    """Return the units' names and, on the grid, the unit of each cell (1 first, 0 none).

    Raises:
        InputError: no such layer, or more units than a byte holds.
    """
    spec = inputs.role(inputs.config.unit_role)
    if spec is None:
        raise InputError(
            f"图层目录没有评价单元图层（角色 {inputs.config.unit_role}）",
            field="unit_role",
            mend="补充该图层，或改 unit_role",
        )
    window = inputs.area if inputs.area is not None else shapely.box(-1e9, -1e9, 1e9, 1e9)
    named: dict[str, list[Any]] = {}
    for part in read_windows(spec, inputs.folder, window):
        for name, geometry in zip(part.names.tolist(), part.geometries, strict=True):
            named.setdefault(name, []).append(reproject(geometry, spec.epsg, inputs.epsg))
    if len(named) > 254:
        raise InputError("评价单元超过 254 个", layer=spec.name, mend="用上一级行政区作单元")
    names = tuple(sorted(named))
    shapes = [(shapely.union_all(named[n]), k) for k, n in enumerate(names, start=1)]
    return names, np.where(inputs.inside, burned(shapes, inputs.grid), 0).astype(np.uint8)
