"""The check against every line at once, and what is said of lines that are not there."""

from datetime import date

import pytest
import shapely
import yaml

from cspon.errors import InputError
from cspon.schemas.spatial import Compliance, Verdict
from tests.tools.conftest import local, write_layer
from tools.compliance.check import check_compliance
from tools.rules.lines import line_roles
from tools.rules.load import load_rules

DAY = date(2026, 11, 22)
RESERVE = "nature_reserve"


def check(county, boundary, kind="industrial_park", **more):
    result = check_compliance(boundary, county.folder, kind, DAY, **more)
    return result, Compliance.model_validate(result.data)


@pytest.fixture(scope="module")
def everything(full_county, tmp_path_factory):
    file = tmp_path_factory.mktemp("project") / "project.gpkg"
    write_layer(file, "project", [local(50, 50, 900, 950)])
    return check(full_county, file)


def test_every_line_has_its_area(everything):
    _, data = everything
    areas = {line.role: line.area_ha for line in data.lines}
    assert areas == {
        "permanent_basic_farmland": 22.5,
        "ecological_redline": 12.75,
        "urban_development_boundary": pytest.approx(45.0, abs=1e-3),
        "nature_reserve": 1.25,
        "flood_risk_line": 0.0,
        "heritage_line": 0.25,
        "urban_green_line": 0.5,
        "urban_purple_line": 0.5,
        "urban_blue_line": 0.5,
        "urban_yellow_line": 0.0,
        "mineral_line": 0.5,
        "industrial_land_line": 10.5,
    }
    assert list(areas) == [r for r in line_roles() if r in areas]
    assert data.slope is not None
    assert data.slope.over_ha["25"] == pytest.approx(12.6, abs=1e-3)


def test_partitions_sum_to_the_project_as_users_see_them(everything):
    _, data = everything
    for role in ("planning_zones", "planned_land_use"):
        rows = [zone for zone in data.zones if zone.role == role]
        assert round(sum(zone.area_ha for zone in rows), 4) == data.area_ha
        assert all(zone.area_mu == round(zone.area_ha * 15, 2) for zone in rows)


def test_every_rule_is_decided_and_the_headline_is_one_short_sentence(everything):
    _, data = everything
    assert data.verdict is Verdict.FAIL
    assert not [rule for rule in data.rules if rule.verdict is Verdict.MISSING_DATA]
    assert data.headline.count("。") == 1 and data.headline.endswith("应先调整选址避让。")
    assert len(data.headline) < 160


def test_conflict_patches_name_line_zone_rule_and_code(everything):
    result, _ = everything
    rows = [feature["properties"] for feature in result.layers[1].features]
    assert {row["line"] for row in rows} >= {
        "permanent_basic_farmland", "nature_reserve", "heritage_line", "mineral_line",
        "planning_zones", "roads", "oil_gas_pipelines", "dem",
    }  # fmt: skip
    assert "industrial_land_line" not in {
        row["line"] for row in rows
    }  # an industrial park may be there
    reserve = {row["zone"]: row["area_ha"] for row in rows if row["line"] == RESERVE}
    assert reserve == {"核心保护区": 0.25, "一般控制区": 1.0}
    assert [row["number"] for row in rows if row["line"] == RESERVE] == [1, 2]
    assert all(row["code"] for row in rows)
    near = [row for row in rows if row["rule"] and row["line"] == "roads"]
    assert all("国道" in row["zone"] for row in near)


def test_tables_of_zones_distances_and_slope(everything):
    result, _ = everything
    names = [table.name for table in result.tables]
    assert names == [
        "lines", "planning_zones", "planned_land_use", "line_zones", "codes", "crossings",
        "near", "slope", "rules",
    ]  # fmt: skip
    tables = {table.name: table for table in result.tables}
    notes = {row["role"]: row["note"] for row in tables["lines"].rows}
    assert notes["industrial_land_line"] == "本项目可以位于其内"
    assert notes["permanent_basic_farmland"] == "应避让"
    assert "单块投影面积不足 1 平方米" in tables["lines"].note
    assert all(row["distance"].endswith("米") for row in tables["near"].rows)


def test_a_missing_line_is_missing_data_and_an_absent_one_is_not_asked(own_county, write_boundary):
    boundary = write_boundary(local(410, 260, 590, 590))
    own_county.remove("rivers_line")
    own_county.remove("mineral_line")  # both are declared absent by the fixture
    _, data = check(own_county, boundary)
    on_minerals = [rule for rule in load_rules() if rule.line == "mineral_line"]
    assert on_minerals and not {r.id for r in on_minerals} & {o.rule_id for o in data.rules}
    assert "mineral_line" not in {line.role for line in data.lines}
    said = next(text for text in data.unknowns if text.startswith("矿产资源控制线"))
    assert "方格县没有（数据提供方声明，未核实）" in said and on_minerals[0].title in said

    catalogue = yaml.safe_load((own_county.folder / "layers.yaml").read_text(encoding="utf-8"))
    catalogue["absent"] = [e for e in catalogue["absent"] if e["role"] != "mineral_line"]
    own_county.save(absent=catalogue["absent"])
    _, data = check(own_county, boundary)
    outcome = next(o for o in data.rules if o.rule_id == on_minerals[0].id)
    assert outcome.verdict is Verdict.MISSING_DATA
    assert "缺少矿产资源控制线图层" in outcome.message
    assert data.verdict is Verdict.MISSING_DATA
    line = next(line for line in data.lines if line.role == "mineral_line")
    assert not line.present and line.area_ha is None


