import json
import zipfile
from pathlib import Path

import pytest
import shapely

from cspon.errors import InputError
from tools.library.bundle import export
from tools.library.entry import KINDS
from tools.library.kinds import entry, library
from tools.library.own import own_rules
from tools.library.state import disabled, switch
from tools.library.validate import validate
from tools.library.versions import record, version_problem

OWN_RULE = """
id: town_green_belt
title: 环城绿带
version: "1"
order: 900
severity: restriction
line: urban_green_line
needs: [urban_green_line]
predicate: line_occupied
parameters: {line: urban_green_line, by_type: {}}
area: area_ha
outcomes:
  clear: {verdict: 符合, message: 不占用环城绿带。}
  barred: {verdict: 不符合, message: "占用环城绿带 {area_ha} 公顷。"}
basis:
  - {title: 本市绿地系统规划, point: 环城绿带内不得建设, verified: false}
valid_from: 2024-01-01
verified: false
examples:
  - name: inside
    site: {area_ha: 10.0, lines: {urban_green_line: {inside_ha: 2.0, outside_ha: 8.0, patches: 1}}}
    outcome: barred
    verdict: 不符合
    says: ["2.0000 公顷"]
"""
OWN_INDICATOR = """
id: paddy_share
title: 水田占比
version: "1"
summary: 水田占耕地的比例。
category: 安全
unit: "%"
direction: none
definition: 水田面积占耕地面积的百分比。
formula: 水田 ÷ 耕地
basis: []
verified: false
to_confirm: 本单位自定。
valid_from: 2024-01-01
inputs:
  paddy: {type: number, title: 水田, unit: ha}
  cultivated: {type: number, title: 耕地, unit: ha}
nodes:
  value: {expression: "convert(p / c, '%')", unit: "%", inputs: {p: $paddy, c: $cultivated}}
result: value.value
examples:
  - {name: half, inputs: {paddy: 5 ha, cultivated: 10 ha}, value: {value: 50, unit: "%"}}
"""


@pytest.mark.parametrize("kind", KINDS)
def test_every_shipped_entry_passes_its_examples(kind):
    entries = library(kind).entries()
    assert len(entries) >= {"indicator": 4, "operator": 18, "rule": 13, "model": 2}[kind]
    for one in entries:
        assert library(kind).check(one.id) == (), one.id
        assert one.examples > 0
        assert one.summary


@pytest.mark.parametrize("kind", KINDS)
def test_every_entry_is_explained(kind):
    for one in library(kind).entries():
        text = library(kind).explain(one.id)
        assert text.startswith(f"# {one.title}（{one.id}）")
        assert "## 依据" in text
        assert "## 算例" in text
        assert ("**未核实**" in text) == (not one.verified)
        assert "None" not in text


@pytest.mark.parametrize("kind", ["indicator", "operator", "model"])
def test_every_shipped_version_is_recorded(kind):
    problems = [p for e in library(kind).entries() if (p := version_problem(e))]
    assert problems == []


def test_a_change_without_a_new_version_is_found():
    one = entry("operator", "buffer")
    changed = version_problem(one.model_copy(update={"sha256": "0" * 64}))
    assert changed
    assert "内容有变而版本号仍为" in changed.message
    fresh = version_problem(one.model_copy(update={"sha256": "0" * 64, "version": "99"}))
    assert fresh
    assert "未登记" in fresh.message


def test_own_entries_work_beside_the_shipped_ones(at):
    (at.own / "rule" / "town_green_belt.yaml").write_text(OWN_RULE, encoding="utf-8")
    (at.own / "indicator" / "paddy_share.yaml").write_text(OWN_INDICATOR, encoding="utf-8")
    assert [rule.id for rule in own_rules()] == ["town_green_belt"]
    assert entry("rule", "环城绿带").origin == "own"
    assert "本单位" in library("indicator").explain("paddy_share")
    found = entry("indicator", "paddy_share")
    assert version_problem(found)
    assert record((found,)) == [found]
    assert version_problem(found) is None
    assert (at.state / "own_versions.json").is_file()


def test_an_own_rule_takes_part_in_the_check_and_can_be_switched_off(at, county, write_boundary):
    from tools.compliance.check import check_compliance

    (at.own / "rule" / "town_green_belt.yaml").write_text(OWN_RULE, encoding="utf-8")
    boundary = write_boundary(shapely.box(500_400, 3_300_000, 500_500, 3_300_100))
    belt = shapely.box(500_000, 3_300_000, 500_450, 3_301_000)
    county.add("urban_green_line", "ZXCQCSLVX", "城市绿线", [belt])
    rules = {r["rule_id"]: r for r in check_compliance(boundary, county.folder).data["rules"]}
    assert rules["town_green_belt"]["verdict"] == "不符合"
    assert "0.5000 公顷" in rules["town_green_belt"]["message"]
    switch("rule", "town_green_belt", on=False, by="x", reason="待修订")
    data = check_compliance(boundary, county.folder).data
    assert "town_green_belt" not in {r["rule_id"] for r in data["rules"]}
    assert any("环城绿带" in u and "待修订" in u for u in data["unknowns"])


