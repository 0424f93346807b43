import importlib.util
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from cspon.errors import InputError, ModelUnavailable, SetupError
from llm import embedded, engines, server_process
from llm.chat import ChatRequest, Message
from llm.embedded import EmbeddedModel
from llm.fetch import fetch_model
from llm.providers import ModelOptions, get_model

ROOT = Path(__file__).resolve().parents[2]
MODEL = "smollm2-135m"
ASK = ChatRequest(messages=(Message(role="user", content="Name three colours."),), max_tokens=48)
SCHEMA = {
    "type": "object",
    "properties": {
        "colours": {
            "type": "array",
            "items": {"enum": ["red", "green", "blue"]},
            "minItems": 2,
            "maxItems": 2,
        }
    },
    "required": ["colours"],
    "additionalProperties": False,
}


def make_options(folder: Path, **more) -> ModelOptions:
    return ModelOptions(
        models_dir=ROOT / "var" / "models",
        engine_dir=folder / "engine",
        context=1024,
        threads=2,
        timeout_s=60,
        engine_port=0,
        **more,
    )


async def test_without_an_engine_the_model_is_unavailable(tmp_path):
    model = EmbeddedModel(MODEL, make_options(tmp_path))
    with pytest.raises(ModelUnavailable, match="cspon engine start"):
        await model.complete(ASK)
    with pytest.raises(ModelUnavailable):
        await anext(model.stream(ASK))
    health = await model.health()
    assert not health.ok
    assert "没有运行" in health.detail
    await model.aclose()


def test_a_missing_package_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SetupError, match="xllamacpp") as caught:
        embedded.start(MODEL, make_options(tmp_path))
    assert "embedded" in str(caught.value)


def test_a_file_that_is_no_model_is_refused_before_anything_starts(tmp_path):
    file = tmp_path / "x.gguf"
    file.write_text("text")
    with pytest.raises(InputError, match=r"x\.gguf"):
        embedded.start(MODEL, make_options(tmp_path, model_path=file))
    assert not (tmp_path / "engine").exists()


def test_cores_are_counted():
    assert 1 <= embedded.cores() <= (os.cpu_count() or 1)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """The engine with the small test model, shared by the tests that leave it running."""
    folder = tmp_path_factory.mktemp("embedded")
    options = make_options(folder)
    fetch_model(MODEL, options.models_dir)
    said: list[str] = []
    engines.start("embedded", MODEL, options, progress=said.append)
    assert any("已就绪" in line for line in said)
    yield options
    engines.stop("embedded", options)


@pytest.mark.integration
async def test_the_engine_answers_streams_and_counts(running):
    model = get_model(f"embedded:{MODEL}", running)
    health = await model.health()
    assert health.ok
    assert health.models == (MODEL,)
    reply = await model.complete(ASK)
    assert reply.text
    assert reply.completion_tokens > 0
    deltas = [delta async for delta in model.stream(ASK)]
    assert "".join(delta.text for delta in deltas) == deltas[-1].reply.text == reply.text
    assert deltas[-1].reply.prompt_tokens == reply.prompt_tokens > 0
    await model.aclose()


@pytest.mark.integration
async def test_the_engine_obeys_a_json_schema(running):
    import json

    model = get_model(f"embedded:{MODEL}", running)
    reply = await model.complete(ASK.model_copy(update={"json_schema": SCHEMA}))
    await model.aclose()
    assert len(json.loads(reply.text)["colours"]) == 2
    assert set(json.loads(reply.text)["colours"]) <= {"red", "green", "blue"}


@pytest.mark.integration
def test_a_running_engine_is_reused_and_seen(running):
    before = engines.status("embedded", running)
    again = engines.start("embedded", MODEL, running)
    assert again.pid == before.pid
    assert (before.running, before.ready, before.model) == (True, True, MODEL)


@pytest.mark.integration
async def test_another_model_than_the_running_one_is_unavailable(running):
    model = get_model("embedded:qwen2.5-coder-1.5b", running)
    with pytest.raises(ModelUnavailable, match=r"不是 qwen2\.5-coder"):
        await model.complete(ASK)
    await model.aclose()


@pytest.mark.integration
def test_other_sites_and_prompts_are_kept_out(running):
    import httpx

    address = engines.status("embedded", running).address.removesuffix("/v1")
    reply = httpx.get(
        f"{address}/v1/models", headers={"origin": "http://elsewhere.example"}, trust_env=False
    )
    assert reply.headers.get("access-control-allow-origin") not in ("*", "http://elsewhere.example")
    assert httpx.get(f"{address}/slots", trust_env=False).status_code >= 400
    log = engines.status("embedded", running).log.read_text(errors="replace")
    assert "Name three colours" not in log


@pytest.mark.integration
async def test_a_killed_engine_is_unavailable_and_starts_again(tmp_path):
    options = make_options(tmp_path)
    first = engines.start("embedded", MODEL, options)
    model = get_model(f"embedded:{MODEL}", options)
    texts = []
    with pytest.raises(ModelUnavailable):
        long = ASK.model_copy(update={"max_tokens": 900})
        async for delta in model.stream(long):
            texts.append(delta.text)
            if len(texts) == 3:
                os.kill(first.pid, signal.SIGKILL)
    assert len(texts) >= 3
    gone = time.monotonic() + 10
    while server_process.process_birth(first.pid) is not None and time.monotonic() < gone:
        time.sleep(0.05)  # a killed process closes its sockets before it has given its memory back
    assert not engines.status("embedded", options).running
    assert not (await model.health()).ok
    with pytest.raises(ModelUnavailable):
        await model.complete(ASK)

    second = engines.start("embedded", MODEL, options)
    assert second.pid != first.pid
    assert (await model.complete(ASK)).text
    await model.aclose()

    changed = options.model_copy(update={"context": 2048})
    third = engines.start("embedded", MODEL, changed)
    assert third.pid != second.pid
    assert server_process.process_birth(second.pid) is None
    started = time.monotonic()
    assert engines.stop("embedded", changed)
    assert time.monotonic() - started < 5
    assert not engines.stop("embedded", changed)
    assert server_process.process_birth(third.pid) is None


@pytest.mark.integration
def test_a_port_in_use_is_passed_over(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        options = make_options(tmp_path).model_copy(update={"engine_port": port})
        said: list[str] = []
        status = engines.start("embedded", MODEL, options, progress=said.append)
        engines.stop("embedded", options)
    assert status.ready
    assert any(f"端口 {port} 被占用" in line for line in said)


@pytest.mark.integration
def test_a_broken_model_file_is_told_from_the_log(tmp_path):
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"GGUF" + b"\0" * 1000)
    options = make_options(tmp_path, model_path=file)
    with pytest.raises(SetupError, match=r"启动后退出.*embedded\.log"):
        engines.start("embedded", "broken", options)
    assert not engines.status("embedded", options).running
