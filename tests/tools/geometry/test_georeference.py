import numpy as np
import pytest
import shapely
from shapely import Polygon, box

from cspon.errors import InputError
from tools.geometry.georeference import georeference, looks_metric

PLAIN = box(512_000, 3_412_000, 512_100, 3_412_100)
DEGREES = box(114.1, 30.1, 114.11, 30.11)


def run(geometry, asked=None, stated=None, by="文件写明的坐标系"):
    return georeference(
        np.array([geometry], dtype=object), asked=asked, stated=stated, stated_by=by, file="a.shp"
    )


def moved(geometry, east):
    return shapely.transform(geometry, lambda xy: xy + np.array([east, 0.0]))


def swapped(geometry):
    return shapely.transform(geometry, lambda xy: xy[:, ::-1])


@pytest.mark.parametrize(
    ("geometry", "asked", "stated", "epsg"),
    [
        (PLAIN, 4547, None, 4547),
        (PLAIN, 4526, None, 4547),
        (PLAIN, None, 4547, 4547),
        (PLAIN, None, 4526, 4547),
        (PLAIN, None, 4509, 4548),  # 6° zone 20 stands on the meridian of 3° zone 39
        (moved(PLAIN, 38e6), None, None, 4547),
        (moved(PLAIN, 38e6), 4547, None, 4547),
        (moved(PLAIN, 38e6), None, 4526, 4547),
        (moved(PLAIN, 20e6), None, None, 4548),
        (moved(PLAIN, 20e6), None, 4527, 4548),
        (moved(PLAIN, 13e6), 4491, None, 4534),
    ],
)
def test_metres(geometry, asked, stated, epsg):
    if epsg == 4534:
        geometry = shapely.transform(geometry, lambda xy: xy + np.array([0.0, 900_000.0]))
    found = run(geometry, asked, stated)
    assert found.epsg == epsg and found.notices == ()
    assert found.geometries[0].bounds[0] == 512_000


def test_taking_the_prefix_off_restores_the_written_digits():
    rng = np.random.default_rng(0)
    east = np.round(rng.uniform(4e5, 6e5, 1000), 3)
    ring = np.column_stack([east, rng.uniform(3e6, 4e6, 1000)])
    found = run(Polygon(ring + np.array([38e6, 0.0])))
    assert (shapely.get_coordinates(found.geometries[0])[:-1] == ring).all()


def test_swapped_axes():
    for geometry, stated in ((PLAIN, 4547), (moved(PLAIN, 38e6), None)):
        found = run(swapped(geometry), stated=stated)
        assert found.geometries[0].equals(PLAIN)
        assert "对调" in found.notices[0]


@pytest.mark.parametrize("epsg", [4490, 4326])
@pytest.mark.parametrize("turn", [False, True])
def test_degrees(epsg, turn):
    found = run(swapped(DEGREES) if turn else DEGREES, stated=epsg)
    assert found.epsg == 4547
    assert len(found.notices) == 1 + turn
    assert ("1 米以内" in found.notices[-1]) == (epsg == 4326)


def test_the_caller_wins_with_a_notice():
    found = run(PLAIN, asked=4548, stated=4547)
    assert found.epsg == 4548 and "按参数处理" in found.notices[0]
    assert run(DEGREES, asked=4490, stated=4326).notices[0].startswith("坐标由")


@pytest.mark.parametrize(
    ("geometry", "asked", "stated", "words"),
    [
        (PLAIN, None, None, "无法判断属于哪一带"),
        (PLAIN, 2383, None, "不是 CGCS2000"),
        (PLAIN, 4490, None, "不是经纬度"),
        (PLAIN, None, 4490, "不是经纬度"),
        (DEGREES, None, None, "没有写明坐标系"),
        (DEGREES, 4547, None, "但坐标是经纬度"),
        (DEGREES, None, 4526, "但坐标是经纬度"),
        (box(0, 0, 100, 100), None, 4547, "局部坐标"),
        (box(-74, 40, -73.9, 40.1), None, 4326, "我国经纬度范围"),
        (box(3e8, 3e9, 3.001e8, 3.001e9), None, 4547, "不像"),
        (box(1, 1, 5e5, 3e6), None, 4547, "不像"),
        (moved(PLAIN, 38e6), None, 4527, "带号不一致"),
        (moved(PLAIN, 38e6), 4548, None, "带号不一致"),
        (moved(PLAIN, 24e6), None, None, "不是我国的带号"),
        (box(38_900_000, 3_412_000, 39_100_000, 3_412_100), None, None, "不同的带号"),
        (box(13_512_000, 3_412_000, 13_512_100, 3_412_100), None, None, "Web 墨卡托"),
        (box(910_000, 4_412_000, 990_000, 4_412_100), None, 4547, "合理范围"),
        (box(500_000, 3_412_000, 512_100, 3_412_100), None, 4534, "不在我国"),
        (box(500_000, 5_990_000, 512_100, 5_999_000), None, 4547, "不在我国"),
        (Polygon(), None, 4547, "为空"),
    ],
)
def test_refusals(geometry, asked, stated, words):
    if words == "不在我国" and stated == 4534:
        geometry = moved(geometry, -250_000)
    with pytest.raises(InputError, match=words) as caught:
        run(geometry, asked, stated)
    assert caught.value.mend


def test_a_zone_mismatch_names_both_and_the_way_out():
    with pytest.raises(InputError) as caught:
        run(moved(PLAIN, 38e6), stated=4527, by="文件头“带号=39”")
    message = str(caught.value)
    assert "带号=39" in message and "前两位是 38" in message and "epsg=4526" in message


def test_far_from_the_meridian_is_told():
    found = run(box(750_000, 3_412_000, 751_000, 3_413_000), stated=4547)
    assert "超出 3 度带" in found.notices[0]
    assert run(box(750_000, 3_412_000, 751_000, 3_413_000), stated=4509).notices == ()


def test_looks_metric():
    corners = shapely.get_coordinates(PLAIN)
    assert looks_metric(corners) and looks_metric(corners[:, ::-1])
    assert not looks_metric(corners * 1000) and not looks_metric(corners / 1000)


def test_not_a_number():
    with np.errstate(invalid="ignore"):
        hollow = shapely.from_wkt("POLYGON ((5e5 3e6, 5.1e5 3e6, 5.1e5 NaN, 5e5 3e6))")
    with pytest.raises(InputError, match="非数值"):
        run(hollow, stated=4547)
