"""Find every variable that a scheme needs: a file on the grid, or why it is not there.

Knows files and how they come onto the grid. What is computed from other variables is in `derive`.
"""

import hashlib
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
from tools.dual_evaluation.config import DualConfig
from tools.dual_evaluation.scheme import Scheme
from tools.dual_evaluation.variables import Variable, conversion, variables
from tools.geometry.crs import epsg_of_definition, reproject
from tools.layers import layer_by_role, load_catalogue, read_window
from tools.raster.grid import Grid
from tools.raster.opening import open_raster
from tools.raster.sources import Source, Terrain

Floats = npt.NDArray[np.float64]
MOST_CELLS = 60_000_000
UNKNOWN_CODE = 255
COUNTY_ROLE = "admin_county"
NAN = float("nan")


@dataclass(frozen=True)
class Found:
    """A variable that is there."""

    variable: Variable
    source: Source | Terrain
    how: str
    """How it came onto the grid, one phrase."""
    codes: dict[str, int] = field(default_factory=dict)
    """Category to code, for categories."""
    files: dict[str, str] = field(default_factory=dict)
    """Input to "sha256:…"."""
    date: str = ""
    notes: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)
    """E.g. the cross-validation of an interpolation."""


@dataclass
class Inputs:
    """All that one evaluation reads."""

    config: DualConfig
    scheme: Scheme
    catalogue: LayerCatalogue
    folder: Path
    base: Path
    """Folder that paths of the configuration are relative to."""
    free: bool
    """Paths may leave the folder of the layers: only where a user gave the configuration as a file."""
    work: Path
    grid: Grid
    inside: npt.NDArray[np.bool_]
    area: BaseGeometry | None
    found: dict[str, Found] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    """Variable to what is missing."""
    used: dict[str, LayerSpec] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    hashes: dict[str, str] = field(default_factory=dict)
    factors: dict[str, float] = field(default_factory=dict)
    """Of a scenario: variable to the factor on its values."""

    @property
    def epsg(self) -> int:
        """EPSG code of the grid."""
        return int(self.grid.crs.removeprefix("EPSG:"))

    def path(self, name: str, variable: str) -> Path:
        """Resolve a path of the configuration.

        Raises:
            InputError: it leaves the folder of the layers, or is not there.
        """
        return resolved(name, variable, folder=self.folder, base=self.base if self.free else None)

    def role(self, role: str) -> LayerSpec | None:
        """Return the layer of a role and remember that it was used."""
        spec = layer_by_role(self.catalogue, role)
        if spec is not None:
            self.used[role] = spec
        return spec

    def digest(self, file: Path) -> str:
        """Return "sha256:…" of a file, computed once."""
        key = str(file)
        if key not in self.hashes:
            with file.open("rb") as handle:
                self.hashes[key] = "sha256:" + hashlib.file_digest(handle, "sha256").hexdigest()
        return self.hashes[key]

    def read(self, name: str) -> npt.NDArray[Any]:
        """Read a variable wholly: floats in its unit with NaN, or codes of a category."""
        return read_found(self.found[name], self.grid)

    def keep(self, name: str, values: npt.NDArray[Any], **more: Any) -> None:
        """Keep computed values as a raster of the grid."""
        variable = variables()[name]
        file = self.work / f"{name}.tif"
        if name in self.factors:
            values = values * self.factors[name]
        if variable.category:
            write_raster(file, values.astype(np.uint8), self.grid, nodata=UNKNOWN_CODE)
        else:
            filled = np.where(self.inside, values, np.nan).astype(np.float32)
            write_raster(file, filled, self.grid, nodata=NAN)
        self.found[name] = Found(variable, Source(file=file, unit=variable.unit), **more)


def resolved(name: str, variable: str, *, folder: Path, base: Path | None) -> Path:
    """Resolve a path of the configuration.

    Args:
        name: As it is written.
        variable: For the error.
        folder: Of the layers.
        base: Folder of the configuration's own file; None: paths may not leave `folder`.

    Raises:
        InputError: it leaves the folder of the layers, or is not there.
    """
    file = ((base or folder) / name).resolve()
    if base is None and not file.is_relative_to(folder.resolve()):
        raise InputError(
            f"因子 {variable} 的文件须在图层目录之内", field=variable, mend="把文件放进图层目录"
        )
    if not file.is_file():
        raise InputError(
            f"因子 {variable} 的文件不存在", file=name, field=variable, mend="核对路径"
        )
    return file


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
    if grid.width * grid.height > MOST_CELLS:
        raise InputError(
            f"评价格网有 {grid.width * grid.height:,} 个像元，超过 {MOST_CELLS:,}",
            field="grid.cell",
            mend="取较大的像元（省级一般 50 米），或分县评价",
        )
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
    spec = inputs.role("urban_development_boundary")
    if spec is None:
        return None
    features = read_window(spec, inputs.folder, inputs.area or shapely.box(*inputs.grid.bounds))
    parts = shapely.get_parts(shapely.union_all(features.geometries))
    if not len(parts):
        return None
    largest = reproject(max(parts, key=lambda part: part.area), spec.epsg, inputs.epsg)
    point = shapely.point_on_surface(largest)
    return round(point.x, 1), round(point.y, 1)


