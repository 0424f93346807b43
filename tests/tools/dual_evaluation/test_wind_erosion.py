"""防风固沙 by RWEQ: every factor against figures worked out by hand, and both schemes that use it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cspon.errors import InputError
from tools.dual_evaluation import wind_erosion
from tools.dual_evaluation.explain import explain_place

from .conftest import SIDE, X, Y, add_raster
from .test_evaluate import ABSENT, CONFIG, run

SOIL = {"soil_sand": 60.0, "soil_silt": 25.0, "soil_clay": 15.0, "soil_organic_carbon": 0.58}


def test_soil_loss_by_hand():
    # The product 0.2 and 50 m: S = 150.71 · 0.2^−0.3711, Qmax = 21.96.
    scale, most = 150.71 * 0.2**-0.3711, 109.8 * 0.2
    expected = 2 * 50 / scale**2 * most * math.exp(-((50 / scale) ** 2))
    assert wind_erosion.wind_erosion(0.5, 0.8, 0.5, 1.0, 1.0, 50) == pytest.approx(expected)
    assert wind_erosion.wind_erosion(0.0, 0.8, 0.5, 1.0, 1.0, 50) == 0
    assert np.isnan(wind_erosion.wind_erosion(np.nan, 0.8, 0.5, 1.0, 1.0, 50))


def test_erodible_fraction_and_crust():
    # (29.09 + 0.31·60 + 0.17·25 + 0.33·60/15 − 2.59·1 − 0.95·2)/100
    assert wind_erosion.erodible_fraction(60, 25, 15, 1, 2) == pytest.approx(0.4877, abs=1e-4)
    assert wind_erosion.soil_crust_factor(15, 1) == pytest.approx(1 / (1 + 0.0066 * 225 + 0.021))
    assert wind_erosion.erodible_fraction(99, 1, 0, 0, 0) == 1  # a share, whatever the quotient


def test_weather_factor_by_hand():
    # 12 m/s at 10 m are 12 · 0.2^(1/7) = 9.535 m/s at 2 m: 9.535 · 4.535² = 196.1; 6 m/s are below 5.
    low = 12 * 0.2 ** (1 / 7)
    expected = 2 * low * (low - 5) ** 2 / 2 * 1.2 / 9.8 * 0.9
    value = wind_erosion.weather_factor(
        [12.0, 12.0, 6.0], 2.0, height_m=10, threshold_m_s=5, air_kg_m3=1.2, wetness=0.9, snow=1.0
    )
    assert low == pytest.approx(9.535, abs=1e-3) and low * (low - 5) ** 2 == pytest.approx(
        196.1, abs=0.1
    )
    assert value == pytest.approx(expected)


def test_roughness_by_hand_and_held_where_the_curve_would_rise():
    # ΔH 10 m over 100 m: Kr = 0.2, K′ = exp(0.372 − 2.41 · 0.2^0.934).
    assert wind_erosion.roughness_factor(10, 100) == pytest.approx(
        math.exp(0.372 - 2.41 * 0.2**0.934)
    )
    assert wind_erosion.roughness_factor(0, 450) == 1
    steep = wind_erosion.roughness_factor([300.0, 900.0, 3000.0], 450)
    assert steep == pytest.approx([0.0938] * 3, abs=1e-3)


@given(st.lists(st.floats(0, 2000), min_size=2, max_size=20))
def test_rougher_ground_never_erodes_more(relief):
    found = wind_erosion.roughness_factor(np.sort(relief), 450.0)
    assert (np.diff(found) <= 1e-12).all()


def test_cover_factor_by_class():
    # 森林 is 4 and 草地 6 in land_cover.yaml, 城镇 8: exp(−0.1535·20), exp(−0.1151·20), 1.
    found = wind_erosion.wind_cover_factor(np.array([4, 6, 8, 255], np.uint8), np.full(4, 0.2))
    assert found[:3] == pytest.approx([math.exp(-3.07), math.exp(-2.302), 1.0])
    assert np.isnan(found[3])


def with_soil(county):
    for role, value in SOIL.items():
        add_raster(county, role, np.full((SIDE, SIDE), value))
    return county


def wind(value, **more):
    return {
        "wind_factor": {"kind": "constant", "value": value, "unit": "kg/m", "why": "测试"},
        **more,
    }


def test_retention_of_a_cell_by_hand(dual_county, tmp_path):
    made = run(with_soil(dual_county), tmp_path / "w", scheme="2019", inputs=wind(60.0))
    row, column = 5, 45  # woods in the gentle north
    read = {n: made.inputs.read(n)[row, column] for n in ("relief", "vegetation_cover")}
    kr = min(0.2 * read["relief"] ** 2 / 150, wind_erosion.MOST_KR)
    ef = (29.09 + 0.31 * 60 + 0.17 * 25 + 0.33 * 60 / 15 - 2.59 * 1.724 * 0.58) / 100
    scf = 1 / (1 + 0.0066 * 15**2 + 0.021 * (1.724 * 0.58) ** 2)
    bare = 60 * ef * scf * math.exp(1.86 * kr - 2.41 * kr**0.934)
    covered = bare * math.exp(-0.1535 * 100 * read["vegetation_cover"])

    def loss(product):
        s = 150.71 * product**-0.3711
        return 100 / s**2 * 109.8 * product * math.exp(-((50 / s) ** 2))

    found = made.inputs.read("sand_retention")[row, column]
    assert found == pytest.approx(loss(bare) - loss(covered), rel=1e-4)
    grade = 5 if found >= 10 else 3 if found >= 5 else 1
    assert made.parts["ecology"].grades["sand_fixation"][row, column] == grade
    assert "碳酸钙" in "".join(made.inputs.notices)


def test_2019_grades_and_explains_the_sand_that_is_held(dual_county, tmp_path):
    made = run(with_soil(dual_county), tmp_path / "w", scheme="2019", inputs=wind(300.0))
    grades = made.parts["ecology"].grades["sand_fixation"]
    values = made.inputs.read("sand_retention")
    assert ((grades == 5) == (values >= 10)).all() and ((grades == 1) == (values < 5)).all()
    assert len(np.unique(grades)) >= 2
    row, column = np.argwhere((grades == 5) & (made.parts["ecology"].result == 3))[0]
    found = explain_place(
        made, f"{X + 10 * (column + 0.5)}, {Y + 1000 - 10 * (row + 0.5)}", "ecology"
    )
    limit = next(limit for limit in found.limits if limit.step == "sand_fixation")
    assert limit.values["防风固沙量"]["unit"] == "kg/(m²·a)"


def test_without_wind_the_step_is_named_and_not_guessed(dual_county, tmp_path):
    made = run(with_soil(dual_county), tmp_path / "w", scheme="2019")
    part = made.parts["ecology"]
    assert "风蚀气象因子 WF" in part.feasible.missing["防风固沙功能"]
    row = next(r for r in made.readiness if r.variable == "sand_retention")
    assert row.status == "缺失" and "防风固沙功能" in row.cost
    assert "sand_fixation" not in part.grades and part.grades["services"].any()


def test_2020_uses_the_equation_when_told_to(dual_county, tmp_path):
    told = {
        "methods": {"ecology.sand_fixation": "rweq"},
        "inputs": {**CONFIG["inputs"], **wind(300.0)},
        "absent": {k: v for k, v in ABSENT.items() if k != "gale_days"},
    }
    made = run(with_soil(dual_county), tmp_path / "w", **told)
    step = made.scheme.evaluation("ecology").step("sand_fixation")
    assert step.kind == "cumulative" and step.title == "防风固沙功能"
    values, grades = (
        made.inputs.read("sand_retention"), made.parts["ecology"].grades["sand_fixation"],
    )  # fmt: skip
    best = values[grades == 3]
    assert best.sum() / values.sum() == pytest.approx(0.5, abs=0.02)
    assert best.min() > values[grades == 2].max()


def test_a_method_that_does_not_exist_is_named(dual_county, tmp_path):
    with pytest.raises(InputError, match="没有名为“usle”的方法"):
        run(dual_county, tmp_path / "w", methods={"ecology.sand_fixation": "usle"})
    with pytest.raises(InputError, match="没有名为"):
        run(dual_county, tmp_path / "x", methods={"ecology.biodiversity": "rweq"})


def daily(county, wind_of):
    from datetime import date, timedelta

    first = date(2024, 1, 1)
    places = {"甲": (X + 100, Y + 100), "乙": (X + 900, Y + 200), "丙": (X + 500, Y + 900), "丁": (X + 300, Y + 600)}  # fmt: skip
    lines = [
        f"{name},{(first + timedelta(days=d)).isoformat()},{wind_of(d)}"
        for name in places
        for d in range(366)
    ]
    (county.folder / "wind.csv").write_text("站点,日期,风速\n" + "\n".join(lines), "utf-8")
    where = "\n".join(f"{n},{x},{y}" for n, (x, y) in places.items())
    (county.folder / "places.csv").write_text("站点,x,y\n" + where, "utf-8")
    return {"wind_factor": {"kind": "daily_wind", "file": "wind.csv", "stations": "places.csv"}}


def test_daily_wind_of_stations_gives_the_factor(dual_county, tmp_path):
    entry = daily(with_soil(dual_county), lambda d: 12.0 if d < 100 else 3.0)
    made = run(dual_county, tmp_path / "w", scheme="2019", inputs=entry)
    low = 12 * 0.2 ** (1 / 7)
    expected = 100 * low * (low - 5) ** 2 / (366 / 365.25) * 1.225 / 9.8
    assert made.inputs.read("wind_factor") == pytest.approx(expected, rel=1e-4)
    assert "风速" in made.inputs.found["wind_factor"].how


@pytest.mark.parametrize(("value", "match"), [(120.0, "日平均风速 120"), (-1.0, "不合理")])
def test_wind_beyond_reason_is_refused(dual_county, tmp_path, value, match):
    entry = daily(dual_county, lambda d: value)
    with pytest.raises(InputError, match=match):
        run(dual_county, tmp_path / "w", scheme="2019", inputs=entry)


def test_daily_wind_is_for_the_wind_factor_alone(dual_county, tmp_path):
    entry = {"gale_days": daily(dual_county, lambda d: 3.0)["wind_factor"]}
    with pytest.raises(InputError, match="daily_wind 只用于"):
        run(dual_county, tmp_path / "w", absent={}, inputs=entry)
