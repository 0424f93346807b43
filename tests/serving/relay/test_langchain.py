"""LangChain's client through the gateway to a real small model: what it reads is what the engine said.

A recorder stands between the gateway and the engine, so that each answer is compared with the very
bytes that the engine sent for it, the ids of tool calls included.
"""

import base64
import importlib.util
import json
import struct
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import httpx
import pytest
import yaml
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from pydantic import BaseModel

ROOT = Path(__file__).resolve().parents[3]
MODEL = "smollm2-135m"
ASK = "Say hello in one short sentence."
TEMPLATE = """\
{%- if tools %}<|im_start|>system
Tools:
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}
Call one as
<tool_call>
{"name": <name>, "arguments": <object>}
</tool_call><|im_end|>
{% endif %}
{%- for message in messages %}<|im_start|>{{ message.role }}
{% if message.content %}{{ message.content }}{% endif %}
{%- for call in message.tool_calls or [] %}
<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>
{%- endfor %}<|im_end|>
{% endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
"""The small model's own template knows no tools; shown three calls in this one, it makes a fourth."""


class Area(BaseModel):
    """How large a village is."""

    place: Literal["东村", "西村"]
    unit: Literal["ha", "m2"]


def history():
    """A talk in which the model calls the tool for each village that it is asked of."""
    said = []
    for number, place in enumerate(("西村", "东村", "西村")):
        call = {"name": "Area", "args": {"place": place, "unit": "ha"}, "id": f"c{number}"}
        said += [HumanMessage(f"How large is {place}?"), AIMessage("", tool_calls=[call])]
    return [*said, HumanMessage("How large is 东村?")]


pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        importlib.util.find_spec("xllamacpp") is None, reason="no embedded engine (extra embedded)"
    ),
]


class Recorder:
    """An ASGI way to an engine that keeps what the engine answered."""

    def __init__(self, address):
        self._address, self.answers = address, []

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return
        raw, more = b"", True
        while more:
            message = await receive()
            raw, more = raw + message["body"], message.get("more_body", False)
        async with (
            httpx.AsyncClient(base_url=self._address, timeout=120) as client,
            client.stream(
                "POST", scope["path"].removeprefix("/v1"), content=raw,
                headers={"content-type": "application/json"},
            ) as answer,
        ):  # fmt: skip
            head = [(b"content-type", answer.headers["content-type"].encode())]
            await send(
                {"type": "http.response.start", "status": answer.status_code, "headers": head}
            )
            self.answers.append(said := bytearray())
            async for piece in answer.aiter_raw():
                said += piece
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    def whole(self):
        """The one whole answer since the last look."""
        (said,) = self.answers
        self.answers.clear()
        return json.loads(said)

    def events(self):
        """The events of the one stream since the last look."""
        (said,) = self.answers
        self.answers.clear()
        lines = [line[6:] for line in said.decode().splitlines() if line.startswith("data: ")]
        assert lines.pop() == "[DONE]"
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def engines():
    """Addresses of the real small model as an engine of chat and as one of embeddings."""
    import xllamacpp

    from llm.fetch import fetch_model

    (ROOT / "var" / "models").mkdir(parents=True, exist_ok=True)
    file = fetch_model(MODEL, ROOT / "var" / "models")

    def start(**more):
        params = xllamacpp.CommonParams()
        params.model.path = str(file)
        params.hostnames, params.port = ["127.0.0.1"], 0
        params.n_ctx, params.n_parallel, params.cpuparams.n_threads = 2048, 2, 2
        params.fit_params = params.ui = False
        for name, value in more.items():
            setattr(params, name, value)
        return xllamacpp.Server(params)

    pooling = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    chat = start(chat_template=TEMPLATE)
    vectors = start(embedding=True, pooling_type=pooling, n_batch=512, n_ubatch=512)
    yield f"{chat.listening_address}/v1", f"{vectors.listening_address}/v1"
    del chat, vectors


