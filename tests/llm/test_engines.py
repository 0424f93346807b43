import pytest

from cspon.errors import SetupError
from llm import engines, server_process
from llm.providers import ModelOptions
from llm.server_process import ServerRecord


@pytest.fixture
def options(tmp_path) -> ModelOptions:
    return ModelOptions(models_dir=tmp_path / "models", engine_dir=tmp_path / "engine")


def record(tmp_path, port: int) -> ServerRecord:
    import os
    from datetime import UTC, datetime

    return ServerRecord(
        name="embedded",
        pid=os.getpid(),
        born=server_process.process_birth(os.getpid()),
        host="127.0.0.1",
        port=port,
        model="m",
        fingerprint="f",
        log=tmp_path / "embedded.log",
        started_at=datetime.now(UTC),
        command=("x",),
    )


@pytest.mark.parametrize("engine", ["embedded", "vllm-cpu"])
def test_an_engine_that_does_not_run(options, engine):
    status = engines.status(engine, options)
    assert (status.running, status.ready, status.pid) == (False, False, None)
    assert not engines.stop(engine, options)


@pytest.mark.parametrize("name", ["ollama", ""])
def test_unknown_engines_are_refused(options, name):
    for call in (
        lambda: engines.start(name, "m", options),
        lambda: engines.stop(name, options),
        lambda: engines.status(name, options),
    ):
        with pytest.raises(SetupError, match="embedded、vllm-cpu、vllm-gpu"):
            call()


def test_the_gpu_engine_is_not_started_by_us(options):
    with pytest.raises(SetupError, match="vllm-gpu"):
        engines.start("vllm-gpu", "m", options)


def test_start_hands_over_to_the_engine_and_describes_it(
    options, tmp_path, monkeypatch, server, fakes
):
    port = server.server_address[1]
    asked = []

    def start(model, options, *, progress):
        asked.append(model)
        progress("启动")
        return record(tmp_path, port)

    server.will(fakes.says(200, {"data": [{"id": "m"}]}))
    monkeypatch.setitem(engines._START, "embedded", start)
    said: list[str] = []
    status = engines.start("embedded", "m", options, progress=said.append)
    assert (asked, said) == (["m"], ["启动"])
    assert (status.running, status.ready) == (True, True)
    assert status.address == f"http://127.0.0.1:{port}/v1"


def test_a_process_that_does_not_answer_is_running_but_not_ready(options, tmp_path, server, fakes):
    server.will(fakes.says(503, {"error": "loading"}))
    options.engine_dir.mkdir()
    kept = record(tmp_path, server.server_address[1])
    (options.engine_dir / "embedded.json").write_text(kept.model_dump_json())
    status = engines.status("embedded", options)
    assert (status.running, status.ready) == (True, False)
    assert "没有应答" in status.detail
