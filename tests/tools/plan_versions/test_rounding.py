import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.plan_versions.rounding import fitted, rounded_matrix

matrices = st.dictionaries(
    st.tuples(st.sampled_from("abcdefg"), st.sampled_from("uvwxyz")),
    st.floats(0, 1e6, allow_nan=False),
    min_size=1,
)


@settings(max_examples=300)
@given(matrices)
def test_cells_margins_and_total_stay_within_a_unit(cells):
    whole = rounded_matrix(cells)
    assert abs(sum(whole.values()) - sum(cells.values())) < 1 + 1e-4
    for place in (0, 1):
        for name in {cell[place] for cell in cells}:
            exact = sum(v for cell, v in cells.items() if cell[place] == name)
            assert (
                abs(sum(v for cell, v in whole.items() if cell[place] == name) - exact) < 1 + 1e-4
            )
    for cell, value in cells.items():
        assert abs(whole[cell] - value) < 1 + 1e-4 and whole[cell] >= 0


@given(matrices)
def test_a_matrix_that_misses_its_margins_a_little_is_fitted_to_them(cells):
    rows: dict[str, float] = {}
    for (row, _), value in cells.items():
        rows[row] = rows.get(row, 0.0) + value * 1.000001
    found = fitted(cells, rows, {})
    for row, margin in rows.items():
        assert sum(v for cell, v in found.items() if cell[0] == row) == pytest.approx(
            margin, rel=1e-9
        )
