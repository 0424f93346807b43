import json
import time

import httpx
import openai
import pytest

from llm.chat import ToolCall
from llm.scripted import Step

QUESTION = [{"role": "user", "content": "选址是否可行？"}]
SQUARE = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {},
            "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]},
        }
    ],
}


def test_lists_assistant_and_bare_model(gateway):
    client = gateway(steps=[]).client()
    assert [m.id for m in client.models.list()] == ["cspon/assistant", "cspon/model"]
    assert client.models.retrieve("scripted:steps").cspon == {"provider_name": "scripted:steps"}


def test_former_names_are_taken_and_told_as_today(gateway):
    client = gateway(steps=[Step("好")]).client()
    assert client.models.retrieve("cspon/assistant").id == "cspon/assistant"
    assert client.models.retrieve("cspon-model").id == "cspon/model"
    for former, now in (("cspon-model", "cspon/model"), ("cspon-assistant", "cspon/assistant")):
        reply = client.chat.completions.create(model=former, messages=QUESTION)
        assert reply.model == now
    lines = httpx.get(f"{client.base_url}usage").json()["data"]
    assert [line["subject"] for line in lines if line["subject"]] == ["cspon/model"]


def test_without_model_only_the_assistant_is_listed(gateway):
    client = gateway().client()
    assert [m.id for m in client.models.list()] == ["cspon/assistant"]
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="cspon/model", messages=QUESTION)
    assert caught.value.code == "model_not_found"
    assert caught.value.param == "model"


def test_assistant_answers_whole_with_extension(gateway):
    running = gateway()
    reply = running.client().chat.completions.create(model="cspon/assistant", messages=QUESTION)
    message = reply.choices[0].message
    assert "12.3456" in message.content
    assert message.cspon["verdict"] == "不符合"
    assert message.cspon["citations"][2]["verification"] == "not_in_base"
    assert message.cspon["results"][0]["tables"][0]["rows"][0]["area_ha"] == 12.3456
    assert (reply.usage.prompt_tokens, reply.usage.total_tokens) == (20, 30)
    assert running.assistant.asked[0]["question"] == "选址是否可行？"


