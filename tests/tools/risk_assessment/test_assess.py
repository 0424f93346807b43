import csv
import re

import pyogrio.raw
import pytest
import shapely
import yaml

from cspon.errors import InputError
from tools.assessment.assess import Point
from tools.assessment.grades import TrendLimits
from tools.risk_assessment.assess import worst, yearly_change
from tools.risk_assessment.book import FILE, load_risks
from tools.risk_assessment.report import save_risks
from tools.risk_assessment.tool import RiskAssessment, assess_risks

LIMITS = TrendLimits(least_points=4, least_agreement=0.6)


def series(*values):
    return tuple(
        Point(year=2026 - len(values) + n, value=v, status="reported") for n, v in enumerate(values)
    )


@pytest.mark.parametrize(
    ("values", "change"),
    [
        ((110, 108, 106, 104, 102, 100), -2.0),
        ((100, 100, 100, 100), 0.0),
        ((1, 9, 2, 8, 5), 0.0),  # no direction
        ((10, 20, 30), None),  # too short
        ((3, 2, 1, 0), None),  # nothing to take percent of
    ],
)
def test_change_a_year_in_percent_of_the_present_value(values, change):
    found, why = yearly_change(series(*values), 2025, LIMITS)
    assert found == change
    assert why


def test_no_value_of_the_year_no_change():
    assert yearly_change(series(4, 3, 2, 1), 2026, LIMITS) == (None, "没有 2026 年的值")


def test_the_gravest_counts_and_what_is_missing_does_not():
    book = load_risks()
    assert worst(["低", "较高", book.missing, "中"], book) == "较高"
    assert worst([book.missing], book) == book.missing
    assert worst([], book) == book.missing


@pytest.fixture(scope="module")
def result(demo):
    return assess_risks(demo)


def union(demo, name, where=None):
    _, _, wkb, _ = pyogrio.raw.read(demo / f"{name}.gpkg", where=where)
    return shapely.union_all(shapely.make_valid(shapely.from_wkb(wkb)))


@pytest.mark.component
@pytest.mark.parametrize(
    ("indicator", "codes", "line", "where", "of_line"),
    [
        ("risk_built_in_flood", ("07", "08", "09", "10", "11", "12", "13"), "HLFXKZX", None, False),
        ("risk_built_in_geohazard", ("07", "08", "09", "10", "11", "12", "13"), "DZZHYFQ", "YFCD = '高'", False),
        ("risk_cultivated_in_redline", ("01",), "STBHHX", None, True),
        ("risk_cultivated_in_boundary", ("01",), "CZKFBJ", None, False),
    ],
)  # fmt: skip
def test_shares_are_those_of_a_plain_overlay(demo, result, indicator, codes, line, where, of_line):
    data = RiskAssessment.model_validate(result.data)
    found = next(m for k in data.kinds for m in k.measured if m.now.id == indicator)
    wanted = " OR ".join(f"DLBM LIKE '{code}%'" for code in codes)
    land, mask = union(demo, "DLTB", wanted), union(demo, line, where)
    plain = 100 * land.intersection(mask).area / (mask if of_line else land).area
    assert found.value == pytest.approx(plain, abs=0.006)  # two digits; planar for ellipsoidal
    town = union(demo, "XZQ_XZ", f"XZQMC = '{found.towns[0].town}'")
    inside = land.intersection(town)
    local = (
        100 * inside.intersection(mask).area / (mask.intersection(town) if of_line else inside).area
    )
    assert found.towns[0].value == pytest.approx(local, abs=0.006)


@pytest.mark.component
def test_every_kind_has_a_grade_its_evidence_explains(demo, result):
    data = RiskAssessment.model_validate(result.data)
    order = [g.name for g in data.book.grades]
    for kind in data.kinds:
        grades = [m.grade for m in kind.measured if m.value is not None]
        assert kind.grade == max(grades, key=order.index)
        assert kind.drivers
        for m in kind.measured:
            assert m.now.sources and m.source
    for town, grade in data.towns.items():
        assert grade == max((k.towns[town] for k in data.kinds if town in k.towns), key=order.index)
    assert {f["properties"]["town"] for f in result.layers[0].features} == set(data.towns)
    assert result.provenance.inputs["statistics"].startswith("sha256:")


@pytest.mark.component
def test_missing_figures_grade_nothing_and_are_named(demo, tmp_path):
    text = (demo / "statistics.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.reader(text.splitlines()))
    gone = {"水资源总量", "用水总量", "农业用水量", "能源消费总量"}
    with (tmp_path / "s.csv").open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows(r for r in rows if r[1] not in gone)
    result = assess_risks(demo, statistics=tmp_path / "s.csv")
    data = RiskAssessment.model_validate(result.data)
    water = next(k for k in data.kinds if k.id == "water")
    assert water.grade == data.book.missing
    assert not water.responses
    assert any("水安全—水资源开发利用率" in w for w in result.warnings)


@pytest.mark.component
def test_own_thresholds_and_a_figure_given(demo, tmp_path):
    book = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    book["kinds"] = [k for k in book["kinds"] if k["id"] == "shrinkage"]
    book["kinds"][0]["evidence"] = [
        {
            "indicator": "risk_aged_share",
            "worse": "higher",
            "limits": [1, 2, 3, 4],
            "source": "本市",
        }
    ]
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump(book, allow_unicode=True), encoding="utf-8")
    data = assess_risks(demo, risks=own, filled={"risk_aged_share": "2.5 %"}).data
    assert [(k["title"], k["grade"]) for k in data["kinds"]] == [("人口收缩", "中")]
    with pytest.raises(InputError, match="没有"):
        assess_risks(demo, risks=own, filled={"no_such": "1"})


@pytest.mark.component
def test_the_report_has_every_kind_its_sources_and_pictures(result, tmp_path):
    files, notices = save_risks(result, tmp_path / "out")
    assert not notices
    text = files["md"].read_text(encoding="utf-8")
    for kind in result.data["kinds"]:
        assert f"### {kind['title']}：{kind['grade']}" in text
    assert "数据与界限的来源" in text
    assert "须由使用单位确认" in text
    assert {"docx", "gpkg", "json", "map", "matrix"} <= set(files)


def test_one_kind_alone(demo, result):
    whole = {kind["title"]: kind for kind in result.data["kinds"]}
    for name in ("disaster", "灾害风险"):
        one = assess_risks(demo, kinds=(name,))
        (kind,) = one.data["kinds"]
        assert kind == whole["灾害风险"]
        assert f"等级为“{kind['grade']}”" in one.data["headline"]
        assert set(one.data["towns"]) == set(kind["towns"])
        towns = next(table for table in one.tables if table.name == "towns")
        assert [c.key for c in towns.columns] == ["town", "disaster"]
    with pytest.raises(InputError, match="没有“财政”这类风险") as error:
        assess_risks(demo, kinds=("财政",))
    assert error.value.field == "kinds" and "粮食安全（food）" in error.value.mend


def test_the_headline_counts_kinds_by_grade(result):
    said = result.data["headline"]
    for kind in result.data["kinds"]:
        assert kind["title"] in said
    assert sum(map(int, re.findall(r" (\d+) 类（", said))) == len(result.data["kinds"])
