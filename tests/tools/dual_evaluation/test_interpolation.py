"""Interpolation of stations: exact on a plane, corrected by height, errors reported."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cspon.errors import InputError
from tools.dual_evaluation.interpolation import _spline, doubtful, interpolate
from tools.dual_evaluation.stations import Stations

from .conftest import GRID, X, Y


def whole(strips):
    return np.concatenate([values for _, values in strips])


def stations(function, heights=None, count=9, seed=1):
    rng = np.random.default_rng(seed)
    x, y = X + rng.uniform(0, 1000, count), Y + rng.uniform(0, 1000, count)
    h = np.zeros(count) if heights is None else heights
    return Stations(tuple(f"s{k}" for k in range(count)), x, y, function(x, y) - 0.006 * h, h)


def centres():
    x = GRID.west + GRID.cell * (np.arange(GRID.width) + 0.5)
    y = GRID.north - GRID.cell * (np.arange(GRID.height) + 0.5)
    return np.meshgrid(x, y)


def test_a_plane_is_met_everywhere_and_the_left_out_error_is_zero():
    strips, quality = interpolate(stations(lambda x, y: 3 + 0.01 * (x - X) - 0.02 * (y - Y)), GRID)
    values = whole(strips)
    x, y = centres()
    assert values == pytest.approx(3 + 0.01 * (x - X) - 0.02 * (y - Y), abs=1e-6)
    assert quality["rmse"] < 1e-6
    assert quality["stations"] == 9


def test_height_correction_recovers_the_temperature_of_a_mountain():
    rng = np.random.default_rng(3)
    heights = rng.uniform(0, 800, 9)
    ground = rng.uniform(0, 900, (GRID.height, GRID.width))
    here = stations(lambda x, y: 20 + 0.001 * (x - X), heights)
    strips, quality = interpolate(
        here, GRID, lapse_per_100m=0.6, heights=lambda first, last: ground[first:last]
    )
    values = whole(strips)
    x, _ = centres()
    assert values == pytest.approx(20 + 0.001 * (x - X) - 0.006 * ground, abs=1e-6)
    without, bad = interpolate(here, GRID)
    assert bad["rmse"] > 100 * max(quality["rmse"], 1e-9)
    assert np.abs(whole(without) - values).max() > 1


def test_the_worst_station_is_named():
    made = stations(lambda x, y: 5 + 0 * x)
    values = made.values.copy()
    values[4] = 9.0
    _, quality = interpolate(Stations(made.names, made.x, made.y, values, None), GRID)
    assert quality["worst"]["station"] == "s4"
    assert quality["rmse"] > 0.5


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_every_station_is_met_without_smoothing(seed):
    rng = np.random.default_rng(seed)
    made = stations(lambda x, y: rng.uniform(0, 30, len(x)), count=6, seed=seed)
    places = (np.column_stack([made.x, made.y]) - [X, Y]) / 1000
    assert _spline(places, made.values, 0.0)(places) == pytest.approx(made.values, abs=1e-5)


def test_stations_on_a_line_are_refused():
    x = X + np.arange(5) * 100.0
    line = Stations(tuple("abcde"), x, x - X + Y, np.arange(5.0), None)
    with pytest.raises(InputError, match="一条直线"):
        interpolate(line, GRID)


def test_an_interpolation_that_is_worse_than_the_mean_is_told():
    made = stations(lambda x, y: 5 + 0 * x)
    values = np.where(np.arange(9) % 2, 0.0, 10.0)
    _, quality = interpolate(Stations(made.names, made.x, made.y, values, None), GRID)
    assert quality["r2"] < 0
    assert "不如直接取站点平均值" in doubtful("降雨侵蚀力", quality)[0]
    assert doubtful("降雨侵蚀力", quality | {"r2": 0.4}) == []
