"""A gateway before a made-up engine, both on real sockets."""

import asyncio
import json
from contextlib import contextmanager

import httpx
import pytest
import yaml


class MadeEngine:
    """An ASGI engine that does what the test says and notes what it is asked."""

    def __init__(self):
        self.asked, self.headers, self.gone = [], [], 0
        self.status, self.error = 200, None
        self.pieces = ["你", "好", "！"]
        self.usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
        self.break_after, self.hang, self.separator = None, None, b"\n\n"
        self.piece_bytes, self.echo = None, False

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return
        raw, more = b"", True
        while more:
            message = await receive()
            raw += message.get("body", b"")
            more = message.get("more_body", False)
        body = json.loads(raw)
        self.asked.append((scope["path"], body))
        if self.echo:
            self.pieces = list(body["messages"][-1]["content"])
        self.headers.append({k.decode(): v.decode() for k, v in scope["headers"]})
        if self.hang:
            left = asyncio.create_task(self._left(receive))
            await asyncio.wait({left}, timeout=self.hang)
            left.cancel()
            return
        if self.status != 200:
            await self._json(send, self.error or {"error": {"message": "boom"}}, self.status)
        elif body.get("stream"):
            await self._stream(body, receive, send)
        else:
            await self._json(send, self.whole(body, scope["path"]), 200)

    async def _left(self, receive):
        while (await receive())["type"] != "http.disconnect":
            pass
        self.gone += 1

    def whole(self, body, path):
        if path.endswith("/embeddings"):
            return {
                "object": "list", "data": [{"embedding": [0.5], "index": 0}],
                "usage": {"prompt_tokens": 4, "total_tokens": 4},
            }  # fmt: skip
        if path.endswith("/rerank"):
            scores = [
                {"index": i, "relevance_score": len(text)}
                for i, text in enumerate(body["documents"])
            ]
            return {"results": scores[::-1], "usage": {"total_tokens": 8}}
        message = {"role": "assistant", "content": "".join(self.pieces)}
        return {
            "id": "x", "object": "chat.completion", "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            **({"usage": self.usage} if self.usage else {}),
        }  # fmt: skip

    def events(self, body):
        for piece in self.pieces:
            yield {"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]}
        yield {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        if self.usage and body["stream_options"]["include_usage"]:
            yield {"choices": [], "usage": self.usage}

    async def _stream(self, body, receive, send):
        head = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        said = [b"data: " + json.dumps(e, ensure_ascii=False).encode() for e in self.events(body)]
        if self.break_after is not None:
            for event in said[: self.break_after]:
                await send(self._piece(event + self.separator))
            if self.break_after < 0:
                await send(self._piece(b'data: {"error": {"message": "cuda"}}\n\n'))
            raise ConnectionError("made")
        whole = b"".join(event + self.separator for event in [*said, b"data: [DONE]"])
        step = self.piece_bytes or len(whole)
        for start in range(0, len(whole), step):
            await send(self._piece(whole[start : start + step]))
        await send({"type": "http.response.body", "body": b""})

    @staticmethod
    def _piece(data):
        return {"type": "http.response.body", "body": data, "more_body": True}

    @staticmethod
    async def _json(send, said, status):
        head = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": json.dumps(said).encode()})


@pytest.fixture
def made():
    return MadeEngine()


@pytest.fixture(scope="session")
def serve_app():
    import importlib.util
    from pathlib import Path

    file = Path(__file__).parents[1] / "conftest.py"
    spec = importlib.util.spec_from_file_location("serving_conftest", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.running


@pytest.fixture
def relayed(gateway, settings, made, serve_app):
    """Start a gateway before engines: `relayed(urls=…, budgets=…, **engine)` yields its client."""
    opened = []

    @contextmanager
    def start(*, urls=None, budgets="", **engine):
        with serve_app(made) as url:
            settings.home.mkdir(parents=True, exist_ok=True)
            facts = {
                "name": "vllm", "urls": urls or [f"{url}/v1"],
                "models": [{"name": "qwen", "upstream": "Qwen/Qwen3-8B"}],
                "kinds": ["chat", "completions", "embeddings", "rerank"], **engine,
            }  # fmt: skip
            (settings.home / "engines.yaml").write_text(yaml.safe_dump({"engines": [facts]}))
            if budgets:
                (settings.home / "budgets.yaml").write_text(budgets, encoding="utf-8")
            started = gateway()
            with httpx.Client(base_url=started.url, timeout=30) as http:
                started.http, started.engine_url = http, url
                opened.append(started)
                yield started

    return start
