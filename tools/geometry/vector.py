"""Boundaries in GeoPackage and Shapefile, read through pyogrio (GDAL) without geopandas."""

from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.errors import GEOSException

from cspon.errors import InputError
from tools.geometry.boundary import (
    MAX_PLOTS,
    MAX_VERTICES,
    Drawing,
    Plot,
    plot_from_attributes,
)
from tools.geometry.crs import epsg_of_definition

_SQLITE = b"SQLite format 3\0"


def read_geopackage(path: Path, layer: str | None = None) -> Drawing:
    """Read the polygons of one layer of a GeoPackage; each feature is a plot.

    Raises:
        InputError: not a GeoPackage, no polygon layer, or several and none named.
    """
    from pyogrio import list_layers
    from pyogrio.errors import DataLayerError, DataSourceError

    with path.open("rb") as stream:
        if stream.read(16) != _SQLITE:
            raise InputError(
                "不是 GeoPackage 文件（文件头不符）", file=path, mend="请用 GIS 软件重新导出"
            )
    try:
        found = list_layers(path)
    except (DataSourceError, DataLayerError) as error:
        raise _damaged(path, error) from None
    layers = [
        str(name)
        for name, kind in found
        if kind is not None and not any(word in kind for word in ("Point", "Line"))
    ]
    if layer is None:
        if len(layers) != 1:
            names = "、".join(layers)
            raise InputError(
                f"有 {len(layers)} 个面图层：{names}" if layers else "没有面图层",
                file=path,
                mend="请用参数 layer 指明边界所在图层" if layers else "请重新导出面状边界",
            )
        layer = layers[0]
    elif layer not in [str(name) for name, _ in found]:
        raise InputError(
            f"没有名为“{layer}”的图层；已有：{'、'.join(str(name) for name, _ in found)}",
            file=path,
            layer=layer,
        )
    return read_features(path, layer=layer)


def read_features(path: Path, *, layer: str, encoding: str | None = None) -> Drawing:
    """Read the polygons of one layer of any file that GDAL opens.

    Args:
        path: File.
        layer: Layer name.
        encoding: Encoding of the attributes where the format does not say it reliably; a character
            that was cut at the end of a name or value is dropped.

    Raises:
        InputError: damaged, too large, without polygons, or in another coordinate system.
    """
    from pyogrio import read_info
    from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, GeometryError
    from pyogrio.raw import read

    try:
        # Latin-1 keeps every byte, so that a name cut inside a character does not stop the reading.
        raw = "ISO-8859-1" if encoding else None
        count = read_info(path, layer=layer, encoding=raw, force_feature_count=True)["features"]
        if count > MAX_PLOTS:
            raise InputError(
                f"有 {count} 个要素，多于 {MAX_PLOTS} 个，不像项目边界", file=path, layer=layer
            )
        meta, _, wkb, columns = read(path, layer=layer, encoding=raw)
        with np.errstate(invalid="ignore"):  # not-a-number is refused later, with the file's name
            geometries = shapely.from_wkb(wkb)
    except (DataSourceError, DataLayerError, FeatureError, GeometryError) as error:
        raise _damaged(path, error) from None
    except (GEOSException, UnicodeDecodeError) as error:
        raise _damaged(path, error) from None
    except UnboundLocalError as error:  # how pyogrio 0.13 fails on a damaged .prj
        raise InputError(
            "坐标系定义（.prj）已损坏",
            file=path,
            mend="请重新复制 .prj，或删去它并用参数 epsg 指明坐标系",
        ) from error
    if int(shapely.get_num_coordinates(geometries).sum()) > MAX_VERTICES:
        raise InputError(f"顶点多于 {MAX_VERTICES} 个", file=path, mend="请概化或分块后重试")
    fields = [_recode(str(name), encoding) for name in meta["fields"]]
    epsg = epsg_of_definition(meta["crs"], file=path, layer=layer) if meta["crs"] else None
    plots, ignored = _plots(geometries, fields, columns, path, encoding)
    if not plots:
        raise InputError(
            "没有面状图形，无法作为项目边界" if count else "图层为空，没有任何要素",
            file=path,
            layer=layer,
            mend="请重新导出面状边界",
        )
    notices = (f"忽略了 {ignored} 个点、线或空图形，只取面",) if ignored else ()
    return Drawing(plots, epsg, "文件写明的坐标系", notices)


def _plots(
    geometries: Any, fields: list[str], columns: list[Any], path: Path, encoding: str | None
) -> tuple[tuple[Plot, ...], int]:
    """Build plots from the polygons; count what is none."""
    plots, ignored = [], 0
    for index, geometry in enumerate(geometries):
        polygons = [] if geometry is None else _polygons(geometry)
        if not polygons:
            ignored += 1
            continue
        attributes = {
            name: _recode(column[index], encoding)
            for name, column in zip(fields, columns, strict=True)
        }
        whole = polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)
        plots.append(plot_from_attributes(whole, attributes, index + 1, path))
    return tuple(plots), ignored


def _recode(value: Any, encoding: str | None) -> Any:
    """Decode a text that was read as Latin-1."""
    if encoding is None or not isinstance(value, str):
        return value
    return value.encode("latin-1", "ignore").decode(encoding, "ignore")


def _polygons(geometry: Any) -> list[Any]:
    """List the polygons of a geometry, whatever its kind."""
    parts = np.array([geometry], dtype=object)
    while (shapely.get_type_id(parts) >= shapely.GeometryType.MULTIPOINT).any():
        parts = shapely.get_parts(parts)
    parts = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
    return list(parts[~shapely.is_empty(parts)])


def _damaged(path: Path, error: Exception) -> InputError:
    reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
    return InputError(
        f"文件无法读取，可能已损坏或不完整（{reason}）",
        file=path,
        mend="请重新复制或重新导出该文件",
    )
