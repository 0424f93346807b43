"""One pass over a variable: counts, extremes with their cell, bands without data."""

from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tools.dual_evaluation.rasters import row_strips
from tools.dual_evaluation.survey import survey


class Known:
    """What `survey` asks of the inputs."""

    def __init__(self, values, inside, *, category=False):
        self.values, self.inside, self.surveys = values, inside, {}
        self.grid = SimpleNamespace(height=values.shape[0], width=values.shape[1])
        self.found = {"x": SimpleNamespace(variable=SimpleNamespace(category=category))}

    def strips(self, name):
        assert name == "x"
        for part in row_strips(self.grid.height, 3):
            yield part, [self.values[part]]


@given(
    arrays(np.float64, (8, 5), elements=st.one_of(st.just(np.nan), st.integers(-9, 9).map(float))),
    arrays(bool, (8, 5)),
)
def test_counts_and_extremes_are_those_of_the_cells(values, inside):
    found = survey(Known(values, inside), "x")
    here = values[inside]
    known = here[np.isfinite(here)]
    assert found.cells == here.size and found.unknown == here.size - known.size
    if known.size:
        assert found.lowest == known.min() == values[found.lowest_at]
        assert found.highest == known.max() == values[found.highest_at]
        assert inside[found.lowest_at] and inside[found.highest_at]
    else:
        assert found.lowest is None


def test_the_longest_band_without_data_is_found():
    values = np.ones((9, 6))
    values[1] = np.nan
    values[4:7] = np.nan
    values[:, 0] = np.nan
    found = survey(Known(values, np.ones((9, 6), bool)), "x")
    assert found.empty_rows == (4, 6)
    assert found.empty_columns is None  # one column is no band


def test_categories_know_gaps_and_cells_without_a_feature():
    codes = np.array([[1, 0], [255, 2]], np.uint8)
    found = survey(Known(codes, np.ones((2, 2), bool), category=True), "x")
    assert found.unknown == 1 and found.uncovered and found.lowest is None
