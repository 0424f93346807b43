from datetime import date
from pathlib import Path

import pytest

from agents.assistant.act import BeyondClearance, RunValues, act
from agents.assistant.check_plan import check_plan
from cspon.errors import ToolFailed
from cspon.schemas.agent import Intent, Plan, RefusalKind, Step
from cspon.schemas.base import Secrecy
from cspon.schemas.spatial import LayerOutput, Provenance, ToolResult
from tools.catalogue import Tool
from tools.geometry.read import read_boundary

SQUARE = [[500000, 3300000], [500100, 3300000], [500100, 3300100], [500000, 3300000]]


def result(tool, **more):
    return ToolResult(
        tool=tool, version="1", data={}, provenance=Provenance(tool=tool, version="1"), **more
    )


def find(layers: Path, request: str) -> ToolResult:
    feature = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [SQUARE]},
        "properties": {},
    }
    layer = LayerOutput(name="candidates", title="候选", epsg=4547, features=(feature,))
    return result("find", layers=(layer,))


def measure(boundary: Path, clearance: Secrecy = Secrecy.PUBLIC) -> ToolResult:
    read = read_boundary(boundary)
    return result("measure", secrecy=clearance).model_copy(
        update={"data": {"epsg": read.epsg, "name": read.name}}
    )


def tool(function):
    return Tool(function, name=function.__name__, title="工具", version="1", examples=(), needs=())


TOOLS = {"find": tool(find), "measure": tool(measure)}


def chain(rank=1):
    return Plan(
        intent=Intent.USE_TOOLS,
        steps=(
            Step(id="find", tool="find", args={"layers": "$layers", "request": "大"}),
            Step(
                id="measure",
                tool="measure",
                args={"boundary": f"$step:find:candidates:{rank}"},
                after=("find",),
            ),
        ),
    )


VALUES = RunValues(layers=Path("layers"), asked_on=date(2026, 11, 22))


async def test_a_found_place_is_the_boundary_of_the_next_step():
    results = await act(chain(), tools=TOOLS, values=VALUES)
    assert results[1].data == {"epsg": 4547, "name": "第1名候选地块"}


async def test_a_place_that_was_not_found_is_told():
    with pytest.raises(ToolFailed, match="没有第 2 处"):
        await act(chain(2), tools=TOOLS, values=VALUES)


async def test_a_result_above_the_readers_level_is_not_given(boundary):
    step = Step(id="m", tool="measure", args={"boundary": "$boundary", "clearance": "敏感"})
    plan = Plan(intent=Intent.USE_TOOLS, steps=(step,))
    values = RunValues(Path("layers"), date(2026, 11, 22), files={"boundary": boundary})
    with pytest.raises(BeyondClearance):
        await act(plan, tools=TOOLS, values=values)


def checked(step, **more):
    plan = Plan(intent=Intent.USE_TOOLS, steps=(step,))
    return check_plan(plan, tools=TOOLS, files=more.get("files", {}), layers=Path("layers"))[0]


def test_a_level_above_the_reader_is_lowered(boundary):
    step = Step(id="m", tool="measure", args={"boundary": "$boundary", "clearance": "敏感"})
    plan = checked(step, files={"boundary": boundary})
    assert plan.steps[0].args["clearance"] == "内部"
    assert "高于您的权限" in plan.repairs[0]


def test_an_argument_that_does_not_fit_the_schema_is_asked_back():
    step = Step(id="find", tool="find", title="找地", args={"layers": "$workspace", "request": 3})
    plan = checked(step)
    assert plan.refusal.kind is RefusalKind.NEEDS_INPUT
    assert "request" in plan.refusal.message


def test_an_unknown_tool_and_a_cycle_are_refused():
    assert checked(Step(id="x", tool="no")).refusal.kind is RefusalKind.UNSOLVABLE
    step = Step(id="find", tool="find", args={"request": "大"}, after=("find",))
    assert "循环" in checked(step).refusal.message
