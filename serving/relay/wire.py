"""HTTP/1.1 to the engines: connections that are kept, one request at a time on each."""

import asyncio
import ssl
from functools import cache
from urllib.parse import urlsplit

from serving.relay.connection import Connection


class NotConnected(ConnectionError):
    """Nobody answers at the address: nothing was sent."""


class Wire:
    """The connections to all engines, for one event loop.

    Args:
        connect_s: Seconds for a connection.
        keep_s: Seconds that an idle connection is kept.
    """

    def __init__(self, *, connect_s: float, keep_s: float) -> None:
        self._connect_s, self._keep_s = connect_s, keep_s
        self._idle: dict[str, list[tuple[float, Connection]]] = {}
        self._sweeping: asyncio.TimerHandle | None = None

    async def connection(self, url: str) -> Connection:
        """Return a connection to the server of an address, an idle one where there is one.

        Raises:
            NotConnected: nobody answers.
        """
        idle = self._idle.get(url)
        while idle:
            found = idle.pop()[1]
            if found.usable:
                return found
        return await self._connect(url)

    async def _connect(self, url: str) -> Connection:
        loop = asyncio.get_running_loop()
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)

        def kept(connection: Connection) -> None:
            self._keep(url, connection, loop)

        try:
            async with asyncio.timeout(self._connect_s):
                made = await loop.create_connection(
                    lambda: Connection(loop, kept), parts.hostname or "", port,
                    ssl=_tls() if secure else None,
                )  # fmt: skip
        except OSError as error:
            raise NotConnected(str(error)) from None
        return made[1]

    def _keep(self, url: str, connection: Connection, loop: asyncio.AbstractEventLoop) -> None:
        self._idle.setdefault(url, []).append((loop.time() + self._keep_s, connection))
        if self._sweeping is None:
            self._sweeping = loop.call_later(self._keep_s, self._sweep, loop)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close what has been idle for too long; the oldest come first."""
        now, self._sweeping = loop.time(), None
        for url, idle in list(self._idle.items()):
            fresh = [pair for pair in idle if pair[0] > now and pair[1].usable]
            for ends, connection in idle:
                if ends <= now:
                    connection.close()
            if fresh:
                self._idle[url] = fresh
            else:
                del self._idle[url]
        if self._idle:
            self._sweeping = loop.call_later(self._keep_s / 4, self._sweep, loop)

    def close(self) -> None:
        """Close what is idle."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        for idle in self._idle.values():
            for _, connection in idle:
                connection.close()
        self._idle.clear()


@cache
def head_of(url: str, path: str, authorization: str) -> bytes:
    """Return the beginning of a request, as far as it is the same for all of them.

    Args:
        url: Address of the server, with the path that all its routes share.
        path: The route.
        authorization: Value of that header; empty: none.
    """
    parts = urlsplit(url)
    lines = [
        f"POST {parts.path}{path} HTTP/1.1", f"host: {parts.netloc.rpartition('@')[2]}",
        "accept: */*",
    ]  # fmt: skip
    if authorization:
        lines.append(f"authorization: {authorization}")
    if any(ord(char) < 32 for line in lines for char in line):
        raise ValueError("control characters in an address or a key")
    return "".join(f"{line}\r\n" for line in lines).encode()


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
