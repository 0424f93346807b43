"""One HTTP/1.1 connection to an engine: send a request, read its reply whole or as it comes.

It parses with httptools, as the server does, and does nothing else for a request; decision 0019 says why.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import httptools

MOST_HEAD = 65_536
"""Bytes of a reply's head."""
HIGH_WATER = 1 << 20
"""Bytes that wait to be read before the engine is held back."""


class Broken(ConnectionError):
    """The engine closed the connection, or sent what is no HTTP."""


class TooLong(Broken):
    """A reply is longer than it may be."""


class Connection(asyncio.Protocol):
    """A connection to an engine, and the reply that it carries now.

    Args:
        loop: The event loop.
        kept: Told when a reply is whole and the connection can carry another request.
    """

    transport: Any

    def __init__(
        self, loop: asyncio.AbstractEventLoop, kept: Callable[["Connection"], None]
    ) -> None:
        self._loop, self._kept = loop, kept
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timeout_s = self._deadline = 0.0
        self._error: Exception | None = None
        self._open = True
        self._begin()

    def _begin(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self._busy = self._whole = self._again = self._paused = self._dropped = False
        self._bounded, self._head, self._size = False, 0, 0
        self._pieces: list[bytes] = []

    @property
    def usable(self) -> bool:
        """It can carry a request."""
        return self._open and not self._busy and not self.transport.is_closing()

    async def ask(self, request: bytes, timeout_s: float) -> None:
        """Send a request and wait for the head of its reply, see `status` and `headers`.

        Args:
            request: The bytes.
            timeout_s: Seconds in each of which something must arrive, until the reply is whole.

        Raises:
            Broken: the engine closed the connection.
            TimeoutError: nothing arrived in time.
        """
        self._begin()
        self._busy, self._timeout_s = True, timeout_s
        self._deadline = self._loop.time() + timeout_s
        if self._timer is None:
            self._timer = self._loop.call_later(timeout_s, self._look)
        elif self._timer.when() > self._deadline:
            self._timer.cancel()
            self._timer = self._loop.call_later(timeout_s, self._look)
        self.transport.write(request)
        while not self.status:
            await self._wait()

    async def read(self, most: int) -> bytes:
        """Return the whole body.

        Raises:
            TooLong: it has more than `most` bytes.
            Broken, TimeoutError: as for `ask`.
        """
        while self._size <= most:
            if self._whole:
                return self._taken()
            self._go_on()
            await self._wait()
        raise TooLong("回答过长")

    async def some(self) -> bytes:
        """Return what has arrived of the body, at least one byte; empty at its end.

        Raises:
            Broken, TimeoutError: as for `ask`.
        """
        while not self._pieces and not self._whole:
            await self._wait()
        self._go_on()
        return self._taken()

    def release(self) -> None:
        """Keep the connection for the next request, once what is left of the reply has come."""
        if self._whole:
            self._end()
        else:
            self._dropped = True
            self._pieces.clear()
            self._go_on()

    def close(self) -> None:
        """Close at once: the engine sees that nobody waits any more."""
        self._open = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.transport.abort()

    def _taken(self) -> bytes:
        pieces, self._pieces, self._size = self._pieces, [], 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _go_on(self) -> None:
        if self._paused:
            self._paused = False
            self.transport.resume_reading()

    def _end(self) -> None:
        self._busy = False
        if self._open and self._again and not self.transport.is_closing():
            self._kept(self)
        else:
            self.close()

    async def _wait(self) -> None:
        if self._error is not None:
            raise self._error
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            if self._error is None:
                self._waiter.set_result(None)
            else:
                self._waiter.set_exception(self._error)

    def _fail(self, error: Exception) -> None:
        if self._error is None:
            self._error = error
        self.close()
        self._wake()

    def _look(self) -> None:
        """Fail where nothing came in time; the timer is kept from one request to the next."""
        self._timer = None
        if not self._busy:
            return
        left = self._deadline - self._loop.time()
        if left > 0 or self._paused:
            self._timer = self._loop.call_later(max(left, 0.1), self._look)
        else:
            self._fail(TimeoutError("引擎没有在规定时间内回答"))

    # asyncio.Protocol

    def connection_made(self, transport: Any) -> None:
        """Keep the transport."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived."""
        if not self._busy:  # nobody asked
            self.close()
            return
        self._deadline = self._loop.time() + self._timeout_s
        if not self.status:
            self._head += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(Broken(f"引擎的回答不是 HTTP：{error}"))
            return
        if not self.status and self._head > MOST_HEAD:
            self._fail(Broken("引擎的回答头过长"))
        elif self._whole and self._dropped:
            self._end()
        elif self._whole or self.status:
            self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        """Fail what is still waited for; a body without a length ends here."""
        self._open = False
        if not self._busy or self._whole:
            return
        if self.status and not self._bounded:
            self._whole = True
            self._wake()
        else:
            self._fail(Broken("引擎中断了连接"))

    # httptools

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        key = name.decode("latin-1").lower()
        self.headers[key] = value.decode("latin-1")
        if key in ("content-length", "transfer-encoding"):
            self._bounded = True

    def on_headers_complete(self) -> None:
        """The head is there; one of an interim reply (1xx) is forgotten."""
        status = self._parser.get_status_code()
        if status >= 200:
            self.status = status
        else:
            self.headers, self._bounded = {}, False

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        if self._dropped:
            return
        self._pieces.append(body)
        self._size += len(body)
        if self._size > HIGH_WATER and not self._paused:
            self._paused = True
            self.transport.pause_reading()

    def on_message_complete(self) -> None:
        """The reply is whole."""
        if self.status:
            self._whole, self._again = True, self._parser.should_keep_alive()
