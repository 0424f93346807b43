"""A chat server on loopback that does what a test tells it, request by request."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


class FakeServer(ThreadingHTTPServer):
    """Answers each request with the next of `answers`; keeps what was asked in `asked`."""

    daemon_threads = False
    block_on_close = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[Callable[[_Handler], None]] = []
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.hung_up = threading.Event()
        self.released = threading.Event()
        self.connections: list[socket.socket] = []

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.append(request)
        super().process_request(request, client_address)

    def hang_up(self) -> None:
        """End the connections that clients keep open."""
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def will(self, *answers: Callable[["_Handler"], None]) -> None:
        self.answers.extend(answers)


class _Handler(BaseHTTPRequestHandler):
    server: FakeServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        self.server.asked.append(json.loads(self.rfile.read(length) or b"{}"))
        self.server.headers.append(dict(self.headers))
        self._answer()

    def do_GET(self) -> None:
        self.server.asked.append({"path": self.path})
        self._answer()

    def _answer(self) -> None:
        if not self.server.answers:
            return self.send_error(500, "nothing scripted")
        self.server.answers.pop(0)(self)
        return None

    def log_message(self, format: str, *args: Any) -> None:
        pass


def says(status: int, body: Any, **headers: str) -> Callable[[_Handler], None]:
    """Answer with a status and JSON (or text)."""

    def answer(handler: _Handler) -> None:
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", str(len(data)))
        for key, value in headers.items():
            handler.send_header(key.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def drops(handler: _Handler) -> None:
    """Close the connection without an answer."""
    handler.close_connection = True


def hangs(handler: _Handler) -> None:
    """Say nothing until the test is over or the client hangs up."""
    handler.connection.settimeout(0.05)
    while not handler.server.released.is_set():
        try:
            if handler.connection.recv(1) == b"":
                handler.server.hung_up.set()
                break
        except TimeoutError:
            continue
    handler.close_connection = True


def chunk(text: str = "", finish: str | None = None, **delta: Any) -> dict[str, Any]:
    """A chunk of a streamed reply."""
    return {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "served",
        "choices": [{"index": 0, "delta": {"content": text, **delta}, "finish_reason": finish}],
    }


USAGE = {
    **chunk(),
    "choices": [],
    "usage": {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14},
}


def streams(*chunks: Any, then: str = "done", pause_s: float = 0.0) -> Callable[[_Handler], None]:
    """Stream chunks, then end well (`done`), break off (`cut`), close early (`close`) or `hang`."""

    def answer(handler: _Handler) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        if then == "close":
            handler.send_header("connection", "close")
        else:
            handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        try:
            for piece in chunks:
                data = piece if isinstance(piece, str) else json.dumps(piece)
                _send(handler, f"data: {data}\n\n".encode(), plain=then == "close")
                time.sleep(pause_s)
            if then == "hang":
                return hangs(handler)
            if then == "done":
                _send(handler, b"data: [DONE]\n\n")
                handler.wfile.write(b"0\r\n\r\n")
            else:
                handler.close_connection = True
        except (BrokenPipeError, ConnectionResetError):
            handler.server.hung_up.set()
            handler.close_connection = True
        return None

    return answer


def _send(handler: _Handler, data: bytes, *, plain: bool = False) -> None:
    handler.wfile.write(data if plain else b"%x\r\n%s\r\n" % (len(data), data))
    handler.wfile.flush()


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as fake:
        thread = threading.Thread(target=lambda: fake.serve_forever(0.02))
        thread.start()
        yield fake
        fake.released.set()
        fake.shutdown()
        fake.hang_up()
        thread.join()


@pytest.fixture
def fakes() -> Any:
    """The answers of this file, for tests (test folders are no packages)."""
    import types

    return types.SimpleNamespace(
        says=says, drops=drops, hangs=hangs, chunk=chunk, USAGE=USAGE, streams=streams
    )