@pytest.fixture
def chain(clients):
    """The clients before recorders that have recorded nothing yet."""
    clients.chat.answers.clear()
    clients.vector.answers.clear()
    return clients


@pytest.fixture(scope="module")
def clients(engines, tmp_path_factory, serve_app, fakes):
    """LangChain's clients before a gateway whose engines are the real ones behind recorders."""
    from langchain_openai import ChatOpenAI, OpenAIEmbeddings

    from cspon.settings import Settings
    from serving.app import create_app

    home = tmp_path_factory.mktemp("langchain")
    chat, vector = map(Recorder, engines)
    with serve_app(chat) as chat_url, serve_app(vector) as vector_url:
        listed = [
            {
                "name": "small", "urls": [f"{chat_url}/v1"],
                "models": [{"name": "small", "upstream": MODEL}],
            },
            {
                "name": "vectors", "urls": [f"{vector_url}/v1"], "models": [{"name": "vectors"}],
                "kinds": ["embeddings"],
            },
        ]  # fmt: skip
        (home / "engines.yaml").write_text(yaml.safe_dump({"engines": listed}))
        settings = Settings(_env_file=None, home=home, model="none")
        with serve_app(create_app(settings, assistant=fakes.FakeAssistant())) as url:
            common = {"base_url": f"{url}/v1", "api_key": "none", "max_retries": 0}
            model = partial(
                ChatOpenAI, model="small", temperature=0, seed=3, max_tokens=64,
                stream_usage=True, **common,
            )  # fmt: skip
            embeddings = partial(
                OpenAIEmbeddings, model="vectors", check_embedding_ctx_length=False, **common
            )
            with httpx.Client(timeout=120) as http:
                yield SimpleNamespace(
                    model=model(http_client=http),
                    embeddings=embeddings(http_client=http),
                    model_with=model,
                    embeddings_with=embeddings,
                    chat=chat,
                    vector=vector,
                )


def same_usage(told, said):
    assert told["input_tokens"] == said["prompt_tokens"] > 0
    assert told["output_tokens"] == said["completion_tokens"] > 0
    assert told["total_tokens"] == said["total_tokens"]


def same_calls(message, said):
    """The calls as LangChain read them are those of the engine: ids, names, arguments."""
    assert len(said) == len(message.tool_calls) > 0
    assert message.invalid_tool_calls == []
    for call, engine in zip(message.tool_calls, said, strict=True):
        assert (call["id"], call["name"]) == (engine["id"], engine["function"]["name"])
        assert call["args"] == json.loads(engine["function"]["arguments"])


def test_a_whole_answer_with_its_usage(chain):
    reply = chain.model.invoke(ASK)
    said = chain.chat.whole()
    assert reply.content == said["choices"][0]["message"]["content"] != ""
    assert reply.response_metadata["finish_reason"] == said["choices"][0]["finish_reason"]
    assert reply.id and reply.response_metadata["id"] == said["id"]
    same_usage(reply.usage_metadata, said["usage"])


def test_a_stream_with_its_usage(chain):
    chunks = list(chain.model.stream(ASK))
    events = chain.chat.events()
    said = [e["choices"][0]["delta"].get("content") or "" for e in events if e["choices"]]
    assert "".join(chunk.content for chunk in chunks) == "".join(said)  # cut anew by the guards
    assert sum(bool(chunk.content) for chunk in chunks) > 5
    (usage,) = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata]
    same_usage(usage, next(e["usage"] for e in events if e.get("usage")))


def test_a_stream_is_the_whole_answer(chain):
    whole = chain.model.invoke(ASK)
    assert "".join(chunk.content for chunk in chain.model.stream(ASK)) == whole.content


def test_a_tool_call_is_the_engines_byte_for_byte(chain):
    reply = chain.model.bind_tools([Area]).invoke(history())
    said = chain.chat.whole()
    same_calls(reply, said["choices"][0]["message"]["tool_calls"])
    assert reply.tool_calls[0]["args"]["place"] == "东村"
    same_usage(reply.usage_metadata, said["usage"])


