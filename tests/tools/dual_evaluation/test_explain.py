"""The reasons of a place: named factor, figures of its layer, share; thresholds that move a result."""

from dataclasses import replace

import numpy as np
import pytest

from cspon.errors import InputError
from tools.dual_evaluation.explain import explain_place
from tools.dual_evaluation.explain_text import limits_table
from tools.dual_evaluation.places import area_place, find_place
from tools.dual_evaluation.sensitivity import (
    sensitivity,
    thresholds,
    with_values,
)
from tools.dual_evaluation.sensitivity_shown import sensitivity_table

from .conftest import X, Y
from .test_evaluate import run


@pytest.fixture(scope="module")
def made(steady_county, tmp_path_factory):
    return run(steady_county, tmp_path_factory.mktemp("work"))


def test_a_point_in_the_hazard_zone_is_explained_by_it(made, local_box):
    row, column = np.argwhere(
        (made.parts["urban"].result == 1) & (made.parts["urban"].grades["geohazard"] == 1)
    )[0]
    x, y = X + 10 * (column + 0.5), Y + 1000 - 10 * (row + 0.5)
    found = explain_place(made, f"{x}, {y}")
    assert found.area_ha == 0.01
    first = next(limit for limit in found.limits if limit.step == "geohazard")
    assert first.values == {"地质灾害易发程度": {"极高": 0.01}}
    assert "地质灾害" in found.text and "极高" in found.text


def test_shares_and_figures_of_an_area(made, local_box):
    place = area_place(made, local_box(200, 300, 400, 500), "灾害区")
    found = explain_place(made, place)
    assert found.area_ha == 4.0
    assert sum(found.classes_ha.values()) == pytest.approx(4.0)
    unfit = made.parts["urban"].result[50:70, 20:40] == 1
    hazard = next(limit for limit in found.limits if limit.step == "geohazard")
    assert hazard.area_ha == pytest.approx(unfit.sum() * 0.01)
    assert hazard.share_percent == 100
    steep = next((limit for limit in found.limits if limit.step == "slope"), None)
    if steep is not None:
        slope = made.inputs.read("slope")[50:70, 20:40][unfit]
        assert steep.values["坡度"]["mean"] == pytest.approx(slope[slope > 25].mean(), rel=1e-3)


def test_land_outside_the_range_is_explained_by_ecology(made):
    found = explain_place(made, "全县")
    assert {limit.step for limit in found.outside} <= {"water_conservation", "soil_conservation"}
    assert "评价范围外" in found.text
    assert limits_table(found).rows


def test_ecology_is_explained_by_what_makes_it_important(made):
    found = explain_place(made, "东镇", "ecology")
    assert found.limits and "极重要的主要原因" in found.text


def test_directions_lie_on_their_side(made):
    config = made.inputs.config.model_copy(update={"centre": (X + 500, Y + 500)})
    made = replace(made, inputs=replace(made.inputs, config=config))
    north, south = find_place(made, "城北"), find_place(made, "城南")
    rows = np.argwhere(north.cells)[:, 0]
    assert rows.max() < 50
    assert not (north.cells & south.cells).any()
    four = [find_place(made, f"城{side}").cells.sum() for side in "东南西北"]
    assert sum(four) == pytest.approx(10_000, abs=250)
    assert "90° 扇形" in north.note
    assert find_place(made, "西").cells.sum() and find_place(made, "县域东北部").cells.sum()


@pytest.mark.parametrize("name", ["火星", "0,0", "东镇西"])
def test_unknown_places_are_named(made, name):
    with pytest.raises(InputError):
        find_place(made, name)


def test_an_evaluation_without_result_is_not_explained(made):
    with pytest.raises(InputError, match="不能解释"):
        explain_place(made, "全县", "carrying")


def test_one_at_a_time_equals_a_run_with_the_own_figure(made, steady_county, tmp_path):
    found = sensitivity(made, "urban", trajectories=3)
    effect = next(
        e
        for e in found.effects
        if e.threshold.path == ("breaks", 0) and e.threshold.step == "slope"
    )
    lower = run(steady_county, tmp_path / "x", overrides={"urban.slope.breaks": [20]})
    change = (
        (lower.parts["urban"].result == 2).sum() - (made.parts["urban"].result == 2).sum()
    ) * 0.01
    assert effect.lower_ha == pytest.approx(change)
    assert change < 0
    assert found.effects[0].threshold.step == "slope"
    assert found.thinning == 1


def test_morris_is_the_same_for_the_same_seed_and_zero_where_nothing_moves(made):
    first, second = (sensitivity(made, "urban", trajectories=4, seed=5) for _ in range(2))
    assert first == second
    elevation = next(e for e in first.effects if e.threshold.step == "elevation")
    assert elevation.mu_star == elevation.lower_ha == 0
    assert first.runs == 1 + 2 * 2 + 4 * 3
    assert sensitivity_table(first).rows[0]["title"].startswith("坡度")


def test_breaks_that_would_cross_stay_apart(made):
    evaluation = made.scheme.evaluation("ecology")
    moved = tuple(t for t in thresholds(evaluation) if t.step == "water_erosion")
    assert [t.value for t in moved] == [2500, 8000]
    changed = with_values(evaluation, moved, np.array([9000.0, 8000.0]))
    low, high = changed.step("water_erosion").breaks
    assert low < high


def test_sensitivity_without_result_is_refused(made):
    with pytest.raises(InputError, match="敏感性"):
        sensitivity(made, "carrying")
