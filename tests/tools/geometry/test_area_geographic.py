import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from cspon.errors import InputError
from tools.geometry.area import ellipsoidal_areas_m2
from tools.geometry.area_geographic import geographic_areas_m2, ring_areas_m2
from tools.geometry.area_reference import geographic_area_reference_m2
from tools.geometry.crs import reproject


def star(lon, lat, radius, seed, corners=12):
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
    distance = radius * rng.uniform(0.3, 1, corners)
    return shapely.Polygon(
        np.column_stack([lon + distance * np.cos(angle), lat + distance * np.sin(angle)])
    )


@given(
    st.floats(73, 135),
    st.floats(3, 54),
    st.sampled_from([1e-5, 1e-3, 0.1, 1.0]),
    st.integers(0, 99),
)
@settings(max_examples=40)
def test_equal_to_the_printed_formula(lon, lat, radius, seed):
    shape = star(lon, lat, radius, seed)
    assert geographic_areas_m2(np.array([shape]))[0] == pytest.approx(
        geographic_area_reference_m2(shape), rel=1e-9
    )


def test_holes_parts_and_direction():
    outer, hole = (
        shapely.box(113.0, 30.0, 113.01, 30.01),
        shapely.box(113.002, 30.002, 113.004, 30.004),
    )
    ring = shapely.Polygon(outer.exterior.coords, [hole.exterior.coords])
    whole, inner = geographic_areas_m2(np.array([outer, hole]))
    many = shapely.MultiPolygon([ring, shapely.box(114, 30, 114.01, 30.01)])
    mixed = np.array(
        [ring, ring.reverse(), many, shapely.Point(113, 30), shapely.Polygon(), None], dtype=object
    )
    areas = geographic_areas_m2(mixed)
    assert areas[:3] == pytest.approx([whole - inner, whole - inner, 2 * whole - inner], rel=1e-12)
    assert areas[3:].tolist() == [0.0, 0.0, 0.0]


def test_many_rings_in_blocks_are_those_one_by_one():
    shapes = np.array([star(100 + k * 0.01, 30 + k * 0.005, 0.002, k, 26) for k in range(1500)])
    together = geographic_areas_m2(shapes)
    alone = [geographic_areas_m2(shapes[k : k + 1])[0] for k in range(0, 1500, 100)]
    assert together[::100] == pytest.approx(alone, rel=1e-13)


def test_near_the_geodesic_and_the_projected_area():
    """A square kilometre: edges of the three definitions differ by less than 1e-6 of the area."""
    shape = shapely.box(114.0, 30.5, 114.0104, 30.509)
    area = geographic_areas_m2(np.array([shape]))[0]
    geodesic, _ = Geod(a=6378137, rf=298.257222101).geometry_area_perimeter(shape)
    assert area == pytest.approx(abs(geodesic), rel=1e-6)
    projected = reproject(shape, 4490, 4547)
    assert area == pytest.approx(ellipsoidal_areas_m2(np.array([projected]), 4547)[0], rel=1e-6)


def test_metres_are_refused():
    with pytest.raises(InputError, match="经纬度"):
        geographic_areas_m2(np.array([shapely.box(500000, 3300000, 500100, 3300100)]))


def test_no_rings():
    assert ring_areas_m2(np.empty((0, 2)), np.empty(0, dtype=np.int64)).tolist() == []