def test_assistant_streams_progress_text_and_answer(plain, fakes):
    stream = plain.client().chat.completions.create(
        model="cspon/assistant",
        messages=QUESTION,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == fakes.TEXT
    progress = [c.cspon["progress"] for c in chunks if getattr(c, "cspon", {}).get("progress")]
    assert progress == list(fakes.STAGES)
    last = chunks[-2]
    assert last.choices[0].finish_reason == "stop"
    assert last.cspon["run_id"] == "run-1"
    assert last.cspon["text_replaced"] is False
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens == 30


def test_stream_says_when_the_checked_text_replaces_what_was_sent(plain):
    stream = plain.client().chat.completions.create(
        model="cspon/assistant", messages=[{"role": "user", "content": "改写"}], stream=True
    )
    last = list(stream)[-1]
    assert last.cspon["text_replaced"] is True
    assert last.cspon["text"] == "核验后的文本。"


@pytest.mark.parametrize("stream", [False, True])
def test_refusal_is_text_and_kind(plain, stream):
    client = plain.client()
    reply = client.chat.completions.create(
        model="cspon/assistant", messages=[{"role": "user", "content": "拒答"}], stream=stream
    )
    if stream:
        chunks = list(reply)
        text = "".join(c.choices[0].delta.content or "" for c in chunks)
        refusal = chunks[-1].cspon["refusal"]
    else:
        text, refusal = reply.choices[0].message.content, reply.choices[0].message.cspon["refusal"]
    assert text == "缺少项目边界。\n\n请上传边界文件。"
    assert refusal["kind"] == "needs_input"


def test_last_user_message_of_parts_is_the_question(gateway):
    running = gateway()
    parts = [{"type": "text", "text": "第二"}, {"type": "text", "text": "问"}]
    running.client().chat.completions.create(
        model="cspon/assistant",
        messages=[
            {"role": "system", "content": "不作数"},
            {"role": "user", "content": "第一问"},
            {"role": "assistant", "content": "答"},
            {"role": "user", "content": parts},
        ],
        extra_body={"cspon": {"asked_on": "2026-12-31"}},
    )
    assert running.assistant.asked[0]["question"] == "第二问"
    assert running.assistant.asked[0]["asked_on"].isoformat() == "2026-12-31"


def test_inline_boundary_is_a_temporary_file_without_a_trace(gateway):
    running = gateway()
    extension = {"boundary": SQUARE, "epsg": 4547, "name": "产业园"}
    reply = running.client().chat.completions.create(
        model="cspon/assistant", messages=QUESTION, extra_body={"cspon": extension}
    )
    asked = running.assistant.asked[0]
    assert asked["boundary"].name == "产业园.geojson"
    content = json.loads(asked["content"])
    assert content["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::4547"
    assert not asked["boundary"].parent.exists()
    assert reply.choices[0].message.cspon["notices"][0] == "边界 产业园.geojson 已修复。"


@pytest.mark.parametrize(
    ("extension", "status", "code"),
    [
        ({"boundary": {"a": 1}}, 422, "invalid_input"),
        (
            {"boundary": {**SQUARE, "crs": {"name": "EPSG:4490"}}, "epsg": 4547},
            422,
            "invalid_input",
        ),
        ({"file_id": "file-" + "0" * 32}, 404, "file_not_found"),
        ({"file_id": "../../etc/passwd"}, 404, "file_not_found"),
        ({"boundary": SQUARE, "file_id": "file-0"}, 400, "invalid_value"),
        ({"unknown": 1}, 400, "unknown_parameter"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_bad_boundary_has_its_own_status(plain, extension, status, code, stream):
    with pytest.raises(openai.APIStatusError) as caught:
        plain.client().chat.completions.create(
            model="cspon/assistant",
            messages=QUESTION,
            stream=stream,
            extra_body={"cspon": extension},
        )
    assert (caught.value.status_code, caught.value.code) == (status, code)


def test_bare_model_gets_what_was_asked(gateway):
    running = gateway(steps=['{"a": 1}'])
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    reply = running.client().chat.completions.create(
        model="scripted:steps",
        messages=[{"role": "developer", "content": "只答 JSON"}, *QUESTION],
        max_tokens=77,
        temperature=0.5,
        seed=3,
        stop="。",
        response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": schema}},
    )
    assert reply.choices[0].message.content == '{"a": 1}'
    assert reply.usage.completion_tokens == 8
    request = running.model.requests[0]
    assert (request.max_tokens, request.temperature, request.seed) == (77, 0.5, 3)
    assert request.json_schema == schema
    assert request.stop == ("。",)
    assert [m.role for m in request.messages] == ["system", "user"]


def test_bare_model_streams(gateway):
    stream = (
        gateway(steps=["一二三四五六七八九十"])
        .client()
        .chat.completions.create(model="cspon/model", messages=QUESTION, stream=True)
    )
    chunks = list(stream)
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == "一二三四五六七八九十"
    assert chunks[-1].choices[0].finish_reason == "stop"


@pytest.mark.parametrize("stream", [False, True])
def test_tool_calls_pass_through(gateway, stream):
    call = ToolCall(id="call_1", name="area", arguments='{"x":1}')
    tool = {"type": "function", "function": {"name": "area", "parameters": {"type": "object"}}}
    running = gateway(steps=[Step(tool_calls=(call,))])
    reply = running.client().chat.completions.create(
        model="cspon/model", messages=QUESTION, tools=[tool], stream=stream
    )
    if stream:
        chunks = list(reply)
        calls = [t for c in chunks for t in c.choices[0].delta.tool_calls or ()]
        finish = chunks[-1].choices[0].finish_reason
    else:
        calls = reply.choices[0].message.tool_calls
        finish = reply.choices[0].finish_reason
    assert [(c.id, c.function.name, c.function.arguments) for c in calls] == [
        ("call_1", "area", '{"x":1}')
    ]
    assert finish == "tool_calls"
    assert running.model.requests[0].tools[0] == tool


@pytest.mark.parametrize("stream", [False, True])
def test_dead_model_server_is_503(gateway, stream):
    client = gateway(steps=[Step(error="模型服务中断")]).client()
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="cspon/model", messages=QUESTION, stream=stream)
    assert caught.value.status_code == 503
    assert caught.value.code == "model_unavailable"


def test_stream_that_breaks_off_ends_with_an_error_event(gateway):
    client = gateway(steps=[Step(reply="写到一半就断", error="模型服务中断")]).client()
    stream = client.chat.completions.create(model="cspon/model", messages=QUESTION, stream=True)
    with pytest.raises(openai.APIError, match="模型服务中断"):
        list(stream)


def test_bug_in_a_run_tells_nothing_of_the_inside(plain):
    client = plain.client()
    stream = client.chat.completions.create(
        model="cspon/assistant", messages=[{"role": "user", "content": "出错"}], stream=True
    )
    with pytest.raises(openai.APIError) as caught:
        list(stream)
    assert "内部错误" in caught.value.message
    assert "secret" not in str(caught.value.body)


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"messages": []}, "messages", "invalid_value"),
        ({"n": 2}, "n", "unsupported_parameter"),
        ({"logprobs": True}, "logprobs", "unsupported_parameter"),
        ({"max_token": 5}, "max_token", "unknown_parameter"),
        ({"temperature": 9}, "temperature", "invalid_value"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages", "missing"),
        (
            {"messages": [{"role": "user", "content": "长" * 5000}]},
            "messages",
            "context_length_exceeded",
        ),
        ({"messages": [{"role": "user", "content": "x"}] * 201}, "messages", "invalid_value"),
    ],
)
def test_bad_request_is_400_in_openai_format(plain, change, param, code):
    body = {"model": "cspon/assistant", "messages": QUESTION, **change}
    reply = httpx.post(f"{plain.url}/v1/chat/completions", json=body)
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert set(error) >= {"message", "type", "param", "code"}
    assert (error["param"], error["code"]) == (param, code)


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b"\xff", b""])
def test_broken_body_is_400(plain, body):
    reply = httpx.post(
        f"{plain.url}/v1/chat/completions",
        content=body,
        headers={"content-type": "application/json"},
    )
    assert reply.status_code == 400
    assert reply.json()["error"]["type"] == "invalid_request_error"


