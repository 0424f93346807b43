"""Spans: which there are for a request, what they tell, and that they reach a collector."""

import asyncio
import gzip
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from cspon import watching
from llm.scripted import Step
from serving import tracing

CHAT = "/v1/chat/completions"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def below(span, other):
    return span.parent is not None and span.parent.span_id == other.context.span_id


def test_a_call_of_a_model_stands_below_its_request(spans, gateway):
    started = gateway(steps=[Step("答复"), Step("答复")])
    body = {"model": "cspon/model", "messages": [{"role": "user", "content": "机密的问题"}]}
    for stream in (False, True):
        reply = httpx.post(
            f"{started.url}{CHAT}", json={**body, "stream": stream}, headers={"traceparent": PARENT}
        )
        assert reply.status_code == 200
        made = spans(f"POST {CHAT}")
        request, chat = made[f"POST {CHAT}"], made["chat cspon/model"]
        assert f"{request.context.trace_id:032x}" == TRACE
        assert below(chat, request)
        assert request.attributes["http.response.status_code"] == 200
        assert request.attributes["cspon.request_id"] == reply.headers["x-request-id"]
        assert chat.attributes["gen_ai.operation.name"] == "chat"
        assert chat.attributes["gen_ai.request.model"] == "cspon/model"
        assert chat.attributes["gen_ai.usage.output_tokens"] > 0
        assert "机密" not in str([span.to_json() for span in made.values()])
    httpx.get(f"{started.url}/healthz")
    httpx.get(f"{started.url}/v1/models")
    assert not [name for name in spans("GET /v1/models") if "healthz" in name]


def test_tools_of_a_run_stand_below_the_agent_and_off_means_none():
    assert tracing.tracer is None
    assert watching.watcher is None
    with watching.watched("execute_tool", "x"), tracing.span("chat", "m") as none:
        assert none is None
    exporter = InMemorySpanExporter()
    provider = tracing.start("memory", processor=SimpleSpanProcessor(exporter))

    async def run():
        agent = tracing.Open("invoke_agent", "cspon/assistant", around=True)
        with watching.watched("execute_tool", "check_compliance"):
            await asyncio.to_thread(lambda: tracing.Open("chat", "m").end(prompt=3, completion=1))
        with pytest.raises(ValueError, match="bad"), tracing.span("execute_tool", "broken"):
            raise ValueError("bad")
        agent.end()
        agent.end()
        tracing.Open("chat", "after").end()

    try:
        asyncio.run(run())
    finally:
        tracing.stop(provider)
    spans = {span.name: span for span in exporter.get_finished_spans()}
    agent, tool = spans["invoke_agent cspon/assistant"], spans["execute_tool check_compliance"]
    assert agent.attributes["gen_ai.agent.name"] == "cspon/assistant"
    assert tool.attributes["gen_ai.tool.name"] == "check_compliance"
    assert below(tool, agent)
    assert below(spans["chat m"], tool)
    assert spans["execute_tool broken"].attributes["error.type"] == "ValueError"
    assert spans["chat after"].parent is None
    assert tracing.tracer is None


def test_a_collector_gets_them():
    got = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            packed = self.headers.get("content-encoding") == "gzip"
            got.append((self.path, gzip.decompress(body) if packed else body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *said):
            pass

    server = HTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    provider = tracing.start(f"http://127.0.0.1:{server.server_port}/v1/traces")
    with tracing.span("chat", "m"):
        pass
    tracing.stop(provider)
    server.shutdown()
    server.server_close()
    (path, body), *_ = got
    assert path == "/v1/traces"
    assert b"gen_ai.operation.name" in body
