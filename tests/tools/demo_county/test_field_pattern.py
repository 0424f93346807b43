import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.demo_county.field_pattern import (
    CELLS_PER_BLOCK,
    FieldPattern,
    cell_polygons,
    make_tile,
    pattern_lines,
)
from tools.demo_county.parcels import field_warp


def make_pattern(seed=1, spacing=120.0, steps=16):
    return FieldPattern(seed, spacing, (480_000.0, 3_300_000.0), field_warp(seed, spacing), steps)


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    spacing=st.sampled_from([40.0, 140.0, 900.0]),
    i=st.integers(-50, 50),
)
def test_tiles_made_apart_form_one_coverage(seed, spacing, i):
    pattern = make_pattern(seed, spacing)
    cells = np.concatenate(
        [cell_polygons(make_tile(pattern, i0, j0, 2, 2)) for i0 in (i, i + 2) for j0 in (0, 2)]
    )
    assert len(cells) == 16 * CELLS_PER_BLOCK
    assert shapely.is_valid(cells).all()
    assert shapely.coverage_is_valid(cells)
    whole = shapely.coverage_union_all(cells)
    assert whole.geom_type == "Polygon"
    assert len(whole.interiors) == 0
    assert abs(shapely.area(cells).sum() / whole.area - 1) < 1e-12


def test_cells_are_counter_clockwise_on_the_grid_and_about_the_size_asked_for():
    cells = cell_polygons(make_tile(make_pattern(steps=24), 0, 0, 8, 8))
    assert shapely.is_ccw(shapely.get_exterior_ring(cells)).all()
    xy = shapely.get_coordinates(cells)
    assert np.array_equal(np.round(xy, 3), xy)
    assert 0.8 < shapely.area(cells).mean() / 120.0**2 < 1.25
    assert 20 < shapely.get_num_coordinates(cells).mean() < 30


def test_lines_bound_the_same_cells():
    tile = make_tile(make_pattern(), 0, 0, 3, 3)
    sides, inner = pattern_lines(tile)
    noded = shapely.union_all(np.concatenate([sides, inner]), grid_size=0.001)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    assert len(faces) == 9 * CELLS_PER_BLOCK
