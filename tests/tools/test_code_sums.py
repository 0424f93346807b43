from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.code_sums import code_places, sum_by_code


@given(
    st.lists(
        st.tuples(st.sampled_from(["0101", " 0101", "0103 ", "", None, "地"]), st.floats(0, 1e9))
    )
)
def test_sums_are_those_of_a_loop(rows):
    expected = defaultdict(float)
    for code, amount in rows:
        expected[(code or "").strip()] += amount
    sums = sum_by_code([code for code, _ in rows], np.array([a for _, a in rows], dtype=float))
    assert list(sums) == sorted(expected)
    assert sums == pytest.approx(expected, rel=1e-12, abs=1e-9)


def test_places_lead_back_to_the_stripped_codes():
    names, places = code_places(["0101 ", None, "0101 ", 7])
    assert names[places].tolist() == ["0101", "", "0101", "7"]


def test_a_missing_amount_is_not_zero():
    sums = sum_by_code(["0101", "0101", "0201"], np.array([1.0, np.nan, 2.0]))
    assert np.isnan(sums["0101"])
    assert sums["0201"] == 2.0


def test_no_rows_no_codes():
    assert sum_by_code([], np.empty(0)) == {}