def test_a_streamed_tool_call_is_the_engines_byte_for_byte(chain):
    stream = chain.model.bind_tools([Area]).stream(history())
    pieces = [piece for chunk in stream for piece in chunk.tool_call_chunks]
    deltas = [e["choices"][0]["delta"] for e in chain.chat.events() if e["choices"]]
    said = [call for delta in deltas for call in delta.get("tool_calls", ())]
    arguments = "".join(piece["args"] or "" for piece in pieces)
    assert arguments == "".join(call["function"].get("arguments") or "" for call in said)
    assert json.loads(arguments)["place"] == "东村"
    assert [p["id"] for p in pieces if p["id"]] == [c["id"] for c in said if c.get("id")] != []
    assert {p["name"] for p in pieces if p["name"]} == {"Area"}


def test_the_result_of_a_tool_goes_back(chain):
    result = ToolMessage("5 ha", tool_call_id="c0")
    reply = chain.model.invoke([*history()[:2], result])
    said = chain.chat.whole()
    assert reply.content == said["choices"][0]["message"]["content"] != ""
    assert said["usage"]["prompt_tokens"] > 40


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_structured_output(chain, method):
    model = chain.model.with_structured_output(Area, method=method, include_raw=True)
    picked = model.invoke(history() if method == "function_calling" else ASK)
    message = chain.chat.whole()["choices"][0]["message"]
    if method == "json_schema":
        told = message["content"]
        assert picked["raw"].content == told
    else:
        same_calls(picked["raw"], message["tool_calls"])
        told = message["tool_calls"][0]["function"]["arguments"]
    assert picked["parsing_error"] is None
    assert picked["parsed"] == Area(**json.loads(told))


def test_several_at_once(chain):
    replies = chain.model.batch([ASK, "Count to three.", "Name a colour."])
    said = {answer["id"]: answer for answer in map(json.loads, chain.chat.answers)}
    assert len(said) == len(replies) == 3
    for reply in replies:
        answer = said[reply.response_metadata["id"]]
        assert reply.content == answer["choices"][0]["message"]["content"]
        same_usage(reply.usage_metadata, answer["usage"])


async def test_without_blocking(chain):
    async with httpx.AsyncClient(timeout=120) as http:
        model = chain.model_with(http_client=chain.model.http_client, http_async_client=http)
        reply = await model.ainvoke(ASK)
        said = chain.chat.whole()
        assert reply.content == said["choices"][0]["message"]["content"]
        same_usage(reply.usage_metadata, said["usage"])
        text = "".join([chunk.content async for chunk in model.astream(ASK)])
        deltas = [e["choices"][0]["delta"] for e in chain.chat.events() if e["choices"]]
        assert text == "".join(delta.get("content") or "" for delta in deltas) != ""


def test_vectors_of_documents_and_of_a_query(chain):
    vectors = chain.embeddings.embed_documents(["农用地转用", "城镇开发边界"])
    said = chain.vector.whole()["data"]
    assert [struct.pack(f"<{len(v)}f", *v) for v in vectors] == [
        base64.b64decode(line["embedding"]) for line in said
    ]
    query = chain.embeddings.embed_query("农用地转用")
    assert len(query) == len(vectors[0]) > 100
    assert query == pytest.approx(vectors[0], abs=1e-3)


async def test_vectors_without_blocking(chain):
    async with httpx.AsyncClient(timeout=120) as http:
        embeddings = chain.embeddings_with(
            http_client=chain.model.http_client, http_async_client=http
        )
        (vector,) = await embeddings.aembed_documents(["农用地转用"])
    assert len(vector) > 100
    assert len(chain.vector.whole()["data"]) == 1


def test_errors_keep_their_kind(chain):
    import openai

    with pytest.raises(openai.BadRequestError) as refused:
        chain.model.invoke(ASK, max_tokens=10**7)
    assert refused.value.param in ("max_tokens", "max_completion_tokens")
    with pytest.raises(openai.NotFoundError):
        chain.model.invoke(ASK, model="nobody")
    assert chain.chat.answers == []
