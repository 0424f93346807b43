"""Points of sensitive facilities in layers: the same rule and action as for texts, asked of numbers."""

import json
from dataclasses import replace
from datetime import date

import pytest

from cspon.schemas.agent import Answer, Principal, RefusalKind
from cspon.schemas.base import Secrecy
from cspon.schemas.spatial import LayerOutput, Provenance, ToolResult
from serving.guards.answers import guard_answer
from serving.guards.calls import CallGuard
from serving.guards.points import guard_points
from serving.guards.policy import read_policies
from serving.guards.vault import NOTHING

RADAR = (118.765432, 32.123456)
GRID = (38512345.678, 3512345.123)


def side(level=Secrecy.PUBLIC, name="tool_output"):
    return read_policies().of(level).sides[name]


def feature(name, *points, kind=None):
    kind = kind or ("Point" if len(points) == 1 else "MultiPoint")
    coordinates = list(points[0]) if kind == "Point" else [list(point) for point in points]
    geometry = {"type": kind, "coordinates": coordinates}
    return {"type": "Feature", "properties": {"MC": name, "LX": 3}, "geometry": geometry}


def result(*features, epsg=4490):
    layer = LayerOutput(name="sheshi", title="设施", epsg=epsg, features=features)
    made = Provenance(tool="extract", version="1")
    return ToolResult(tool="extract", version="1", data={}, layers=(layer,), provenance=made)


def coordinates(result):
    return [f["geometry"]["coordinates"] for f in result.layers[0].features]


@pytest.mark.parametrize(
    ("points", "coarse"),
    [
        ([RADAR], [118.77, 32.12]),
        ([(*RADAR, 56.7)], [118.77, 32.12]),
        ([GRID], [38512000, 3512000]),
        ([RADAR, (118.9, 32.2)], [[118.77, 32.12], [118.9, 32.2]]),
    ],
)
def test_a_facilitys_point_is_given_to_a_kilometre(points, coarse):
    given = result(feature("某部队雷达站", *points), feature("实验小学", *points))
    said, (tally,), blocked = guard_points(given, side())
    assert coordinates(said) == [coarse, coordinates(given)[1]]
    assert said.layers[0].features[0]["properties"] == given.layers[0].features[0]["properties"]
    assert (tally.rule, tally.side, tally.action, tally.count) == (
        "facility.place", "output", "mask", 1,
    )  # fmt: skip
    assert blocked is None


@pytest.mark.parametrize(
    "one",
    [
        feature("实验小学", RADAR),
        feature("雷达站", (118.77, 32.12)),
        feature("雷达站", RADAR, GRID, kind="LineString"),
        {"type": "Feature", "properties": {"MC": "雷达站"}, "geometry": None},
        {"type": "Feature", "properties": None, "geometry": {"type": "Point", "coordinates": []}},
    ],
)
def test_other_points_coarse_ones_lines_and_nothing_stay_as_they_are(one):
    given = result(one)
    assert guard_points(given, side()) == (given, (), None)


def test_the_action_is_that_of_the_rule_for_texts():
    given = result(feature("雷达站", RADAR))
    said, (tally,), blocked = guard_points(given, side(Secrecy.SENSITIVE))
    assert (said.layers, tally.action, blocked) == (given.layers, "flag", None)
    strict = side()
    strict = replace(strict, actions={**strict.actions, "facility.place": "block"})
    assert guard_points(given, strict)[2].id == "facility.place"


def test_the_assistants_results_are_looked_through_too():
    policy = read_policies().of(Secrecy.PUBLIC)
    given = result(feature("雷达站", RADAR))
    answer = Answer(
        question="附近有什么", text="见图。", results=(given,), asked_on=date(2026, 11, 22)
    )
    said, (tally,) = guard_answer(answer, policy, NOTHING)
    assert coordinates(said.results[0]) == [[118.77, 32.12]]
    assert (said.text, tally.rule) == ("见图。", "facility.place")
    output = policy.sides["output"]
    output = replace(output, actions={**output.actions, "facility.place": "block"})
    strict = replace(policy, sides={**policy.sides, "output": output})
    refused, _ = guard_answer(answer, strict, NOTHING)
    assert refused.refusal.kind is RefusalKind.UNSAFE
    assert refused.results == ()


async def test_a_tools_result_is_looked_through_on_its_way_out_and_on_record(plain):
    principal = Principal(user="someone", clearance=Secrecy.PUBLIC)
    guard = CallGuard(plain.services.guards, principal, "request-of-points")
    said = await guard.give_out(result(feature("雷达站", RADAR)))
    assert coordinates(said) == [[118.77, 32.12]]
    lines = (plain.services.settings.home / "audit.jsonl").read_text(encoding="utf-8").splitlines()
    (line,) = [one for one in map(json.loads, lines) if one["request_id"] == "request-of-points"]
    assert line["found"] == {"output.mask": {"facility.place": 1}}
