"""The official client through the gateway to a real small model: streams, usage, tools, schema, seeds."""

import importlib.util
import json
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MODEL = "smollm2-135m"
ASK = {
    "model": "cspon/model", "max_tokens": 24, "temperature": 0, "seed": 3,
    "messages": [{"role": "user", "content": "Say hello in one short sentence."}],
}  # fmt: skip
TOOL = {
    "type": "function",
    "function": {
        "name": "area_of",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
    },
}

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        importlib.util.find_spec("xllamacpp") is None, reason="no embedded engine (extra embedded)"
    ),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory, fakes):
    """The official client before a gateway whose chat model is the real small one."""
    import openai

    from cspon.settings import Settings
    from llm.embedded import start
    from llm.engines import stop
    from serving.app import create_app
    from serving.assembly import model_options

    home = tmp_path_factory.mktemp("conformance")
    (home / "models").symlink_to(ROOT / "var" / "models")
    (ROOT / "var" / "models").mkdir(parents=True, exist_ok=True)
    settings = Settings(
        _env_file=None, home=home, model=f"embedded:{MODEL}", model_threads=2, engine_port=0
    )
    start(MODEL, model_options(settings))
    spec = importlib.util.spec_from_file_location(
        "serving_conftest", Path(__file__).parents[1] / "conftest.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    try:
        with module.running(create_app(settings, assistant=fakes.FakeAssistant())) as url:
            yield openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
    finally:
        stop("embedded", model_options(settings))


def test_whole_and_streamed_are_the_same_text_and_the_same_usage(client):
    whole = client.chat.completions.create(**ASK)
    text, last = "", None
    options = {"include_usage": True}
    for chunk in client.chat.completions.create(**ASK, stream=True, stream_options=options):
        text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        last = chunk
    assert text == whole.choices[0].message.content != ""
    assert last.usage.prompt_tokens == whole.usage.prompt_tokens
    assert last.usage.completion_tokens == whole.usage.completion_tokens <= ASK["max_tokens"]


def test_a_schema_holds_and_probabilities_are_told(client):
    schema = {
        "type": "object", "properties": {"n": {"enum": [1, 2, 3]}}, "required": ["n"],
        "additionalProperties": False,
    }  # fmt: skip
    form = {"type": "json_schema", "json_schema": {"name": "pick", "schema": schema}}
    reply = client.chat.completions.create(**ASK, response_format=form)
    assert json.loads(reply.choices[0].message.content)["n"] in (1, 2, 3)
    told = client.chat.completions.create(**ASK, logprobs=True, top_logprobs=2)
    assert len(told.choices[0].logprobs.content[0].top_logprobs) == 2


def test_a_conversation_with_tool_calls_goes_through(client):
    call = {"id": "c1", "type": "function", "function": {"name": "area_of", "arguments": "{}"}}
    history = [
        *ASK["messages"],
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "5 ha"},
    ]
    reply = client.chat.completions.create(**{**ASK, "messages": history}, tools=[TOOL])
    assert reply.choices[0].finish_reason in ("stop", "length", "tool_calls")


def test_plain_completions_and_errors_of_the_client_library(client):
    import openai

    # by its former name, which the account must not tell apart
    reply = client.completions.create(model="cspon-model", prompt="One, two,", max_tokens=4)
    assert reply.usage.completion_tokens <= 4
    own = client.completions.create(model="embedded:smollm2-135m", prompt="One,", max_tokens=4)
    assert own.usage.completion_tokens <= 4
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(**{**ASK, "max_tokens": 10**7})
    assert refused.value.param == "max_tokens"
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(**{**ASK, "model": "nobody"})


def test_a_file_of_requests_becomes_a_file_of_answers(client):
    asked = [{**ASK, "seed": seed} for seed in (1, 2)]
    lines = [
        {"custom_id": str(n), "method": "POST", "url": "/v1/chat/completions", "body": body}
        for n, body in enumerate(asked)
    ]
    text = "\n".join(map(json.dumps, lines)).encode()
    file = client.files.create(file=("asked.jsonl", text), purpose="batch")
    batch = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    end = time.monotonic() + 60
    while (batch := client.batches.retrieve(batch.id)).status not in ("completed", "failed"):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert (batch.request_counts.completed, batch.request_counts.failed) == (2, 0)
    assert batch.id in [listed.id for listed in client.batches.list()]
    answers = map(json.loads, client.files.content(batch.output_file_id).text.splitlines())
    said = {one["custom_id"]: one["response"]["body"] for one in answers}
    for number, body in enumerate(asked):
        alone = client.chat.completions.create(**body)
        message = said[str(number)]["choices"][0]["message"]
        assert message["content"] == alone.choices[0].message.content
        assert said[str(number)]["usage"]["total_tokens"] == alone.usage.total_tokens
    assert client.files.retrieve(batch.output_file_id).filename
    assert client.files.delete(file.id).deleted


def test_the_same_seed_says_the_same(client):
    warm = {**ASK, "temperature": 1.0}
    first, second = (client.chat.completions.create(**{**warm, "seed": 5}) for _ in range(2))
    assert first.choices[0].message.content == second.choices[0].message.content
    others = {
        client.chat.completions.create(**{**warm, "seed": seed}).choices[0].message.content
        for seed in range(6, 10)
    }
    assert others - {first.choices[0].message.content}


def test_a_reader_who_leaves_ends_the_stream(client):
    stream = client.chat.completions.create(**{**ASK, "max_tokens": 400}, stream=True)
    next(iter(stream))
    stream.close()
    assert client.chat.completions.create(**ASK).choices[0].message.content


def test_every_token_is_on_the_account(client):
    import httpx

    base = str(client.base_url).removesuffix("/v1/")
    lines = httpx.get(f"{base}/v1/usage").json()["data"]
    (line,) = [line for line in lines if line["subject"]]  # whichever name was asked for
    assert line["subject"] == "cspon/model"
    assert line["model_calls"] >= 7
    assert 0 < line["completion_tokens"] < 1000