def test_an_own_rule_with_a_mistake_is_told_in_the_check(at, county, write_boundary):
    from tools.compliance.check import check_compliance

    broken = OWN_RULE.replace("2.0000 公顷", "3.0000 公顷")
    (at.own / "rule" / "town_green_belt.yaml").write_text(broken, encoding="utf-8")
    boundary = write_boundary(shapely.box(500_400, 3_300_000, 500_500, 3_300_100))
    unknowns = check_compliance(boundary, county.folder).data["unknowns"]
    assert any("town_green_belt.yaml 有误，本次未检查" in u for u in unknowns)


def test_an_own_rule_is_checked_once_for_each_state_of_the_files(at, monkeypatch):
    from tools.library import rules

    asked = []
    real = rules.check_examples
    monkeypatch.setattr(rules, "check_examples", lambda *a: (asked.append(a), real(*a))[1])
    file = at.own / "rule" / "town_green_belt.yaml"
    file.write_text(OWN_RULE, encoding="utf-8")
    for _ in range(5):
        assert len(own_rules()) == 1
    assert len(asked) == 1
    file.write_text(OWN_RULE.replace("2.0000 公顷", "3.0000 公顷"), encoding="utf-8")
    assert own_rules() == ()
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("kind", "name", "text", "words"),
    [
        (
            "rule",
            "town_green_belt",
            OWN_RULE.replace("verdict: 不符合\n    says", "verdict: 符合\n    says"),
            "算例“inside”应为",
        ),
        ("rule", "town_green_belt", OWN_RULE.replace("line_occupied", "run_code"), "run_code"),
        ("rule", "town_green_belt", OWN_RULE.replace("{area_ha}", "{secret}"), "secret"),
        ("rule", "grassland", OWN_RULE.replace("town_green_belt", "grassland"), "自带的条目相同"),
        ("indicator", "paddy_share", OWN_INDICATOR.replace("50", "51"), "应为 51 %，得到 50 %"),
        ("indicator", "paddy_share", OWN_INDICATOR.replace("p / c", "p + c"), "不能换算"),
        ("indicator", "paddy_share", OWN_INDICATOR.replace("p / c", "p.__class__"), "Attribute"),
        (
            "indicator",
            "paddy_share",
            OWN_INDICATOR.split("nodes:")[0] + "examples: [{name: a, inputs: {}, value: 1}]\n",
            "nodes",
        ),
        ("operator", "my_operator", "id: my_operator\n", "算子的计算是随软件提供的函数"),
    ],
)
def test_a_bad_own_entry_is_left_out_and_reported(at, kind, name, text, words):
    (at.own / kind / f"{name}.yaml").write_text(text, encoding="utf-8")
    before = {e.id for e in library(kind).entries()}
    _, problems = validate(kind)
    told = [p for p in problems if p.id == name and "登记" not in p.message]
    assert len(told) == 1, problems
    assert words in told[0].message
    assert told[0].mend
    assert name == "grassland" or name not in before
    if name != "grassland":
        with pytest.raises(InputError, match="没有采用"):
            entry(kind, name)


def test_links_out_of_the_folder_are_not_followed(at, tmp_path):
    outside = tmp_path / "town_green_belt.yaml"
    outside.write_text(OWN_RULE, encoding="utf-8")
    (at.own / "rule" / "town_green_belt.yaml").symlink_to(outside)
    assert own_rules() == ()


def test_export_is_the_same_bytes_each_time_and_comes_back(at, tmp_path):
    (at.own / "indicator" / "paddy_share.yaml").write_text(OWN_INDICATOR, encoding="utf-8")
    switch("indicator", "forest_cover_rate", on=False, by="x", reason="口径待定")
    export("indicator", tmp_path / "one.zip")
    export("indicator", tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        manifest = json.loads(archive.read("manifest.json"))
        assert archive.read("own/indicator/paddy_share.yaml").decode() == OWN_INDICATOR
    by_id = {e["id"]: e for e in manifest["entries"]}
    assert by_id["forest_cover_rate"]["disabled_because"] == "口径待定"
    assert len(by_id) == len(library("indicator").entries())
    assert not list(tmp_path.glob(".*.zip*"))


def test_an_unknown_entry_names_the_nearest():
    with pytest.raises(InputError, match="forest_cover_rate"):
        entry("indicator", "forest_cover")


def test_a_disabled_rule_is_listed_as_such(at):
    switch("rule", "grassland", on=False, by="x", reason="试点")
    assert disabled("rule") == {"grassland": "试点"}
    found = entry("rule", "grassland")
    assert not found.enabled
    assert "已停用**：试点" in library("rule").explain("grassland")


def test_the_definitions_lie_in_the_tree():
    for kind in KINDS:
        for one in library(kind).entries():
            assert (Path(__file__).parents[3] / one.file).is_file()


def test_the_example_of_the_guide_works(at, fixed_county):
    from tools.indicators.compute import compute_indicator
    from tools.library.kinds import Context

    guide = (Path(__file__).parents[3] / "docs" / "libraries.md").read_text(encoding="utf-8")
    text = guide.split("```yaml\n")[1].split("```")[0]
    (at.own / "indicator" / "paddy_share.yaml").write_text(text, encoding="utf-8")
    result = compute_indicator("水田占耕地比例", {}, Context(layers=fixed_county.folder))
    assert result.data["outputs"]["value"]["value"] == pytest.approx(75.0, abs=0.01)