def find(inputs: Inputs, name: str) -> bool:
    """Find a variable and what it is made from; says whether it is there."""
    from tools.dual_evaluation.derive import DERIVED

    if name in inputs.found:
        return True
    if name in inputs.missing or name in inputs.config.absent:
        return False
    variable = variables()[name]
    if _given(inputs, variable):
        return True
    derive: Callable[[Inputs], str] | None = DERIVED.get(name)
    lacks = [variables()[need].title for need in variable.made_from if not find(inputs, need)]
    if derive is not None and not lacks:
        problem = derive(inputs)
        if not problem:
            return True
        inputs.missing[name] = problem
    elif derive is not None:
        inputs.missing[name] = f"缺少{'、'.join(lacks)}"
    else:
        role = f"（图层角色 {variable.role}）" if variable.role else ""
        inputs.missing.setdefault(name, f"没有输入{role}")
    return False


def _given(inputs: Inputs, variable: Variable) -> bool:
    """Take a variable from the configuration or from its default layer."""
    from tools.dual_evaluation import spread

    entry = inputs.config.inputs.get(variable.id)
    if entry is not None:
        spread.take(inputs, variable, entry)
        return True
    if variable.id in spread.FROM_LAYER:
        return spread.FROM_LAYER[variable.id](inputs, variable)
    if variable.role is None:
        return False
    spec = inputs.role(variable.role)
    if spec is None:
        return False
    if spec.geometry == "raster":
        spread.take_raster_layer(inputs, variable, spec)
        return True
    spread.take_category_layer(inputs, variable, spec, field=None, classes={}, outside=None)
    return True


def raster_source(
    inputs: Inputs, variable: Variable, file: Path, *, unit: str, **more: Any
) -> Source:
    """Make the engine's source; a unit of the file itself counts where none is given.

    Raises:
        InputError: the unit does not fit, or the file is not on the grid and no resampling is declared.
    """
    with open_raster(file, factor=variable.title) as dataset:
        stated = (dataset.units or ("",))[0] or ""
        crs, transform, bands = dataset.crs, dataset.transform, dataset.count
        shape = (dataset.height, dataset.width)
    if bands > 1 and more.get("band") is None:
        raise InputError(
            f"因子“{variable.title}”的栅格有 {bands} 个波段",
            file=file,
            field=variable.id,
            mend="在 inputs 中用 band 写明取第几个波段",
        )
    factor = conversion(unit or stated or variable.unit, variable)
    factor *= inputs.factors.get(variable.id, 1.0)
    if crs is None:
        raise InputError(
            f"因子“{variable.title}”的栅格没有坐标系",
            file=file,
            mend="用 gdal_edit.py -a_srs 写入坐标系",
        )
    if more.get("resampling") is None:
        same = (
            shape == (inputs.grid.height, inputs.grid.width)
            and _same_place(transform, inputs.grid)
            and _same_system(crs, inputs)
        )
        if not same:
            where = "经纬度坐标系" if crs.is_geographic else f"像元 {transform.a:g}"
            raise InputError(
                f"因子“{variable.title}”的栅格（{where}）与评价格网（像元 {inputs.grid.cell:g} 米）不同",
                file=file,
                field=variable.id,
                mend="在 inputs 中写明 resampling：连续量用 bilinear 或 average，类别用 nearest 或 mode",
            )
    scale, offset = more.pop("scale", 1.0), more.pop("offset", 0.0)
    return Source(
        file=file, unit=variable.unit, scale=scale * factor, offset=offset * factor, **more
    )


def _same_place(transform: Any, grid: Grid) -> bool:
    part = 1e-6 * grid.cell
    wanted = (grid.cell, 0.0, grid.west, 0.0, -grid.cell, grid.north)
    return all(abs(a - b) <= part for a, b in zip(tuple(transform)[:6], wanted, strict=True))


