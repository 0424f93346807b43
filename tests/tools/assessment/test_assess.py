import pytest

from cspon.errors import InputError
from tools.assessment.assess import assess, deviation_percent, required_value
from tools.assessment.grades import grade_of, load_grades
from tools.assessment.report import save_assessment
from tools.assessment.tool import assess_indicators
from tools.assessment.trend import theil_sen
from tools.indicators.sets import indicator_set
from tools.indicators.yearly_table import read_statistics


def test_the_slope_is_that_of_scipy():
    from scipy.stats import kendalltau, theilslopes

    years, values = [2020, 2021, 2022, 2023, 2024, 2025], [3.0, 3.2, 9.9, 3.5, 3.9, 4.1]
    found = theil_sen(years, values)
    assert found.slope == pytest.approx(theilslopes(values, years)[0])
    assert found.agreement == pytest.approx(kendalltau(years, values)[0])
    assert theil_sen([2020], [1.0]) is None


@pytest.mark.parametrize(
    ("base", "target", "year", "required"),
    [(100, 130, 2025, 110), (100, 130, 2035, 130), (100, 130, 2040, 130), (None, 130, 2025, 130)],
)
def test_what_is_required_lies_on_the_straight_line(base, target, year, required):
    assert required_value(base, 2020, target, 2035, year) == pytest.approx(required)


@pytest.mark.parametrize(
    ("value", "direction", "percent", "grade"),
    [
        (110, "higher", 0, "正常"),
        (99, "higher", 10, "黄色预警"),
        (99, "lower", -10, "正常"),
        (143, "lower", 30, "红色预警"),
        (121, "none", 10, "黄色预警"),
    ],
)
def test_deviation_and_grade(value, direction, percent, grade):
    found = deviation_percent(value, 110, direction)
    assert found == pytest.approx(percent)
    assert grade_of(round(found, 6), load_grades().table("")).name == grade


def test_nothing_required_and_something_there_is_a_full_deviation():
    assert deviation_percent(3, 0, "lower") == 100
    assert deviation_percent(0, 0, "lower") == 0


def test_binding_indicators_have_narrower_limits():
    grades = load_grades()
    assert grade_of(4, grades.table("约束性")).name == "橙色预警"
    assert grade_of(4, grades.table("预期性")).name == "蓝色预警"
    assert not grades.verified


def test_own_names_and_limits(tmp_path):
    own = tmp_path / "grades.yaml"
    text = (load_grades.__globals__["FILE"]).read_text(encoding="utf-8")
    own.write_text(text.replace("红色预警", "一级"), encoding="utf-8")
    assert grade_of(50, load_grades(own).table("")).name == "一级"
    own.write_text(text.replace("up_to: 5,", "up_to: 50,", 1), encoding="utf-8")
    with pytest.raises(InputError, match="由小到大"):
        load_grades(own)


@pytest.fixture
def items(demo):
    chosen = indicator_set("county_checkup")
    return {
        a.now.id: a
        for a in assess(chosen, load_grades(), demo, read_statistics(demo / "statistics.csv"), 2025)
    }


def test_series_of_the_demo_county(items):
    water = items["water_use_per_gdp"]
    assert [p.year for p in water.points] == list(range(2020, 2026))
    assert {p.status for p in water.points} == {"computed"}
    assert water.required == pytest.approx(water.base_value + (50 - water.base_value) / 3, abs=1e-9)
    assert water.gap == pytest.approx(water.points[-1].value - water.required)
    assert water.trend_word == "下降（向好）"


def test_an_indicator_without_data_has_no_grade(items):
    circle = items["fifteen_minute_circle_coverage"]
    assert (circle.grade, circle.deviation_percent, circle.trend) == ("数据缺失", None, None)
    assert items["weekday_commute_time"].grade == "未设目标"


def test_the_report(demo, tmp_path):
    from docx import Document

    result = assess_indicators(demo)
    files, _ = save_assessment(result, tmp_path / "out")
    assert {"docx", "md", "xlsx", "overview", "series_1"} <= set(files)
    text = files["md"].read_text(encoding="utf-8")
    assert "须由使用单位确认" in text
    assert "软件自拟" in text
    assert len(Document(str(files["docx"])).inline_shapes) == 3
    assert sum(result.data["counts"].values()) == len(result.data["items"])
