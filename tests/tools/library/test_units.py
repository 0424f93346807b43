import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.library.units import UNITS, Quantity, UnitError, parse_unit

of = Quantity.of
numbers = st.floats(-1e6, 1e6, allow_nan=False)


def test_hectares_and_mu():
    assert of(1, "ha").to("亩").value == pytest.approx(15)
    assert of(1, "km²").to("ha").value == pytest.approx(100)
    assert of(12, "m²/人").to("ha/万人").value == pytest.approx(12)


def test_adding_two_units_of_area_is_an_error_not_a_wrong_number():
    with pytest.raises(UnitError, match="相加：ha 与 m²"):
        of(1, "ha") + of(1, "m²")
    assert (of(1, "ha") + of(1, "m²").to("ha")).value == pytest.approx(1.0001)


def test_a_plain_number_has_no_unit():
    with pytest.raises(UnitError):
        of(1, "ha") + 1
    with pytest.raises(UnitError, match="比较"):
        assert of(1, "ha") > 1
    assert of(1, "ha") > 0  # zero is zero in every unit
    assert (2 * of(1, "ha")).unit.text == "ha"


def test_another_kind_of_quantity_cannot_be_converted():
    with pytest.raises(UnitError, match="不是同一种量"):
        of(1, "ha").to("人")


def test_dividing_by_zero_says_so():
    with pytest.raises(UnitError, match="除数为零"):
        of(1, "ha") / of(0, "ha")


def test_an_unknown_unit_names_the_known_ones():
    with pytest.raises(UnitError, match="亩"):
        parse_unit("furlong")


def test_a_number_is_no_condition():
    with pytest.raises(UnitError, match="条件"):
        bool(of(1, "ha"))


@given(numbers, st.sampled_from(UNITS), st.sampled_from(UNITS))
def test_converting_there_and_back_keeps_the_number(value, one, other):
    start = of(value, one)
    if parse_unit(one).dimensions != parse_unit(other).dimensions:
        with pytest.raises(UnitError):
            start.to(other)
    else:
        assert start.to(other).to(one).value == pytest.approx(value, rel=1e-12, abs=1e-12)


@given(numbers, numbers.filter(lambda v: abs(v) > 1e-6), st.sampled_from(UNITS))
def test_a_ratio_of_like_units_has_none(a, b, unit):
    result = of(a, unit) / of(b, unit)
    assert result.unit.same(parse_unit("1"))
    assert result.value == pytest.approx(a / b)