@pytest.mark.parametrize("role", ["roads", "nature_reserve", "planned_land_use"])
def test_a_layer_without_codes_is_missing_data(own_county, write_boundary, role):
    entry = own_county.entry(role)
    entry["code_scheme"] = "none"
    own_county.save()
    result, data = check(own_county, write_boundary(local(50, 50, 900, 950)))
    concerned = {rule.id for rule in load_rules() if rule.line == role or role in rule.needs}
    verdicts = {o.verdict for o in data.rules if o.rule_id in concerned}
    assert verdicts == {Verdict.MISSING_DATA}
    assert any("没有写编码体系" in w and entry["name"] in w for w in result.warnings)


def test_very_many_missing_lines_still_make_one_sentence(county, write_boundary):
    county.save(absent=[])
    _, data = check(county, write_boundary(local(410, 110, 790, 590)))
    assert data.verdict is Verdict.MISSING_DATA
    assert "条规则未能判定，补齐数据后重新检查" in data.headline
    assert len(data.headline) < 160


@pytest.mark.parametrize(
    ("control", "verdict", "says"),
    [
        ("avoid", Verdict.NEEDS_STUDY, "占用试点区 1.0000 公顷（15.00 亩），须按本单位要求论证"),
        ("within", Verdict.NEEDS_STUDY, "有 4.9400 公顷位于试点区外"),
        ("inform", Verdict.PASS, "只作提示"),
    ],
)
def test_a_bureaus_own_line(own_county, write_boundary, control, verdict, says):
    own_county.add("custom_pilot", "SDQ", "试点区", [local(410, 260, 510, 360)], control=control)
    result, data = check(own_county, write_boundary(local(410, 260, 590, 590)))
    outcome = next(o for o in data.rules if o.rule_id == "custom_pilot")
    assert outcome.verdict is verdict
    assert says in outcome.message and "没有对应的法规条文" in outcome.message
    assert outcome.basis == ()
    line = next(line for line in data.lines if line.role == "custom_pilot")
    assert (line.title, line.control, line.area_ha) == ("试点区", control, 1.0)
    conflicts = {f["properties"]["line"] for f in result.layers[1].features}
    assert ("custom_pilot" in conflicts) == (verdict is Verdict.NEEDS_STUDY)
    assert ("试点区" in data.headline) == (verdict is Verdict.NEEDS_STUDY)


def test_two_own_lines(own_county, write_boundary):
    own_county.add("custom_a", "JA", "甲", [local(0, 0, 9, 9)], control="avoid")
    own_county.add("custom_b", "JB", "乙", [local(0, 0, 900, 900)], control="within")
    _, data = check(own_county, write_boundary(local(410, 260, 590, 590)))
    verdicts = {o.rule_id: o.verdict for o in data.rules if o.rule_id.startswith("custom_")}
    assert verdicts == {"custom_a": Verdict.PASS, "custom_b": Verdict.PASS}


def test_an_invalid_ring_of_a_zone_is_repaired_and_said(own_county, write_boundary):
    x, y = local(0, 0, 1, 1).bounds[:2]
    bow_tie = shapely.Polygon(
        [(x + 410, y + 260), (x + 510, y + 360), (x + 510, y + 260), (x + 410, y + 360)]
    )
    own_county.add("mineral_line", "KCZYKZX", "矿产", [bow_tie])
    result, data = check(own_county, write_boundary(local(410, 260, 590, 590)))
    area = next(line.area_ha for line in data.lines if line.role == "mineral_line")
    assert area == 0.5
    assert any("矿产资源控制线图层有 1 个图形自相交（1）" in w for w in result.warnings)


def test_layers_in_a_read_only_folder(own_county, write_boundary):
    boundary = write_boundary(local(410, 260, 590, 590))
    for file in own_county.folder.iterdir():
        file.chmod(0o444)
    own_county.folder.chmod(0o555)
    try:
        before = sorted(p.name for p in own_county.folder.iterdir())
        _, data = check(own_county, boundary)
        assert sorted(p.name for p in own_county.folder.iterdir()) == before
    finally:
        own_county.folder.chmod(0o755)
    assert data.area_ha == 5.94


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ({"role": "land_use", "reason": "无"}, "absent"),
        ({"role": "mineral_line", "reason": "无"}, "absent"),
    ],
)
def test_what_cannot_be_declared_absent(full_county, own_county, write_boundary, entry, field):
    own_county.save(absent=[entry])
    with pytest.raises(InputError) as error:
        check(own_county, write_boundary(local(410, 260, 590, 590)))
    assert error.value.field == field
