import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from tools.geometry.rings import has_three_points, polygons_from_rings


def ring(x, y, side, *, clockwise=False):
    points = np.array(box(x, y, x + side, y + side).exterior.coords)
    return points[::-1] if clockwise else points


@settings(max_examples=50, deadline=None)
@given(st.permutations(range(6)), st.lists(st.booleans(), min_size=6, max_size=6))
def test_depth_decides_whatever_the_order(order, turns):
    # An island in a hole with a hole of its own, a second hole, and a part far away.
    squares = [(0, 0, 100), (10, 10, 50), (20, 20, 30), (30, 30, 5), (70, 70, 10), (300, 0, 10)]
    rings = [ring(*squares[i], clockwise=turns[i]) for i in order]
    polygons, holes = polygons_from_rings(rings)
    assert holes == 3
    assert sorted(p.area for p in polygons) == [100, 30**2 - 5**2, 100**2 - 50**2 - 10**2]
    assert all(p.is_valid for p in polygons)


def test_many_rings():
    rings = [ring(20 * i, 20 * j, 10) for i in range(40) for j in range(40)]
    rings += [ring(20 * i + 2, 20 * j + 2, 3) for i in range(40) for j in range(40)]
    polygons, holes = polygons_from_rings(rings)
    assert (len(polygons), holes) == (1600, 1600)
    assert {p.area for p in polygons} == {91.0}


def test_three_points():
    assert has_three_points(np.array([[0, 0], [1, 0], [1, 0], [0, 1]]))
    assert not has_three_points(np.array([[0, 0], [1, 0], [0, 0], [1, 0]]))
    assert not has_three_points(np.array([[0.0, 0.0]] * 5))
