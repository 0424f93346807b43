import asyncio
import contextlib
import socket
import time

import pytest

from cspon.errors import ModelUnavailable
from llm.chat import ChatModel, ChatRequest, Message
from llm.openai_compatible import OpenAICompatibleModel

KEY = "sk-very-secret-0123"
ASK = ChatRequest(messages=(Message(role="user", content="选址是否可行？"),))
COMPLETION = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "served",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "不可行。"},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14},
}


def make(server, **options) -> OpenAICompatibleModel:
    settings = {"base_url": server.url, "api_key": KEY, "timeout_s": 5, "backoff_s": 0.01}
    return OpenAICompatibleModel("planner-lora", **{**settings, **options})


async def collect(model, request=ASK):
    return [delta async for delta in model.stream(request)]


async def test_complete_returns_text_and_tokens(server, fakes):
    server.will(fakes.says(200, COMPLETION))
    model = make(server)
    assert isinstance(model, ChatModel)
    reply = await model.complete(ASK)
    await model.aclose()
    assert (reply.text, reply.model, reply.finish_reason) == ("不可行。", "served", "stop")
    assert (reply.prompt_tokens, reply.completion_tokens) == (11, 3)


async def test_request_carries_model_name_schema_tools_stop_and_seed(server, fakes):
    server.will(fakes.says(200, COMPLETION))
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    tool = {"type": "function", "function": {"name": "t", "parameters": schema}}
    model = make(server, extra_body={"chat_template_kwargs": {"enable_thinking": False}})
    request = ASK.model_copy(
        update={
            "json_schema": schema,
            "tools": (tool,),
            "tool_choice": "required",
            "stop": ("。",),
            "seed": 7,
        }
    )
    await model.complete(request)
    await model.aclose()
    sent = server.asked[0]
    assert sent["model"] == "planner-lora"
    assert sent["messages"] == [{"role": "user", "content": "选址是否可行？"}]
    assert sent["response_format"]["type"] == "json_schema"
    assert sent["response_format"]["json_schema"]["schema"] == schema
    assert (sent["tools"], sent["tool_choice"]) == ([tool], "required")
    assert (sent["stop"], sent["seed"], sent["temperature"]) == (["。"], 7, 0.0)
    assert sent["chat_template_kwargs"] == {"enable_thinking": False}
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"


async def test_tool_calls_are_returned(server, fakes):
    call = {"id": "1", "type": "function", "function": {"name": "check", "arguments": "{}"}}
    body = {**COMPLETION, "choices": [{**COMPLETION["choices"][0], "finish_reason": "tool_calls"}]}
    body["choices"][0]["message"] = {"role": "assistant", "content": None, "tool_calls": [call]}
    server.will(fakes.says(200, body))
    model = make(server)
    reply = await model.complete(ASK)
    await model.aclose()
    assert reply.text == ""
    assert [(c.id, c.name, c.arguments) for c in reply.tool_calls] == [("1", "check", "{}")]


async def test_stream_yields_pieces_then_the_whole_reply_with_usage(server, fakes):
    server.will(
        fakes.streams(
            fakes.chunk("不"), fakes.chunk("可行。"), fakes.chunk("", "stop"), fakes.USAGE
        )
    )
    model = make(server)
    deltas = await collect(model)
    await model.aclose()
    assert [delta.text for delta in deltas[:-1]] == ["不", "可行。"]
    reply = deltas[-1].reply
    assert (reply.text, reply.finish_reason) == ("不可行。", "stop")
    assert (reply.prompt_tokens, reply.completion_tokens) == (11, 3)
    assert server.asked[0]["stream_options"] == {"include_usage": True}


async def test_streamed_tool_call_is_put_together(server, fakes):
    first = {"index": 0, "id": "1", "type": "function", "function": {"name": "check"}}
    server.will(
        fakes.streams(
            fakes.chunk(tool_calls=[first]),
            fakes.chunk(tool_calls=[{"index": 0, "function": {"arguments": '{"a":'}}]),
            fakes.chunk(tool_calls=[{"index": 0, "function": {"arguments": "1}"}}]),
            fakes.chunk("", "tool_calls"),
        )
    )
    model = make(server)
    reply = (await collect(model))[-1].reply
    await model.aclose()
    (call,) = reply.tool_calls
    assert (call.id, call.name, call.arguments) == ("1", "check", '{"a":1}')


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_passing_errors_are_tried_again(server, fakes, status):
    server.will(fakes.says(status, {"error": {"message": "busy"}}), fakes.drops)
    server.will(fakes.says(200, COMPLETION))
    model = make(server)
    reply = await model.complete(ASK)
    await model.aclose()
    assert reply.text == "不可行。"
    assert len(server.asked) == 3


async def test_retries_end_and_name_the_server(server, fakes):
    server.will(*[fakes.says(503, {"error": {"message": f"overloaded {KEY}"}})] * 5)
    model = make(server)
    with pytest.raises(ModelUnavailable, match="503") as caught:
        await model.complete(ASK)
    await model.aclose()
    assert len(server.asked) == 3
    assert server.url in str(caught.value)
    assert KEY not in str(caught.value)


async def test_stream_is_retried_only_before_the_first_piece(server, fakes):
    server.will(fakes.says(500, {}), fakes.streams(fakes.chunk("不"), then="cut"))
    model = make(server)
    deltas = []
    with pytest.raises(ModelUnavailable, match=r"连接不上|断开"):
        async for delta in model.stream(ASK):
            deltas.append(delta.text)
    await model.aclose()
    assert deltas == ["不"]
    assert len(server.asked) == 2


