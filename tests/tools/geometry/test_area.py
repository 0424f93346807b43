import math
import time

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod, Transformer
from shapely import MultiPolygon, Polygon, box

from cspon.errors import InputError
from tools.geometry.area import ellipsoidal_area_m2, ellipsoidal_areas_m2
from tools.geometry.area_reference import ellipsoidal_area_reference_m2
from tools.geometry.crs import reproject

# Recomputed independently for the project's domain handbook (§7.3): corner, side, EPSG, area in m²
# by the survey formula, geodesic area of GeographicLib.
GOLDEN = [
    ((38_500_000, 3_751_000), 1_000, 4526, 999_999.9936, 999_999.9938),
    ((38_439_000, 3_751_000), 1_000, 4526, 999_909.8003, 999_909.8005),
    ((38_630_000, 3_751_000), 1_000, 4526, 999_580.4153, 999_580.4155),
    ((38_439_683, 3_751_508), 100, 4526, 9_999.1049, 9_999.1049),
    ((39_600_000, 2_500_000), 10_000, 4527, 99_972_761.5726, 99_972_775.0457),
]


def square(corner, side):
    x, y = corner
    return box(x, y, x + side, y + side)


def star(seed, radius, corners=12, centre=None):
    rng = np.random.default_rng(seed)
    east, north = centre or (rng.uniform(3.4e5, 6.6e5), rng.uniform(2.0e6, 5.9e6))
    angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
    distance = radius * rng.uniform(0.3, 1, corners)
    return Polygon(
        np.column_stack([east + distance * np.cos(angle), north + distance * np.sin(angle)])
    )


@pytest.mark.parametrize(("corner", "side", "epsg", "survey", "_geodesic"), GOLDEN)
def test_golden_values(corner, side, epsg, survey, _geodesic):
    polygon = square(corner, side)
    assert ellipsoidal_area_m2(polygon, epsg) == pytest.approx(survey, abs=1e-4)
    assert ellipsoidal_area_reference_m2(polygon, epsg) == pytest.approx(survey, abs=1e-4)


@pytest.mark.parametrize(("corner", "side", "epsg", "_survey", "geodesic"), GOLDEN[:4])
def test_small_polygons_agree_with_the_geodesic_area(corner, side, epsg, _survey, geodesic):
    polygon = square(corner, side)
    to_degrees = Transformer.from_crs(epsg, 4490, always_xy=True)
    east, north = shapely.get_coordinates(polygon).T
    area, _ = Geod(a=6378137.0, rf=298.257222101).polygon_area_perimeter(
        *to_degrees.transform(east, north)
    )
    assert abs(area) == pytest.approx(geodesic, abs=1e-4)
    assert ellipsoidal_area_m2(polygon, epsg) == pytest.approx(abs(area), rel=1e-9)


@pytest.mark.parametrize("radius", [0.5, 3, 80, 1_000, 5_000, 60_000, 300_000])
def test_equals_the_literal_formula(radius):
    for seed in range(4):
        polygon = star(seed, radius)
        assert ellipsoidal_area_m2(polygon, 4547) == pytest.approx(
            ellipsoidal_area_reference_m2(polygon, 4547), rel=2e-11
        )


@pytest.mark.parametrize("width", [1, 0.1, 0.01, 0.001])
def test_slivers_keep_their_digits(width):
    # 100 m long; computed with absolute latitudes the thinnest would be wrong by 1e-6.
    cosine, sine = math.cos(0.7), math.sin(0.7)
    x, y = 643_210.123, 4_567_890.456
    polygon = Polygon(
        [
            (x, y),
            (x + 100 * cosine, y + 100 * sine),
            (x + 100 * cosine - width * sine, y + 100 * sine + width * cosine),
            (x - width * sine, y + width * cosine),
        ]
    )
    assert ellipsoidal_area_m2(polygon, 4547) == pytest.approx(
        ellipsoidal_area_reference_m2(polygon, 4547), rel=1e-10
    )


