"""Every formula against figures worked out by hand from the published form."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.dual_evaluation import formulas


def test_erodibility_of_a_loam_by_hand():
    # EPIC (Williams 1990) with sand 40, silt 40, clay 20, organic carbon 1.5 per cent, factor by factor:
    sand, silt, clay, carbon = 40.0, 40.0, 20.0, 1.5
    first = 0.2 + 0.3 * math.exp(-0.0256 * 40 * 0.6)  # 0.36232
    second = (40 / 60) ** 0.3  # 0.88547
    third = 1 - 0.25 * 1.5 / (1.5 + math.exp(3.72 - 4.425))  # 0.81230
    fourth = 1 - 0.7 * 0.6 / (0.6 + math.exp(-5.51 + 13.74))  # 0.99984
    assert first == pytest.approx(0.36229, abs=1e-4)
    assert second == pytest.approx(0.88547, abs=1e-4)
    assert third == pytest.approx(0.81193, abs=1e-3)
    epic = first * second * third * fourth
    expected = (-0.01383 + 0.51575 * epic) * 0.1317  # 张科利等 2007
    assert formulas.soil_erodibility(sand, silt, clay, carbon) == pytest.approx(expected)
    assert expected == pytest.approx(0.01586, abs=2e-4)


def test_erosivity_sums_the_erosive_days():
    # 20 mm in July: 0.3937 · 20^1.7265 = 69.4; 20 mm in January: 0.3101 · 20^1.7265 = 54.7; 11.9 mm does not count.
    power = math.exp(1.7265 * math.log(20))
    value = formulas.rain_erosivity([20.0, 20.0, 11.9], [7, 1, 7], years=2, least_mm=12)
    assert value == pytest.approx((0.3937 + 0.3101) * power / 2)
    assert 0.3937 * power == pytest.approx(69.4, abs=0.1)
    assert formulas.rain_erosivity([12.0], [7], years=1, least_mm=12) > 0


@pytest.mark.parametrize(
    ("slope", "steepness", "power"),
    [
        (4.0, 10.8 * math.sin(math.radians(4)) + 0.03, 0.4),
        (8.0, 16.8 * math.sin(math.radians(8)) - 0.5, 0.5),
        (20.0, 21.9 * math.sin(math.radians(20)) - 0.96, 0.5),
    ],
)
def test_slope_length_factor(slope, steepness, power):
    length = 30 / math.cos(math.radians(slope))
    expected = steepness * (length / 22.13) ** power
    assert formulas.slope_length_factor(slope, 30.0) == pytest.approx(expected)


def test_cover_factor_by_class_and_cover():
    # land_cover.yaml: 森林 is 4, 旱地 2, 城镇 8; bands of cover 0.1, 0.3, 0.5, 0.7, 0.9.
    land = np.array([4, 4, 2, 8, 9, 255], np.uint8)
    cover = np.array([0.05, 0.95, 0.5, 0.2, 0.3, 0.5])
    found = formulas.cover_factor(land, cover)
    assert found[0] == 0.1
    assert found[1] == 0.001
    assert found[2] == pytest.approx(0.221 - 0.595 * math.log10(0.5))
    assert found[3] == 0.01
    assert found[4] == 0.0
    assert np.isnan(found[5])


def test_dry_farmland_without_cover_is_bare():
    assert formulas.cropland_cover_factor([0.0, 1.0]) == pytest.approx([1.0, 0.221])


def test_soil_loss_and_retention():
    # R 3000 · K 0.03 · LS 2 = 180 t/(hm²·a); C 0.1 lets 18 go (1800 t/km²) and keeps 162.
    assert formulas.soil_loss(3000, 0.03, 2, 0.1) == pytest.approx(1800)
    assert formulas.soil_retention(3000, 0.03, 2, 0.1) == pytest.approx(162)


def test_water_yield():
    assert formulas.water_yield(1200, 700, 0.25) == pytest.approx(200)


def test_thermal_humidity_and_grades():
    # 20 ℃ is 68 °F; at 60 %: 68 − 0.55 · 0.4 · 10 = 65.8.
    assert formulas.thermal_humidity(20, 60) == pytest.approx(65.8)
    at = [34.9, 35, 40, 45, 50, 69.9, 70, 75, 80, 85, np.nan]
    assert formulas.comfort_grade(at).tolist() == [1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0]


def test_commonest_grade():
    months = np.array([[5] * 7 + [3] * 5, [2] * 6 + [4] * 6, [5] * 11 + [0]], np.uint8).T
    assert formulas.commonest_grade(months[:, None, :])[0].tolist() == [5, 2, 0]


@pytest.mark.parametrize(
    ("content", "ph", "paddy", "level"),
    [
        (0.3, 5.5, True, 0), (0.31, 5.5, True, 1), (1.5, 5.5, True, 1), (1.51, 5.5, True, 2),
        (0.4, 6.5, True, 0), (0.4, 6.5, False, 1), (0.6, 7.5, True, 0), (0.8, 7.6, True, 0),
        (4.01, 7.6, False, 2),
    ],
)  # fmt: skip
def test_cadmium_against_the_limits_of_its_ph_class(content, ph, paddy, level):
    found = formulas.pollution_level([content], [ph], np.array([paddy]), "soil_cadmium")
    assert found.tolist() == [level]


def test_pollution_is_unknown_where_an_input_is():
    found = formulas.pollution_level(
        [np.nan, 1.0], [6.0, np.nan], np.array([True, True]), "soil_lead"
    )
    assert np.isnan(found).all()


def test_texture_classes():
    sand = np.array([20, 85, 10, 20, 60, 40, np.nan])
    silt = np.array([30, 10, 85, 65, 30, 40, 30])
    found = formulas.texture_class(sand, silt, 100 - sand - silt)
    names = [formulas.TEXTURES[c - 1] if c else "" for c in found]
    assert names == ["黏土", "细砂土", "粉土", "砂粉土", "面砂土", "壤土", ""]


def test_height_correction_is_six_tenths_for_a_hundred_metres():
    assert formulas.reduced_by_height(20.0, 500, 0.6) == pytest.approx(17.0)


@given(
    st.floats(0, 100), st.floats(0, 100), st.floats(0.1, 20), st.floats(0, 80), st.floats(1, 200)
)  # fmt: skip
def test_factors_stay_in_their_range(sand, silt_share, carbon, slope, cell):
    silt = (100 - sand) * silt_share / 100
    clay = 100 - sand - silt
    erodibility = formulas.soil_erodibility(sand, silt, clay, carbon)
    if silt + clay > 0:
        assert -0.01 < float(erodibility) < 0.1
    assert float(formulas.slope_length_factor(slope, cell)) >= 0


@given(st.lists(st.floats(0, 89), min_size=2, max_size=30))
def test_steeper_ground_erodes_no_less_within_a_formula(slopes):
    ordered = np.sort(np.array(slopes))
    for low, high in ((0, 1), (1, 3), (3, 5), (5, 10), (10, 80)):
        part = ordered[(ordered >= low) & (ordered < high)]
        assert (np.diff(formulas.slope_length_factor(part, 30.0)) >= -1e-12).all()
