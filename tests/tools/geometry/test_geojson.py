import json

import pytest
import shapely
from shapely import MultiPolygon, Point, box

from cspon.errors import InputError
from tools.geometry.read import read_boundary

SQUARE = [[512_000, 3_412_000], [512_100, 3_412_000], [512_100, 3_412_100], [512_000, 3_412_100]]
CLOSED = [*SQUARE, SQUARE[0]]


def polygon(*rings):
    return {"type": "Polygon", "coordinates": list(rings)}


def test_a_feature_collection(write, plot):
    properties = {"项目名称": "拟建产业园", "DKBH": 7, "DKMJ": 13.6, "用途": "工业"}
    boundary = read_boundary(write.geojson(plot, properties=properties))
    assert shapely.equals_exact(boundary.geometry, plot, 0, normalize=True)
    assert boundary.epsg == 4547 and boundary.name == "拟建产业园"
    (parcel,) = boundary.parcels
    assert (parcel.number, parcel.use, parcel.declared_area_ha) == ("7", "工业", 13.6)
    assert boundary.notices == ()


@pytest.mark.parametrize(
    "crs", ["EPSG:4547", "urn:ogc:def:crs:EPSG::4547", "urn:ogc:def:crs:EPSG:9.9:4547", "4547"]
)
def test_ways_to_name_the_system(write, plot, crs):
    assert read_boundary(write.geojson(plot, crs=crs)).epsg == 4547


def test_bare_geometry_feature_and_multipolygon(write, plot):
    node = json.loads(shapely.to_geojson(plot))
    for document in (node, {"type": "Feature", "properties": None, "geometry": node}):
        path = write.text("a.json", json.dumps(document))
        assert read_boundary(path, epsg=4547).geometry.equals(plot)
    both = MultiPolygon([plot, box(513_000, 3_412_000, 513_100, 3_412_100)])
    assert read_boundary(write.geojson(both)).geometry.equals(both)
    collection = {
        "type": "GeometryCollection",
        "geometries": [node, json.loads(shapely.to_geojson(Point(0, 0)))],
    }
    boundary = read_boundary(write.geojson(collection))
    assert boundary.geometry.equals(plot)
    assert any("忽略了 1 个" in n for n in boundary.notices)


def test_degrees_without_crs_are_refused(write):
    with pytest.raises(InputError, match="经纬度") as caught:
        read_boundary(write.geojson(box(114.1, 30.1, 114.2, 30.2), crs=None))
    assert "4490" in caught.value.mend


@pytest.mark.parametrize(
    ("crs", "epsg"),
    [(None, 4490), (None, 4326), ("urn:ogc:def:crs:OGC:1.3:CRS84", None), ("EPSG:4490", None)],
)
def test_degrees_with_a_stated_system_are_converted(write, crs, epsg):
    boundary = read_boundary(write.geojson(box(114.1, 30.1, 114.11, 30.11), crs=crs), epsg=epsg)
    assert boundary.epsg == 4547
    assert any("换算" in n for n in boundary.notices)
    assert boundary.geometry.area == pytest.approx(1_068_000, rel=0.01)


def test_metres_without_crs(write):
    path = write.geojson(box(512_000, 3_412_000, 512_100, 3_412_100), crs=None)
    with pytest.raises(InputError, match="无法判断"):
        read_boundary(path)
    assert read_boundary(path, epsg=4547).epsg == 4547
    prefixed = write.geojson(box(38_512_000, 3_412_000, 38_512_100, 3_412_100), crs=None)
    assert read_boundary(prefixed).epsg == 4547


def test_gbk_bytes(write, plot):
    node = json.loads(shapely.to_geojson(plot))
    document = {"type": "Feature", "properties": {"name": "园区"}, "geometry": node}
    text = json.dumps(document, ensure_ascii=False)
    boundary = read_boundary(write.text("a.geojson", text, "gbk"), epsg=4547)
    assert boundary.name == "园区"


