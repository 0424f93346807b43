import ast
import inspect
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Polygon, box

import tools.geometry.read
from cspon.errors import InputError
from tools.geometry.area import ellipsoidal_area_m2
from tools.geometry.read import read_boundary


def in_every_format(write, polygon):
    """Write a polygon in the five formats (and a zip), millimetre coordinates, EPSG:4547 or 4526."""
    import zipfile

    shp = write.vector("five.shp", [polygon], encoding="GBK")
    archive = write.folder / "five.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for part in write.folder.glob("five.*"):
            if part.suffix in (".shp", ".shx", ".dbf", ".prj", ".cpg"):
                packed.write(part, part.name)
    rings = [shapely.get_coordinates(ring)[:-1] for ring in (polygon.exterior, *polygon.interiors)]

    def draw(space):
        for ring in rings:
            space.add_lwpolyline(ring + np.array([38e6, 0]), close=True)

    return [
        write.geojson(polygon, name="five.geojson"),
        shp,
        archive,
        write.vector("five.gpkg", [polygon]),
        write.dxf(draw, name="five.dxf"),
        write.txt([ring + np.array([38e6, 0]) for ring in rings], name="five.txt"),
    ]


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 10**6),
    corners=st.integers(4, 60),
    radius=st.floats(20, 5_000),
    hole=st.booleans(),
)
def test_five_formats_read_to_the_same_geometry(write, seed, corners, radius, hole):
    rng = np.random.default_rng(seed)
    angle = 2 * np.pi * (np.arange(corners) + rng.uniform(0, 0.5, corners)) / corners
    distance = radius * rng.uniform(0.7, 1, corners)
    centre = np.array([rng.uniform(4e5, 6e5), rng.uniform(2.6e6, 4.9e6)])
    outer = np.round(
        centre + np.column_stack([distance * np.cos(angle), distance * np.sin(angle)]), 3
    )
    inner = np.round(centre + radius * 0.1 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]), 3)
    polygon = Polygon(outer, [inner] if hole else [])
    boundaries = [read_boundary(path) for path in in_every_format(write, polygon)]
    for boundary in boundaries:
        assert boundary.epsg == 4547
        assert shapely.equals_exact(boundary.geometry, polygon, 0, normalize=True)
        assert ellipsoidal_area_m2(boundary.geometry, 4547) == pytest.approx(
            ellipsoidal_area_m2(polygon, 4547), rel=1e-12
        )
    assert len({b.sha256 for b in boundaries}) == len(boundaries)


@pytest.mark.parametrize(
    ("name", "words"),
    [("missing.geojson", "不存在"), ("a.dwg", "不支持"), ("a", "不支持"), ("folder", "文件夹")],
)
def test_files_that_cannot_be_boundaries(tmp_path, name, words):
    if name == "folder":
        (tmp_path / name).mkdir()
    elif name != "missing.geojson":
        (tmp_path / name).write_text("x")
    with pytest.raises(InputError, match=words) as caught:
        read_boundary(tmp_path / name)
    assert name in str(caught.value) and caught.value.mend


@pytest.mark.parametrize("suffix", sorted(tools.geometry.read._READERS))
@pytest.mark.parametrize("content", [b"", b"\0" * 3000, b"\xff\xfe\x00", b"{}" * 10, b"PK\x05\x06"])
def test_rubbish_in_every_format(tmp_path, suffix, content):
    path = tmp_path / f"rubbish{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_boundary(path)
    assert "rubbish" in str(caught.value) and caught.value.mend
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_too_large(write, plot, monkeypatch):
    monkeypatch.setattr(tools.geometry.read, "MAX_FILE_BYTES", 100)
    with pytest.raises(InputError, match="上限"):
        read_boundary(write.geojson(plot))


def test_too_many_vertices(write, plot, monkeypatch):
    monkeypatch.setattr("tools.geometry.geojson.MAX_VERTICES", 5)
    monkeypatch.setattr("tools.geometry.vector.MAX_VERTICES", 5)
    for path in (write.geojson(plot), write.vector("a.gpkg", [plot])):
        with pytest.raises(InputError, match="顶点多于"):
            read_boundary(path)


