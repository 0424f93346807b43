import json

import numpy as np
import pyogrio
import pytest
import shapely
from shapely import MultiPolygon, Polygon

from .conftest import read

PROJECTS = ("1_clean", "2_conflict", "3_partly_outside")
TOLERANCE_M = 0.001


@pytest.fixture(scope="module")
def within(county):
    """Area of each project inside each line, as a share of its own area."""
    shares = {}
    for project in PROJECTS:
        (area,), _ = read(county / "projects" / f"{project}.gpkg", "XMHX", "项目名称")
        assert area.is_valid
        for line in ("YJJBNT", "STBHHX", "CZKFBJ", "DLTB"):
            geometries, _ = read(county / f"{line}.gpkg", line, "BSM")
            shares[project, line] = (
                shapely.area(shapely.intersection(geometries, area)).sum() / area.area
            )
        shares[project, "ha"] = area.area / 1e4
    return shares


def test_the_clean_project_lies_inside_the_boundary_alone(within):
    assert within["1_clean", "CZKFBJ"] == pytest.approx(1, abs=1e-9)
    assert within["1_clean", "YJJBNT"] == within["1_clean", "STBHHX"] == 0


def test_the_conflicting_project_cuts_every_line(within):
    assert 40 < within["2_conflict", "ha"] < 60
    assert within["2_conflict", "YJJBNT"] > 0.04
    assert within["2_conflict", "STBHHX"] > 0.04
    assert 0.04 < within["2_conflict", "CZKFBJ"] < 0.9


def test_the_third_project_leaves_the_boundary_and_nothing_else(within):
    assert 0.3 < within["3_partly_outside", "CZKFBJ"] < 0.75
    assert within["3_partly_outside", "YJJBNT"] == within["3_partly_outside", "STBHHX"] == 0


def test_all_projects_lie_in_the_county(within):
    for project in PROJECTS:
        assert within[project, "DLTB"] == pytest.approx(1, abs=1e-9)


def test_the_conflicting_project_has_a_hole_two_parts_and_a_curved_edge(county):
    (area,), _ = read(county / "projects" / "2_conflict.gpkg", "XMHX", "项目名称")
    parts = shapely.get_parts(area)
    assert len(parts) == 2
    assert sum(len(part.interiors) for part in parts) == 1
    assert shapely.get_num_coordinates(parts[0]) > 60


def from_gdal(path):
    meta, _, geometries, fields = pyogrio.raw.read(path)
    assert meta["crs"] == "EPSG:4547"
    assert len(geometries) == 1
    return shapely.from_wkb(geometries[0]), {
        name: values[0] for name, values in zip(meta["fields"].tolist(), fields, strict=True)
    }


def from_rings(rings):
    """Outer rings with the rings that lie in them as holes."""
    areas = sorted((Polygon(ring) for ring in rings), key=lambda p: -p.area)
    shells = []
    for area in areas:
        owner = next((k for k, (shell, _) in enumerate(shells) if shell.contains(area)), None)
        if owner is None:
            shells.append((area, []))
        else:
            shells[owner][1].append(area.exterior)
    return MultiPolygon([Polygon(shell.exterior, holes) for shell, holes in shells])


def from_dxf(path):
    import ezdxf

    lines = ezdxf.readfile(path).modelspace().query("LWPOLYLINE")
    assert {line.dxf.layer for line in lines} == {"项目红线"}
    assert all(line.closed for line in lines)
    rings = [[(point[0] - 38e6, point[1]) for point in line.get_points()] for line in lines]
    return from_rings(rings)


def from_txt(path):
    """A plain reading of the exchange format: counts, closing points, north first, zone prefix."""
    raw = path.read_bytes()
    assert raw.count(b"\n") == raw.count(b"\r\n") > 0
    lines = raw.decode("gbk").splitlines()
    start = lines.index("[地块坐标]")
    assert "带号=38" in lines[:start]
    assert "转换参数=,,,,,," in lines[:start]
    rings, left = [], 0
    for line in lines[start + 1 :]:
        cells = line.split(",")
        if cells[-1] == "@":
            assert left == 0
            left, current = int(cells[0]), {}
        else:
            x, y = float(cells[2]), float(cells[3])
            assert 2e6 < x < 6e6
            assert 38e6 < y < 39e6
            current.setdefault(int(cells[1]), []).append((cells[0], y - 38e6, x))
            left -= 1
            if left == 0:
                assert list(current) == list(range(1, len(current) + 1))
                for ring in current.values():
                    assert ring[0] == ring[-1]
                    rings.append([point[1:] for point in ring])
    assert left == 0
    return from_rings(rings)


@pytest.mark.parametrize("project", PROJECTS)
def test_all_five_files_describe_one_geometry(county, project):
    folder = county / "projects"
    base, attributes = from_gdal(folder / f"{project}.gpkg")
    assert attributes["备注"] == "合成数据"
    assert attributes["项目名称"]
    areas = [from_dxf(folder / f"{project}.dxf"), from_txt(folder / f"{project}.txt")]
    for suffix in ("geojson", "shp"):
        area, same = from_gdal(folder / f"{project}.{suffix}")
        assert same == attributes
        areas.append(area)
    for area in areas:
        assert shapely.hausdorff_distance(area, base) <= TOLERANCE_M
        assert area.area == pytest.approx(base.area, rel=1e-9)
        assert shapely.get_num_coordinates(area) == shapely.get_num_coordinates(base)


def test_geojson_names_its_crs_and_shapefile_its_encoding(county):
    folder = county / "projects"
    collection = json.loads((folder / "2_conflict.geojson").read_text("utf-8"))
    assert collection["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::4547"
    assert collection["features"][0]["properties"]["项目类型"] == "产业园"
    assert (folder / "2_conflict.cpg").read_text("ascii") == "GBK"
    assert "产业园".encode("gbk") in (folder / "2_conflict.dbf").read_bytes()
    assert "CGCS2000" in (folder / "2_conflict.prj").read_text("ascii")


def test_coordinates_are_given_to_the_millimetre(county):
    area, _ = from_gdal(county / "projects" / "2_conflict.geojson")
    xy = shapely.get_coordinates(area)
    assert np.abs(np.round(xy, 3) - xy).max() < 1e-9
