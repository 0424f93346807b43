import re

import pytest

from cspon.errors import InputError, ModelUnavailable
from llm.chat import ChatModel, ChatRequest, Message, ToolCall
from llm.scripted import ScriptedModel, Step


def ask(text: str) -> ChatRequest:
    return ChatRequest(
        messages=(Message(role="system", content="规划助手"), Message(role="user", content=text))
    )


async def test_steps_are_answered_in_order_and_recorded():
    model = ScriptedModel(["一", Step("二", expect="控制线")])
    assert isinstance(model, ChatModel)
    assert (await model.complete(ask("任何"))).text == "一"
    reply = await model.complete(ask("占用了哪些控制线"))
    assert reply.text == "二"
    assert reply.prompt_tokens > 0
    assert reply.completion_tokens == 1
    assert [request.messages[-1].content for request in model.requests] == [
        "任何",
        "占用了哪些控制线",
    ]
    await model.aclose()


async def test_stream_comes_in_pieces_and_ends_with_the_reply():
    text = "选址不可行，占用永久基本农田十二公顷。"
    model = ScriptedModel([text])
    deltas = [delta async for delta in model.stream(ask("?"))]
    assert len(deltas) > 2
    assert "".join(delta.text for delta in deltas) == text
    assert deltas[-1].reply.text == text
    assert all(delta.reply is None for delta in deltas[:-1])


@pytest.mark.parametrize(
    ("expect", "fits"),
    [
        ("控制线", True),
        ("基本农田", False),
        (re.compile("哪些.*线"), True),
        (re.compile("^没有$"), False),
        (lambda request: request.max_tokens == 512, True),
        (lambda request: bool(request.json_schema), False),
    ],
)
async def test_expectations(expect, fits):
    model = ScriptedModel([Step("好", expect=expect)])
    if fits:
        assert (await model.complete(ask("哪些控制线"))).text == "好"
    else:
        with pytest.raises(AssertionError, match="call 1 expected"):
            await model.complete(ask("哪些控制线"))


async def test_an_unexpected_call_fails():
    model = ScriptedModel(["一"])
    await model.complete(ask("?"))
    with pytest.raises(AssertionError, match="unexpected call 2 of 1"):
        await model.complete(ask("又一次"))


async def test_unconsumed_steps_fail_on_closing():
    model = ScriptedModel(["一", "二"])
    await model.complete(ask("?"))
    with pytest.raises(AssertionError, match="1 of 2 steps not consumed"):
        await model.aclose()
    with pytest.raises(AssertionError):
        model.assert_consumed()


async def test_errors_break_off_a_stream_after_its_reply():
    model = ScriptedModel(
        [Step("前半", error="断了"), Step(error=RuntimeError("x")), Step(error="坏")]
    )
    texts = []
    with pytest.raises(ModelUnavailable, match="断了"):
        async for delta in model.stream(ask("?")):
            texts.append(delta.text)
    assert texts == ["前半"]
    with pytest.raises(RuntimeError):
        await model.complete(ask("?"))
    with pytest.raises(ModelUnavailable, match="坏"):
        await model.complete(ask("?"))
    await model.aclose()


async def test_tool_calls_and_health():
    call = ToolCall(id="1", name="check_compliance", arguments="{}")
    model = ScriptedModel([Step(tool_calls=(call,))])
    assert "剩余 1 步" in (await model.health()).detail
    reply = await model.complete(ask("?"))
    assert reply.finish_reason == "tool_calls"
    assert reply.tool_calls == (call,)


async def test_script_file(tmp_path):
    file = tmp_path / "script.yaml"
    file.write_text(
        "steps:\n"
        "  - expect: 选址\n    reply_json: {intent: compliance, layers: [永久基本农田]}\n"
        '  - expect_regex: "公顷$"\n    reply: 不可行\n'
        "  - error: 模型服务中断\n",
        encoding="utf-8",
    )
    model = ScriptedModel.from_file(file)
    assert model.name == f"scripted:{file}"
    reply = await model.complete(ask("选址"))
    assert reply.text == '{"intent": "compliance", "layers": ["永久基本农田"]}'
    assert (await model.complete(ask("3.10公顷"))).text == "不可行"
    with pytest.raises(ModelUnavailable, match="模型服务中断"):
        await model.complete(ask("?"))
    await model.aclose()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps:\n  - replay: 打错", "replay"),
        ("steps:\n  - expect: 只有期望", "须有 reply"),
        ("steps:\n  - {reply: 一, reply_json: 1}", "只能写一个"),
        ("steps:\n  - {reply: 一, expect: a, expect_regex: b}", "只能写一个"),
        ("steps: [", "无法读取"),
        ("", "steps"),
    ],
)
def test_a_faulty_script_is_named(tmp_path, text, message):
    file = tmp_path / "script.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        ScriptedModel.from_file(file)
    assert str(file) in str(caught.value)


def test_a_missing_script_is_named(tmp_path):
    with pytest.raises(InputError, match="无法读取"):
        ScriptedModel.from_file(tmp_path / "none.yaml")
