"""Patches: areas by eight neighbours; grading by breaks equals a plain count."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tools.dual_evaluation import arrays as arrays_module
from tools.dual_evaluation.arrays import breaks_of, cumulative_breaks, patch_grades
from tools.dual_evaluation.patches import UNIT_M2, area_grades, graded, patch_areas
from tools.dual_evaluation.scheme import load_scheme


def test_cells_that_touch_at_a_corner_are_one_patch():
    inside = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0], [1, 0, 0]], bool)
    assert patch_areas(inside, 100.0).tolist() == [[200, 0, 0], [0, 200, 0], [0, 0, 0], [100, 0, 0]]


@given(arrays(bool, (6, 7)))
def test_every_patch_counts_its_cells(inside):
    areas = patch_areas(inside, 2.0)
    assert (areas[~inside] == 0).all()
    assert (areas[inside] >= 2).all()
    # Summing 1/size over the cells counts the patches: a whole number.
    patches = (2.0 / areas[inside]).sum()
    assert abs(patches - round(patches)) < 1e-9


@given(
    st.lists(st.floats(-5, 50), min_size=1, max_size=40),
    st.lists(st.integers(0, 40), min_size=1, max_size=5, unique=True),
    st.sampled_from(["left", "right"]),
)  # fmt: skip
def test_grading_counts_the_breaks_below(values, breaks, closed):
    bounds = tuple(float(b) for b in sorted(breaks))
    grades = tuple(range(1, len(bounds) + 2))
    found = graded(np.array(values), bounds, closed, grades)
    for value, grade in zip(values, found.tolist(), strict=True):
        below = sum(value > b if closed == "right" else value >= b for b in bounds)
        assert grade == 1 + below


def test_unknown_stays_unknown():
    assert graded([np.nan, 1.0], (0.5,), "left", (1, 2)).tolist() == [0, 2]


def test_patch_grades_of_2019_by_square_kilometres():
    step = load_scheme("2019").evaluation("urban").step("concentration")
    grades = np.full((20, 20), 1, np.uint8)
    grades[:5, :5] = 4  # 25 cells of 100 m: 0.25 km², on the break: class 2
    grades[10:12, 10:12] = 5  # 0.04 km²: class 1
    grades[19, 19] = 0
    found = patch_grades(step, grades, 100.0)
    assert found[0, 0] == 2
    assert found[10, 10] == 1
    assert found[15, 0] == 1
    assert found[19, 19] == 0


@given(st.lists(st.integers(-20, 100), min_size=3, max_size=60))
def test_the_highest_cells_make_up_the_share(numbers):
    values = np.array(numbers, float)
    first, second = cumulative_breaks(values, (0.5, 0.8), None)
    assert first > second
    total = np.clip(values, 0, None).sum()
    if values.max() > 0:
        assert values[values >= first].clip(0).sum() >= 0.5 * total - 1e-9
        assert values[values > first].clip(0).sum() <= 0.5 * total + 1e-9


@given(st.lists(st.integers(-20, 100), min_size=1, max_size=60), st.integers(1, 7))
def test_breaks_do_not_depend_on_the_blocks(numbers, block):
    values = np.array(numbers, np.float32)
    whole = breaks_of(values.copy(), (0.5, 0.8))
    before, arrays_module._BLOCK = arrays_module._BLOCK, block
    try:
        assert breaks_of(values.copy(), (0.5, 0.8)) == whole
    finally:
        arrays_module._BLOCK = before


@given(
    st.sampled_from(["km²", "ha", "亩"]),
    st.sampled_from(["left", "right"]),
    st.sampled_from([10.0, 25.0, 30.0]),
    st.lists(st.integers(1, 400), min_size=1, max_size=4, unique=True),
)
def test_thresholds_of_area_grade_every_patch_as_the_arrays_do(unit, closed, cell, cells):
    # Breaks on whole numbers of cells: the edge is where rounding would show.
    breaks = tuple(n * cell * cell / UNIT_M2[unit] for n in sorted(cells))
    step = load_scheme("2019").evaluation("urban").step("concentration")
    grades = tuple(range(1, len(breaks) + 2))
    step = step.model_copy(
        update={"unit": unit, "closed": closed, "breaks": breaks, "grades": grades}
    )
    areas = np.arange(1, 402) * (cell * cell)
    expected = graded(areas / UNIT_M2[unit], breaks, closed, grades)
    table = area_grades(step, cell * cell)
    found = np.array(table.scores)[np.searchsorted(table.bounds, areas, side="right")]
    assert (found == expected).all()


def test_breaks_within_one_cell_leave_the_highest():
    step = load_scheme("2019").evaluation("urban").step("concentration")
    step = step.model_copy(update={"unit": "ha", "breaks": (0.01, 0.02), "grades": (1, 2, 3)})
    assert area_grades(step, 900.0).scores == (1, 3)
