"""Write features to a vector file through GDAL and make sure that all of them arrived."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import shapely

Driver = Literal["GPKG", "ESRI Shapefile", "GeoJSON"]


def write_vector(
    file: Path,
    geometries: npt.NDArray[Any],
    columns: Mapping[str, Sequence[Any]],
    *,
    layer: str,
    epsg: int,
    driver: Driver,
) -> None:
    """Write one layer.

    A column of numbers is written as numbers, with an empty value where there is none; any other is
    text. Polygons and lines become multi-part where one of them is.

    Args:
        file: To write; a GeoPackage that is there gets a further layer.
        geometries: One a feature.
        columns: Values by field, one a feature.
        layer: Its name.
        epsg: Of the coordinates.
        driver: Format.

    Raises:
        OSError: the file could not be written wholly.
    """
    import pyogrio.raw  # GDAL: only where a file is written
    from pyogrio.errors import DataSourceError, GeometryError

    kinds = sorted(set(shapely.get_type_id(geometries).tolist()))
    several = any(kind >= shapely.GeometryType.MULTIPOINT for kind in kinds)
    single = {"Point": "MultiPoint", "LineString": "MultiLineString", "Polygon": "MultiPolygon"}
    name = geometries[0].geom_type if len(geometries) else "Unknown"
    if several and driver != "GeoJSON":
        name = single.get(name, name)
    if len({single.get(g.geom_type, g.geom_type) for g in geometries}) > 1:
        name = "Unknown"
    data = [_typed(list(values)) for values in columns.values()]
    try:
        pyogrio.raw.write(
            file,
            geometry=shapely.to_wkb(geometries),
            field_data=[values for values, _ in data],
            field_mask=[mask for _, mask in data],
            fields=list(columns),
            layer=layer,
            driver=driver,
            geometry_type=name,
            promote_to_multi=several and driver != "GeoJSON",
            crs=f"EPSG:{epsg}",
            encoding="UTF-8" if driver == "ESRI Shapefile" else None,
            layer_options={"COORDINATE_PRECISION": 9} if driver == "GeoJSON" else None,
        )
        written = pyogrio.read_info(file, layer=layer, force_feature_count=True)
    except (DataSourceError, GeometryError) as error:
        raise OSError(f"{file.name} 写入失败（{error}）") from error
    if written["features"] != len(geometries):
        raise OSError(f"{file.name} 未写完整，磁盘可能已满")


def _typed(values: list[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Return values of one type and which of them are empty."""
    empty = np.array([value is None for value in values], dtype=bool)
    filled = [value for value in values if value is not None]
    if filled and all(type(value) is int for value in filled):
        return np.array([0 if v is None else v for v in values], dtype=np.int64), empty
    if filled and all(type(value) in (int, float) for value in filled):
        return np.array([np.nan if v is None else v for v in values], dtype=np.float64), empty
    return np.array([None if v is None else str(v) for v in values], dtype=object), empty
