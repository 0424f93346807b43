"""Sensitivity against known answers: one threshold matters, and a straight line has its own measure."""

import sys

import numpy as np
import pytest

from cspon.cli.main import run as cspon
from cspon.errors import SetupError
from tools.dual_evaluation.sensitivity import (
    Effect,
    Sensitivity,
    Threshold,
    _morris,
    require_salib,
    sensitivity,
)
from tools.dual_evaluation.sensitivity_shown import sensitivity_figure, sensitivity_table

from .conftest import SIDE, add_raster
from .test_evaluate import run


def threshold(title, value):
    return Threshold("slope", ("breaks", 0), title, value)


def test_a_straight_line_has_its_rise_as_mu_and_no_sigma():
    moved = (threshold("甲", 10.0), threshold("乙", 5.0), threshold("丙", 1.0))

    def area(_, values):
        return 3 * values[0] - 2 * values[1] + 0 * values[2]

    mu, sigma = _morris(moved, area, 0.2, 6, 1)
    # The whole range is 40 % of the threshold: 3 × 4 and 2 × 2.
    assert mu == pytest.approx([12, 4, 0])
    assert sigma == pytest.approx([0, 0, 0], abs=1e-9)


@pytest.fixture(scope="module")
def plane(steady_county, tmp_path_factory):
    """A county whose slope rises from west to east: the limit of slope alone matters."""
    import shutil
    from copy import deepcopy

    folder = shutil.copytree(steady_county.folder, tmp_path_factory.mktemp("plane") / "county")
    county = type(steady_county)(folder)
    county.layers = deepcopy(steady_county.layers)
    county.remove("geohazard_zones")
    steps = np.tan(np.radians(np.linspace(2, 42, SIDE)))
    add_raster(county, "dem", np.zeros((SIDE, 1)) + np.cumsum(steps * 10)[None, :])
    return run(county, tmp_path_factory.mktemp("w"))


def test_the_one_threshold_that_matters_is_first_and_by_the_cells_counted(plane):
    found = sensitivity(plane, "urban", trajectories=4)
    first, *rest = found.effects
    assert first.threshold.step == "slope" and first.threshold.value == 25
    assert rest and all(e.largest == 0 and e.mu_star == 0 for e in rest)
    slope, scope = plane.inputs.read("slope"), plane.parts["ecology"].result != 3
    for change, low, high in ((first.lower_ha, 20, 25), (first.higher_ha, 25, 30)):
        cells = int(((slope > low) & (slope <= high) & scope).sum())
        assert abs(change) == pytest.approx(cells * 0.01)
    assert first.lower_ha < 0 < first.higher_ha
    assert found.thinning == 1


def shown(count, thinning=1):
    effects = tuple(
        Effect(threshold(f"阈值{k}", 1.0), -float(count - k), count - k, 2.0 * (count - k), 0.5)
        for k in range(count)
    )
    idle = Effect(threshold("无影响", 1.0), 0.0, 0.0, 0.0, 0.0)
    return Sensitivity("urban", "城镇", "适宜", 100.0, (*effects, idle), 0.2, thinning, 9)


@pytest.mark.parametrize("count", [1, 5, 14])
def test_the_plot_is_in_the_order_of_the_table(count):
    found = shown(count, thinning=3)
    figure = sensitivity_figure(found)
    left, right = figure.axes
    drawn = [label.get_text() for label in left.get_yticklabels()]
    titles = [row["title"] for row in sensitivity_table(found).rows]
    assert drawn == titles[: min(count, 12)]
    assert left.get_ylim() == right.get_ylim()
    assert left.get_ylim()[0] > left.get_ylim()[1]  # the first is on top
    told = figure.texts[-1].get_text()
    assert "另有 1 个阈值变动没有影响" in told and "每 3 个像元取一个" in told
    assert ("影响较小的 2 个未画" in told) == (count == 14)


def test_without_salib_the_command_says_so_before_it_evaluates(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("tools.dual_evaluation.sensitivity.find_spec", lambda _: None)
    with pytest.raises(SetupError, match="raster"):
        require_salib()
    assert "tools.dual_evaluation.sensitivity" in sys.modules
    code = cspon(["dual-eval", "--layers", str(tmp_path / "none"), "--sensitivity", "urban"])
    assert code == 2 and "SALib" in capsys.readouterr().err
