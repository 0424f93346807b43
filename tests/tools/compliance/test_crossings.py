import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.conftest import EPSG, X, Y, local
from tools.compliance.crossings import crossings
from tools.compliance.overlay import Cutter, cut_features
from tools.compliance.patches import inside_and_outside, patches
from tools.geometry.area import ellipsoidal_areas_m2
from tools.layers import Features

CELLS = np.array(
    [local(20 * i, 20 * j, 20 * i + 20, 20 * j + 20) for j in range(10) for i in range(10)],
    dtype=object,
)


def cut(project):
    features = Features(
        fids=np.arange(len(CELLS)),
        geometries=CELLS,
        codes=np.full(len(CELLS), "0101"),
        names=np.full(len(CELLS), ""),
    )
    rows = cut_features(Cutter(project), features, EPSG)
    return rows, CELLS[rows.positions]


def plainly(rows, parcels, group):
    """Every pair is cut: the literal definition."""
    areas = {}
    for patch, polygon in enumerate(group.polygons):
        pieces = shapely.intersection(parcels, polygon)
        for row, area in enumerate(ellipsoidal_areas_m2(pieces, EPSG)):
            if area >= 0.001:
                areas[patch, row] = float(area)
    return areas


def found(rows, parcels, group):
    [one] = crossings(rows, parcels, {"line": group}, EPSG)
    pairs = zip(one.patches.tolist(), one.rows.tolist(), strict=True)
    return dict(zip(pairs, one.areas_m2.tolist(), strict=True))


@given(
    x=st.floats(0, 120),
    y=st.floats(0, 120),
    turn=st.floats(0, 90),
    line=st.tuples(st.floats(0, 150), st.floats(0, 150), st.floats(1, 80), st.floats(1, 80)),
)
def test_parcels_that_are_not_cut_have_the_area_of_those_that_are(x, y, turn, line):
    project = shapely.affinity.rotate(local(x, y, x + 70, y + 50), turn)
    left, bottom, width, height = line
    hole = local(left + width / 4, bottom + height / 4, left + width / 2, bottom + height / 2)
    shape = local(left, bottom, left + width, bottom + height).difference(hole)
    shapely.prepare(project)
    rows, parcels = cut(project)
    for group in inside_and_outside(project, shape, EPSG, 0.0):
        expected = plainly(rows, parcels, group)
        assert found(rows, parcels, group) == pytest.approx(expected, rel=1e-6, abs=1e-4)


def test_a_sliver_that_was_set_aside_is_not_counted_with_its_parcel():
    project = local(0, 0, 60, 60)
    line = shapely.union_all([local(0, 0, 30, 60), local(50, 0, 50.01, 50)])
    shapely.prepare(project)
    rows, parcels = cut(project)
    inside, outside = inside_and_outside(project, line, EPSG, 1.0)
    assert sum(found(rows, parcels, inside).values()) == pytest.approx(1800, rel=1e-3)
    assert sum(found(rows, parcels, outside).values()) == pytest.approx(1799.5, rel=1e-3)


def test_patches_whose_rest_is_unknown_and_several_conflicts():
    project = local(0, 0, 60, 60)
    shapely.prepare(project)
    rows, parcels = cut(project)
    groups = {
        "west": patches(local(0, 0, 25, 60), EPSG, 1.0),
        "none": patches(shapely.Polygon(), EPSG, 1.0),
        "corners": patches(
            shapely.union_all([local(0, 0, 5, 5), local(55, 55, 60, 60)]), EPSG, 1.0
        ),
    }
    by_name = {one.name: one for one in crossings(rows, parcels, groups, EPSG)}
    assert list(by_name) == list(groups)
    assert by_name["west"].areas_m2.sum() == pytest.approx(1500, rel=1e-3)
    assert len(by_name["none"].areas_m2) == 0
    assert by_name["corners"].patches.tolist() == [0, 1]
    assert shapely.contains_xy(parcels[by_name["corners"].rows[0]], X + 1, Y + 1)
