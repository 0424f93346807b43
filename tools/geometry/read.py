"""Read a project boundary from any of the five formats into one valid, metric geometry.

Knows which reader takes which file and in which order the steps go: draw, georeference, repair.
Never writes beside the file.
"""

import hashlib
import os
import re
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
from shapely.errors import GEOSException

from cspon.errors import InputError
from tools.geometry.boundary import MAX_FILE_BYTES, Boundary, Drawing
from tools.geometry.boundary_txt import read_boundary_txt
from tools.geometry.dxf import read_dxf
from tools.geometry.geojson import read_geojson
from tools.geometry.georeference import georeference
from tools.geometry.repair import repair_plots
from tools.geometry.shapefile import read_shapefile, read_zipped_shapefile, shapefile_parts
from tools.geometry.vector import read_geopackage

__all__ = ["Boundary", "read_boundary"]

_READERS: dict[str, Callable[[Path, str | None], Drawing]] = {
    ".geojson": read_geojson,
    ".json": read_geojson,
    ".shp": read_shapefile,
    ".zip": read_zipped_shapefile,
    ".gpkg": read_geopackage,
    ".dxf": read_dxf,
    ".txt": read_boundary_txt,
}
FORMATS = "GeoJSON（.geojson）、Shapefile（.shp 或 .zip）、GeoPackage（.gpkg）、DXF（.dxf）、界址点 TXT（.txt）"


def read_boundary(path: Path, *, epsg: int | None = None, layer: str | None = None) -> Boundary:
    """Read a project boundary.

    Args:
        path: GeoJSON, Shapefile (or a zip of one), GeoPackage, DXF or boundary point TXT.
        epsg: CGCS2000 code of the coordinates; wins over what the file states.
        layer: Layer to read where the file has several.

    Returns:
        The boundary in the CGCS2000 3° zone without prefix, valid and two-dimensional; notices
        say what was converted or repaired.

    Raises:
        InputError: anything about the file that the user has to mend.
    """
    path = Path(path)
    reader = _reader(path)
    try:
        drawing = reader(path, layer)
        digest = _digest(path)
    except OSError as error:
        raise InputError(
            f"文件无法读取：{error.strerror or error}",
            file=path,
            mend="请检查文件是否存在及读取权限",
        ) from None
    geometries = np.array([plot.geometry for plot in drawing.plots], dtype=object)
    try:
        placed = georeference(
            geometries, asked=epsg, stated=drawing.epsg, stated_by=drawing.stated_by, file=path
        )
        repaired = repair_plots(drawing.plots, placed.geometries, placed.epsg, file=path)
    except GEOSException as error:
        raise InputError(
            f"图形错误，无法修复（{error}）",
            file=path,
            mend="请在 GIS 软件中检查并修复拓扑后重新导出",
        ) from None
    names = {parcel.name for parcel in repaired.parcels if parcel.name}
    return Boundary(
        name=_common_name(names) or path.stem,
        geometry=repaired.geometry,
        epsg=placed.epsg,
        parcels=repaired.parcels,
        source=path,
        sha256=digest,
        notices=(*drawing.notices, *placed.notices, *repaired.notices),
    )


def _reader(path: Path) -> Callable[[Path, str | None], Drawing]:
    """Choose the reader and check what can be checked without it."""
    if not path.exists():
        raise InputError("文件不存在", file=path, mend="请检查路径")
    if not path.is_file():
        raise InputError("这是文件夹，不是边界文件", file=path, mend=f"请指定文件：{FORMATS}")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"不支持的边界文件类型“{path.suffix or path.name}”", file=path, mend=f"支持 {FORMATS}"
        )
    size = path.stat().st_size
    if size == 0:
        raise InputError("文件是空的（0 字节）", file=path, mend="请重新复制或重新导出")
    if size > MAX_FILE_BYTES:
        raise InputError(
            f"文件有 {size // 2**20} MB，超过 {MAX_FILE_BYTES // 2**20} MB 的上限，不像项目边界",
            file=path,
            mend="请只导出项目边界",
        )
    return reader


def _digest(path: Path) -> str:
    """Hash the file; for a Shapefile all its parts, in the order of their suffixes."""
    parts = [path]
    if path.suffix.lower() == ".shp":
        parts = [part for _, part in sorted(shapefile_parts(path).items())]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.read_bytes())
    return digest.hexdigest()


def _common_name(names: Collection[str]) -> str:
    """Return what the plots' names have in common: 示例园地块1, 示例园地块2 → 示例园."""
    start = os.path.commonprefix(sorted(names))  # noqa: RUF071 - characters are meant
    if len(names) == 1:
        return start
    start = re.sub(r"[\s\d（(第_-]*(?:地块|宗地)?[\s\d（(第_-]*$", "", start)
    return start if len(start) >= 2 else ""
