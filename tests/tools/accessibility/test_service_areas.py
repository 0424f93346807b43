import numpy as np
import pytest
import shapely

from tools.accessibility.attach import attach
from tools.accessibility.service_areas import service_area


def reach(network, xy, limit, **more):
    stops = attach(network, shapely.points(np.array([xy], dtype=float)), 50)
    return service_area(
        network, stops, limit=limit, cost="metres", width_m=10, access_m_s=1.0, **more
    )


def test_streets_are_cut_at_the_limit(make_network, grid):
    found = reach(make_network(grid(5)), (200, 200), 150)
    # A cross of 100 m arms, and 50 m to both sides and ahead at each of the four ends.
    assert found.length_m == pytest.approx(4 * 100 + 12 * 50)
    assert shapely.union_all(found.streets).length == pytest.approx(found.length_m)
    assert found.area.contains(shapely.Point(200, 340))
    assert not found.area.contains(shapely.Point(200, 361))


def test_the_leg_counts(make_network):
    found = reach(make_network([[(0, 0), (1000, 0)]]), (500, 30), 100)
    assert found.length_m == pytest.approx(140)


def test_oneway_streets_are_reached_in_their_direction(make_network):
    street = make_network([[(0, 0), (1000, 0)]], mode="drive", oneway=["1"])
    there = reach(street, (500, 0), 100, from_facility=True)
    assert shapely.total_bounds(there.streets).tolist() == pytest.approx([500, 0, 600, 0])
    to_it = reach(street, (500, 0), 100)
    assert shapely.total_bounds(to_it.streets).tolist() == pytest.approx([400, 0, 500, 0])


def test_a_street_reached_from_both_ends_counts_once(make_network):
    ring = make_network([[(0, 0), (100, 0), (100, 100), (0, 100), (0, 0)]])
    found = reach(ring, (50, 0), 1000)
    assert found.length_m == pytest.approx(400)


def test_nothing_within_reach(make_network):
    found = reach(make_network([[(0, 0), (1000, 0)]]), (0, 5000), 100)
    assert found.area.is_empty and found.length_m == 0