def test_three_dimensions_are_flattened(write):
    ring = [[x, y, 30.5] for x, y in CLOSED]
    boundary = read_boundary(write.geojson(polygon(ring)))
    assert not boundary.geometry.has_z and boundary.geometry.area == 10_000
    assert any("高程" in n for n in boundary.notices)
    mixed = [position if i % 2 else position[:2] for i, position in enumerate(ring)]
    assert read_boundary(write.geojson(polygon(mixed))).geometry.area == 10_000


def test_unclosed_rings_are_closed_and_told(write):
    boundary = read_boundary(write.geojson(polygon(SQUARE)))
    assert boundary.geometry.area == 10_000
    assert any("闭合" in n for n in boundary.notices)


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (None, "没有面状图形"),
        ({"type": "Point", "coordinates": [1, 2]}, "没有面状图形"),
        ({"type": "LineString", "coordinates": CLOSED}, "没有面状图形"),
        ({"type": "Polygon", "coordinates": []}, "没有面状图形"),
        ({"type": "Polygon"}, "缺少坐标"),
        ({"type": "Circle", "coordinates": []}, "不认识"),
        (polygon([]), "数字对"),
        (polygon([["512000", "3412000"]] * 4), "数字对"),
        (polygon([[512_000], [512_100]]), "数字对"),
        (polygon([[True, False]] * 4), "数字对"),
        (polygon(7), "数字对"),
        (polygon(SQUARE[:2]), "少于三个"),
        ({"type": "Polygon", "coordinates": [7]}, "数字对"),
        (polygon([[x, float("nan")] for x, _ in CLOSED]), "非数值"),
        (polygon([[x, 1e999] for x, _ in CLOSED]), "非数值"),
        (polygon([CLOSED[0]] * 5), "面积为零"),
    ],
)
def test_geometries_that_are_refused(write, node, words):
    path = write.geojson(node if node is not None else {}, name="a.geojson")
    if node is None:
        path.write_text(
            '{"type":"FeatureCollection","features":[{"type":"Feature","geometry":null}]}'
        )
    with pytest.raises(InputError, match=words) as caught:
        read_boundary(path)
    assert "a.geojson" in str(caught.value) and caught.value.mend


def test_infinity_written_as_a_large_number(write):
    text = json.dumps(polygon(CLOSED)).replace("3412100", "1e999", 1)
    with pytest.raises(InputError, match="非数值"):
        read_boundary(write.text("a.geojson", text), epsg=4547)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "不是完整的 JSON"),
        ('{"type":"FeatureCollection","features":[', "截断"),
        ("[]", "最外层"),
        ('{"type":"Feature","geometry":[1,2]}', "不合规范"),
        ('{"type":"FeatureCollection"}', "features"),
        ('{"type":"FeatureCollection","features":[3]}', "不是对象"),
        ('{"type":"FeatureCollection","features":[]}', "没有面状图形"),
        ('{"type":"Topology"}', "缺少坐标"),
        ("[" * 200_000, "嵌套过深"),
        ('{"type":"Polygon","coordinates":[' + "9" * 5000 + "]}", "数字无法识别"),
    ],
)
def test_documents_that_are_refused(write, text, words):
    with pytest.raises(InputError, match=words):
        read_boundary(write.text("a.geojson", text))


@pytest.mark.parametrize(
    ("crs", "words"),
    [("EPSG:2383", "西安"), ("EPSG:3857", "Mercator"), ("EPSG:999999", "无法识别")],
)
def test_other_systems(write, plot, crs, words):
    with pytest.raises(InputError, match=words):
        read_boundary(write.geojson(plot, crs=crs))


def test_a_nameless_system(write, plot):
    document = json.loads(write.geojson(plot).read_text("utf-8"))
    document["crs"] = {"type": "link"}
    with pytest.raises(InputError, match="crs"):
        read_boundary(write.text("b.geojson", json.dumps(document)))
