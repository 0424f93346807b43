"""Write a project in the five formats that boundaries come in.

All files of a project hold the same coordinates, rounded to 1 mm. The TXT follows the national
exchange format (domain handbook §7.1): GBK, CRLF, X = north first, Y = east with the zone number in
front, hence EPSG:4526. The DXF, which cannot state a coordinate system, carries the zone number too;
the others are EPSG:4547.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely import Polygon

from tools.demo_county.geopackage import GeoPackage
from tools.demo_county.projects import LABEL, Project
from tools.geometry.area import M2_PER_HA, ellipsoidal_area_m2

ZONE = 38
"""3° zone with central meridian 114°E."""
DXF_LAYER = "项目红线"
DATE = "2025-12-31"


def write_project(project: Project, folder: Path, *, epsg: int) -> None:
    """Write `<folder>/<folder name>.{geojson,shp,gpkg,dxf,txt}`."""
    assert epsg == 4547, "the TXT's zone follows from the county's CRS"
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / project.folder
    _write_geojson(project, stem.with_suffix(".geojson"), epsg)
    _write_shapefile(project, stem.with_suffix(".shp"), epsg)
    _write_geopackage(project, stem.with_suffix(".gpkg"), epsg)
    _write_dxf(project, stem.with_suffix(".dxf"))
    _write_txt(project, stem.with_suffix(".txt"), epsg)


def attributes(project: Project) -> dict[str, str]:
    """What every format with attributes carries."""
    return {
        "项目名称": project.name,
        "项目类型": project.kind,
        "类型代码": project.type_id,
        "用途": project.use,
        "备注": LABEL,
    }


def _rings(parcel: Polygon) -> Iterator[np.ndarray[Any, np.dtype[np.float64]]]:
    yield from (np.asarray(ring.coords) for ring in (parcel.exterior, *parcel.interiors))


def _write_geojson(project: Project, path: Path, epsg: int) -> None:
    feature = {
        "type": "Feature",
        "properties": attributes(project),
        "geometry": json.loads(shapely.to_geojson(project.geometry)),
    }
    collection = {
        "type": "FeatureCollection",
        "name": project.name,
        "crs": {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{epsg}"}},
        "features": [feature],
    }
    path.write_text(json.dumps(collection, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _write_shapefile(project: Project, path: Path, epsg: int) -> None:
    import pyogrio

    values = attributes(project)
    pyogrio.raw.write(
        path,
        np.array([shapely.to_wkb(project.geometry)], dtype=object),
        [np.array([value], dtype=object) for value in values.values()],
        list(values),
        geometry_type=project.geometry.geom_type,
        crs=f"EPSG:{epsg}",
        driver="ESRI Shapefile",
        encoding="GBK",
    )
    path.with_suffix(".cpg").write_text("GBK", encoding="ascii")
    dbf = bytearray(path.with_suffix(".dbf").read_bytes())
    dbf[1:4] = bytes([126, 1, 1])  # the writer puts today's date here: equal content, equal bytes
    path.with_suffix(".dbf").write_bytes(dbf)


def _write_geopackage(project: Project, path: Path, epsg: int) -> None:
    values = attributes(project)
    with (
        GeoPackage(path, epsg=epsg) as package,
        package.table(
            "XMHX", geometry="MULTIPOLYGON", fields=dict.fromkeys(values, "TEXT(100)"),
            title=project.name, description=LABEL,
        ) as table,
    ):  # fmt: skip
        whole = np.array([shapely.MultiPolygon(project.parcels)], dtype=object)
        table.add(whole, {key: [value] for key, value in values.items()})


def _write_dxf(project: Project, path: Path) -> None:
    from ezdxf import options  # type: ignore[attr-defined]

    before = options.write_fixed_meta_data_for_testing
    options.write_fixed_meta_data_for_testing = True  # no clock and no random ids in the file
    try:
        _draw_dxf(project, path)
    finally:
        options.write_fixed_meta_data_for_testing = before


def _draw_dxf(project: Project, path: Path) -> None:
    from ezdxf import units
    from ezdxf.filemanagement import new

    document = new("R2010", units=units.M)
    document.layers.add(DXF_LAYER, color=1)
    document.header.custom_vars.append("说明", LABEL)
    space = document.modelspace()
    for parcel in project.parcels:
        for ring in _rings(parcel):
            prefixed = np.add(ring[:-1], (ZONE * 1_000_000, 0))
            space.add_lwpolyline(prefixed, close=True, dxfattribs={"layer": DXF_LAYER})
    document.saveas(path, encoding="utf-8")


def _write_txt(project: Project, path: Path, epsg: int) -> None:
    lines = [
        "[属性描述]", "格式版本号=1.01", f"数据产生单位={LABEL}", f"数据产生日期={DATE}",
        "坐标系=2000国家大地坐标系", "几度分带=3", "投影类型=高斯克吕格", "计量单位=米",
        f"带号={ZONE}", "精度=0.001", "转换参数=,,,,,,", "[地块坐标]",
    ]  # fmt: skip
    for number, parcel in enumerate(project.parcels, start=1):
        count = shapely.get_num_coordinates(parcel)
        hectares = ellipsoidal_area_m2(parcel, epsg) / M2_PER_HA
        name = project.name if len(project.parcels) == 1 else f"{project.name}地块{number}"
        lines.append(
            f"{count},{hectares:.4f},DK{number:02d},{name},面,,{project.use},{project.code},@"
        )
        lines += list(_boundary_points(parcel))
    path.write_bytes("".join(line + "\r\n" for line in lines).encode("gbk"))


def _boundary_points(parcel: Polygon) -> Iterator[str]:
    """点号,圈号,X(north),Y(east with zone); each ring closes with its first point."""
    first = 1
    for ring_number, ring in enumerate(_rings(parcel), start=1):
        last = len(ring) - 1
        for k, (east, north) in enumerate(ring):
            point = first + (k % last)
            yield f"J{point},{ring_number},{north:.3f},{ZONE * 1_000_000 + east:.3f}"
        first += last