def test_upper_case_suffix(write, plot):
    path = write.geojson(plot)
    assert read_boundary(path.rename(path.with_suffix(".GEOJSON"))).geometry.equals(plot)


def test_a_text_path_is_accepted(write, plot):
    assert read_boundary(str(write.geojson(plot))).source == write.folder / "boundary.geojson"


def test_self_intersection_is_repaired_with_a_notice(write):
    bow = Polygon(
        [(512_000, 3_412_000), (512_100, 3_412_100), (512_100, 3_412_000), (512_000, 3_412_100)]
    )
    boundary = read_boundary(write.geojson(bow))
    assert isinstance(boundary.geometry, MultiPolygon) and boundary.geometry.is_valid
    assert any("自相交" in n for n in boundary.notices)


def test_two_hundred_thousand_vertices(write):
    angle = np.linspace(0, 2 * np.pi, 200_001)[:-1]
    ring = np.column_stack([500_000 + 9_000 * np.cos(angle), 3_500_000 + 9_000 * np.sin(angle)])
    polygon = Polygon(ring)
    for path in (write.geojson(polygon), write.vector("a.gpkg", [polygon])):
        boundary = read_boundary(path)
        assert shapely.get_num_coordinates(boundary.geometry) == 200_001
        assert boundary.notices == ()


def test_reading_changes_nothing(write, plot):
    paths = in_every_format(write, plot)
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in write.folder.iterdir()}
    for path in paths:
        read_boundary(path)
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in write.folder.iterdir()} == before


def test_heavy_libraries_are_loaded_only_by_their_format():
    """Starting the command line must not pay for GDAL, PROJ or ezdxf."""
    folder = Path(inspect.getfile(tools.geometry.read)).parent
    modules = sorted(folder.glob("*.py"))
    assert len(modules) >= 12
    for module in modules:
        for node in ast.parse(module.read_text("utf-8")).body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not {n.split(".")[0] for n in names} & {"ezdxf", "pyogrio", "pyproj"}, module


def test_many_plots_unite(write):
    import json

    squares = [box(5e5 + 10 * i, 3.4e6, 5e5 + 10 * i + 10, 3.4e6 + 10) for i in range(200)]
    features = [
        {"type": "Feature", "properties": {}, "geometry": json.loads(shapely.to_geojson(s))}
        for s in squares
    ]
    path = write.text("a.geojson", json.dumps({"type": "FeatureCollection", "features": features}))
    boundary = read_boundary(path, epsg=4547)
    assert len(boundary.parcels) == 200 and boundary.geometry.area == pytest.approx(20_000)
    assert boundary.geometry.geom_type == "Polygon" and boundary.notices == ()


def test_files_of_the_demo_county_generator(tmp_path):
    from tools.demo_county.project_files import write_project
    from tools.demo_county.projects import Project

    hole = box(512_020.5, 3_412_020.25, 512_040, 3_412_040).exterior.coords
    parcels = (
        Polygon(box(512_000.123, 3_412_000, 512_100, 3_412_100.001).exterior.coords, [hole]),
        box(512_300, 3_412_000, 512_350.007, 3_412_100),
    )
    project = Project("two", "某项目", "产业园", "industrial_park", "工业用地", "1001", parcels)
    write_project(project, tmp_path, epsg=4547)
    for suffix in (".geojson", ".shp", ".gpkg", ".dxf", ".txt"):
        path = tmp_path / f"two{suffix}"
        boundary = read_boundary(path, epsg=4547 if suffix == ".dxf" else None)
        assert boundary.epsg == 4547
        assert shapely.equals_exact(boundary.geometry, MultiPolygon(parcels), 0, normalize=True)


@pytest.mark.parametrize(
    ("names", "common"),
    [
        ({"示例园地块1", "示例园地块2"}, "示例园"),
        ({"示例园"}, "示例园"),
        ({"东区", "西区"}, ""),
        (set(), ""),
        ({"产业园（1）", "产业园（2）"}, "产业园"),
    ],
)
def test_a_boundary_takes_the_name_that_its_plots_share(names, common):
    from tools.geometry.read import _common_name

    assert _common_name(names) == common
