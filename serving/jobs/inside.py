"""A request to the gateway from inside it, for a caller whom the gate let in before."""

import asyncio
import json
import secrets
from typing import Any

from starlette.types import ASGIApp, Message, Scope

from serving.access.caller import Caller, current
from serving.request_id import running


async def post(
    app: ASGIApp, caller: Caller, request_id: str, path: str, body: dict[str, Any]
) -> tuple[int, dict[str, str], Any]:
    """Send a JSON body to the application behind the gate.

    Args:
        app: The application.
        caller: For whom.
        request_id: Begins the id of the request.
        path: Of the route.
        body: What to send.

    Returns:
        Status, headers and the JSON answer.
    """
    content = json.dumps(body, ensure_ascii=False).encode()
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [
            (b"host", b"127.0.0.1"),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(content)).encode()),
        ],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
        "state": {"caller": caller, "request_id": f"{request_id[:40]}-{secrets.token_hex(6)}"},
    }
    sent, pieces, head = False, bytearray(), {}
    status = 500

    async def receive() -> Message:
        nonlocal sent
        if sent:  # this client never leaves
            await asyncio.Event().wait()
        sent = True
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            head.update({k.decode().lower(): v.decode("latin-1") for k, v in message["headers"]})
        else:
            pieces.extend(message.get("body", b""))

    token, before = current.set(caller), running.set(scope["state"]["request_id"])
    try:
        await app(scope, receive, send)
    finally:
        current.reset(token)
        running.reset(before)
    head["x-request-id"] = scope["state"]["request_id"]
    try:
        return status, head, json.loads(pieces)
    except ValueError:
        return status, head, pieces.decode("utf-8", "replace")
