"""Read features of a Shapefile or a FileGDB layer near a window, through pyogrio (GDAL).

Gives the same windows as `tools.geopackage`, which is the fast path. GDAL takes the attributes of an
undeclared GBK Shapefile for Latin-1 without an error, so their encoding is found on the bytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from cspon.errors import InputError
from tools.geometry.crs import epsg_of_definition
from tools.geometry.shapefile import check_length, shapefile_parts, table_encoding
from tools.geopackage import Box, Window
from tools.geopackage_rows import MAX_WINDOW_BYTES

SUFFIXES = (".shp", ".gdb")


@dataclass(frozen=True)
class OgrTable:
    """A layer of a file that GDAL reads."""

    file: Path
    name: str
    columns: tuple[str, ...]
    srs_epsg: int | None
    last_change: str
    encoding: str | None
    """Of the attributes, where the format does not say it reliably."""
    extent: Box | None
    geometry_type: str


def open_ogr(file: Path, layer: str | None) -> OgrTable:
    """Describe a layer; an unchanged file is described once per process.

    Raises:
        InputError: damaged, incomplete, no such layer, or a coordinate system of another datum.
    """
    files = sorted(file.iterdir()) if file.is_dir() else [file, *shapefile_parts(file).values()]
    stats = [part.stat() for part in files if part.is_file()]
    newest = max((stat.st_mtime_ns for stat in stats), default=0)
    return _describe(file, layer, newest, sum(stat.st_size for stat in stats))


@lru_cache(maxsize=64)
def _describe(file: Path, layer: str | None, newest: int, size: int) -> OgrTable:
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError

    encoding = None
    if file.suffix.lower() == ".shp":
        parts = shapefile_parts(file)
        missing = [suffix for suffix in (".shp", ".shx", ".dbf") if suffix not in parts]
        if missing:
            raise InputError(
                f"Shapefile 不完整，缺少 {'、'.join(missing)}",
                file=file,
                mend="把同名的 .shp、.shx、.dbf、.prj 一并放在图层目录",
            )
        check_length(parts[".shp"])
        check_length(parts[".shx"])
        encoding = table_encoding(parts)
    try:
        names = [str(name) for name, kind in pyogrio.list_layers(file) if kind is not None]
        if layer is None and len(names) == 1:
            layer = names[0]
        if layer not in names:
            raise InputError(
                f"没有名为 {layer} 的图层；文件内有：{'、'.join(names) or '（无）'}",
                file=file,
                mend="改正 layers.yaml 的 layer",
            )
        raw = "ISO-8859-1" if encoding else None
        info = pyogrio.read_info(file, layer=layer, encoding=raw, force_total_bounds=True)
    except (DataSourceError, DataLayerError, UnicodeDecodeError) as error:
        raise _damaged(file, error) from None
    bounds = info["total_bounds"]
    return OgrTable(
        file=file,
        name=layer,
        columns=tuple(_recoded(str(name), encoding) for name in info["fields"]),
        srs_epsg=epsg_of_definition(info["crs"], file=file, layer=layer) if info["crs"] else None,
        last_change=datetime.fromtimestamp(newest / 1e9, UTC).isoformat(timespec="seconds"),
        encoding=encoding,
        extent=None if bounds is None else (bounds[0], bounds[1], bounds[2], bounds[3]),
        geometry_type=str(info["geometry_type"]),
    )


def read_ogr_boxes(
    table: OgrTable, boxes: list[Box], columns: tuple[str, ...], *, chunk: int
) -> Iterator[Window]:
    """Yield the features whose boxes meet any of the boxes, each feature once.

    Raises:
        InputError: a feature does not parse.
    """
    from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, GeometryError
    from pyogrio.raw import read

    seen: set[int] = set()
    wanted = [table.columns.index(name) for name in columns]
    for box in boxes:
        start = 0
        while True:
            try:
                _, fids, wkb, values = read(
                    table.file,
                    layer=table.name,
                    encoding="ISO-8859-1" if table.encoding else None,
                    bbox=box,
                    skip_features=start,
                    max_features=chunk,
                    return_fids=True,
                    force_2d=True,
                )
                geometries = shapely.from_wkb(wkb)
            except (DataSourceError, DataLayerError, FeatureError, GeometryError) as error:
                raise _damaged(table.file, error) from None
            except shapely.errors.GEOSException as error:
                raise _damaged(table.file, error) from None
            size = sum(len(blob) for blob in wkb if blob is not None)
            if size > MAX_WINDOW_BYTES:
                raise InputError(
                    f"项目附近的图形过大（{size / 2**20:.0f} MB）",
                    file=table.file,
                    layer=table.name,
                    mend="把该图层切分（如按格网）并转为 GeoPackage 后再检查",
                )
            start += chunk
            keep = [
                i
                for i, fid in enumerate(fids.tolist())
                if fid not in seen and geometries[i] is not None
            ]
            seen.update(fids.tolist())
            if keep:
                yield Window(
                    fids=fids[keep].astype(np.int64),
                    geometries=geometries[keep],
                    columns={
                        name: [_text(values[at][i], table.encoding) for i in keep]
                        for name, at in zip(columns, wanted, strict=True)
                    },
                )
            if len(fids) < chunk:
                break


def _text(value: Any, encoding: str | None) -> Any:
    return _recoded(value, encoding) if isinstance(value, str) else value


def _recoded(value: str, encoding: str | None) -> str:
    """Decode a text that was read as Latin-1; a character cut at its end is dropped."""
    return value.encode("latin-1", "ignore").decode(encoding, "ignore") if encoding else value


def _damaged(file: Path, error: Exception) -> InputError:
    reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
    return InputError(
        f"图层文件无法读取，可能已损坏或不完整（{reason}）",
        file=file,
        mend="重新复制或重新导出该文件",
    )
