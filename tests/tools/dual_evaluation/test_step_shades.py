"""Every step of the schemes is shown with the grades that it has, and no others."""

import numpy as np
import pytest
import rasterio

from tools.dual_evaluation.scheme import load_scheme
from tools.dual_evaluation.step_shades import possible, shades

from .test_evaluate import run


@pytest.mark.parametrize("scheme", ["2020", "2019"])
def test_every_step_of_the_schemes_has_grades(scheme):
    checked = 0
    for evaluation in load_scheme(scheme).evaluations:
        before: dict[str, frozenset[int]] = {}
        for step in evaluation.steps:
            before[step.id] = possible(step, before)
            assert before[step.id]
            checked += 1
        assert {c.value for c in evaluation.classes} >= before[evaluation.result]
    assert checked > 20


def test_two_grades_are_red_and_green_and_five_are_the_whole_ramp():
    two = shades(frozenset({1, 2}))
    assert [two[g].colour for g in (1, 2)] == ["#d7301f", "#1a9850"]
    assert len({c.colour for c in shades(frozenset(range(1, 6))).values()}) == 5
    assert shades(frozenset({1, 9}))[9].name == "评价范围外"


@pytest.mark.parametrize("scheme", ["2020", "2019"])
def test_rasters_of_steps_hold_only_grades_that_are_named(dual_county, tmp_path, scheme):
    made = run(dual_county, tmp_path / "w", scheme=scheme)
    checked = 0
    for part in made.parts.values():
        for file in part.files.values():
            with rasterio.open(file) as dataset:
                named = {int(k[9:]) for k in dataset.tags() if k.startswith("CATEGORY_")}
                found = {int(v) for v in np.unique(dataset.read(1))} - {255}
                assert dataset.overviews(1) == [] and dataset.nodata == 255
                assert all(dataset.colormap(1)[value][3] == 255 for value in found)
            assert found <= named and len(named) <= 9, file.name
            checked += 1
    assert checked > 12
