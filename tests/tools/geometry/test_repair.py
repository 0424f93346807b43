import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Polygon, box

from cspon.errors import InputError
from tools.geometry.area import ellipsoidal_area_m2
from tools.geometry.boundary import Plot
from tools.geometry.repair import repair_plots

X, Y = 512_000, 3_412_000


def repair(*geometries, **attributes):
    plots = tuple(Plot(g, row=i, **attributes) for i, g in enumerate(geometries, start=1))
    return repair_plots(plots, np.array(geometries, dtype=object), 4547, file="a.geojson")


def square(x=0, y=0, side=100):
    return box(X + x, Y + y, X + x + side, Y + y + side)


def test_valid_plots_are_left_alone():
    repaired = repair(square())
    assert repaired.geometry is repaired.parcels[0].geometry
    assert shapely.equals_exact(repaired.geometry, square(), 0)
    assert repaired.notices == ()


def test_a_bow_tie_is_repaired_with_a_notice():
    bow = Polygon([(X, Y), (X + 100, Y + 100), (X + 100, Y), (X, Y + 100)])
    repaired = repair(bow, name="一号地块")
    assert repaired.geometry.is_valid and repaired.geometry.area == pytest.approx(5_000)
    (notice,) = repaired.notices
    assert "一号地块" in notice and "自相交" in notice
    assert f"东 {X + 50:.3f}、北 {Y + 50:.3f}" in notice
    assert "1→2" in notice and "0.0000→0.5000" in notice


def test_a_loop_counts_once():
    # A ring that crosses itself and encloses a corner twice.
    ring = [(0, 0), (100, 0), (100, 100), (50, 100), (50, -50), (80, -50), (80, 60), (0, 60)]
    repaired = repair(Polygon([(X + x, Y + y) for x, y in ring]))
    assert repaired.geometry.is_valid
    assert len(repaired.notices) == 1


@pytest.mark.parametrize(
    ("geometry", "words"),
    [
        (
            Polygon(square().exterior.coords, [square(200, 200, 10).exterior.coords]),
            "孔洞位于外环之外",
        ),
        (MultiPolygon([square(), square(20, 20, 10)]), "嵌套"),
    ],
)
def test_other_faults_are_named(geometry, words):
    (notice,) = repair(geometry).notices
    assert words in notice


def test_no_area_is_refused():
    flat = Polygon([(X, Y), (X + 10, Y), (X + 20, Y)])
    for geometry in (flat, Polygon([(X, Y)] * 4)):
        with pytest.raises(InputError, match="面积为零") as caught:
            repair(square(), geometry)
        assert caught.value.row == 2


def test_repeated_points_do_not_matter():
    coordinates = [c for c in square().exterior.coords for _ in range(3)]
    repaired = repair(Polygon(coordinates))
    assert shapely.get_num_coordinates(repaired.geometry) == 5
    assert repaired.notices == ()


def test_overlapping_and_nested_plots_count_once():
    repaired = repair(square(), square(50), square(10, 10, 5))
    assert repaired.geometry.area == pytest.approx(15_000)
    assert len(repaired.parcels) == 3
    (notice,) = repaired.notices
    assert "3 个地块" in notice and "0.5025 公顷" in notice


def test_neighbours_and_distant_plots_unite_without_a_notice():
    repaired = repair(square(), square(100), square(500))
    assert len(repaired.geometry.geoms) == 2 and repaired.notices == ()


def test_height_is_dropped_with_a_notice():
    repaired = repair(shapely.force_3d(square(), 5.0))
    assert not repaired.geometry.has_z
    assert "高程" in repaired.notices[0]


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=3, max_size=12, unique=True
    )
)
def test_any_ring_becomes_valid_or_is_refused(points):
    ring = Polygon([(X + 10 * x, Y + 10 * y) for x, y in points])
    try:
        repaired = repair(ring)
    except InputError as error:
        assert "面积为零" in str(error)
        return
    assert repaired.geometry.is_valid and repaired.geometry.area > 0
    assert bool(repaired.notices) != ring.is_valid
    if ring.is_valid:
        assert repaired.geometry.equals(ring)
    assert ring.envelope.buffer(1e-6).covers(repaired.geometry)
    assert ellipsoidal_area_m2(repaired.geometry, 4547) > 0
