"""`openai:` — any OpenAI-compatible chat server (vLLM first) through the official client.

Knows requests, streams, retries, time-outs and cancellation. Does not know which engine answers
or who started it. No proxy is ever used: model servers stand in the same closed network.
"""

import asyncio
import json
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from cspon.errors import ModelUnavailable
from llm.addresses import public_address, redact
from llm.chat import ChatDelta, ChatReply, ChatRequest, Health, ToolCall

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.chat import ChatCompletion, ChatCompletionChunk

CONNECT_S = 5.0
"""Seconds to open a connection: a closed network answers at once or not at all."""

HEALTH_S = 5.0
LONGEST_PAUSE_S = 10.0
"""A server's Retry-After is obeyed up to here."""

Result = TypeVar("Result")


class OpenAICompatibleModel:
    """A model, or a LoRA adapter by its served name, on an OpenAI-compatible server.

    Args:
        model: Name as the server knows it; passed through unchanged.
        base_url: Address ending in `/v1`.
        api_key: Key, if the server wants one; never shown in a message.
        timeout_s: Seconds for a request that does not set its own `timeout_s`.
        retries: Further attempts after a connection error, 429 or 5xx, before the first token.
        backoff_s: Mean pause before the first retry; doubles, with jitter of half to one and a half.
        name: `provider:model` name; default `openai:<model>`.
        extra_body: Further fields of each request, for what a server adds to the protocol.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str,
        api_key: str | None = None,
        timeout_s: float = 120.0,
        retries: int = 2,
        backoff_s: float = 0.5,
        name: str | None = None,
        extra_body: dict[str, Any] | None = None,
    ) -> None:
        self._model, self._base_url, self._key = model, base_url, api_key
        self._timeout_s, self._retries, self._backoff_s = timeout_s, retries, backoff_s
        self._name = name or f"openai:{model}"
        self._extra_body = extra_body
        self._address = public_address(base_url)
        self._client: tuple[asyncio.AbstractEventLoop, AsyncOpenAI] | None = None

    @property
    def name(self) -> str:
        """The `provider:model` name."""
        return self._name

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer at once.

        Raises:
            ModelUnavailable: no connection, an error status, a time-out or an unusable reply.
        """
        completions = self._connect().chat.completions
        budget = _Budget(self._timeout(request))

        async def send() -> "ChatCompletion":
            reply: ChatCompletion = await completions.create(**self._fields(request), stream=False)
            return reply

        completion = await self._attempt(send, budget)
        if not completion.choices:
            raise ModelUnavailable(f"模型服务 {self._address} 返回了空的回答")
        choice, usage = completion.choices[0], completion.usage
        calls = tuple(
            ToolCall(id=call.id, name=call.function.name, arguments=call.function.arguments)
            for call in choice.message.tool_calls or ()
            if call.type == "function"
        )
        return ChatReply(
            text=choice.message.content or "",
            model=completion.model or self._model,
            finish_reason=choice.finish_reason,
            prompt_tokens=usage.prompt_tokens if usage else 0,
            completion_tokens=usage.completion_tokens if usage else 0,
            tool_calls=calls,
        )

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta, None]:
        """Answer piece by piece; closing the iterator or cancelling the task ends the request.

        The time-out counts only the time spent waiting for the server, not the reader's.

        Raises:
            ModelUnavailable: as for `complete`; also when the stream breaks off, with no retry
                once a piece has come.
        """
        completions = self._connect().chat.completions
        budget = _Budget(self._timeout(request))

        async def open_and_read_first() -> tuple[Any, "ChatCompletionChunk"]:
            opened = await completions.create(
                **self._fields(request), stream=True, stream_options={"include_usage": True}
            )
            try:
                return opened, await anext(opened)
            except StopAsyncIteration:
                raise ModelUnavailable(f"模型服务 {self._address} 返回了空的回答") from None
            except BaseException:
                await opened.close()
                raise

        chunks, chunk = await self._attempt(open_and_read_first, budget)
        collected = _Collected(self._model)
        try:
            while True:
                if text := collected.add(chunk):
                    yield ChatDelta(text=text)
                try:
                    chunk = await self._guarded(lambda: anext(chunks), budget)
                except StopAsyncIteration:
                    break
            if collected.finish_reason is None:
                raise ModelUnavailable(f"模型服务 {self._address} 的回答中途断开")
            yield ChatDelta(reply=collected.reply())
        finally:
            await chunks.close()

    async def health(self) -> Health:
        """Ask the server for its models; never raises."""
        models = self._connect().models
        try:
            page = await self._guarded(lambda: models.list(timeout=HEALTH_S), _Budget(HEALTH_S))
        except ModelUnavailable as error:
            return Health(ok=False, detail=str(error))
        offered = tuple(model.id for model in page.data)
        if offered and self._model not in offered:
            detail = f"模型服务 {self._address} 没有模型 {self._model}；已有：{'、'.join(offered)}"
            return Health(ok=False, detail=detail, models=offered)
        return Health(ok=True, detail=f"模型服务 {self._address} 正常", models=offered)

    async def aclose(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None and client[0] is asyncio.get_running_loop():
            await client[1].close()

    def _connect(self) -> "AsyncOpenAI":
        """The client of the running event loop: pooled connections belong to one loop.

        Called before a time budget begins: the first import takes seconds on a busy machine.
        """
        loop = asyncio.get_running_loop()
        if self._client is None or self._client[0] is not loop:
            import httpx2
            import openai

            client = openai.AsyncOpenAI(
                base_url=self._base_url,
                api_key=self._key or "none",
                max_retries=0,
                timeout=httpx2.Timeout(self._timeout_s, connect=CONNECT_S),
                http_client=openai.DefaultAsyncHttpx2Client(trust_env=False),
            )
            self._client = (loop, client)
        return self._client[1]

    def _timeout(self, request: ChatRequest) -> float:
        return request.timeout_s if "timeout_s" in request.model_fields_set else self._timeout_s

    def _fields(self, request: ChatRequest) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "model": self._model,
            "messages": [message.model_dump(exclude_none=True) for message in request.messages],
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "timeout": self._timeout(request),
        }
        if request.json_schema is not None:
            fields["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "reply", "schema": request.json_schema, "strict": True},
            }
        if request.tools:
            fields["tools"] = list(request.tools)
        if request.tool_choice is not None:
            fields["tool_choice"] = request.tool_choice
        if request.stop:
            fields["stop"] = list(request.stop)
        if request.seed is not None:
            fields["seed"] = request.seed
        if self._extra_body:
            fields["extra_body"] = self._extra_body
        return fields

    async def _attempt(self, send: Callable[[], Awaitable[Result]], budget: "_Budget") -> Result:
        """Send, and again after errors that may pass; all attempts share one time budget."""
        for attempt in range(self._retries + 1):
            try:
                return await self._guarded(send, budget)
            except _Passing as passing:
                pause = max(self._backoff_s * 2**attempt * random.uniform(0.5, 1.5), passing.pause)  # noqa: S311 (jitter)
                if attempt == self._retries or pause >= budget.left_s:
                    raise ModelUnavailable(str(passing)) from None
                await asyncio.sleep(pause)
                budget.left_s -= pause
        raise AssertionError("the last attempt returns or raises")

    async def _guarded(self, send: Callable[[], Awaitable[Result]], budget: "_Budget") -> Result:
        """Await within the budget and turn every failure of the server into `ModelUnavailable`."""
        import httpx2
        import openai

        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            async with asyncio.timeout(budget.left_s):
                return await send()
        except TimeoutError:
            raise ModelUnavailable(
                f"模型服务 {self._address} 在 {budget.whole_s:g} 秒内没有答完"
            ) from None
        except (openai.APIConnectionError, httpx2.TransportError) as error:
            cause = error.__cause__ or error
            detail = redact(str(cause), self._key) or type(cause).__name__
            raise _Passing(f"连接不上模型服务 {self._address}：{detail}") from None
        except openai.APIStatusError as error:
            raise self._of_status(error) from None
        except (openai.OpenAIError, json.JSONDecodeError) as error:
            detail = redact(str(error), self._key)
            raise ModelUnavailable(f"模型服务 {self._address} 的回答无法识别：{detail}") from None
        finally:
            budget.left_s -= loop.time() - started

    def _of_status(self, error: Any) -> ModelUnavailable:
        status, body = error.status_code, error.body
        said = body.get("message") if isinstance(body, dict) else None
        detail = redact(str(said or error.message), self._key)
        text = f"模型服务 {self._address} 返回 {status}：{detail}"
        if status in (401, 403):
            text = f"模型服务 {self._address} 不接受密钥（{status}）；请检查 CSPON_OPENAI_API_KEY"
        if status == 429 or status >= 500:
            return _Passing(text, pause=_retry_after(error.response.headers.get("retry-after")))
        return ModelUnavailable(text)


