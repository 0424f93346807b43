"""The schemes as data: valid, sourced, total; own figures recorded; mistakes named."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cspon.errors import InputError
from tools.dual_evaluation.overrides import OWN
from tools.dual_evaluation.patches import graded
from tools.dual_evaluation.scheme import load_scheme, scheme_names
from tools.dual_evaluation.steps import OUTSIDE, CategoryStep, GradeStep, MatrixStep, variables_of
from tools.dual_evaluation.tables import figures_of
from tools.dual_evaluation.variables import conversion, variables

STEPS = [
    (name, evaluation.id, step)
    for name in ("2020", "2019")
    for evaluation in load_scheme(name).evaluations
    for step in evaluation.steps
]


def test_the_default_scheme_is_the_published_one_of_2020():
    assert scheme_names() == ("2020", "2019")


def test_both_schemes_have_the_three_evaluations():
    for name in scheme_names():
        assert [e.id for e in load_scheme(name).evaluations] == ["ecology", "agriculture", "urban"]


@pytest.mark.parametrize(("scheme", "evaluation", "step"), STEPS)
def test_every_step_names_its_source_and_known_variables(scheme, evaluation, step):
    assert step.source
    assert all(name in variables() for name in variables_of(step))
    assert all(
        variables()[n].category == isinstance(step, CategoryStep) for n in variables_of(step)
    ) or (step.kind == "cases")


def test_classes_of_an_evaluation_hold_every_result():
    for name in scheme_names():
        for evaluation in load_scheme(name).evaluations:
            values = {c.value for c in evaluation.classes}
            assert values <= {1, 2, 3, OUTSIDE}
            assert all(c.title for c in evaluation.classes)


@pytest.mark.parametrize(
    "step", [s for _, _, s in STEPS if isinstance(s, MatrixStep)], ids=lambda s: s.id
)
def test_matrices_are_total_and_monotone(step):
    table = np.array(step.table)
    assert table.shape == (5, 5)
    assert (np.diff(table, axis=0) >= 0).all(), "a better row never gives less"
    assert (np.diff(table, axis=1) >= 0).all(), "a better column never gives less"


@pytest.mark.parametrize(
    "step", [s for _, _, s in STEPS if isinstance(s, GradeStep)], ids=lambda s: s.id
)
def test_grades_run_one_way(step):
    steps = np.sign(np.diff(step.grades))
    assert len(set(steps[steps != 0].tolist())) == 1


@given(st.lists(st.floats(0, 60), min_size=2, max_size=50))
def test_steeper_is_never_better(slopes):
    step = load_scheme("2019").evaluation("urban").step("slope")
    ordered = np.sort(np.array(slopes))
    found = graded(ordered, step.breaks, step.closed, step.grades)
    assert (np.diff(found.astype(int)) <= 0).all()


@pytest.mark.parametrize(
    ("slope", "grade"), [(3.0, 5), (3.01, 4), (8.0, 4), (15.0, 3), (25.0, 2), (25.01, 1)]
)
def test_a_slope_on_a_break_belongs_to_the_gentler_class(slope, grade):
    step = load_scheme("2019").evaluation("urban").step("slope")
    assert graded([slope], step.breaks, step.closed, step.grades).tolist() == [grade]


def test_own_figures_replace_the_published_and_say_so():
    scheme = load_scheme("2020", {"urban.slope.breaks": [20], "parameters.urban_water_quota": 120})
    step = scheme.evaluation("urban").step("slope")
    assert step.breaks == (20.0,)
    assert step.source == OWN and not step.verified and "25" in step.note
    assert scheme.parameters["urban_water_quota"].value == 120
    assert load_scheme("2020").evaluation("urban").step("slope").breaks == (25.0,)


def test_one_category_can_be_changed_alone():
    scheme = load_scheme("2020", {"urban.geohazard.grades": {"高": 1}})
    assert scheme.evaluation("urban").step("geohazard").grades == {
        "极高": 1,
        "高": 1,
        "中": 2,
        "低": 2,
    }


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("urban.slope.braeks", [20]), ("urban.slpoe.breaks", [20]), ("town.slope.breaks", [20]),
        ("urban.slope.title", "x"), ("parameters.nothing", 1), ("urban", 1), ("urban.slope.drops", [1]),
    ],
)  # fmt: skip
def test_an_override_that_names_nothing_is_refused(path, value):
    with pytest.raises(InputError, match="没有可改写的"):
        load_scheme("2020", {path: value})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("urban.slope.breaks", [25, 20]), ("urban.slope.breaks", [20, 25]),
        ("urban.slope.grades", [2, 0]), ("urban.slope.breaks", ["陡"]),
    ],
)  # fmt: skip
def test_an_override_that_does_not_fit_is_refused(path, value):
    with pytest.raises(InputError, match="不成立"):
        load_scheme("2020", {path: value})


def test_an_unknown_scheme_is_named():
    with pytest.raises(InputError, match="2018"):
        load_scheme("2018")


def test_figures_are_said_in_words():
    urban = load_scheme("2019").evaluation("urban")
    assert figures_of(urban.step("slope")) == "坡度（°）≤3：5，3–8：4，8–15：3，15–25：2，>25：1"
    assert "取最低" in figures_of(urban.step("elevation"))
    soil = load_scheme("2020").evaluation("ecology").step("soil_conservation")
    assert figures_of(soil).startswith("坡度≥25°且植被覆盖度≥0.8且地表覆被为森林、灌丛、草地：3")


@pytest.mark.parametrize(
    ("unit", "name", "factor"),
    [("0.1mm", "precipitation", 0.1), ("mm", "precipitation", 1), ("", "slope", 1), ("度", "slope", 1),
     ("%", "vegetation_cover", 0.01), ("毫米", "precipitation", 1)],
)  # fmt: skip
def test_units(unit, name, factor):
    assert conversion(unit, variables()[name]) == factor


def test_a_slope_in_percent_is_refused():
    with pytest.raises(InputError, match="坡度须为度"):
        conversion("%", variables()["slope"])
