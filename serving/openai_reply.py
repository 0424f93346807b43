"""How a run leaves in OpenAI's format: whole or in chunks, counted and put on record first."""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from cspon.errors import ToolFailed
from cspon.schemas.agent import Answer, Principal
from llm.chat import ChatReply
from serving.openai_schema import ChatBody
from serving.problems import as_api_error, log_unexpected
from serving.services import Services
from serving.streams import Pump, sse


@dataclass(frozen=True)
class Piece:
    """A piece of a run: what it is doing, some text, or its end."""

    progress: str = ""
    text: str = ""
    end: Answer | ChatReply | None = None
    notices: tuple[str, ...] = ()
    """With the end of a bare model: what the guards masked or noted."""


class Reply:
    """One reply on its way out."""

    def __init__(
        self, services: Services, body: ChatBody, principal: Principal, request_id: str
    ) -> None:
        self._services, self._body = services, body
        self._principal, self._request_id = principal, request_id
        self._id, self._created = f"chatcmpl-{secrets.token_hex(12)}", int(time.time())
        self._sent: list[str] = []
        self._end: Answer | ChatReply | None = None
        self._notices: tuple[str, ...] = ()

    async def whole(self, pieces: AsyncGenerator[Piece, None]) -> dict[str, Any]:
        """Run to the end and return the whole body."""
        with self._services.metrics.run():
            async with aclosing(pieces):
                async for piece in pieces:
                    self._take(piece)
        return self._whole(await self._record())

    async def events(self, pieces: AsyncGenerator[Piece, None]) -> AsyncGenerator[bytes, None]:
        """Yield server-sent events.

        An error before the first piece is raised; a later one becomes an event with `error`.
        """
        with self._services.metrics.run():
            async with Pump(pieces) as pump:
                piece: Piece | None = await anext(pump)
                yield self._chunk({"role": "assistant", "content": ""})
                try:
                    while piece is not None:
                        for chunk in self._piece_chunks(piece):
                            yield chunk
                        piece = await anext(pump, None)
                    for chunk in self._last_chunks(await self._record()):
                        yield chunk
                except Exception as error:  # noqa: BLE001 - told to the client
                    log_unexpected(error)
                    yield sse({"error": as_api_error(error).body})
        yield sse("[DONE]")

    def _take(self, piece: Piece) -> None:
        self._sent.append(piece.text)
        self._end = piece.end or self._end
        self._notices = piece.notices or self._notices

    async def _record(self) -> Answer | ChatReply:
        """Count and audit the end of the run; without a record nothing is handed out.

        Raises:
            ToolFailed: the run ended without an answer.
            SetupError: the audit cannot be written.
        """
        services, end = self._services, self._end
        if isinstance(end, Answer):
            await services.record_answer(
                end, principal=self._principal, request_id=self._request_id
            )
        elif isinstance(end, ChatReply):
            services.metrics.count_reply(end)
            await asyncio.to_thread(
                services.audit.completion,
                self._asked(),
                end,
                principal=self._principal,
                request_id=self._request_id,
            )
        else:
            raise ToolFailed("运行没有给出结果")
        return end

    def _asked(self) -> str:
        return "\n".join(f"{m.role}: {m.text}" for m in self._body.messages)

    def _piece_chunks(self, piece: Piece) -> Iterator[bytes]:
        self._take(piece)
        if piece.progress:
            yield self._chunk({}, cspon={"progress": piece.progress})
        if piece.text:
            yield self._chunk({"content": piece.text})

    def _last_chunks(self, end: Answer | ChatReply) -> Iterator[bytes]:
        sent, text = "".join(self._sent), text_of(end)
        more: dict[str, Any] = {}
        if text.startswith(sent) and text != sent:
            yield self._chunk({"content": text[len(sent) :]})
        if isinstance(end, Answer):
            replaced = not text.startswith(sent)
            more = {"cspon": {**end.model_dump(mode="json"), "text_replaced": replaced}}
        elif self._notices:
            more = {"cspon": {"notices": self._notices}}
        if isinstance(end, ChatReply) and end.tool_calls:
            calls = [{"index": i, **call} for i, call in enumerate(_tool_calls(end))]
            yield self._chunk({"tool_calls": calls})
        yield self._chunk({}, finish_reason=_finish_reason(end), **more)
        if self._body.stream_options and self._body.stream_options.include_usage:
            yield sse({**self._head("chat.completion.chunk"), "choices": [], "usage": _usage(end)})

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": kind,
            "created": self._created,
            "model": self._body.model,
        }

    def _chunk(
        self, delta: dict[str, Any], *, finish_reason: str | None = None, **more: Any
    ) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return sse({**self._head("chat.completion.chunk"), "choices": [choice], **more})

    def _whole(self, end: Answer | ChatReply) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": text_of(end), "refusal": None}
        if isinstance(end, Answer):
            message["cspon"] = end.model_dump(mode="json")
        elif self._notices:
            message["cspon"] = {"notices": self._notices}
        if isinstance(end, ChatReply) and end.tool_calls:
            message["tool_calls"] = _tool_calls(end)
            message["content"] = end.text or None
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": _finish_reason(end),
        }
        return {**self._head("chat.completion"), "choices": [choice], "usage": _usage(end)}


def text_of(end: Answer | ChatReply) -> str:
    """Return the text of an end; a refusal without text is told by its message and mend."""
    if isinstance(end, Answer) and end.refusal and not end.text:
        return "\n\n".join(filter(None, (end.refusal.message, end.refusal.mend)))
    return end.text


def _finish_reason(end: Answer | ChatReply) -> str:
    return "stop" if isinstance(end, Answer) else end.finish_reason


def _tool_calls(reply: ChatReply) -> list[dict[str, Any]]:
    return [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call in reply.tool_calls
    ]


def _usage(end: Answer | ChatReply) -> dict[str, int]:
    spent = end.usage if isinstance(end, Answer) else end
    return {
        "prompt_tokens": spent.prompt_tokens,
        "completion_tokens": spent.completion_tokens,
        "total_tokens": spent.prompt_tokens + spent.completion_tokens,
    }
