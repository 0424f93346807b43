"""Degrees and faces against shapely's own overlay, feature against feature."""

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.quality_check.edges import cancelled, degrees, edges_of, joined, reversed_edges
from tools.quality_check.faces import faces_of
from tools.quality_check.vertices import split_rings

GRID = 0.001


def edges(shapes):
    shapes = np.array(shapes, dtype=object)
    return edges_of(split_rings(shapes, np.arange(len(shapes))), GRID)


def test_neighbours_cancel_to_their_outline():
    left, right = shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)
    assert len(edges([left, right])) == 6
    assert len(joined([edges([left]), edges([right])])) == 6


def test_direction_of_rings_does_not_matter():
    ring = shapely.box(0, 0, 1, 1)
    for shape in (ring, shapely.reverse(ring)):
        assert degrees(edges([shape]), np.array([[0.5, 0.5], [2, 2]]), GRID).tolist() == [1, 0]


def test_hole_is_not_covered():
    shape = shapely.box(0, 0, 9, 9).difference(shapely.box(3, 3, 6, 6))
    assert degrees(edges([shape]), np.array([[1, 1], [4, 4]]), GRID).tolist() == [1, 0]


def test_a_layer_and_its_opposite_leave_nothing():
    one = edges([shapely.box(0, 0, 1, 1)])
    assert len(joined([one, reversed_edges(one)])) == 0
    assert len(cancelled(joined([]))) == 0


boxes = st.tuples(
    st.integers(0, 12), st.integers(0, 12), st.integers(1, 7), st.integers(1, 7), st.booleans()
)


def shape_of(given_box):
    x, y, width, height, slanted = given_box
    if slanted:
        return shapely.Polygon([(x, y), (x + width, y + 0.3), (x + 0.7, y + height)])
    return shapely.box(x, y, x + width, y + height)


@settings(max_examples=60)
@given(st.lists(boxes, min_size=1, max_size=7))
def test_degrees_are_what_counting_gives(given_boxes):
    shapes = [shape_of(b) for b in given_boxes]
    net = edges(shapes)
    points = np.random.default_rng(0).uniform(-0.5, 20.5, (200, 2))
    points = points[
        shapely.distance(
            shapely.union_all([s.boundary for s in shapes]), shapely.points(points)
        ) > 0.01
    ]  # fmt: skip
    counted = [sum(s.contains(shapely.Point(p)) for s in shapes) for p in points]
    assert degrees(net, points, GRID).tolist() == counted


@settings(max_examples=60)
@given(st.lists(boxes, min_size=2, max_size=7))
def test_area_covered_twice_is_that_of_all_pairs(given_boxes):
    shapes = [shape_of(b) for b in given_boxes]
    net = edges(shapes)
    faces = faces_of([net], GRID, least_m2=0, least_width_m=0)
    twice = faces.chosen(degrees(net, faces.points, GRID) > 1)
    pairs = [shapely.intersection(a, b) for n, a in enumerate(shapes) for b in shapes[n + 1 :]]
    expected = shapely.union_all(pairs).area
    assert abs(shapely.area(twice.polygons).sum() - expected) <= 0.05 + 1e-3 * expected
