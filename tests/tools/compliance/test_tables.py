import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.compliance.tables import hectares, mu, share_out


def test_hectares_and_mu():
    assert hectares(123_456.4) == 12.3456
    assert mu(12.3456) == 185.18


@given(
    st.dictionaries(
        st.text(min_size=1), st.floats(0, 5e6, allow_nan=False), min_size=1, max_size=30
    )
)
def test_rounded_rows_sum_to_the_rounded_total(areas):
    total = hectares(sum(areas.values()))
    rows = share_out(areas, total)
    assert round(sum(rows.values()), 4) == pytest.approx(total, abs=1e-9)
    assert all(abs(rows[key] * 1e4 - areas[key]) <= 1.0 + 1e-6 for key in areas)


def test_rounding_takes_from_the_smallest_remainder_when_there_is_too_much():
    assert share_out({"a": 1.9, "b": 1.2}, 0.0001) == {"a": 0.0001, "b": 0.0}
    assert share_out({}, 0.0) == {}