class _Passing(ModelUnavailable):
    """A failure that may pass: worth another attempt before the first token."""

    def __init__(self, message: str, *, pause: float = 0.0) -> None:
        super().__init__(message)
        self.pause = pause


class _Budget:
    """Seconds that may still be spent waiting for the server."""

    def __init__(self, whole_s: float) -> None:
        self.whole_s = self.left_s = whole_s


class _Collected:
    """The parts of a streamed reply."""

    def __init__(self, model: str) -> None:
        self.finish_reason: str | None = None
        self._model, self._texts = model, list[str]()
        self._calls: dict[int, dict[str, str]] = {}
        self._tokens = (0, 0)

    def add(self, chunk: "ChatCompletionChunk") -> str:
        """Take a chunk in and return its text."""
        self._model = chunk.model or self._model
        if chunk.usage:
            self._tokens = (chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
        if not chunk.choices:
            return ""
        choice = chunk.choices[0]
        self.finish_reason = choice.finish_reason or self.finish_reason
        for call in choice.delta.tool_calls or ():
            kept = self._calls.setdefault(call.index, {"id": "", "name": "", "arguments": ""})
            kept["id"] = call.id or kept["id"]
            if call.function:
                kept["name"] += call.function.name or ""
                kept["arguments"] += call.function.arguments or ""
        text = choice.delta.content or ""
        self._texts.append(text)
        return text

    def reply(self) -> ChatReply:
        """The whole reply."""
        return ChatReply(
            text="".join(self._texts),
            model=self._model,
            finish_reason=self.finish_reason or "stop",
            prompt_tokens=self._tokens[0],
            completion_tokens=self._tokens[1],
            tool_calls=tuple(ToolCall(**call) for _, call in sorted(self._calls.items())),
        )


def _retry_after(value: str | None) -> float:
    """Seconds of a Retry-After header; dates and nonsense count as 0."""
    try:
        return min(max(float(value or 0), 0.0), LONGEST_PAUSE_S)
    except ValueError:
        return 0.0
