import pytest

from tools.land_use import UNCOVERED
from tools.rules.line_predicates import (
    hectares_by_name,
    limits_text,
    near_line,
    planned_use,
    slope_over,
    zone_occupied,
)
from tools.rules.model import LineFigures, NearFigures, Site, SlopeFigures

RESERVE = {
    "line": "nature_reserve",
    "schemes": {
        "reserve_zones_2026": {
            "核心保护区": {"otherwise": "core", "patrol_and_monitoring": "allowed"},
            "一般控制区": {"otherwise": "general"},
        }
    },
    "worst_first": ["core", "general", "allowed"],
}
ROADS = {
    "line": "roads",
    "measure": "x",
    "by_class": {"国道": 20, "省道": 15},
    "otherwise_m": None,
    "exempt_types": {"linear_infrastructure": "exempt"},
}
USE = {"line": "planned_land_use", "allowed": {"industrial_park": ["1001", "1101"]}}


def reserve(zones, *, scheme="reserve_zones_2026", kind="unspecified", **more):
    return Site(
        area_ha=10.0,
        project_type=kind,
        zones={"nature_reserve": zones},
        schemes={"nature_reserve": scheme},
        **more,
    )


def test_the_worst_zone_decides_and_all_are_named():
    name, figures = zone_occupied(reserve({"核心保护区": 1.0, "一般控制区": 2.0}), RESERVE)
    assert name == "core"
    assert figures["zones"] == "一般控制区 2.0000 公顷、核心保护区 1.0000 公顷"
    assert (figures["area_ha"], figures["worst_ha"], figures["share_percent"]) == (3.0, 1.0, 30.0)


def test_the_kind_of_project_may_be_let_in():
    allowed = reserve({"核心保护区": 1.0}, kind="patrol_and_monitoring")
    assert zone_occupied(allowed, RESERVE)[0] == "allowed"


def test_zones_over_each_other_are_not_more_than_the_line():
    lines = {"nature_reserve": LineFigures(inside_ha=2.0, outside_ha=8.0)}
    site = reserve({"核心保护区": 1.0, "一般控制区": 2.0}, lines=lines)
    assert zone_occupied(site, RESERVE)[1]["area_ha"] == 2.0


@pytest.mark.parametrize(
    ("zones", "scheme", "outcome"),
    [
        ({}, "reserve_zones_2026", "clear"),
        ({"核心保护区": 0.0}, "reserve_zones_2026", "clear"),
        ({"核心区": 1.0}, "reserve_zones_2026", "unknown_zone"),
        ({"核心区": 1.0}, "reserve_zones_2017", "unknown_zone"),
        ({"核心保护区": 1.0, "无此区": 1.0}, "reserve_zones_2026", "core"),
        ({}, "reserve_zones_2017", "clear"),
    ],
)
def test_unknown_zones_and_schemes(zones, scheme, outcome):
    assert zone_occupied(reserve(zones, scheme=scheme), RESERVE)[0] == outcome


def test_zones_that_must_cover_the_whole():
    must = {**RESERVE, "must_cover": True}
    assert zone_occupied(reserve({UNCOVERED: 4.0, "一般控制区": 6.0}), must)[0] == "general"
    first = {**must, "worst_first": ["uncovered", *RESERVE["worst_first"]]}
    name, figures = zone_occupied(reserve({UNCOVERED: 4.0, "一般控制区": 6.0}), first)
    assert (name, figures["uncovered_ha"], figures["area_ha"]) == ("uncovered", 4.0, 6.0)
    assert zone_occupied(reserve({"一般控制区": 10.0}), first)[0] == "general"


def test_a_place_without_the_line_is_clear():
    absent = {"nature_reserve": "本县没有", "roads": "本县没有", "planned_land_use": "没有"}
    site = Site(area_ha=1.0, absent=absent)
    assert zone_occupied(site, RESERVE)[0] == "clear"
    assert near_line(site, ROADS)[0] == "clear"
    assert site.line("nature_reserve") == LineFigures(inside_ha=0.0, outside_ha=1.0)


