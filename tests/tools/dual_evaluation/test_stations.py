"""Interpolation of stations: exact on a plane, corrected by height, errors reported."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cspon.errors import InputError
from tools.dual_evaluation.config import StationInput
from tools.dual_evaluation.stations import Stations, interpolate, read_stations

from .conftest import GRID, X, Y

ENTRY = StationInput(kind="stations", file="s.csv", value="T", height="H")


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
    values, quality = interpolate(stations(lambda x, y: 3 + 0.01 * (x - X) - 0.02 * (y - Y)), GRID)
    x, y = centres()
    assert values == pytest.approx(3 + 0.01 * (x - X) - 0.02 * (y - Y), abs=1e-6)
    assert quality["rmse"] < 1e-6
    assert quality["stations"] == 9


def test_height_correction_recovers_the_temperature_of_a_mountain():
    rng = np.random.default_rng(3)
    heights = rng.uniform(0, 800, 9)
    ground = rng.uniform(0, 900, (GRID.height, GRID.width))
    here = stations(lambda x, y: 20 + 0.001 * (x - X), heights)
    values, quality = interpolate(here, GRID, lapse_per_100m=0.6, heights=ground)
    x, _ = centres()
    assert values == pytest.approx(20 + 0.001 * (x - X) - 0.006 * ground, abs=1e-6)
    without, bad = interpolate(here, GRID)
    assert bad["rmse"] > 100 * max(quality["rmse"], 1e-9)
    assert np.abs(without - values).max() > 1


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
    from tools.dual_evaluation.stations import _spline

    places = (np.column_stack([made.x, made.y]) - [X, Y]) / 1000
    assert _spline(places, made.values, 0.0)(places) == pytest.approx(made.values, abs=1e-5)


def write(folder, rows, head="站点,x,y,H,T"):
    file = folder / "s.csv"
    file.write_text("\n".join([head, *rows]) + "\n", "utf-8")
    return file


ROWS = [
    "a,500100,3300100,10,20",
    "b,500900,3300100,20,21",
    "c,500100,3300900,30,22",
    "d,500800,3300700,5,23",
]


def test_rows_without_a_value_are_left_out(tmp_path):
    found = read_stations(write(tmp_path, [*ROWS, "e,500400,3300500,7,"]), ENTRY, 4547)
    assert found.names == ("a", "b", "c", "d")
    assert found.heights.tolist() == [10, 20, 30, 5]


@pytest.mark.parametrize(
    ("rows", "head", "words"),
    [
        (ROWS[:3], "站点,x,y,H,T", "站点有 3 个"),
        ([*ROWS, "e,500100,3300100,1,1"], "站点,x,y,H,T", "同一位置"),
        ([*ROWS, "e,五,3300500,1,1"], "站点,x,y,H,T", "不是数"),
        (ROWS, "站点,x,y,H,温度", "没有列“T”"),
    ],
)
def test_wrong_stations_are_named(tmp_path, rows, head, words):
    with pytest.raises(InputError, match=words):
        read_stations(write(tmp_path, rows, head), ENTRY, 4547)


def test_stations_on_a_line_are_refused():
    x = X + np.arange(5) * 100.0
    line = Stations(tuple("abcde"), x, x - X + Y, np.arange(5.0), None)
    with pytest.raises(InputError, match="一条直线"):
        interpolate(line, GRID)


def test_degrees_are_brought_to_the_grid(tmp_path):
    rows = ["a,114.0,29.81,1,2", "b,114.01,29.82,1,2", "c,114.0,29.83,1,2", "d,114.02,29.8,1,2"]
    entry = ENTRY.model_copy(update={"epsg": 4490})
    found = read_stations(write(tmp_path, rows), entry, 4547)
    assert found.x[0] == pytest.approx(500_000, abs=0.01)
    assert 3_290_000 < found.y[0] < 3_310_000
