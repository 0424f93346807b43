"""How long a connection may dawdle: slow heads, slow bodies and slow readers are cut off.

The server waits for ever for a head, for a body, and for a client to read. Here each has its time, held by
timers of the connection that cost a request nothing when it comes and goes in one piece. A request whose
connection is cut ends like one whose caller left: cancelled at the engine, settled, recorded.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.relay.leaving import LEFT

log = logging.getLogger("cspon.serving")

TOO_LONG = "请求行或请求头过长"
TOO_SLOW = "请求没有在规定时间内发完"


class Patience(HttpToolsProtocol):
    """The server's HTTP/1.1 connection, with limits of time and of the head's size."""

    head_s: ClassVar[float] = 15.0
    """Seconds from the connection, or from the first byte of a further request, to the end of its head."""
    body_s: ClassVar[float] = 20.0
    """Seconds in each of which `body_bytes` of a body must arrive; only while the server reads."""
    body_bytes: ClassVar[int] = 4096
    send_s: ClassVar[float] = 60.0
    """Seconds in which a client must take what is buffered for it (64 KiB) down to a quarter."""
    most_head: ClassVar[int] = 65_536
    """Bytes of the request line and the headers together."""

    _stage = "head"
    _head = _body = 0
    _too_long = False
    _tell: Callable[[], None] | None = None
    _reading: asyncio.TimerHandle | None = None
    _writing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._reading = self.loop.call_later(self.head_s, self._late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all waiting."""
        self._stop_reading()
        self._stop_writing()
        super().connection_lost(exc)
        if self._tell is not None:
            self._tell()

    def data_received(self, data: bytes) -> None:
        """Take bytes; time runs while a head or a body is not whole."""
        size, before = len(data), self._stage
        super().data_received(data)
        if self.transport.is_closing():
            self._stop_reading()
        elif self._stage == "head":
            self._head += size
            if self._head > self.most_head:
                self._refuse(b"431 Request Header Fields Too Large", TOO_LONG)
            elif self._reading is None:
                self._reading = self.loop.call_later(self.head_s, self._late)
        elif self._stage == "body":
            self._body += size
            if before != "body" or self._reading is None:
                self._stop_reading()
                self._wait_for_body()
        elif self._reading is not None:
            self._stop_reading()

    def on_message_begin(self) -> None:
        """A head begins."""
        self._stage, self._head = "head", 0
        super().on_message_begin()
        self.scope["extensions"] = {LEFT: self._when_left}  # type: ignore[dict-item]

    def _when_left(self, tell: Callable[[], None] | None) -> bool:
        """Set what is called when the connection is lost; False: it is lost already."""
        self._tell = tell
        return not self.transport.is_closing()

    def on_url(self, url: bytes) -> None:
        """Count a piece of the request line."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """A body begins."""
        self._stage = "body"
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A request is whole."""
        self._stage = ""
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """A connection that is to be closed must still be read empty in time."""
        super().on_response_complete()
        if self.transport.is_closing() and self._writing is None:
            self._writing = self.loop.call_later(self.send_s, self._unread)

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection; in time also one whose client does not read."""
        super().timeout_keep_alive_handler()
        if self._writing is None:
            self._writing = self.loop.call_later(self.send_s, self._unread)

    def pause_writing(self) -> None:
        """The client reads more slowly than it is written to."""
        super().pause_writing()
        if self._writing is None:
            self._writing = self.loop.call_later(self.send_s, self._unread)

    def resume_writing(self) -> None:
        """The client has read."""
        self._stop_writing()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, or too long."""
        if self._too_long:
            self._refuse(b"431 Request Header Fields Too Large", TOO_LONG)
        else:
            super().send_400_response(msg)

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > self.most_head:
            self._too_long = True
            raise ValueError(TOO_LONG)

    def _wait_for_body(self) -> None:
        self._body = 0
        self._reading = self.loop.call_later(self.body_s, self._look_at_body)

    def _look_at_body(self) -> None:
        if self.flow.read_paused or self._body >= self.body_bytes:
            self._wait_for_body()
        else:
            self._late()

    def _late(self) -> None:
        self._refuse(b"408 Request Timeout", TOO_SLOW)

    def _refuse(self, status: bytes, message: str) -> None:
        """Say why, unless an answer has begun, and close."""
        self._stop_reading()
        if self.transport.is_closing():
            return
        begun = self.cycle is not None and self.cycle.response_started
        if not begun or self.cycle.response_complete:
            said = message.encode()
            self.transport.write(
                b"HTTP/1.1 %s\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n"
                b"x-content-type-options: nosniff\r\nconnection: close\r\n\r\n%s"
                % (status, len(said), said)
            )
        log.warning("connection cut", extra={"facts": {"why": message, "client": self.client}})
        self.transport.close()

    def _unread(self) -> None:
        self._writing = None
        log.warning(
            "connection cut", extra={"facts": {"why": "slow reader", "client": self.client}}
        )
        self.transport.abort()

    def _stop_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _stop_writing(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None
