"""The grid that every raster of a run lies on: projected, north-up, square cells."""

import math
from pathlib import Path
from typing import Any

from pydantic import Field

from cspon.errors import InputError
from tools.raster.frozen import Frozen

GEOGRAPHIC_MEND = (
    "先用 gdalwarp 转换到以米为单位的 CGCS2000 高斯-克吕格投影（如 EPSG:4547），"
    "或在该因子的 source 下写明 resampling，由系统重采样到评价格网"
)
_SAME = 1e-6
"""Two grids are the same where corners and cells differ by less than this part of a cell."""


class Grid(Frozen):
    """Rows and columns of square cells; the first row is the northernmost."""

    crs: str = Field(min_length=1)
    """What PROJ takes: `EPSG:4547`, or WKT; a projected system in metres."""
    west: float
    north: float
    cell: float = Field(gt=0)
    """Side of a cell in metres."""
    width: int = Field(ge=1, le=1_000_000)
    height: int = Field(ge=1, le=1_000_000)

    @classmethod
    def from_raster(cls, file: Path) -> "Grid":
        """Take the grid of a reference raster.

        Raises:
            InputError: unreadable, geographic, rotated, or cells that are not square.
        """
        from tools.raster.opening import open_raster

        with open_raster(file, factor="参考格网") as dataset:
            return grid_of(dataset, file=file, factor="参考格网")

    @classmethod
    def from_bounds(
        cls, bounds: tuple[float, float, float, float], *, crs: str, cell: float
    ) -> "Grid":
        """Cover an extent (west, south, east, north); corners lie on whole multiples of the cell.

        Raises:
            InputError: a geographic or unknown coordinate system, or an empty extent.
        """
        require_metres(crs, what="评价格网")
        west, south, east, north = bounds
        if not (west < east and south < north) or cell <= 0:
            raise InputError("评价范围为空或像元大小不为正数", mend="核对范围与分辨率")
        left, right = math.floor(west / cell), math.ceil(east / cell)
        bottom, top = math.floor(south / cell), math.ceil(north / cell)
        return cls(
            crs=crs,
            west=left * cell,
            north=top * cell,
            cell=cell,
            width=max(1, right - left),
            height=max(1, top - bottom),
        )

    @property
    def affine(self) -> Any:
        """The transform that rasterio takes."""
        from affine import Affine

        return Affine(self.cell, 0.0, self.west, 0.0, -self.cell, self.north)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in metres."""
        return (
            self.west,
            self.north - self.height * self.cell,
            self.west + self.width * self.cell,
            self.north,
        )

    @property
    def cell_m2(self) -> float:
        """Area of a cell in the plane of the projection."""
        return self.cell * self.cell

    def cell_at(self, x: float, y: float) -> tuple[int, int] | None:
        """Return row and column of the cell that holds a point, or None outside."""
        column = math.floor((x - self.west) / self.cell)
        row = math.floor((self.north - y) / self.cell)
        inside = 0 <= row < self.height and 0 <= column < self.width
        return (row, column) if inside else None

    def differs(self, other: "Grid") -> str | None:
        """Say in Chinese how another grid differs, or None where the cells are the same."""
        from rasterio.crs import CRS

        if CRS.from_user_input(self.crs) != CRS.from_user_input(other.crs):
            return f"坐标系为 {_short(other.crs)}，评价格网为 {_short(self.crs)}"
        tolerance = _SAME * self.cell
        if abs(self.cell - other.cell) * max(self.width, self.height) > tolerance:
            return f"像元为 {other.cell:g} 米，评价格网为 {self.cell:g} 米"
        if abs(self.west - other.west) > tolerance or abs(self.north - other.north) > tolerance:
            return (
                f"左上角为（{other.west:.3f}，{other.north:.3f}），"
                f"评价格网为（{self.west:.3f}，{self.north:.3f}）"
            )
        if (self.width, self.height) != (other.width, other.height):
            return (
                f"大小为 {other.height} 行 {other.width} 列，"
                f"评价格网为 {self.height} 行 {self.width} 列"
            )
        return None


def grid_of(dataset: Any, *, file: Path, factor: str) -> Grid:
    """Return the grid of an open rasterio dataset.

    Raises:
        InputError: no coordinate system, geographic, rotated, south-up, or cells that are not square.
    """
    if dataset.crs is None:
        raise InputError(
            f"因子“{factor}”的栅格没有坐标系", file=file, mend="用 gdal_edit.py -a_srs 写入坐标系"
        )
    transform = dataset.transform
    if transform.b or transform.d or transform.a <= 0 or transform.e >= 0:
        raise InputError(
            f"因子“{factor}”的栅格有旋转或不是北方朝上",
            file=file,
            mend="用 gdalwarp 重采样为北方朝上的栅格",
        )
    code = dataset.crs.to_epsg()
    crs = f"EPSG:{code}" if code else dataset.crs.to_wkt()
    require_metres(crs, what=f"因子“{factor}”的栅格", file=file)
    if abs(transform.a + transform.e) * max(dataset.width, dataset.height) > 1e-3 * transform.a:
        raise InputError(
            f"因子“{factor}”的栅格像元不是正方形（{transform.a:g} × {-transform.e:g}）",
            file=file,
            mend="用 gdalwarp -tr 重采样为正方形像元",
        )
    return Grid(
        crs=crs,
        west=transform.c,
        north=transform.f,
        cell=transform.a,
        width=dataset.width,
        height=dataset.height,
    )


def require_metres(crs: str, *, what: str, file: Path | None = None) -> None:
    """Refuse what is no projected coordinate system in metres.

    Raises:
        InputError: degrees, other units, or a system that PROJ does not know.
    """
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    try:
        system = CRS.from_user_input(crs)
    except CRSError:
        raise InputError(f"{what}的坐标系无法识别：{_short(crs)}", file=file) from None
    if not system.is_projected:
        raise InputError(
            f"{what}为地理坐标系（单位：度），不能量算坡度和面积", file=file, mend=GEOGRAPHIC_MEND
        )
    if abs(system.linear_units_factor[1] - 1.0) > 1e-9:
        raise InputError(f"{what}的坐标单位不是米", file=file, mend=GEOGRAPHIC_MEND)


def _short(crs: str) -> str:
    return crs if len(crs) <= 60 else f"{crs[:60]}…"
