import sqlite3

import numpy as np
import pytest
import shapely
from shapely import affinity

from cspon.errors import InputError
from tools.compliance.check import check_compliance
from tools.layer_placement import check_placement, gcj02_offset_m
from tools.layers import layer_by_role, load_catalogue

X, Y = 500_000.0, 3_300_000.0
EAST, NORTH = gcj02_offset_m(114.0, 29.82)


def square(x, y, side=1000.0):
    return shapely.box(X + x, Y + y, X + x + side, Y + y + side)


@pytest.fixture
def wide(county):
    """A county of 40 km with land use in four parcels and a redline along its border."""
    side = 20_000
    parcels = [square(i * side, j * side, side) for i in (0, 1) for j in (0, 1)]
    county.add("admin_county", "XZQ", "行政区", [square(0, 0, 2 * side)])
    county.land_use(parcels, ["0101"] * 4)
    county.add("ecological_redline", "STBHHX", "红线", [square(0, 39_000)])
    return county


def judge(county, role, *, coverage):
    catalogue = load_catalogue(county.folder)
    spec, border = layer_by_role(catalogue, role), layer_by_role(catalogue, "admin_county")
    return check_placement(spec, border, county.folder, coverage=coverage)


def shifted(geometries, east, north):
    return [affinity.translate(g, east, north) for g in geometries]


def test_the_offset_is_hundreds_of_metres_and_known_at_a_place():
    # eviltransform for 114 E, 30 N: 0.005554 degrees east, -0.002549 degrees north
    assert gcj02_offset_m(114.0, 30.0) == pytest.approx((535.4, -282.5), abs=1.0)


def test_layers_in_their_place(wide):
    assert judge(wide, "land_use", coverage=True) == ()
    assert judge(wide, "ecological_redline", coverage=False) == ()


def test_land_use_in_gcj02_is_refused_with_the_offset(wide, write_boundary):
    side = 20_000
    parcels = [square(i * side, j * side, side) for i in (0, 1) for j in (0, 1)]
    wide.land_use(shifted(parcels, EAST, NORTH), ["0101"] * 4)
    with pytest.raises(InputError, match=r"整体偏移 \d+ 米（东 \d+、北 -\d+），与 GCJ-02") as error:
        check_compliance(write_boundary(square(5000, 5000)), wide.folder)
    assert error.value.layer == "DLTB"
    assert f"{np.hypot(EAST, NORTH):.0f} 米" in error.value.message
    assert "不要自行平移" in error.value.mend


def test_a_line_in_gcj02_is_known_where_it_leaves_the_county(wide):
    border = [square(0, 39_000), square(39_000, 0), square(0, 0)]
    wide.add("ecological_redline", "STBHHX", "红线", shifted(border, EAST, NORTH))
    with pytest.raises(InputError, match="GCJ-02"):
        judge(wide, "ecological_redline", coverage=False)


def test_another_datum_shifts_a_coverage_by_another_vector(wide):
    side = 20_000
    parcels = [square(i * side, j * side, side) for i in (0, 1) for j in (0, 1)]
    wide.land_use(shifted(parcels, -115.0, 40.0), ["0101"] * 4)
    with pytest.raises(InputError, match="其他基准"):
        judge(wide, "land_use", coverage=True)


def test_what_reaches_over_the_border_by_right_is_let_be(wide):
    wide.add("ecological_redline", "STBHHX", "红线", [square(-8_000, 10_000, 9_000)])
    assert judge(wide, "ecological_redline", coverage=False) == ()


def test_another_zone_and_degrees(wide):
    wide.add("ecological_redline", "STBHHX", "红线", [affinity.translate(square(0, 0), 38e6, 0)])
    with pytest.raises(InputError, match="相距约 37960 千米，可能带号"):
        judge(wide, "ecological_redline", coverage=False)
    wide.add("ecological_redline", "STBHHX", "红线", [shapely.box(114, 29, 115, 30)])
    with pytest.raises(InputError, match="像经纬度"):
        judge(wide, "ecological_redline", coverage=False)


def test_features_without_geometry_are_counted(wide):
    wide.add("ecological_redline", "STBHHX", "红线", [square(0, 0), None, shapely.Polygon()])
    (finding,) = judge(wide, "ecological_redline", coverage=False)
    assert "有 2 个要素没有图形" in finding.sentence()


def test_an_extent_that_is_out_of_date_is_no_reason_to_refuse(wide):
    with sqlite3.connect(wide.folder / "STBHHX.gpkg") as connection:
        connection.execute("UPDATE gpkg_contents SET min_x = 0, min_y = 0, max_x = 1, max_y = 1")
    connection.close()
    assert judge(wide, "ecological_redline", coverage=False) == ()
