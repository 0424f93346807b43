import numpy as np
import pytest
import shapely
from shapely import LineString, MultiPolygon, Point, Polygon, box

from cspon.errors import InputError
from tools.geometry.read import read_boundary

SQUARE = box(512_000, 3_412_000, 512_100, 3_412_100)


def test_a_geopackage(write, plot):
    path = write.vector("a.gpkg", [plot])
    before = path.read_bytes()
    boundary = read_boundary(path)
    assert shapely.equals_exact(boundary.geometry, plot, 0, normalize=True)
    assert (boundary.epsg, boundary.name, boundary.notices) == (4547, "拟建项目", ())
    assert path.read_bytes() == before
    assert sorted(p.name for p in path.parent.iterdir()) == ["a.gpkg"]


def test_prefixed_system_becomes_plain(write):
    prefixed = shapely.transform(SQUARE, lambda xy: xy + np.array([38e6, 0]))
    boundary = read_boundary(write.vector("a.gpkg", [prefixed], crs="EPSG:4526"))
    assert boundary.epsg == 4547
    assert shapely.equals_exact(boundary.geometry, SQUARE, 0, normalize=True)


def test_several_layers_need_a_name(write):
    write.vector("a.gpkg", [SQUARE], layer="红线")
    path = write.vector("a.gpkg", [shapely.box(0, 0, 1, 1)], layer="其他", append=False)
    write.vector("a.gpkg", [Point(1, 1)], layer="点位", kind="Point")
    with pytest.raises(InputError, match="红线、其他") as caught:
        read_boundary(path)
    assert "layer" in caught.value.mend and "点位" not in caught.value.message
    assert read_boundary(path, layer="红线").geometry.equals(SQUARE)
    with pytest.raises(InputError, match="没有名为"):
        read_boundary(path, layer="没有")
    with pytest.raises(InputError, match="没有面状图形"):
        read_boundary(path, layer="点位")


def test_no_polygon_layer(write):
    path = write.vector("a.gpkg", [LineString([(0, 0), (1, 1)])], kind="LineString")
    with pytest.raises(InputError, match="没有面图层"):
        read_boundary(path)


def test_empty_layer(write):
    with pytest.raises(InputError, match="没有任何要素"):
        read_boundary(write.vector("a.gpkg", []))


def test_empty_and_missing_geometries_are_told(write):
    path = write.vector("a.gpkg", [SQUARE, Polygon()])
    boundary = read_boundary(path)
    assert len(boundary.parcels) == 1
    assert any("忽略了 1 个" in n for n in boundary.notices)


def test_mixed_kinds_and_height(write):
    high = shapely.force_3d(SQUARE, 12.0)
    path = write.vector("a.gpkg", [MultiPolygon([high])], kind="MultiPolygon Z")
    boundary = read_boundary(path)
    assert boundary.geometry.equals(SQUARE) and not boundary.geometry.has_z
    assert any("高程" in n for n in boundary.notices)


def test_other_datum(write):
    with pytest.raises(InputError, match="1980西安坐标系") as caught:
        read_boundary(write.vector("a.gpkg", [SQUARE], crs="EPSG:2383"))
    assert "转换参数" in caught.value.mend


def test_not_a_geopackage(write):
    with pytest.raises(InputError, match="不是 GeoPackage"):
        read_boundary(write.text("a.gpkg", "something else entirely"))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_truncated(write, share):
    path = write.vector("a.gpkg", [SQUARE])
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError) as caught:
        read_boundary(path)
    assert "a.gpkg" in str(caught.value) and caught.value.mend


def test_not_a_number(write):
    with np.errstate(invalid="ignore"):
        hollow = shapely.from_wkt("POLYGON ((5e5 3e6, 5.1e5 3e6, 5.1e5 NaN, 5e5 3e6))")
        path = write.vector("a.gpkg", [hollow])
    with pytest.raises(InputError, match="非数值"):
        read_boundary(path)
