"""Stations of a table: what is read, and what is refused with its row."""

import pytest

from cspon.errors import InputError
from tools.dual_evaluation.config import StationInput
from tools.dual_evaluation.stations import read_stations

from .conftest import GRID

ENTRY = StationInput(kind="stations", file="s.csv", value="T", height="H")


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


def test_degrees_are_brought_to_the_grid(tmp_path):
    rows = ["a,114.0,29.81,1,2", "b,114.01,29.82,1,2", "c,114.0,29.83,1,2", "d,114.02,29.8,1,2"]
    entry = ENTRY.model_copy(update={"epsg": 4490})
    found = read_stations(write(tmp_path, rows), entry, 4547)
    assert found.x[0] == pytest.approx(500_000, abs=0.01)
    assert 3_290_000 < found.y[0] < 3_310_000


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("e,500400,3800500,1,20", "离评价范围 500 千米"),
        ("e,114.0,29.8,1,20", "经纬度为 4490"),
        ("e,500400,3300500,1,20000", "超出合理范围"),
    ],
)
def test_a_station_that_cannot_be_is_named_with_its_row(tmp_path, row, words):
    with pytest.raises(InputError, match=words) as error:
        read_stations(
            write(tmp_path, [*ROWS, row]), ENTRY, 4547, bounds=GRID.bounds, plausible=(0, 12000)
        )
    assert error.value.row == 6 and "“e”" in str(error.value)
