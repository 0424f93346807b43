"""The chat contract that every provider fulfils.

Knows messages, requests and replies. Does not know any server, prompt or graph.
"""

from collections.abc import AsyncIterator
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import Field

from cspon.schemas.base import Frozen


class Message(Frozen):
    """One turn."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_call_id: str | None = None


class ChatRequest(Frozen):
    """What is asked of a model. Times are seconds; `json_schema` forces schema-valid output."""

    messages: tuple[Message, ...]
    max_tokens: int = 512
    temperature: float = 0.0
    json_schema: dict[str, Any] | None = None
    tools: tuple[dict[str, Any], ...] = ()
    tool_choice: str | dict[str, Any] | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    timeout_s: float = 120.0


class ToolCall(Frozen):
    """A function call that a model asks for; `arguments` is the raw JSON text."""

    id: str
    name: str
    arguments: str


class ChatReply(Frozen):
    """A whole reply."""

    text: str
    model: str
    finish_reason: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    tool_calls: tuple[ToolCall, ...] = ()


class ChatDelta(Frozen):
    """A streamed piece; the last one carries `reply` with the whole text and the token counts."""

    text: str = ""
    reply: ChatReply | None = None


class Health(Frozen):
    """Whether a model answers, and how."""

    ok: bool
    detail: str = ""
    models: tuple[str, ...] = Field(default=())


@runtime_checkable
class ChatModel(Protocol):
    """A chat model under its `provider:model` name."""

    @property
    def name(self) -> str:
        """The `provider:model` name."""
        ...

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer at once.

        Raises:
            ModelUnavailable: the server does not answer; the caller may degrade to `none`.
        """
        ...

    def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """Answer piece by piece; the last delta carries the whole reply.

        Raises:
            ModelUnavailable: as for `complete`, also when a stream breaks off.
        """
        ...

    async def health(self) -> Health:
        """Say whether the model answers; never raises."""
        ...

    async def aclose(self) -> None:
        """Release connections (not the server, which outlives us)."""
        ...
