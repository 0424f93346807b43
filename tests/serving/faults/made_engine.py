"""A made-up engine in a process of its own: `python made_engine.py PORT NOTES`.

It notes each request that reached it and each that it told to the end, with the tokens. The first
message says how it behaves: `slow` streams for some seconds, `long` streams far more than buffers hold,
`poison` brings it down.
"""

import asyncio
import json
import os
import sys

import uvicorn

HEAD = [(b"content-type", b"application/json")]
EVENTS = [(b"content-type", b"text/event-stream")]


def note(*words):
    os.write(NOTES, (" ".join(map(str, words)) + "\n").encode())


def event(text):
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


async def app(scope, receive, send):
    raw, more = b"", True
    while more:
        message = await receive()
        raw += message.get("body", b"")
        more = message.get("more_body", False)
    if scope["method"] == "GET":
        await send({"type": "http.response.start", "status": 200, "headers": HEAD})
        await send({"type": "http.response.body", "body": b"{}"})
        return
    body = json.loads(raw)
    number = dict(scope["headers"])[b"x-request-id"].decode()
    note("asked", number)
    how, tokens = body["messages"][0]["content"], body["max_tokens"]
    if how == "poison":
        note("poisoned", number)
        os._exit(1)
    usage = {"prompt_tokens": 7, "completion_tokens": tokens, "total_tokens": 7 + tokens}
    if body.get("stream"):
        await send({"type": "http.response.start", "status": 200, "headers": EVENTS})
        for _ in range(20_000 if how == "long" else tokens):
            if how == "slow":
                await asyncio.sleep(0.2)
            said = event("字" * 500 if how == "long" else "字")
            await send({"type": "http.response.body", "body": said, "more_body": True})
        last = b"data: " + json.dumps({"choices": [], "usage": usage}).encode()
        note("told", number, 7, tokens)
        await send({"type": "http.response.body", "body": last + b"\n\ndata: [DONE]\n\n"})
        return
    await asyncio.sleep(0.01)
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": "好"},
        "finish_reason": "stop",
    }
    note("told", number, 7, tokens)
    await send({"type": "http.response.start", "status": 200, "headers": HEAD})
    said = json.dumps({"choices": [choice], "usage": usage}).encode()
    await send({"type": "http.response.body", "body": said})


if __name__ == "__main__":
    NOTES = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    uvicorn.run(app, port=int(sys.argv[1]), log_config=None, access_log=False, lifespan="off")
