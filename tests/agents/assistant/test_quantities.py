import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.assistant.quantities import number, quantities, years


def first(text, dimension):
    return next(quantities(text, dimension), None)


@pytest.mark.parametrize(
    ("text", "low", "high", "sense"),
    [
        ("给20公顷的产业园选址", 20, None, ""),
        ("300亩", 20, None, ""),
        ("0.5平方千米", 50, None, ""),
        ("一万平方米", 1, None, ""),
        ("15到40公顷", 15, 40, ""),
        ("15—40公顷", 15, 40, ""),
        ("100亩至20公顷", 6.666667, 20, ""),
        ("不小于10公顷", 10, None, "at_least"),
        ("5公顷以上", 5, None, "at_least"),
        ("不超过3公顷", 3, None, "at_most"),
        ("20公顷左右", 20, None, "about"),
        ("两公顷", 2, None, ""),
        ("半公顷", 0.5, None, ""),
    ],
)
def test_areas_in_hectares(text, low, high, sense):
    found = first(text, "area_ha")
    assert found.low == pytest.approx(low, abs=1e-5)
    assert found.high == (None if high is None else pytest.approx(high))
    assert found.sense == sense


@pytest.mark.parametrize(
    ("text", "metres", "sense"),
    [("离道路1公里内", 1000, "at_most"), ("距管道50米以上", 50, "at_least"), ("2km", 2000, "")],
)
def test_distances_in_metres(text, metres, sense):
    found = first(text, "metres")
    assert (found.low, found.sense) == (metres, sense)


def test_an_area_is_no_distance():
    assert first("300平方米", "metres") is None
    assert first("500m2", "metres") is None
    assert first("坡度15度", "degrees").low == 15
    assert first("一刻钟", "minutes").low == 15
    assert first("没有数", "area_ha") is None


@given(st.floats(0.01, 99999, allow_nan=False), st.sampled_from(["公顷", "亩", "平方公里"]))
def test_every_stated_area_is_read(value, unit):
    factor = {"公顷": 1, "亩": 1 / 15, "平方公里": 100}[unit]
    found = first(f"要选{value:.2f}{unit}的地", "area_ha")
    assert found.low == pytest.approx(float(f"{value:.2f}") * factor, abs=1e-5)


@given(st.text(max_size=40))
def test_any_text_is_read_without_error(text):
    for dimension in ("area_ha", "metres", "minutes", "degrees"):
        assert all(found.low >= 0 for found in quantities(text, dimension))
    assert all(1900 <= year < 2100 or year == 2025 for year in years(text, 2026))


def test_years():
    assert years("2025年和二〇二二年", 2026) == [2025, 2022]
    assert years("去年", 2026) == [2025]
    assert years("到2035年会不会", 2026) == [2035]
    assert number("1.5万") == 15_000
    assert number("很多") is None
