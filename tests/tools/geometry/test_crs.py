import numpy as np
import pytest
import shapely
from pyproj import CRS, Transformer
from shapely import box

from cspon.errors import InputError
from tools.geometry.crs import (
    Zone,
    describe,
    epsg_of_definition,
    geographic,
    reproject,
    require_metric,
    zone_by_longitude,
    zone_by_number,
    zone_of,
)

ALL = [*range(4491, 4513), *range(4513, 4555)]


@pytest.mark.parametrize("epsg", ALL)
def test_zones_agree_with_the_registry(epsg):
    zone = require_metric(epsg)
    parameters = {p.name: p.value for p in CRS.from_epsg(epsg).coordinate_operation.params}
    assert parameters["Longitude of natural origin"] == zone.central_meridian
    assert parameters["False easting"] == zone.false_easting_m
    assert zone.epsg == epsg
    assert ("3-degree" in CRS.from_epsg(epsg).name) == (zone.width == 3)


def test_there_are_no_other_zones():
    assert [e for e in range(4400, 4700) if zone_of(e)] == ALL


def test_zone_numbers():
    assert zone_by_number(38, prefixed=True) == Zone(3, 38, True)
    assert zone_by_number(38, prefixed=True).epsg == 4526
    assert zone_by_number(20, prefixed=False) == Zone(6, 20, False)
    assert zone_by_number(24, prefixed=True) is None
    assert zone_by_longitude(112.4).epsg == 4546
    assert zone_by_longitude(112.51).epsg == 4547
    assert zone_by_longitude(10) is None


@pytest.mark.parametrize(
    ("epsg", "words"), [(4490, "度"), (4326, "WGS"), (3857, "墨卡托"), (2383, "2383")]
)
def test_refuses_what_is_not_metric_cgcs2000(epsg, words):
    with pytest.raises(InputError, match=words) as caught:
        require_metric(epsg)
    assert "4547" in caught.value.mend


def test_describe():
    assert describe(4526) == (
        "CGCS2000 3 度带高斯-克吕格投影，第 38 带，中央经线 114°E，东坐标含带号（EPSG:4526）"
    )
    assert "6 度带" in describe(4502) and "不含带号" in describe(4502)


@pytest.mark.parametrize("epsg", [4526, 4547, 4509, 4534])
def test_inverse_agrees_with_pyproj(epsg):
    zone = require_metric(epsg)
    transformer = Transformer.from_crs(epsg, 4490, always_xy=True)
    for dx, north in [(0, 2.0e6), (-160_000, 4.1e6), (180_000, 5.9e6), (320_000, 3.0e6)]:
        east = zone.false_easting_m + dx
        assert geographic(east, north, zone) == pytest.approx(
            transformer.transform(east, north), abs=2e-11
        )


def test_prefix_is_a_pure_shift():
    polygon = box(512_345.678, 3_412_345.123, 512_400, 3_412_400.001)
    there = reproject(polygon, 4547, 4526)
    assert shapely.get_coordinates(there)[:, 0].min() == 38_512_345.678
    assert (
        np.abs(
            shapely.get_coordinates(reproject(there, 4526, 4547)) - shapely.get_coordinates(polygon)
        ).max()
        < 4e-9
    )
    assert reproject(polygon, 4547, 4547) is polygon


def test_reproject_to_degrees_puts_longitude_first():
    x, y = shapely.get_coordinates(reproject(shapely.Point(500_000, 3_412_345), 4547, 4490))[0]
    assert x == pytest.approx(114, abs=1e-9) and 30 < y < 31


def test_reproject_refuses_nonsense():
    with pytest.raises(InputError, match="无法从"):
        reproject(shapely.Point(1e30, 1e30), 4547, 4490)


@pytest.mark.parametrize("epsg", [4490, 4326, *ALL[::7]])
def test_definitions_as_prj(epsg):
    wkt = CRS.from_epsg(epsg).to_wkt("WKT1_ESRI")
    found = epsg_of_definition(wkt)
    assert found == epsg
    if zone_of(epsg):
        renamed = wkt.replace(wkt.split('"')[1], "自定义")
        zone, expected = require_metric(epsg_of_definition(renamed)), require_metric(epsg)
        assert zone.false_easting_m == expected.false_easting_m
        assert zone.central_meridian == expected.central_meridian


@pytest.mark.parametrize(
    ("epsg", "words"),
    [
        (2383, "1980西安坐标系"),
        (4610, "1980西安坐标系"),
        (2422, "1954北京坐标系"),
        (3857, "Mercator"),
        (32650, "UTM"),
        (4258, "ETRS89"),
    ],
)
def test_other_systems_are_refused_by_name(epsg, words):
    with pytest.raises(InputError, match=words) as caught:
        epsg_of_definition(CRS.from_epsg(epsg).to_wkt("WKT1_ESRI"), file="a.prj")
    assert caught.value.mend and "a.prj" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"Central_Meridian",114.0', '"Central_Meridian",114.5'),
        ('"Scale_Factor",1.0', '"Scale_Factor",0.9996'),
        ('"False_Easting",500000.0', '"False_Easting",600000.0'),
        ('"False_Northing",0.0', '"False_Northing",-3000000.0'),
        ('UNIT["Meter",1.0]', 'UNIT["Kilometer",1000.0]'),
    ],
)
def test_local_projections_are_refused(old, new):
    wkt = (
        CRS.from_epsg(4547)
        .to_wkt("WKT1_ESRI")
        .replace("CGCS2000_3_Degree_GK_CM_114E", "地方坐标系")
    )
    assert epsg_of_definition(wkt) == 4547
    assert old in wkt
    with pytest.raises(InputError, match="地方坐标系"):
        epsg_of_definition(wkt.replace(old, new))


def test_unreadable_definition():
    with pytest.raises(InputError, match="无法识别"):
        epsg_of_definition("PROJCS[什么也不是")
