import numpy as np
import pytest
import shapely
import shapely.affinity

from tools.compliance.coverage import covers_once, first_come


def grid(n: int) -> list[shapely.Polygon]:
    return [shapely.box(i, j, i + 1, j + 1) for j in range(n) for i in range(n)]


def test_a_grid_covers_once():
    assert covers_once(np.array(grid(5)), shapely.box(0.5, 0.5, 4.5, 4.5))


def test_a_large_grid_of_round_coordinates_covers_once():
    parcels = np.array([shapely.affinity.translate(p, 500_000, 3_300_000) for p in grid(60)])
    assert covers_once(parcels, shapely.box(500_000.5, 3_300_000.5, 500_059.5, 3_300_059.5))


def test_multipart_parcels_are_seen():
    parcels = np.array([shapely.multipolygons([p]) for p in grid(5)])
    assert covers_once(parcels, shapely.box(0.5, 0.5, 4.5, 4.5))
    assert not covers_once(np.delete(parcels, 12), shapely.box(0.5, 0.5, 4.5, 4.5))
    assert not covers_once(parcels[:0], shapely.box(0.5, 0.5, 4.5, 4.5))


@pytest.mark.parametrize(
    "parcels",
    [
        pytest.param(grid(5)[:12] + grid(5)[13:], id="gap"),
        pytest.param([*grid(5), shapely.box(2, 2, 3, 3)], id="doubled"),
        pytest.param([*grid(5), shapely.box(2.25, 2.25, 2.75, 2.75)], id="overlap"),
        pytest.param([*grid(5)[:12], *grid(5)[13:], shapely.box(2, 2, 3, 2.9)], id="sliver gap"),
    ],
)
def test_gaps_and_overlaps_are_noticed(parcels):
    assert not covers_once(np.array(parcels), shapely.box(0.5, 0.5, 4.5, 4.5))


def test_what_lies_outside_the_project_does_not_matter():
    assert covers_once(np.array(grid(5)[:-1]), shapely.box(0.5, 0.5, 3.9, 3.9))


def test_a_shared_place_stays_with_the_first():
    pieces = np.array([shapely.box(0, 0, 2, 1), shapely.box(1, 0, 3, 1), shapely.box(0, 0, 4, 1)])
    disjoint, taken = first_come(pieces, shapely.box(0, 0, 0.5, 1))
    assert shapely.area(disjoint).tolist() == pytest.approx([1.5, 1.0, 1.0])
    assert taken.area == pytest.approx(4.0)
