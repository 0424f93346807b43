import pytest

from cspon.errors import InputError
from serving.guards.grounding import repeats, unsupported
from serving.guards.shape import DEPTH, NODES, check_json, check_schema, check_tools


def nested(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


def test_depth_and_members_are_bounded_without_recursion():
    check_json(nested(DEPTH), field="a")
    for value in (nested(DEPTH + 1), nested(100_000), list(range(NODES + 1))):
        with pytest.raises(InputError) as caught:
            check_json(value, field="a")
        assert caught.value.field == "a"


def tool(**function):
    return {"type": "function", "function": {"name": "f", **function}}


@pytest.mark.parametrize(
    "tools",
    [
        [{"type": "other", "function": {"name": "f"}}],
        [{"type": "function"}],
        [tool(name="有 空格")],
        [tool(), tool()],
        [tool(description="长" * 9000)],
        [tool(parameters=[1])],
        [tool(parameters={"properties": {"a": {"$ref": "https://x/y.json"}}})],
        [tool(parameters={"properties": {"a": {"pattern": "a" * 300}}})],
    ],
)
def test_a_wrong_tool_is_refused(tools):
    with pytest.raises(InputError, match="tools"):
        check_tools(tools)


def test_a_right_tool_passes():
    check_tools([tool(description="查", parameters={"type": "object", "properties": {"a": {}}})])
    check_schema({"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}, field="schema")


@pytest.mark.parametrize(
    ("text", "given", "count"),
    [
        ("依据《甲法》第三条，面积12.7公顷。", "", 2),
        ("依据《甲法》第三条，面积12.7公顷。", "《甲法》第三条规定……12.7公顷", 0),
        ("国函〔2031〕999号批复。", "", 1),
        ("分三步办理。", "", 0),
    ],
)
def test_what_stands_on_nothing_is_counted(text, given, count):
    assert unsupported(text, given) == count


def test_a_repeated_system_message_is_seen_and_a_common_phrase_is_not():
    system = "你是某单位的答复助手，只回答与不动产登记有关的问题，其他问题一律请用户拨打热线。"
    assert repeats(f"我的说明是：{system[6:36]}……", system)
    assert not repeats("与不动产登记有关的问题请到窗口咨询。", system)
    assert not repeats(system, "短")
