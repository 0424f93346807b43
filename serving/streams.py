"""Runs that end when their client leaves: a pump between a run and its server-sent events."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from fastapi import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

T = TypeVar("T")

DEPTH = 64
"""Pieces that may wait for a slow reader before the run itself has to wait."""


class ClientGone(Exception):
    """The client closed the connection; its run was cancelled."""


class Pump(Generic[T]):
    """Steps an async generator in a task of its own; leaving the context cancels it for certain.

    The generator is stepped and closed by one task only, so that cancel scopes inside it hold,
    whoever reads from the pump.
    """

    def __init__(self, source: AsyncGenerator[T, None]) -> None:
        self._source = source
        self._queue: asyncio.Queue[T | _End] = asyncio.Queue(maxsize=DEPTH)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await _cancel(self._task)

    async def _run(self) -> None:
        end = _End(None)
        try:
            async with contextlib.aclosing(self._source) as source:
                async for item in source:
                    await self._queue.put(item)
        except Exception as error:  # noqa: BLE001 - the reader raises it
            end = _End(error)
        await self._queue.put(end)

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        item = await self._queue.get()
        if not isinstance(item, _End):
            return item
        self._queue.put_nowait(item)
        raise item.error or StopAsyncIteration


class _End:
    """The end of a run, with the error that ended it."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Await `work`; cancel it when the client disconnects.

    Raises:
        ClientGone: the client left first.
    """
    task, watch = asyncio.create_task(work), asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientGone
    finally:
        await _cancel(watch)
        await _cancel(task)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _cancel(task: "asyncio.Task[Any]") -> None:
    if not task.done():
        task.cancel()
        await asyncio.wait({task})


def sse(data: Any) -> bytes:
    """Format one server-sent event."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return f"data: {text}\n\n".encode()


class EventStream(StreamingResponse):
    """Server-sent events; their generator is closed as soon as the client is gone.

    Args:
        first: The event that was already taken, so that an early error had its own status.
        rest: The generator of the others.
    """

    media_type = "text/event-stream"

    def __init__(self, first: bytes, rest: AsyncGenerator[bytes, None]) -> None:
        async def events() -> AsyncIterator[bytes]:
            yield first
            async for event in rest:
                yield event

        self._rest = rest
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__(events(), headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events; close their generator whatever happens."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._rest.aclose()
