from datetime import date
from pathlib import Path

import pytest

from agents.assistant.route import calls
from agents.assistant.site_request import SiteWords
from agents.assistant.steps import Asked, plan_of
from agents.assistant.surroundings import Surroundings
from cspon.schemas.agent import RefusalKind
from tools.site_selection.request import SiteRequest

ROLES = {
    "permanent_basic_farmland": "永久基本农田",
    "ecological_redline": "生态保护红线",
    "urban_development_boundary": "城镇开发边界",
    "oil_gas_pipelines": "油气管道",
    "roads": "道路中心线",
    "dem": "数字高程模型",
}
PLACE = Surroundings("示例县", ("柳溪镇",), ROLES, {"plan_2015": Path("a"), "plan_2020": Path("b")})


def plan(question, *attached, place=PLACE):
    asked = Asked(question, frozenset(attached), place, date(2026, 11, 22))
    return plan_of(asked, calls(question, has_boundary="boundary" in attached))


def request(text):
    words = SiteWords(text, ROLES)
    found = words.request()
    assert found is None or isinstance(found, SiteRequest)
    return found, words.said


def test_a_chain_hands_the_best_site_on():
    found = plan("先给20公顷的产业园选址，再检查首选地块的合规性，并给出规划条件")
    assert [s.tool for s in found.steps] == [
        "select_sites",
        "check_compliance",
        "planning_conditions",
    ]
    sites, check, conditions = found.steps
    assert check.args["boundary"] == f"$step:{sites.id}:candidates:1"
    assert conditions.args["parcel"] == check.args["boundary"]
    assert check.after == conditions.after == (sites.id,)
    assert check.args["project_type"] == "industrial_park"
    assert "epsg" not in check.args
    assert found.refusal is None


def test_several_of_the_best_make_several_steps():
    found = plan("给20公顷的产业园选址，对前两名分别做合规性审查")
    assert [s.args.get("boundary", "") for s in found.steps[1:]] == [
        "$step:select_sites:candidates:1",
        "$step:select_sites:candidates:2",
    ]
    assert len({s.id for s in found.steps}) == 3


def test_an_attached_boundary_is_the_study_area_and_the_result_goes_on():
    found = plan("在上传范围内给5公顷的小学选址，再审查首选地块的合规性", "boundary")
    assert found.steps[0].args["boundary"] == "$boundary"
    assert found.steps[1].args["boundary"].startswith("$step:")


def test_a_boundary_serves_both_steps():
    found = plan("检查这块地的合规性，然后提取规划条件", "boundary")
    assert found.steps[0].args["boundary"] == "$boundary"
    assert found.steps[1].args["parcel"] == "$boundary"
    assert found.steps[1].after == ()


def test_the_version_of_the_year_is_taken_and_otherwise_asked_for():
    found = plan("开发边界跟2020年那版比动了哪些地方")
    assert found.steps[0].args["before"] == "$version:plan_2020"
    found = plan("新旧两版规划分区有什么变化")
    assert found.refusal.kind is RefusalKind.NEEDS_INPUT
    found = plan("新旧两版规划分区有什么变化", "before")
    assert found.steps[0].args["before"] == "$before"


def test_an_unknown_indicator_is_asked_back_or_told():
    found = plan("计算本县的幸福指数和森林覆盖率")
    assert found.steps[0].args["ids"] == ("forest_cover_rate",)
    assert any("幸福指数" in text for text in found.repairs)


@pytest.mark.parametrize(
    ("text", "area"),
    [
        ("20公顷", (20, 40)),
        ("不小于3公顷", (3, None)),
        ("15到40公顷", (15, 40)),
        ("20到30公顷", (20, 40)),
        ("不超过10公顷", (5, 10)),
    ],
)
def test_the_area_of_a_site(text, area):
    found, _ = request(text)
    assert (found.min_area_ha, found.max_area_ha) == area


def test_lines_distances_and_slope_of_a_site():
    found, said = request(
        "城镇开发边界内20公顷，避开基本农田，离道路1公里内，距油气管道50米以上，坡度15度以下"
    )
    within = {line.role: line.buffer_m for line in found.within}
    avoid = {line.role: line.buffer_m for line in found.avoid}
    assert within == {"urban_development_boundary": 0, "roads": 1000}
    assert avoid == {
        "permanent_basic_farmland": 0,
        "oil_gas_pipelines": 50,
        "ecological_redline": 0,
    }
    assert found.max_slope_degrees == 15
    assert any("默认" in text and "生态保护红线" in text for text in said)


def test_what_is_not_stated_comes_from_the_kind_of_site():
    found, _ = request("给产业园选20公顷地")
    assert [line.role for line in found.within] == ["urban_development_boundary"]
    found, _ = request("给产业园选20公顷地，不限城镇开发边界")
    assert found.within == ()
    assert request("给产业园选址")[0] is None
