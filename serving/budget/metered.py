"""A chat model whose every call is reserved, settled and refunded for the caller of the request."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from llm.chat import ChatDelta, ChatModel, ChatReply, ChatRequest, Health
from serving import tracing
from serving.access.caller import LOCAL, Caller, current
from serving.budget.bounds import prompt_bound, text_bound
from serving.budget.ledger import Ledger, Matter, Reservation
from serving.budget.limits import Price, Weight, Who
from serving.request_id import running

MARGIN_S = 60.0


class MeteredModel:
    """A `ChatModel` that serves nobody past their budget.

    Args:
        model: The model.
        ledger: Where it is counted.
        public: The model's name in `/v1/models`, in limits and prices.
        price: Returns the price that holds now.
        context: Tokens of the model's context, where known.
    """

    def __init__(
        self,
        model: ChatModel,
        ledger: Ledger,
        *,
        public: str,
        price: Callable[[], Price],
        context: int | None = None,
    ) -> None:
        self._model, self._ledger, self._price = model, ledger, price
        self.public, self._context = public, context

    @property
    def name(self) -> str:
        """The `provider:model` name."""
        return self._model.name

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer at once.

        Raises:
            BudgetExceeded: a limit leaves no room.
            ModelUnavailable: the server does not answer; tokens are given back.
        """
        held = await self._reserve(request)
        with tracing.span("chat", self.public) as span:
            try:
                reply = await self._model.complete(request)
            except Exception:
                await self._ledger.refund(held)
                raise
            except BaseException:  # cancelled: the engine may have worked; nobody knows how much
                await self._ledger.settle(held, held.weight)
                raise
            used = self._used(held, reply)
            tracing.told(span, model=reply.model, prompt=used.prompt, completion=used.completion)
        await self._ledger.settle(held, used)
        return reply

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """Answer piece by piece; a stream that breaks off is charged for what it gave.

        Raises:
            BudgetExceeded: a limit leaves no room.
            ModelUnavailable: as for `complete`, also when a stream breaks off.
        """
        held = await self._reserve(request)
        given, reply, failed = 0, None, False
        span = tracing.Open("chat", self.public)
        deltas: Any = self._model.stream(request)
        try:
            async with aclosing(deltas):
                async for delta in deltas:
                    given += text_bound(delta.text)
                    reply = delta.reply or reply
                    yield delta
        except Exception:
            failed = True
            raise
        finally:
            # broken off, or the reader left: the prompt was read, and so much was written
            used = self._used(held, reply) if reply is not None else self._broken(held, given)
            model = reply.model if reply is not None else ""
            span.end(model=model, prompt=used.prompt, completion=used.completion)
            if failed and not given and reply is None:
                await self._ledger.refund(held)
            else:
                await self._ledger.settle(held, used)

    async def health(self) -> Health:
        """Say whether the model answers."""
        return await self._model.health()

    async def aclose(self) -> None:
        """Release connections."""
        await self._model.aclose()

    async def _reserve(self, request: ChatRequest) -> Reservation:
        caller = current.get(LOCAL)
        prompt = prompt_bound(request, self._context)
        weight = Weight(
            model_calls=1,
            prompt=prompt,
            completion=request.max_tokens,
            money=self._price().cost(prompt, request.max_tokens),
        )
        return await self._ledger.reserve(
            who_of(caller, self.public),
            weight,
            matter_of(caller, "model", running.get()),
            ttl_s=request.timeout_s + MARGIN_S,
        )

    def _used(self, held: Reservation, reply: ChatReply) -> Weight:
        """Return what a reply used; an engine that does not count is charged at the bound."""
        prompt = reply.prompt_tokens or held.weight.prompt
        completion = reply.completion_tokens
        if not reply.prompt_tokens and not completion:
            completion = min(held.weight.completion, text_bound(reply.text))
        return self._weight(prompt, completion)

    def _broken(self, held: Reservation, given: int) -> Weight:
        return self._weight(held.weight.prompt, min(held.weight.completion, given))

    def _weight(self, prompt: int, completion: int) -> Weight:
        money = self._price().cost(prompt, completion)
        return Weight(model_calls=1, prompt=prompt, completion=completion, money=money)


def who_of(caller: Caller, model: str = "") -> Who:
    """Return the subjects of a caller's request."""
    return Who(key=caller.key_id, user=caller.principal.user, tenant=caller.tenant, model=model)


def matter_of(caller: Caller, endpoint: str, request_id: str = "") -> Matter:
    """Return what a caller's request is about."""
    departments = caller.principal.departments
    return Matter(
        endpoint=endpoint,
        request_id=request_id,
        department=departments[0] if departments else "",
        case_number=caller.case_number,
    )