def test_body_over_the_limit_is_413(plain):
    url = plain.url
    reply = httpx.post(f"{url}/v1/chat/completions", json={"model": "x" * (17 << 20)})
    assert reply.status_code == 413
    assert reply.json()["error"]["code"] == "too_large"


def test_page_of_another_site_is_refused(plain):
    reply = httpx.post(
        f"{plain.url}/v1/chat/completions",
        json={"model": "cspon/assistant", "messages": QUESTION},
        headers={"sec-fetch-site": "cross-site"},
    )
    assert (reply.status_code, reply.json()["error"]["code"]) == (403, "cross_site")


@pytest.mark.parametrize("path", ["/v1/nothing", "/docs", "/redoc", "/"])
def test_unknown_address_is_404_in_openai_format(plain, path):
    reply = httpx.get(plain.url + path)
    assert reply.status_code == 404
    assert reply.json()["error"]["code"] == "not_found"


def _until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    assert condition()


@pytest.mark.parametrize("model", ["cspon/assistant", "cspon/model"])
@pytest.mark.parametrize("stream", [False, True])
def test_client_that_leaves_cancels_the_run(gateway, fakes, model, stream):
    running = gateway(model=fakes.WaitingModel())
    target = running.assistant if model == "cspon/assistant" else running.model
    body = {"model": model, "messages": [{"role": "user", "content": "等待"}], "stream": stream}
    url = f"{running.url}/v1/chat/completions"
    with (
        pytest.raises((httpx.ReadTimeout, TimeoutError)),
        httpx.stream("POST", url, json=body, timeout=0.5) as reply,
    ):
        for _ in reply.iter_lines():
            pass
    _until(target.cancelled.is_set)
    _until(lambda: b"cspon_runs_in_progress 0.0" in running.services.metrics.render())
    assert b"cspon_runs_cancelled_total 1.0" in running.services.metrics.render()
