"""What flows between ports: vector layers, rasters, tables, numbers with units, texts.

A layer of the catalogue is read in pieces, a raster in windows: an operator that can work piece by
piece never holds the whole.
"""

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import shapely

from cspon.errors import InputError
from cspon.schemas.spatial import LayerSpec
from tools.geometry.crs import require_metric
from tools.library.units import Quantity

GeometryKind = Literal["polygon", "line", "point"]
Floats = npt.NDArray[np.float64]
Rows = tuple[dict[str, Any], ...]
"""A table: one mapping a row."""

MAX_FEATURES = 2_000_000
"""Features that an operator may hold at once."""
MAX_CELLS_IN_MEMORY = 25_000_000
STRIP_ROWS = 512
_EVERYWHERE = shapely.box(-1e9, -1e9, 1e9, 1e9)


@dataclass(frozen=True)
class Layer:
    """Features in memory: parallel arrays; `code` and `name` are fields like any other."""

    geometry: GeometryKind
    epsg: int
    geometries: npt.NDArray[np.object_]
    fields: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    specs: tuple[LayerSpec, ...] = ()
    """Catalogue layers that this was made from: their dates and secrecy go with the result."""

    def __len__(self) -> int:
        return len(self.geometries)

    def chunks(self) -> Iterator["Layer"]:
        """Yield the layer itself: it is in memory already."""
        yield self

    def whole(self) -> "Layer":
        """Return itself."""
        return self

    def take(self, index: Any) -> "Layer":
        """Keep some features."""
        kept = {name: values[index] for name, values in self.fields.items()}
        return replace(self, geometries=self.geometries[index], fields=kept)

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return a field.

        Raises:
            InputError: there is no such field.
        """
        if name not in self.fields:
            known = "、".join(self.fields) or "（无）"
            raise InputError(f"图层没有字段 {name}", field=name, mend=f"可用字段：{known}")
        return self.fields[name]


@dataclass(frozen=True)
class CatalogueLayer:
    """A layer of the catalogue, not read yet."""

    spec: LayerSpec
    folder: Path
    window: Any = None
    """Geometry around which is read; None for everything."""

    @property
    def geometry(self) -> GeometryKind:
        """Kind of its features."""
        assert self.spec.geometry != "raster"
        return self.spec.geometry

    @property
    def epsg(self) -> int:
        """EPSG code of the coordinates."""
        return self.spec.epsg

    @property
    def specs(self) -> tuple[LayerSpec, ...]:
        """The one layer."""
        return (self.spec,)

    def chunks(self) -> Iterator[Layer]:
        """Read some thousand features at a time; codes are checked against the layer's scheme.

        Raises:
            InputError: the layer is wrong, or a code is none of its scheme.
        """
        from tools.land_use import label_code
        from tools.layers import read_windows

        require_metric(self.spec.epsg)
        window = _EVERYWHERE if self.window is None else self.window
        checked: set[str] = set()
        for features in read_windows(self.spec, self.folder, window):
            fields: dict[str, npt.NDArray[Any]] = {"fid": features.fids}
            if self.spec.code_field:
                fields["code"] = features.codes
                for code in set(np.unique(features.codes).tolist()) - checked:
                    at = int(np.flatnonzero(features.codes == code)[0])
                    label_code(self.spec, code, str(features.names[at]), fid=int(features.fids[at]))
                    checked.add(code)
            if self.spec.name_field:
                fields["name"] = features.names
            yield Layer(self.geometry, self.epsg, features.geometries, fields, self.specs)

    def whole(self) -> Layer:
        """Read everything.

        Raises:
            InputError: more features than an operator may hold.
        """
        parts: list[Layer] = []
        for part in self.chunks():
            parts.append(part)
            if sum(map(len, parts)) > MAX_FEATURES:
                raise InputError(
                    f"图层“{self.spec.title}”超过 {MAX_FEATURES} 个要素",
                    layer=self.spec.name,
                    mend="先用 clip 或 select 缩小范围，或分乡镇计算",
                )
        if not parts:
            return Layer(self.geometry, self.epsg, np.empty(0, object), {}, self.specs)
        return concatenated(parts)


AnyLayer = Layer | CatalogueLayer


def concatenated(parts: list[Layer]) -> Layer:
    """Put layers of one source together."""
    names = parts[0].fields
    return replace(
        parts[0],
        geometries=np.concatenate([p.geometries for p in parts]),
        fields={name: np.concatenate([p.fields[name] for p in parts]) for name in names},
    )


@dataclass(frozen=True)
class Grid:
    """A north-up raster grid in metres."""

    west: float
    north: float
    cell: float
    rows: int
    columns: int
    epsg: int

    @property
    def affine(self) -> Any:
        """The transform that rasterio takes."""
        from affine import Affine

        return Affine(self.cell, 0.0, self.west, 0.0, -self.cell, self.north)

    def strips(self) -> Iterator[tuple[int, int]]:
        """Yield first and last (exclusive) rows of the strips that are worked on."""
        for start in range(0, self.rows, STRIP_ROWS):
            yield start, min(start + STRIP_ROWS, self.rows)


@dataclass(frozen=True)
class Raster:
    """A raster that is read in windows; no data is NaN."""

    grid: Grid
    read: Callable[[int, int, int, int], Floats]
    """First and last row, first and last column (exclusive) to float64 values."""
    specs: tuple[LayerSpec, ...] = ()

    @property
    def epsg(self) -> int:
        """EPSG code of the grid."""
        return self.grid.epsg

    def rows(self, start: int, stop: int) -> Floats:
        """Read whole rows."""
        return self.read(start, stop, 0, self.grid.columns)

    def array(self) -> Floats:
        """Read everything."""
        return self.rows(0, self.grid.rows)


def array_raster(grid: Grid, values: Any, specs: tuple[LayerSpec, ...] = ()) -> Raster:
    """Make a raster of an array of `grid.rows` × `grid.columns`, NaN for no data."""
    array: Floats = np.asarray(values, dtype=np.float64)
    assert array.shape == (grid.rows, grid.columns)
    return Raster(grid, lambda a, b, c, d: array[a:b, c:d], specs)


def file_raster(file: Path, *, epsg: int | None = None, spec: LayerSpec | None = None) -> Raster:
    """Open a GeoTIFF; nothing is read yet.

    Raises:
        InputError: unreadable, rotated, not square, or not in a CGCS2000 projection in metres.
    """
    import rasterio
    from rasterio.errors import RasterioIOError
    from rasterio.windows import Window

    from tools.geometry.crs import epsg_of_definition

    try:
        with rasterio.open(file) as source:
            t, shape, crs = source.transform, source.shape, source.crs
    except RasterioIOError:
        raise InputError("栅格文件打不开", file=file, mend="核对路径，或另存为 GeoTIFF") from None
    if t.b or t.d or t.a <= 0 or abs(t.a + t.e) > 1e-9 * t.a:
        raise InputError("栅格须为正北朝上、像元为正方形", file=file, mend="用 gdalwarp 重采样")
    if crs is None and epsg is None:
        raise InputError("栅格没有坐标系", file=file, mend="用 gdal_translate -a_srs 写入坐标系")
    code = epsg if crs is None else epsg_of_definition(crs.to_wkt(), file=file)
    assert code is not None
    require_metric(code)

    def read(first: int, last: int, left: int, right: int) -> Floats:
        with rasterio.open(file) as source:
            window = Window(left, first, right - left, last - first)
            masked = source.read(1, window=window, masked=True)
        return np.asarray(masked.astype(np.float64).filled(np.nan), dtype=np.float64)

    grid = Grid(t.c, t.f, t.a, shape[0], shape[1], code)
    return Raster(grid, read, (spec,) if spec else ())


def make_raster(
    grid: Grid, strip: Callable[[int, int], Floats], specs: tuple[LayerSpec, ...]
) -> Raster:
    """Compute a raster strip by strip: in memory when small, else into a temporary GeoTIFF.

    Args:
        grid: Of the result.
        strip: First and last row to values, NaN for no data.
        specs: What it was made from.
    """
    if grid.rows * grid.columns <= MAX_CELLS_IN_MEMORY:
        parts = [strip(a, b) for a, b in grid.strips()]
        return array_raster(grid, np.concatenate(parts), specs)
    import rasterio
    from rasterio.windows import Window

    folder = tempfile.mkdtemp(prefix="cspon-raster-")
    file = Path(folder) / "result.tif"
    with rasterio.open(
        file,
        "w",
        driver="GTiff",
        height=grid.rows,
        width=grid.columns,
        count=1,
        dtype="float32",
        nodata=float("nan"),
        transform=grid.affine,
        crs=f"EPSG:{grid.epsg}",
        tiled=True,
        compress="zstd",
        BIGTIFF="IF_SAFER",
    ) as target:
        for a, b in grid.strips():
            target.write(
                strip(a, b).astype(np.float32), 1, window=Window(0, a, grid.columns, b - a)
            )
    read = file_raster(file, epsg=grid.epsg).read
    weakref.finalize(read, shutil.rmtree, folder, ignore_errors=True)
    return Raster(grid, read, specs)


Value = AnyLayer | Raster | Quantity | Rows | str | tuple[Any, ...]


def require_same_crs(*values: AnyLayer | Raster) -> int:
    """Return the common EPSG code.

    Raises:
        InputError: they differ, or are not metres.
    """
    codes = {value.epsg for value in values}
    if len(codes) > 1:
        raise InputError(
            f"输入图层的坐标系不同：{'、'.join(f'EPSG:{c}' for c in sorted(codes))}",
            field="epsg",
            mend="先把各图层转换到同一个 CGCS2000 投影坐标系",
        )
    epsg = codes.pop()
    require_metric(epsg)
    return epsg


def specs_of(*values: Any) -> tuple[LayerSpec, ...]:
    """List the catalogue layers behind some values, each once."""
    found: dict[str, LayerSpec] = {}
    for value in values:
        for spec in getattr(value, "specs", ()):
            found.setdefault(spec.name, spec)
    return tuple(found.values())
