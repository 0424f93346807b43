import pytest
from hypothesis import given
from hypothesis import strategies as st

from cspon.errors import InputError
from tools.quality_check.indicator_table import UNITS_HA, read_figures


def table(tmp_path, text, encoding="utf-8"):
    file = tmp_path / "指标.csv"
    file.write_bytes(text.encode(encoding))
    return file


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_units_become_those_of_the_measure(tmp_path, encoding):
    text = "规划指标表\n指标,单位,指标值,方向\n耕地保有量,万亩,1.5,≥\n用水总量,亿立方米,3,≤\n红线,km²,2,\n"
    figures = read_figures(table(tmp_path, text, encoding))
    assert [(f.name, f.measure, round(f.value, 6), f.row, f.direction) for f in figures] == [
        ("耕地保有量", "area", 1000.0, 3, "at_least"),
        ("用水总量", "volume", 30000.0, 4, "at_most"),
        ("红线", "area", 200.0, 5, None),
    ]


def test_unit_in_brackets(tmp_path):
    figures = read_figures(table(tmp_path, '指标名称,目标值\n生态保护红线面积（公顷）,"1,234.5"\n'))
    assert [(f.name, f.ha) for f in figures] == [("生态保护红线面积", 1234.5)]


def test_xlsx(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (("指标", "单位", "指标值"), ("耕地保有量", "亩", 150)):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    assert read_figures(tmp_path / "a.xlsx")[0].ha == pytest.approx(10)


@pytest.mark.parametrize(
    ("text", "words"),
    [("甲,乙\n1,2\n", "表头"), ("指标,单位,指标值\n耕地保有量,公顷,约三千\n", "不是数")],
)
def test_mistakes_name_file_and_row(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        read_figures(table(tmp_path, text))


def test_file_must_be_a_table(tmp_path):
    with pytest.raises(InputError, match="找不到"):
        read_figures(tmp_path / "无.csv")
    (tmp_path / "a.xlsx").write_bytes(b"not a workbook")
    with pytest.raises(InputError, match="打不开"):
        read_figures(tmp_path / "a.xlsx")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content):
    file = tmp_path_factory.mktemp("t") / "t.csv"
    file.write_bytes(content)
    try:
        assert all(f.value == f.value for f in read_figures(file))
    except InputError as error:
        assert error.file


@given(st.floats(0, 1e9), st.sampled_from(sorted(UNITS_HA)))
def test_value_and_unit_come_back(tmp_path_factory, value, unit):
    file = tmp_path_factory.mktemp("t") / "t.csv"
    file.write_text(f"指标,单位,指标值\n甲,{unit},{value!r}\n", encoding="utf-8")
    assert read_figures(file)[0].ha == pytest.approx(value * UNITS_HA[unit])