def _same_system(crs: Any, inputs: Inputs) -> bool:
    return epsg_of_definition(crs.to_wkt()) == inputs.epsg


def read_found(found: Found, grid: Grid, window: Any = None) -> npt.NDArray[Any]:
    """Read a variable on the grid, wholly or in a window of rasterio."""
    if isinstance(found.source, Terrain):
        return _terrain(found.source, grid)
    return read_source(found.source, grid, category=found.variable.category)


def read_source(source: Source, grid: Grid, *, category: bool = False) -> npt.NDArray[Any]:
    """Read a source onto the grid: floats with NaN, or uint8 codes with 255 for unknown."""
    from rasterio.enums import Resampling
    from rasterio.vrt import WarpedVRT

    with open_raster(source.file, factor=source.file.stem) as dataset:
        band = source.band or 1
        if source.resampling is None:
            data = dataset.read(band, masked=True)
        else:
            with WarpedVRT(
                dataset,
                crs=grid.crs,
                transform=grid.affine,
                width=grid.width,
                height=grid.height,
                resampling=Resampling[source.resampling],
                src_nodata=source.nodata if source.nodata is not None else dataset.nodata,
            ) as warped:
                data = warped.read(band, masked=True)
    if source.nodata is not None:
        data = np.ma.masked_equal(data, source.nodata)
    if category:
        return np.asarray(np.ma.filled(data.astype(np.uint8), UNKNOWN_CODE))
    values = np.ma.filled(data.astype(np.float64), np.nan)
    return np.asarray(
        values
        if source.scale == 1 and source.offset == 0
        else values * source.scale + source.offset
    )


def _terrain(terrain: Terrain, grid: Grid) -> Floats:
    heights = read_source(terrain.dem, grid)
    if terrain.measure == "elevation":
        return np.asarray(heights)
    if terrain.measure == "slope":
        return slope_of(heights, grid.cell)
    return relief_of(heights, terrain.window)


def slope_of(heights: Floats, cell_m: float) -> Floats:
    """Return degrees by Horn 1981; a missing neighbour takes the height of the centre."""
    padded = np.pad(heights, 1, constant_values=np.nan)
    rows, columns = heights.shape
    near = {}
    for j in range(3):
        for i in range(3):
            part = padded[j : j + rows, i : i + columns]
            near[j, i] = np.where(np.isnan(part), heights, part)
    east = near[0, 2] + 2 * near[1, 2] + near[2, 2] - near[0, 0] - 2 * near[1, 0] - near[2, 0]
    south = near[2, 0] + 2 * near[2, 1] + near[2, 2] - near[0, 0] - 2 * near[0, 1] - near[0, 2]
    return np.asarray(np.degrees(np.arctan(np.hypot(east, south) / (8 * cell_m))))


def relief_of(heights: Floats, window: int) -> Floats:
    """Return highest minus lowest cell with data in a square window, m."""
    from scipy import ndimage

    known = np.isfinite(heights)
    most = ndimage.maximum_filter(np.where(known, heights, -np.inf), window, mode="nearest")
    least = ndimage.minimum_filter(np.where(known, heights, np.inf), window, mode="nearest")
    return np.where(known, most - least, np.nan)


def burned(
    shapes: list[tuple[Any, int]], grid: Grid, *, fill: int = 0, dtype: str = "uint8"
) -> npt.NDArray[Any]:
    """Burn polygons into the grid by cell centres; later ones lie over earlier ones."""
    from rasterio.features import rasterize

    kept = [(g, v) for g, v in shapes if g is not None and not g.is_empty]
    if not kept:
        return np.full((grid.height, grid.width), fill, dtype)
    return np.asarray(
        rasterize(kept, (grid.height, grid.width), fill=fill, transform=grid.affine, dtype=dtype)
    )


def write_raster(file: Path, values: npt.NDArray[Any], grid: Grid, *, nodata: float) -> None:
    """Write one band on the grid, under a temporary name first."""
    import rasterio

    draft = file.with_name(f".{file.name}")
    with rasterio.open(
        draft,
        "w",
        driver="GTiff",
        height=grid.height,
        width=grid.width,
        count=1,
        dtype=values.dtype,
        nodata=nodata,
        crs=grid.crs,
        transform=grid.affine,
        tiled=True,
        blockxsize=512,
        blockysize=512,
        compress="zstd",
        zstd_level=1,
    ) as target:
        target.write(values, 1)
    draft.replace(file)