def test_holes_directions_parts_and_kinds():
    outer, inner = square((500_000, 3_000_000), 100), square((500_020, 3_000_020), 10)
    outer_m2, inner_m2 = ellipsoidal_areas_m2(np.array([outer, inner]), 4547)
    holes = [list(inner.exterior.coords)]
    either_way = [
        Polygon(shell, hole)
        for shell in (outer.exterior.coords, outer.exterior.coords[::-1])
        for hole in (holes, [holes[0][::-1]])
    ]
    far = square((510_000, 3_000_000), 10)
    geometries = np.array(
        [
            *either_way,
            MultiPolygon([either_way[0], far]),
            shapely.GeometryCollection([outer, shapely.Point(0, 0), MultiPolygon([far])]),
            Polygon(),
            shapely.LineString([(0, 0), (1, 1)]),
            None,
            MultiPolygon(),
        ],
        dtype=object,
    )
    far_m2 = ellipsoidal_area_m2(far, 4547)
    expected = [outer_m2 - inner_m2] * 4 + [outer_m2 - inner_m2 + far_m2, outer_m2 + far_m2]
    areas = ellipsoidal_areas_m2(geometries, 4547)
    assert areas == pytest.approx([*expected, 0, 0, 0, 0], rel=1e-12)
    assert len(ellipsoidal_areas_m2(np.array([], dtype=object), 4547)) == 0


def test_prefix_does_not_change_the_area():
    polygon = star(5, 400)
    assert ellipsoidal_area_m2(reproject(polygon, 4547, 4526), 4526) == pytest.approx(
        ellipsoidal_area_m2(polygon, 4547), rel=1e-9
    )


def test_blocks_and_sizes_do_not_mix():
    polygons = [star(seed, radius) for seed in range(300) for radius in (2, 200, 20_000)]
    together = ellipsoidal_areas_m2(np.array(polygons), 4547)
    for index in (0, 1, 2, 450, 898, 899):
        assert together[index] == pytest.approx(
            ellipsoidal_area_m2(polygons[index], 4547), rel=1e-12
        )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(1, 20_000), st.floats(0.1, 0.9))
def test_a_cut_polygon_adds_up(seed, radius, share):
    # Along a meridian-free cut the two new edges run in opposite directions and cancel exactly.
    x, y = 560_000.0, 4_000_000.0
    whole = box(x, y, x + radius, y + radius)
    middle = x + share * radius
    parts = [
        Polygon([(x, y), (middle, y), (middle, y + radius), (x, y + radius)]),
        Polygon([(middle, y), (x + radius, y), (x + radius, y + radius), (middle, y + radius)]),
    ]
    nodes = Polygon(
        [
            (x, y),
            (middle, y),
            (x + radius, y),
            (x + radius, y + radius),
            (middle, y + radius),
            (x, y + radius),
        ]
    )
    assert ellipsoidal_areas_m2(np.array(parts), 4547).sum() == pytest.approx(
        ellipsoidal_area_m2(nodes, 4547), rel=1e-11
    )
    # Without the two extra nodes the edge is another curve: 1e-6 at 20 km, nothing for parcels.
    tolerance = 1e-9 if radius < 500 else 1e-6
    assert ellipsoidal_area_m2(whole, 4547) == pytest.approx(
        ellipsoidal_area_m2(nodes, 4547), rel=tolerance
    )
    assert ellipsoidal_area_m2(star(seed, radius), 4547) > 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 11))
def test_start_point_and_direction_do_not_matter(seed, start):
    polygon = star(seed, 300)
    ring = list(polygon.exterior.coords)[:-1]
    turned = Polygon(ring[start:] + ring[:start])
    assert ellipsoidal_areas_m2(np.array([turned, turned.reverse()]), 4547) == pytest.approx(
        ellipsoidal_area_m2(polygon, 4547), rel=1e-13
    )


@pytest.mark.parametrize("epsg", [4490, 4326, 3857, 2383])
def test_refuses_other_systems(epsg):
    with pytest.raises(InputError, match="米"):
        ellipsoidal_area_m2(box(0, 0, 1, 1), epsg)


def test_refuses_coordinates_beyond_the_projection():
    with pytest.raises(InputError, match="有效范围"):
        ellipsoidal_area_m2(box(0, 0, 1e7, 1e7), 4547)


def test_a_hundred_thousand_polygons_a_second():
    polygons = np.array([star(seed, 100, corners=25) for seed in range(2_000)])
    ellipsoidal_areas_m2(polygons, 4547)
    began = time.process_time()
    ellipsoidal_areas_m2(polygons, 4547)
    assert len(polygons) / (time.process_time() - began) > 50_000  # about 500,000 when idle
