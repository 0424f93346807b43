"""One request on its way to an engine and back, whichever way it ends."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import orjson

from cspon.errors import CsponError
from serving.problems import ApiError, public
from serving.relay.body import Asked
from serving.relay.connection import Connection, TooLong
from serving.relay.pool import Pool, Replica
from serving.relay.wire import NotConnected, Wire, head_of

CONNECT_S = 3.0
KEEP_S = 4.0
"""Seconds that an idle connection is kept: fewer than the engines' own (5)."""
MOST_REPLY = 64 << 20
MOST_REFUSAL = 1 << 20
TRIES = 3
"""Replicas that are tried where none was reached: nothing was asked of any before."""


class NotReached(CsponError):
    """No replica took the request: it may be asked again."""


@dataclass(slots=True)
class Times:
    """Where the time of a request went, in seconds."""

    started: float = field(default_factory=time.perf_counter)
    upstream: float = 0.0
    """Waiting for the engine."""
    first: float | None = None
    """From the start to the first byte of the reply."""

    def total(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.started


class Client:
    """Connections to the engines; made at the first request, on its event loop."""

    def __init__(self) -> None:
        self._wire = Wire(connect_s=CONNECT_S, keep_s=KEEP_S)
        self.pool = Pool()

    async def aclose(self) -> None:
        """Close the connections."""
        self._wire.close()
        await asyncio.sleep(0)  # transports close at the loop's next turn

    async def open(
        self, asked: Asked, path: str, times: Times, request_id: str, above: bytes = b""
    ) -> tuple[Connection, Replica]:
        """Send a request to a replica and return its answer's head; it counts as open there.

        Args:
            asked: The request.
            path: Its route here.
            times: Told how long the engine took.
            request_id: Told to the engine.
            above: Header line that names the span above the engine's own.

        Raises:
            NotReached: no replica could be connected to.
            ApiError: the engine refused the request, failed, or did not answer in time.
        """
        tried: frozenset[str] = frozenset()
        for _ in range(TRIES):
            replica = self.pool.choose(asked.engine, asked.affinity, tried)
            if replica is None:
                break
            tried |= {replica.url}
            replica.open += 1
            try:
                sent = await self._send(replica, asked, path, times, request_id, above)
                return sent, replica
            except NotConnected:
                self.pool.failed(replica)
                replica.open -= 1
            except BaseException:
                replica.open -= 1
                raise
        raise NotReached(f"模型 {asked.served.name} 的引擎连接不上")

    async def _send(
        self, replica: Replica, asked: Asked, path: str, times: Times, request_id: str, above: bytes
    ) -> Connection:
        key = asked.engine.api_key
        bearer = f"Bearer {key.get_secret_value()}" if key is not None else ""
        request = b"%s%scontent-type: %s\r\nx-request-id: %s\r\ncontent-length: %d\r\n\r\n%s" % (
            head_of(replica.url, path.removeprefix("/v1"), bearer), above, asked.content_type,
            request_id.encode(), len(asked.payload), asked.payload,
        )  # fmt: skip
        before = time.perf_counter()
        connection = await self._wire.connection(replica.url)
        try:
            await connection.ask(request, asked.engine.timeout_s)
            if connection.status == 200:
                replica.succeeded()
                return connection
            raise await _refused(connection, replica, self.pool)
        except BaseException as error:
            connection.close()
            if isinstance(error, OSError):
                self.pool.failed(replica)
                raise failed(error) from None
            raise
        finally:
            times.upstream += time.perf_counter() - before


def failed(error: BaseException) -> ApiError:
    """Say that an engine broke down; which and how stays in the log."""
    if isinstance(error, TimeoutError):
        return ApiError(504, "模型引擎没有在规定时间内回答，请稍后再试", code="engine_timeout")
    if isinstance(error, TooLong):
        return ApiError(502, "模型引擎的回答过长", code="engine_failed")
    return ApiError(502, "模型引擎中断了连接，请稍后再试", code="engine_failed")


async def _refused(answer: Connection, replica: Replica, pool: Pool) -> ApiError:
    """Translate an error of the engine; what it says of the request is told on."""
    said = await answer.read(MOST_REFUSAL)
    if answer.status in (400, 413, 422):
        replica.succeeded()
        return ApiError(400, _told(said), code="engine_refused")
    if answer.status == 404:  # it is up, but does not have the model: an adapter not loaded
        replica.succeeded()
        return ApiError(503, "模型引擎没有加载该模型，请联系管理员", code="model_unavailable")
    if answer.status == 429:
        replica.succeeded()
        error = ApiError(503, "模型引擎繁忙，请稍后再试", code="engine_busy")
        error.headers = {"retry-after": answer.headers.get("retry-after", "1")[:8]}
        return error
    pool.failed(replica)
    return ApiError(502, "模型引擎出错，请稍后再试", code="engine_failed")


def _told(said: bytes) -> str:
    try:
        body: Any = orjson.loads(said)
        error = body.get("error", body)
        message = error.get("message") if isinstance(error, dict) else error
    except (ValueError, AttributeError):
        message = None
    text = message if isinstance(message, str) else "请求不符合引擎的要求"
    return public(text)[:500]