async def test_stream_that_ends_without_a_finish_reason_is_broken_off(server, fakes):
    server.will(fakes.streams(fakes.chunk("不"), then="close"))
    model = make(server)
    with pytest.raises(ModelUnavailable, match="中途断开"):
        await collect(model)
    await model.aclose()


async def test_empty_stream_and_nonsense_are_refused(server, fakes):
    server.will(fakes.streams(), fakes.streams("not json"), fakes.says(200, "<html>"))
    model = make(server)
    with pytest.raises(ModelUnavailable, match="空的回答"):
        await collect(model)
    with pytest.raises(ModelUnavailable, match="无法识别"):
        await collect(model)
    with pytest.raises(ModelUnavailable):
        await model.complete(ASK)
    await model.aclose()


async def test_bad_request_is_final_and_a_bad_key_is_named(server, fakes):
    server.will(fakes.says(400, {"error": {"message": "context too long"}}))
    server.will(fakes.says(401, {"error": {"message": f"bad key {KEY}"}}))
    model = make(server)
    with pytest.raises(ModelUnavailable, match=r"返回 400：context too long$"):
        await model.complete(ASK)
    with pytest.raises(ModelUnavailable, match="CSPON_OPENAI_API_KEY") as caught:
        await model.complete(ASK)
    await model.aclose()
    assert KEY not in str(caught.value)
    assert len(server.asked) == 2


async def test_time_out_covers_all_attempts(server, fakes):
    server.will(fakes.hangs)
    model = make(server)
    started = time.monotonic()
    with pytest.raises(ModelUnavailable, match=r"0\.3 秒内没有答完"):
        await model.complete(ASK.model_copy(update={"timeout_s": 0.3}))
    assert time.monotonic() - started < 2
    await model.aclose()
    assert len(server.asked) == 1


async def test_time_out_in_the_middle_of_a_stream(server, fakes):
    server.will(fakes.streams(fakes.chunk("不"), then="hang"))
    model = make(server, timeout_s=0.3)
    with pytest.raises(ModelUnavailable, match="没有答完"):
        await collect(model)
    await model.aclose()
    assert await asyncio.to_thread(server.hung_up.wait, 5)


async def test_a_slow_reader_is_not_timed_out(server, fakes):
    server.will(fakes.streams(fakes.chunk("不"), fakes.chunk("可"), fakes.chunk("", "stop")))
    model = make(server, timeout_s=1.0)
    texts = []
    async for delta in model.stream(ASK):
        texts.append(delta.text)
        await asyncio.sleep(0.5)
    await model.aclose()
    assert "".join(texts) == "不可"


async def test_retry_after_beyond_the_budget_is_not_waited_for(server, fakes):
    server.will(fakes.says(429, {}, retry_after="9"))
    model = make(server, timeout_s=2)
    started = time.monotonic()
    with pytest.raises(ModelUnavailable, match="429"):
        await model.complete(ASK)
    assert time.monotonic() - started < 1
    await model.aclose()


@pytest.mark.parametrize("how", ["complete", "stream"])
async def test_cancelling_hangs_up(server, fakes, how):
    server.will(fakes.hangs if how == "complete" else fakes.streams(fakes.chunk("不"), then="hang"))
    model = make(server)
    task = asyncio.create_task(model.complete(ASK) if how == "complete" else collect(model))
    while not server.asked:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(server.hung_up.wait, 5)
    await model.aclose()


async def test_closing_the_iterator_hangs_up(server, fakes):
    server.will(fakes.streams(fakes.chunk("不"), then="hang"))
    model = make(server)
    async with contextlib.aclosing(model.stream(ASK)) as pieces:
        assert (await anext(pieces)).text == "不"
    assert await asyncio.to_thread(server.hung_up.wait, 5)
    await model.aclose()


async def test_no_proxy_is_used(server, fakes, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    server.will(fakes.says(200, COMPLETION))
    model = make(server)
    assert (await model.complete(ASK)).text == "不可行。"
    await model.aclose()


async def test_health_never_raises(server, fakes):
    listed = {"object": "list", "data": [{"id": "planner-lora", "object": "model"}]}
    server.will(fakes.says(200, listed), fakes.says(500, {}))
    model = make(server)
    healthy = await model.health()
    assert healthy.ok
    assert healthy.models == ("planner-lora",)
    assert not (await model.health()).ok
    await model.aclose()

    other = make(server, base_url=f"http://127.0.0.1:{unused_port()}/v1")
    health = await other.health()
    assert not health.ok
    assert "127.0.0.1" in health.detail
    await other.aclose()


async def test_health_names_a_model_that_is_not_served(server, fakes):
    server.will(fakes.says(200, {"object": "list", "data": [{"id": "qwen3", "object": "model"}]}))
    model = make(server)
    health = await model.health()
    await model.aclose()
    assert not health.ok
    assert "planner-lora" in health.detail
    assert "qwen3" in health.detail


async def test_dead_server_is_unavailable_and_passwords_stay_secret():
    url = f"http://user:hunter2@127.0.0.1:{unused_port()}/v1"
    model = OpenAICompatibleModel("m", base_url=url, retries=0)
    with pytest.raises(ModelUnavailable, match="连接不上") as caught:
        await model.complete(ASK)
    await model.aclose()
    assert "hunter2" not in str(caught.value)


def test_one_model_works_in_two_event_loops(server, fakes):
    server.will(fakes.says(200, COMPLETION, connection="close"))
    server.will(fakes.says(200, COMPLETION))
    model = make(server)

    async def ask(close: bool) -> str:
        reply = await model.complete(ASK)
        if close:
            await model.aclose()
        return reply.text

    assert asyncio.run(ask(False)) == asyncio.run(ask(True)) == "不可行。"


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
