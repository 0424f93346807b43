import numpy as np
import pytest
import shapely

from tests.tools.conftest import EPSG, X, Y, local
from tools.compliance.patches import inside_and_outside, patches
from tools.geometry.area import ellipsoidal_area_m2

PROJECT = local(0, 0, 100, 100)


def test_parts_that_are_too_small_are_contact_and_noise_is_nothing():
    shape = shapely.union_all(
        [local(0, 0, 10, 10), local(20, 0, 20.5, 1), local(30, 0, 30.01, 0.01)]
    )
    found = patches(shape, EPSG, 1.0)
    assert [p.area for p in found.polygons] == [pytest.approx(100)]
    assert found.contact_m2 == pytest.approx(0.5)
    assert found.total_m2 == pytest.approx(100, rel=1e-3)
    assert len(patches(shape, EPSG, 0.1).polygons) == 2


def test_a_project_is_parted_and_each_side_knows_the_other():
    inside, outside = inside_and_outside(PROJECT, local(-10, 0, 30, 100), EPSG, 1.0)
    assert inside.total_m2 + outside.total_m2 == pytest.approx(
        ellipsoidal_area_m2(PROJECT, EPSG), rel=1e-9
    )
    assert inside.rest.equals(local(30, 0, 100, 100))
    assert outside.rest.equals(local(0, 0, 30, 100))


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        (shapely.Polygon(), (0, 1)),
        (local(-10, -10, 110, 110), (1, 0)),
        (PROJECT, (1, 0)),
        (local(100, 0, 200, 100), (0, 1)),
    ],
    ids=["no line", "within", "equal", "touching"],
)
def test_a_line_that_holds_all_or_nothing(line, parts):
    found = inside_and_outside(PROJECT, line, EPSG, 1.0)
    assert tuple(len(side.polygons) for side in found) == parts


def test_what_was_set_aside_is_in_neither_side():
    inside, outside = inside_and_outside(PROJECT, shapely.box(X, Y, X + 0.005, Y + 100), EPSG, 1.0)
    assert len(inside.polygons) == 0
    assert inside.contact_m2 == pytest.approx(0.5)
    assert inside.rest is None  # the sliver belongs neither to the patches nor to the rest
    assert outside.rest is not None
    assert np.allclose(outside.areas_m2, outside.total_m2)
