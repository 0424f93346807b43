"""Words of a 双评价: parts, places, single factors, scenarios, and what was not understood."""

import pytest

from agents.assistant.dual_request import (
    changes_of,
    factors_of,
    needs_one,
    parts_of,
    places_of,
    unread,
)

UNITS = ("北岭乡", "石桥镇", "柳溪镇", "城关镇", "西山乡")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("评价本县城镇建设适宜性，并解释为什么城北不适宜", ("urban",)),
        ("哪里适合建设", ("urban",)),
        ("本县耕地适宜性如何", ("agriculture",)),
        ("石桥镇为什么适宜种粮", ("agriculture",)),
        ("水土流失敏感性", ("ecology",)),
        ("资源环境能承载多大规模的农业和城镇", ("carrying",)),
        ("城镇建设和农业生产适宜区各多少", ("agriculture", "urban")),
        ("双评价结果怎么样", ()),
        ("做一次双评价，解释北岭乡为什么不适宜城镇建设", ("urban",)),
        ("降水减少一成会怎样", ()),
    ],
)
def test_parts(text, parts):
    assert parts_of(text) == parts


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("并解释为什么城北不适宜", ("城北",)),
        ("城区东北部为什么不适宜建设", ("城区东北部",)),
        ("县城南面适合建设吗", ("县城南面",)),
        ("为什么石桥镇适宜", ("石桥镇",)),
        ("石桥为什么适宜", ("石桥镇",)),
        ("北岭乡和西山乡为什么不适宜", ("北岭乡", "西山乡")),
        ("解释北岭乡北部不适宜的原因", ("北岭乡北部",)),
        ("北部为什么极重要", ("县域北部",)),
        ("坐标 574848，3383067 为什么不适宜", ("574848,3383067",)),
        ("东经113.25度，北纬30.45度为什么不适宜", ("113.25,30.45",)),
        ("坐标574848,3383067和坐标575000,3384000哪个适宜", ("574848,3383067", "575000,3384000")),
        ("评价本县城镇建设适宜性", ()),
        ("本县城镇建设为什么不适宜", ()),
        ("为什么我县大部分地方不适宜建设", ()),
        ("2025年全县1200公顷为什么不适宜", ()),
    ],
)
def test_places_in_their_order(text, names):
    found = places_of(text, UNITS)
    assert found.names == names
    assert found.unknown == ""


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("为什么火星不适宜", "火星"),
        ("桃花镇为什么不适宜城镇建设", "桃花镇"),
        ("解释桃花沟不适宜的原因", "桃花沟"),
    ],
)
def test_a_place_that_is_not_known_is_kept(text, word):
    assert places_of(text, UNITS).unknown == word


@pytest.mark.parametrize(
    ("text", "factors"),
    [
        ("降水减少一成会怎样", {"variables": {"precipitation": 0.9}}),
        ("降雨增加20%，适宜区会怎样变化", {"variables": {"precipitation": 1.2}}),
        ("可用水量减半，承载规模多少", {"water": 0.5}),
        ("可用水量减少一半", {"water": 0.5}),
        ("灌溉定额降低百分之十五", {"parameters": {"arable_irrigation_quota": 0.85}}),
        ("降水减少两成、积温提高5%", {"variables": {"precipitation": 0.8, "accumulated_temperature": 1.05}}),
        ("降雨侵蚀力增加1倍", {"variables": {"rain_erosivity": 2.0}}),
    ],
)  # fmt: skip
def test_scenarios(text, factors):
    found = changes_of(text)
    assert found.scenario is not None
    assert {k: v for k, v in found.scenario.items() if k != "title"} == factors
    assert not found.unread


@pytest.mark.parametrize("text", ["气温升高2度会怎样", "降水减少十成会怎样", "如果人口增加一倍"])
def test_a_change_that_no_scenario_has_is_not_lost(text):
    found = changes_of(text)
    assert found.scenario is None
    assert found.unread


def test_areas_that_changed_are_no_scenario():
    assert changes_of("适宜区面积比上次减少多少") == changes_of("")


def test_single_factors():
    assert factors_of("水土流失敏感性和石漠化") == ("water_erosion", "rocky_desertification")
    assert factors_of("石漠化程度") == ("rocky_desertification",)
    assert factors_of("城镇建设") == ()


def test_one_evaluation_is_meant_where_a_place_is_asked_about():
    assert needs_one("为什么城北是这个等级", UNITS)
    assert not needs_one("双评价，北岭乡情况", UNITS)
    assert not needs_one("降水减少一成会怎样", UNITS)


def test_what_was_not_read_is_told_and_plain_words_are_not():
    assert unread("评价本县城镇建设适宜性，重点避让候鸟栖息地", []) == ("避让候鸟栖息地",)
    assert unread("评价本县城镇建设适宜性，并解释为什么城北不适宜", ["城北"]) == ()
    assert unread("帮我看看哪些乡镇适合发展农业，面积多少", []) == ()
