"""Health, readiness, metrics, headers, logs, audit, and the port."""

import asyncio
import json
import logging
import signal
import socket
import time

import httpx
import pytest

from cspon.errors import SetupError
from serving.app import create_app
from serving.run import address_of, listen
from serving.telemetry import JsonLines

QUESTION = {"model": "cspon/assistant", "messages": [{"role": "user", "content": "选址？"}]}
REFUSED = {"model": "cspon/assistant", "messages": [{"role": "user", "content": "拒答"}]}


def ask(gateway, body=QUESTION, **more):
    return httpx.post(f"{gateway.url}/v1/chat/completions", json=body, **more)


def test_alive_but_not_ready_without_layers(gateway):
    url = gateway().url
    assert httpx.get(f"{url}/healthz").json() == {"status": "ok"}
    reply = httpx.get(f"{url}/readyz")
    assert reply.status_code == 503
    body = reply.json()
    assert body["status"] == "unavailable"
    assert set(body["parts"]) == {"model", "store", "layers"}
    assert "layers.yaml" in body["parts"]["layers"]["detail"]
    assert "/" not in body["parts"]["layers"]["detail"]


def test_degraded_with_layers_but_without_model(gateway, tmp_path):
    layers = tmp_path / "layers"
    layers.mkdir()
    catalogue = {"title": "县", "region_code": "1", "region_name": "县", "epsg": 4547, "layers": []}
    (layers / "layers.yaml").write_text(json.dumps(catalogue), encoding="utf-8")
    reply = httpx.get(f"{gateway(layers=layers).url}/readyz")
    assert (reply.status_code, reply.json()["status"]) == (200, "degraded")
    assert "none" in reply.json()["parts"]["model"]["detail"]


def test_dead_model_is_seen(gateway, fakes):
    parts = httpx.get(f"{gateway(model=fakes.WaitingModel()).url}/readyz").json()["parts"]
    assert parts["model"] == {"ok": False, "detail": "scripted:waiting 不应答"}


def test_unknown_model_degrades_at_start(settings):
    app = create_app(settings.model_copy(update={"model": "nonsense:x", "embedding": "nonsense"}))

    async def start():
        async with app.router.lifespan_context(app):
            return dict(app.state.services.missing)

    missing = asyncio.run(start())
    assert "nonsense" in missing["model"]
    assert "nonsense" in missing["store"]


def test_metrics_count_routes_tokens_and_refusals(gateway):
    running = gateway()
    ask(running)
    ask(running, REFUSED)
    httpx.get(f"{running.url}/v1/models/x")
    text = httpx.get(f"{running.url}/metrics").text
    for line in (
        'cspon_http_requests_total{method="POST",route="/v1/chat/completions",status="200"} 2.0',
        'cspon_http_requests_total{method="GET",route="/v1/models/{name:path}",status="404"} 1.0',
        'cspon_http_request_seconds_count{route="/v1/chat/completions"} 2.0',
        'cspon_model_tokens_total{kind="prompt",model="scripted:test"} 40.0',
        'cspon_tool_calls_total{outcome="ok",tool="check_compliance"} 1.0',
        'cspon_answers_total{intent="use_tools"} 1.0',
        'cspon_refusals_total{kind="needs_input"} 1.0',
        "cspon_runs_in_progress 0.0",
    ):
        assert line in text


def test_audit_has_each_decision_and_no_question(gateway):
    running = gateway(steps=["答"])
    ask(running, {**QUESTION, "messages": [{"role": "user", "content": "慎密的问题"}]})
    ask(running, REFUSED)
    ask(running, {**QUESTION, "model": "cspon/model"})
    text = (running.services.settings.home / "audit.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    lines = [line for line in lines if line["kind"] != "guards"]
    assert [line["kind"] for line in lines] == ["answer", "refusal", "completion"]
    assert lines[0]["verdict"] == "不符合"
    assert lines[0]["tools"] == ["check_compliance@1"]
    assert lines[1]["refusal"] == "needs_input"
    assert all(line["result"].startswith("sha256:") for line in lines)
    assert "慎密" not in text


def test_no_answer_leaves_without_its_record(gateway):
    running = gateway()
    (running.services.settings.home / "audit.jsonl").mkdir(parents=True)
    reply = ask(running)
    assert reply.status_code == 503
    assert "审计" in reply.json()["error"]["message"]
    streamed = ask(running, {**QUESTION, "stream": True}).text
    assert '"error"' in streamed
    assert '"verdict"' not in streamed


def test_headers_and_request_id(gateway):
    running = gateway()
    reply = ask(running, headers={"x-request-id": "case-2026-0001"})
    assert reply.headers["x-request-id"] == "case-2026-0001"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'self'" in reply.headers["content-security-policy"]
    assert "access-control-allow-origin" not in reply.headers
    bad = ask(running, headers={"x-request-id": "x y"})
    assert bad.headers["x-request-id"].startswith("req-")


def test_access_log_is_json_without_the_question(gateway, caplog):
    with caplog.at_level(logging.INFO, "cspon.access"):
        ask(gateway())
        deadline = time.monotonic() + 5  # written after the last byte has left
        while not caplog.records and time.monotonic() < deadline:
            time.sleep(0.01)
    line = json.loads(JsonLines().format(caplog.records[-1]))
    assert (line["route"], line["status"]) == ("/v1/chat/completions", 200)
    assert line["ms"] > 0
    assert "选址" not in json.dumps(line, ensure_ascii=False)


def test_taken_port_names_port_and_mend():
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        assert address_of(first) == f"http://127.0.0.1:{port}"
        with pytest.raises(SetupError, match=f"端口 {port} 已被占用") as caught:
            listen("127.0.0.1", port)
    assert f"--port {port + 1}" in caught.value.mend


def test_foreign_address_names_the_setting():
    with pytest.raises(SetupError, match="--host"):
        listen("192.0.2.1", 8765)


@pytest.mark.integration
def test_command_with_taken_port_exits_2(start_command):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = start_command("--port", str(port))
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert f"端口 {port} 已被占用" in errors
    assert "Traceback" not in errors


@pytest.mark.integration
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_command_starts_degraded_and_stops_in_order(start_command, stop):
    process = start_command("--port", "0")
    text = ""
    for line in process.stderr:
        text += line
        if "按 Ctrl-C 停止" in line:
            break
    url = text.split("服务已启动：")[1].split()[0]
    assert httpx.get(f"{url}/readyz").json()["status"] == "unavailable"
    started = time.monotonic()
    process.send_signal(stop)
    process.communicate(timeout=20)
    assert time.monotonic() - started < 5
    assert process.returncode == (0 if stop is signal.SIGINT else -signal.SIGTERM)