def near(kind="unspecified", parameters=ROADS, **figures):
    site = Site(area_ha=10.0, project_type=kind, near={"x": NearFigures(**figures)})
    return near_line(site, parameters)


def test_too_near_exempt_margin_and_clear():
    too_near = {"distance_m": 3.0, "inside_ha": 0.5, "classes": ("国道",), "names": ("G1",)}
    name, figures = near(**too_near)
    assert name == "within"
    assert (figures["limits"], figures["distance_m"], figures["names"]) == (
        "国道 20 米",
        "3.0",
        "G1",
    )
    assert near("linear_infrastructure", **too_near)[0] == "exempt"
    assert near(distance_m=25.0, margin_ha=0.1, classes=("国道",))[0] == "near"
    name, figures = near(searched_m=3000.0)
    assert (name, figures["distance_m"]) == ("clear", "超过 3000")


def test_limits_name_the_classes():
    assert limits_text(ROADS) == "国道 20 米、省道 15 米"
    assert limits_text({**ROADS, "otherwise_m": 5}) == "国道 20 米、省道 15 米、其他 5 米"
    assert limits_text({"by_class": {}, "otherwise_m": 5}) == "5 米"
    assert limits_text({"by_class": {"输油管道": 5, "输气管道": 5}, "otherwise_m": 5}) == "5 米"


@pytest.mark.parametrize(
    ("planned", "kind", "outcome", "outside"),
    [
        ({"100101": 10.0}, "industrial_park", "conforming", 0.0),
        ({"100101": 6.0, "0701": 4.0}, "industrial_park", "partly", 4.0),
        ({"0701": 10.0}, "industrial_park", "none", 10.0),
        ({"0701": 10.0}, "public_service", "unstated", 10.0),
        ({"100101": 6.0, UNCOVERED: 4.0}, "industrial_park", "partly", 4.0),
    ],
)
def test_planned_use(planned, kind, outcome, outside):
    site = Site(area_ha=10.0, project_type=kind, zones={"planned_land_use": planned})
    name, figures = planned_use(site, USE)
    assert (name, figures["outside_ha"]) == (outcome, outside)
    if "0701" in planned:
        assert figures["codes"].startswith("0701 城镇住宅用地")


def test_planned_use_that_does_not_cover_is_no_breach():
    must = {**USE, "must_cover": True}
    for planned, outcome in (
        ({"100101": 6.0, UNCOVERED: 4.0}, "uncovered"),
        ({"100101": 6.0, "0701": 1.0, UNCOVERED: 3.0}, "partly"),
    ):
        site = Site(
            area_ha=10.0, project_type="industrial_park", zones={"planned_land_use": planned}
        )
        assert planned_use(site, must)[0] == outcome


def test_slope():
    over = SlopeFigures(max_degrees=31.0, mean_degrees=5.0, over_ha={"25": 1.5})
    site = Site(area_ha=10.0, project_type="farmland_reclamation", slope=over)
    name, figures = slope_over(site, {"degrees": 25})
    assert (name, figures["area_mu"], figures["share_percent"]) == ("some", 22.5, 15.0)
    by_type = {"degrees": 25.0, "by_type": {"farmland_reclamation": "barred"}}
    assert slope_over(site, by_type)[0] == "barred"
    level = Site(
        area_ha=1.0, slope=SlopeFigures(max_degrees=2, mean_degrees=1, over_ha={"25": 0.0})
    )
    assert slope_over(level, by_type)[0] == "none"


def test_areas_by_name_are_the_largest_first():
    assert (
        hectares_by_name({"a": 1.0, "b": 2.0}, {"a": "甲", "b": "乙"})
        == "乙 2.0000 公顷、甲 1.0000 公顷"
    )
