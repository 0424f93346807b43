"""What is read out of a request's body: where its conversation belongs, what an engine must not be sent."""

import pytest

from serving.problems import ApiError
from serving.relay.body import check
from serving.relay.engines import Engine, Served

ENGINE = Engine(
    name="e", urls=("http://127.0.0.1:1/v1",), models=(Served(name="m"),), refuses={"echo"}
)


def asked(kind="chat", **body):
    return check({"model": "m", **body}, 200, kind, ENGINE, ENGINE.models[0])


def affinity(*messages):
    said = [{"role": role, "content": text} for role, text in messages]
    return asked(messages=said).affinity


def test_a_conversation_has_one_place_in_all_its_turns():
    first = [("user", "甲村")]
    second = [*first, ("assistant", "好"), ("user", "然后？")]
    assert affinity(*first) == affinity(*second) != affinity(("user", "乙村"))
    system = ("system", "规则" * 4000)
    assert affinity(system, *first) == affinity(system, *second)
    assert affinity(system, *first) != affinity(system, ("user", "乙村"))


def test_a_parameter_that_an_engine_refuses_is_named():
    assert asked("completions", prompt="a").told["prompt"] == "a"
    with pytest.raises(ApiError) as refused:
        asked("completions", prompt="a", echo=True)
    assert refused.value.body["param"] == "echo"
