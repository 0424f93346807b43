import pytest

from cspon.errors import InputError
from tests.tools.indicators.conftest import write_table
from tools.indicators.yearly_table import read_statistics

ROW = (2025, "常住人口数量", "人口", "县域", "人", "1,000", "年鉴", "")


def test_figures_are_found_by_item_year_and_part(tmp_path):
    town = (2025, "常住人口数量", "人口", "东镇", "人", "", "", "未统计")
    table = read_statistics(write_table(tmp_path / "t.csv", [ROW, town]))
    assert table.years == (2025,)
    assert table.figure("常住人口数量", 2025).value == 1000
    assert table.figure("常住人口数量", 2025, "东镇").value is None
    assert table.figure("常住人口数量", 2024) is None


@pytest.mark.parametrize(
    ("row", "row_number", "words"),
    [
        (("二零二五", *ROW[1:]), 3, "年份"),
        ((1900, *ROW[1:]), 3, "年份"),
        ((*ROW[:5], "约一千", "", ""), 3, "不是数"),
        ((*ROW[:5], "nan", "", ""), 3, "不是数"),
        ((2025, "", *ROW[2:]), 3, "没有写指标项"),
        (ROW, 3, "与第 2 行重复"),
    ],
)
def test_a_wrong_row_is_named(tmp_path, row, row_number, words):
    with pytest.raises(InputError, match=words) as told:
        read_statistics(write_table(tmp_path / "t.csv", [ROW, row]))
    assert told.value.row == row_number


def test_files_that_are_no_tables(tmp_path):
    with pytest.raises(InputError, match="打不开"):
        read_statistics(tmp_path / "none.csv")
    with pytest.raises(InputError, match="缺少列 单位、数值"):
        read_statistics(write_table(tmp_path / "t.csv", [(2025, "a")], ("年份", "指标项")))
    (tmp_path / "g.csv").write_bytes("年份,指标项".encode("gb18030"))
    with pytest.raises(InputError, match="UTF-8"):
        read_statistics(tmp_path / "g.csv")
