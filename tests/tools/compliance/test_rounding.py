from hypothesis import given
from hypothesis import strategies as st

from tools.compliance.rounding import hectares, mu, share_out


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
    assert round(sum(rows.values()), 4) == total
    factor = total * 1e4 / sum(areas.values()) if any(areas.values()) else 1.0
    assert all(abs(rows[key] * 1e4 - areas[key] * factor) <= 1.0 + 1e-6 for key in areas)


def test_the_difference_between_pieces_and_whole_is_spread_in_proportion():
    rows = share_out({"large": 1_000_000.0, "small": 100.0}, 100.0310)
    assert rows == {"large": 100.0210, "small": 0.0100}


def test_the_largest_remainder_is_rounded_up():
    assert share_out({"a": 1.2, "b": 1.9, "c": 1.9}, 0.0005) == {
        "a": 0.0001,
        "b": 0.0002,
        "c": 0.0002,
    }
    assert share_out({}, 0.0) == {}
