"""A made-up engine of fixed delay for the gateway benchmark: `python -m eval.bench.gateway_upstream PORT`.

Whole replies of a fixed size after the delay; streams of as many chunks as `max_tokens` says, with
`delay_ms` of `metadata` between them; `idle` streams send one chunk and stay open. `GET /told` returns
how many tokens it has told in all.
"""

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
PLACEHOLDER = re.compile("【[^】]{1,20}】")
"""What the gateway's guards put in the place of a value; named in the reply, they must put it back."""
HEAD = [(b"content-type", b"application/json")]
EVENTS = [(b"content-type", b"text/event-stream")]


class Upstream:
    """The engine.

    Args:
        delay_s: Seconds before a whole reply.
        reply_bytes: Bytes of its text.
    """

    def __init__(self, delay_s: float, reply_bytes: int) -> None:
        self.delay_s, self.told = delay_s, 0
        text = ("规划期末建设用地规模不突破上级下达的指标。" * (reply_bytes // 60 + 1))[
            : reply_bytes // 3
        ]
        self.text = text

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        if scope["method"] == "GET":
            await self._json(send, {"told": self.told})
            return
        raw, more = b"", True
        while more:
            message = await receive()
            raw += message.get("body", b"")
            more = message.get("more_body", False)
        body = orjson.loads(raw)
        if body.get("stream"):
            await self._stream(body, send)
            return
        await asyncio.sleep(self.delay_s)
        tokens = int(body.get("max_tokens") or 16)
        self.told += tokens + 20
        named = "、".join(PLACEHOLDER.findall(raw.decode()))
        message = {"role": "assistant", "content": named + self.text[len(named) :]}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 20, "completion_tokens": tokens, "total_tokens": tokens + 20}
        said = {"id": "made", "object": "chat.completion", "model": body["model"]}
        await self._json(send, {**said, "choices": [choice], "usage": usage})

    async def _stream(self, body: dict[str, Any], send: Send) -> None:
        count = int(body.get("max_tokens") or 16)
        idle = body.get("stop") == "idle"
        await send({"type": "http.response.start", "status": 200, "headers": EVENTS})
        delta = {"choices": [{"index": 0, "delta": {"content": "规划"}, "finish_reason": None}]}
        event = b"data: " + orjson.dumps(delta) + b"\n\n"
        pause = float(body.get("seed") or 0) / 1e6
        for _ in range(1 if idle else count):
            if pause:
                await asyncio.sleep(pause)
            await send({"type": "http.response.body", "body": event, "more_body": True})
        if idle:
            await asyncio.sleep(3600)
        self.told += count + 20
        usage = {"prompt_tokens": 20, "completion_tokens": count, "total_tokens": count + 20}
        last = orjson.dumps({"choices": [], "usage": usage})
        end = b"data: " + last + b"\n\ndata: [DONE]\n\n"
        await send({"type": "http.response.body", "body": end})

    @staticmethod
    async def _json(send: Send, said: dict[str, Any]) -> None:
        content = orjson.dumps(said)
        length = (b"content-length", str(len(content)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [*HEAD, length]})
        await send({"type": "http.response.body", "body": content})


class Bare:
    """A pass-through proxy without any of the gateway's work: the limit of this server stack.

    Args:
        target: Address of the engine.
    """

    def __init__(self, target: str) -> None:
        self.target, self._session = target, None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        import aiohttp

        if scope["type"] != "http":
            return
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0)
            self._session = aiohttp.ClientSession(connector=connector)  # type: ignore[assignment]
        session: Any = self._session
        raw, more = b"", True
        while more:
            message = await receive()
            raw += message.get("body", b"")
            more = message.get("more_body", False)
        async with session.post(self.target + scope["path"], data=raw) as answer:
            content = await answer.read()
        length = (b"content-length", str(len(content)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [*HEAD, length]})
        await send({"type": "http.response.body", "body": content})


def main(kind: str, port: int, argument: str) -> None:
    """Serve `upstream` (argument: delay in ms) or `bare` (argument: the engine's address)."""
    import uvicorn

    app = Upstream(float(argument) / 1000, 10 * 1024) if kind == "upstream" else Bare(argument)
    uvicorn.run(
        app,
        host="127.0.0.1", port=port, log_config=None, access_log=False, loop="uvloop",
        http="httptools", lifespan="off", backlog=16_384,
    )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
