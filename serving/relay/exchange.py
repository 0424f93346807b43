"""One request on its way to an engine and back, whichever way it ends.

reserve → send → guard and pass on → settle → record.
"""

import asyncio
import hashlib
import logging
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

import orjson
from starlette.types import Receive, Scope, Send

from serving import tracing
from serving.access.caller import Caller
from serving.audit import Audit
from serving.budget.ledger import Ledger, Reservation
from serving.budget.limits import Budgets, Weight
from serving.budget.metered import matter_of, who_of
from serving.guards.edge import Guards
from serving.metrics import Metrics
from serving.problems import ApiError, as_api_error
from serving.relay.body import Asked
from serving.relay.client import MOST_REPLY, Client, NotReached, Times, failed
from serving.relay.connection import Connection, TooLong
from serving.relay.engines import Engines, Kind
from serving.relay.events import BrokenStream, Events
from serving.relay.guarding import Guarded
from serving.relay.leaving import Leaving

log = logging.getLogger("cspon.serving")

MARGIN_S = 3600.0
"""Seconds after which a reservation counts as lost, beyond the engine's time-out."""
OPERATIONS = {"completions": "text_completion"}
"""Names of the GenAI conventions where they are not those of the kinds."""
JSON = (b"content-type", b"application/json")
STREAM = ((b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no"))
NO_STORE = (b"cache-control", b"no-store")


class Parts(Protocol):
    """What the relay needs of the gateway's services."""

    ledger: Ledger
    audit: Audit
    metrics: Metrics
    guards: Guards
    client: Client

    @property
    def engines(self) -> Callable[[], Engines]:
        """The engines that there are now."""
        ...

    @property
    def budgets(self) -> Callable[[], Budgets]:
        """The limits and prices that hold now."""
        ...


class Gone(Exception):
    """The caller left."""


class Exchange:
    """A request, from its reservation to its record."""

    def __init__(
        self, parts: Parts, scope: Scope, receive: Receive, send: Send, kind: Kind
    ) -> None:
        self._parts, self._scope, self._receive, self._send = parts, scope, receive, send
        self.request_id: str = scope["state"].get("request_id", "")
        self._kind, self._times = kind, Times()
        self._type = JSON
        self._begun = False

    async def run(self, caller: Caller, asked: Asked, raw: bytes, guarded: Guarded) -> None:
        """Reserve, ask, pass on, settle and record.

        Raises:
            CsponError: nothing was sent to the caller yet.
            Gone: the caller left; what was used is settled.
        """
        price = self._parts.budgets().price(asked.served.name)
        weight = Weight(
            requests=1, model_calls=1, prompt=asked.prompt, completion=asked.completion,
            money=price.cost(asked.prompt, asked.completion),
        )  # fmt: skip
        who = who_of(caller, asked.served.name)
        matter = matter_of(caller, self._scope["path"], self.request_id)
        held = await self._parts.ledger.reserve(
            who, weight, matter, ttl_s=asked.engine.timeout_s + MARGIN_S
        )
        leaving = Leaving(self._scope, self._receive)
        self._span = tracing.Open(OPERATIONS.get(asked.kind, asked.kind), asked.served.name)
        try:
            if asked.stream:
                await self._stream(caller, asked, held, raw, guarded)
            else:
                await self._whole(caller, asked, held, raw, guarded)
        except asyncio.CancelledError:
            await self._parts.ledger.settle(held, held.weight)
            task = asyncio.current_task()
            if leaving.left and task is not None:
                task.uncancel()
                self._parts.metrics.cancelled.inc()
                raise Gone from None
            raise
        except BaseException:
            await self._parts.ledger.refund(held)
            raise
        finally:
            leaving.done()
            self._span.end(error=sys.exception() if tracing.tracer is not None else None)
            counters = self._parts.metrics.relay(asked.served.name, caller.key_id)
            counters.observe(self._times.total(), self._times.upstream, self._times.first)

    async def _whole(
        self, caller: Caller, asked: Asked, held: Reservation, raw: bytes, guarded: Guarded
    ) -> None:
        answer, replica = await self._open(asked)
        before = time.perf_counter()
        try:
            content = await answer.read(MOST_REPLY)
        except OSError as error:
            answer.close()
            if not isinstance(error, TooLong):
                self._parts.client.pool.failed(replica)
            raise failed(error) from None
        except BaseException:
            answer.close()
            raise
        finally:
            replica.open -= 1
            self._times.upstream += time.perf_counter() - before
        answer.release()
        replica.finished()
        said = _object(content)
        usage = said.get("usage")
        used = self._weight(asked, held, usage if isinstance(usage, dict) else None)
        try:
            content = self._checked(asked, guarded, said, content)
        except ApiError:
            await self._parts.ledger.settle(held, used)
            raise
        result = hashlib.sha256(content).hexdigest()
        on_record = self._record(caller, asked, raw, used, guarded, result)
        await self._parts.ledger.settle(held, used)
        await on_record
        await self._start(200, (self._type, NO_STORE, (b"content-length", b"%d" % len(content))))
        await self._send({"type": "http.response.body", "body": content})

    def _checked(
        self, asked: Asked, guarded: Guarded, said: dict[str, Any], content: bytes
    ) -> bytes:
        """Return a whole answer as it may go out."""
        if asked.kind in ("chat", "completions") and guarded.whole(said):
            return orjson.dumps(said)
        return content

    async def _stream(
        self, caller: Caller, asked: Asked, held: Reservation, raw: bytes, guarded: Guarded
    ) -> None:
        answer, replica = await self._open(asked)
        events = Events(asked.usage_wanted, guarded.event)
        try:
            await self._pass_on(answer, events)
            if not events.done:
                raise BrokenStream("流在结束标记之前中断")
        except (BrokenStream, OSError) as error:
            self._parts.client.pool.failed(replica)
            await self._broken(caller, asked, held, raw, guarded, events)
            raise failed(error) from None
        except (asyncio.CancelledError, ApiError):  # the caller left, or the guards say no more
            await self._broken(caller, asked, held, raw, guarded, events)
            raise
        finally:
            replica.open -= 1
            answer.close() if not events.done else answer.release()
        replica.finished()
        used = self._weight(asked, held, events.usage, events.given)
        result = events.digest.hexdigest()
        on_record = self._record(caller, asked, raw, used, guarded, result)
        await self._parts.ledger.settle(held, used)
        await on_record
        await self._body(b"data: [DONE]\n\n", more=False)

    async def _open(self, asked: Asked) -> Any:
        try:
            return await self._parts.client.open(
                asked, self._scope["path"], self._times, self.request_id, self._span.header
            )
        except NotReached as error:
            raise ApiError(503, f"{error}，请稍后再试", code="model_unavailable") from None

    async def _pass_on(self, answer: Connection, events: Events) -> None:
        times = self._times
        while True:
            before = time.perf_counter()
            data = await answer.some()
            times.upstream += time.perf_counter() - before
            if not data:
                return
            passed = events.feed(data)
            if passed:
                if times.first is None:
                    times.first = times.total()
                    await self._start(200, (*STREAM, NO_STORE))
                await self._body(passed, more=True)
            if events.done:
                return

    async def _broken(
        self, caller: Caller, asked: Asked, held: Reservation, raw: bytes, guarded: Guarded,
        events: Events,
    ) -> None:  # fmt: skip
        """Charge what a stream gave before it broke off; nothing where it gave nothing."""
        if not events.given and events.usage is None:
            await self._parts.ledger.refund(held)
            return
        used = self._weight(asked, held, events.usage, events.given)
        await self._parts.ledger.settle(held, used)
        result = events.digest.hexdigest()
        await self._record(caller, asked, raw, used, guarded, result, broken=True)

    def _weight(
        self, asked: Asked, held: Reservation, usage: dict[str, Any] | None, given: int = 0
    ) -> Weight:
        """Return what was used; an engine that does not count is charged at the bound."""
        said = usage or {}
        prompt = said.get("prompt_tokens", said.get("total_tokens"))
        completion = said.get("completion_tokens", 0 if usage else None)
        if not isinstance(prompt, int):
            prompt = held.weight.prompt
        if not isinstance(completion, int):
            completion = min(held.weight.completion, given) if given else held.weight.completion
        over = prompt + completion - held.weight.tokens
        if over > 0:
            self._parts.metrics.overspent.inc(over)
            log.error("engine used more than its bound", extra={"facts": {"tokens": over}})
        price = self._parts.budgets().price(asked.served.name)
        money = price.cost(prompt, completion)
        return Weight(requests=1, model_calls=1, prompt=prompt, completion=completion, money=money)

    def _record(
        self, caller: Caller, asked: Asked, raw: bytes, used: Weight, guarded: Guarded, result: str,
        **more: Any,
    ) -> "asyncio.Future[None]":  # fmt: skip
        """Have it written what the guards found and what was served, in one turn: both or none."""
        self._parts.metrics.relay(asked.served.name, caller.key_id).count(used)
        self._span.end(model=asked.served.name, prompt=used.prompt, completion=used.completion)
        guarded.note()
        return self._parts.audit.relayed(
            caller,
            self.request_id,
            endpoint=self._scope["path"],
            model=asked.served.name,
            engine=asked.engine.name,
            adapter=asked.served.adapter,
            prompt_tokens=used.prompt,
            completion_tokens=used.completion,
            question=f"sha256:{hashlib.sha256(raw).hexdigest()}",
            result=f"sha256:{result}",
            **more,
        )

    async def _start(self, status: int, headers: tuple[tuple[bytes, bytes], ...]) -> None:
        self._begun = True
        await self._send(
            {"type": "http.response.start", "status": status, "headers": list(headers)}
        )

    async def _body(self, data: bytes, *, more: bool) -> None:
        if not self._begun:
            await self._start(200, (*STREAM, NO_STORE))
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

    async def tell(self, error: Exception) -> None:
        """Tell the caller an error: as a status, or as the last event of a stream that has begun."""
        if not self._begun:
            await refuse(self._send, error)
            return
        said = orjson.dumps({"error": as_api_error(error).body})
        await self._body(b"data: " + said + b"\n\n", more=False)


def _object(content: bytes) -> dict[str, Any]:
    try:
        said = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}


async def refuse(send: Send, error: Exception) -> None:
    """Answer with an error."""
    problem = as_api_error(error)
    content = orjson.dumps({"error": problem.body})
    given = getattr(error, "headers", None) or {}
    headers = [JSON, (b"content-length", b"%d" % len(content))]
    headers += [(name.encode(), value.encode()) for name, value in given.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
