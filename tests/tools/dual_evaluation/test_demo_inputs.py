"""The demo county's inputs: deterministic, true to their truth, enough for a complete evaluation."""

import hashlib
import json

import numpy as np
import pytest

from tools.dual_evaluation.config import read_config
from tools.dual_evaluation.demo_inputs import (
    HOT_SPOT_M,
    LAPSE,
    make_demo_inputs,
    warmth_at_sea_level,
)
from tools.dual_evaluation.evaluate import evaluate
from tools.dual_evaluation.explain import explain_place
from tools.dual_evaluation.interpolation import interpolate
from tools.dual_evaluation.places import offsets
from tools.dual_evaluation.stations import read_stations

pytestmark = pytest.mark.component


@pytest.fixture(scope="module")
def county(demo_county):
    return demo_county


@pytest.fixture(scope="module")
def config(county, tmp_path_factory):
    return make_demo_inputs(county, tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def made(county, config, tmp_path_factory):
    wanted = read_config(config)
    return evaluate(wanted, county, work=tmp_path_factory.mktemp("w"), base=config.parent)


def test_equal_inputs_are_equal_bytes(county, config, tmp_path):
    again = make_demo_inputs(county, tmp_path / "again")
    for file in sorted(config.parent.iterdir()):
        other = again.parent / file.name
        assert (
            hashlib.sha256(file.read_bytes()).digest()
            == hashlib.sha256(other.read_bytes()).digest()
        )


def test_every_evaluation_of_2020_is_complete(made):
    for part in made.parts.values():
        assert part.feasible.complete, part.feasible.missing
        assert len(np.unique(part.result[made.inputs.inside])) >= 2


def test_the_scheme_of_2019_is_complete_too(county, config, tmp_path):
    wanted = read_config(config.with_name("config-2019.yaml"))
    found = evaluate(wanted, county, work=tmp_path / "w", base=config.parent)
    for part in found.parts.values():
        assert part.feasible.complete, part.feasible.missing
    minutes = found.inputs.read("travel_minutes")[found.inputs.inside]
    assert np.isfinite(minutes).all() and minutes.min() < 2 and minutes.max() < 300


def test_interpolated_temperature_meets_the_truth(made, config):
    from tools.dual_evaluation.config import StationInput

    inputs = made.inputs
    entry = StationInput(kind="stations", file="stations.csv", value="T7", height="高程")
    stations = read_stations(config.with_name("stations.csv"), entry, inputs.epsg)
    heights = inputs.read("elevation")
    strips, quality = interpolate(
        stations, inputs.grid, lapse_per_100m=LAPSE, heights=lambda a, b: heights[a:b]
    )
    values = np.concatenate([part for _, part in strips])
    west, south, _, _ = inputs.grid.bounds
    east, north = offsets(inputs.grid, (0.0, 0.0))
    truth = warmth_at_sea_level(east, north, 7, (west, south)) - LAPSE * heights / 100
    assert np.abs(values - truth).max() < 0.01
    assert quality["rmse"] < 0.01


def test_polluted_soil_lies_within_the_hot_spot_and_nowhere_else(made, config):
    truth = json.loads(config.with_name("truth.json").read_text("utf-8"))["cadmium"]
    east, north = offsets(made.inputs.grid, (truth["x"], truth["y"]))
    away = np.hypot(east, north)
    level = made.inputs.read("soil_pollution")
    assert (level[made.inputs.inside & (away > HOT_SPOT_M)] == 0).all()
    assert (level[made.inputs.inside & (away < 60)] == 2).all()
    polluted = made.parts["agriculture"].grades["pollution"] == 1
    assert polluted.any() and (away[polluted] < HOT_SPOT_M).all()


def test_a_town_short_of_water_is_unfit_for_that_reason(made):
    found = explain_place(made, "竹园乡")
    assert found.classes_ha["适宜"] == 0
    water = next(limit for limit in found.limits if limit.step == "water")
    assert water.share_percent == 100
    assert "“短缺”" in found.text
