"""Read roads from an OpenStreetMap extract (.osm.pbf, .osm) through GDAL.

For places without a road layer of their own, and for checks on real streets. The data are under the
ODbL; nothing is fetched here.
"""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import shapely

from cspon.errors import InputError
from tools.accessibility.parameters import NetworkParameters
from tools.accessibility.roads import RawRoads, Roads, roads_of

_WGS84 = 4326
_TAG = re.compile(r'"([^"]+)"=>"([^"]*)"')


def read_osm(file: Path, epsg: int, parameters: NetworkParameters) -> tuple[Roads, tuple[str, ...]]:
    """Read every line with a `highway` tag.

    Args:
        file: Extract in longitude and latitude.
        epsg: Projected system in metres that the lines are brought into.
        parameters: For the values of `oneway`.

    Returns:
        The roads, whose fids are OSM identifiers, and notices.

    Raises:
        InputError: not readable, no roads, or `epsg` is no system in metres.
    """
    import pyogrio.raw
    from pyogrio.errors import DataLayerError, DataSourceError
    from pyproj import CRS, Transformer

    system = CRS.from_epsg(epsg)
    if not system.is_projected or system.axis_info[0].unit_name != "metre":
        raise InputError(
            f"EPSG:{epsg} 不是以米为单位的投影坐标系", field="epsg", mend="指定当地的投影坐标系"
        )
    try:
        _, _, wkb, values = pyogrio.raw.read(
            file, layer="lines", columns=["osm_id", "highway", "other_tags"]
        )
    except (DataSourceError, DataLayerError) as error:
        raise InputError(
            f"不是可读的 OpenStreetMap 文件（{str(error).splitlines()[0][:120]}）",
            file=file,
            mend="提供完整的 .osm.pbf 或 .osm 文件",
        ) from None
    rows = [k for k, kind in enumerate(values[1]) if kind is not None]
    if not rows:
        raise InputError("文件中没有道路（highway）", file=file, mend="换一个含道路的范围")
    transformer = Transformer.from_crs(_WGS84, epsg, always_xy=True)
    lines = shapely.transform(
        shapely.from_wkb(wkb[rows]),
        lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1])),
    )
    tags = [dict(_TAG.findall(values[2][k] or "")) for k in rows]
    roads, notices = roads_of(
        RawRoads(
            layer=file.name,
            epsg=epsg,
            fids=np.array([int(values[0][k]) for k in rows], dtype=np.int64),
            geometries=lines,
            kinds=[values[1][k] for k in rows],
            speeds=[tag.get("maxspeed") for tag in tags],
            oneway=[tag.get("oneway") for tag in tags],
            levels=[tag.get("layer") for tag in tags],
            file=str(file),
        ),
        parameters,
    )
    return replace(roads, meet_at_vertices=True), notices
