"""Bodies of `/v1/chat/completions`: what we take of OpenAI's format, and its translation to ours.

A parameter that we do not know is refused, and so is one whose effect we cannot give: nothing is
silently ignored. Fields that only label a request (`user`, `metadata` …) are taken and not used.
"""

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from llm.chat import ChatRequest, Message
from serving.model_names import ASSISTANT, ModelName
from serving.problems import ApiError

MAX_MESSAGES = 200
MAX_CHARACTERS = 200_000
MAX_QUESTION = 4_000
"""Characters of a question to the assistant."""


class Body(BaseModel):
    """A request body that refuses unknown fields."""

    model_config = ConfigDict(extra="forbid")


class TextPart(Body):
    """A text part of a message."""

    type: Literal["text"]
    text: str


class WireMessage(BaseModel):
    """One message; `extra` is allowed because clients send back whole replies of ours."""

    model_config = ConfigDict(extra="allow")

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[TextPart] | None = None
    tool_call_id: str | None = None
    tool_calls: list[dict[str, Any]] | None = None

    @property
    def text(self) -> str:
        """The text of all parts."""
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(Body):
    """`include_usage`: a last chunk with the usage."""

    include_usage: bool = False
    include_obfuscation: bool = False


class JsonSchema(BaseModel):
    """The `json_schema` of a response format."""

    model_config = ConfigDict(extra="allow")

    schema_: dict[str, Any] = Field(alias="schema")


class ResponseFormat(Body):
    """Plain text, any JSON object, or JSON of a schema."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class AssistantOptions(Body):
    """The extension field `cspon` of a request to the assistant."""

    boundary: dict[str, Any] | None = None
    """Inline GeoJSON of the project boundary."""
    epsg: int | None = Field(None, ge=1024, le=999_999)
    """CRS of the inline GeoJSON."""
    name: str | None = Field(None, max_length=80)
    """Name of the project."""
    file_id: str | None = None
    """An uploaded boundary (`POST /v1/files`), instead of an inline one."""
    asked_on: date | None = None
    """The date on which validity is judged; today if not given."""


class ChatBody(Body):
    """The request."""

    model: ModelName
    messages: list[WireMessage] = Field(min_length=1, max_length=MAX_MESSAGES)
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1, le=131_072)
    max_completion_tokens: int | None = Field(None, ge=1, le=131_072)
    temperature: float | None = Field(None, ge=0, le=2)
    seed: int | None = None
    stop: str | list[str] | None = None
    response_format: ResponseFormat | None = None
    tools: list[dict[str, Any]] = Field(default=[], max_length=64)
    tool_choice: str | dict[str, Any] | None = None
    cspon: AssistantOptions | None = None

    n: int | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: dict[str, float] | None = None

    user: str | None = None
    metadata: dict[str, Any] | None = None
    store: bool | None = None
    parallel_tool_calls: bool | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None

    def check(self) -> None:
        """Refuse what has no effect here, and too long a conversation.

        Raises:
            ApiError: 400, naming the parameter.
        """
        neutral: dict[str, tuple[Any, ...]] = {
            "n": (None, 1),
            "top_p": (None, 1),
            "presence_penalty": (None, 0),
            "frequency_penalty": (None, 0),
            "logprobs": (None, False),
            "top_logprobs": (None, 0),
            "logit_bias": (None, {}),
        }
        for name, allowed in neutral.items():
            if getattr(self, name) not in allowed:
                raise ApiError(
                    400, f"暂不支持参数 {name}", param=name, code="unsupported_parameter"
                )
        if sum(len(message.text) for message in self.messages) > MAX_CHARACTERS:
            raise ApiError(
                400,
                f"消息总长超过 {MAX_CHARACTERS} 字",
                param="messages",
                code="context_length_exceeded",
            )

    def question(self) -> str:
        """Return the last user message: what the assistant answers.

        Raises:
            ApiError: 400, there is none, or it is too long.
        """
        text = next((m.text for m in reversed(self.messages) if m.role == "user"), "").strip()
        if not text:
            raise ApiError(400, "没有用户消息（role 为 user）", param="messages", code="missing")
        if len(text) > MAX_QUESTION:
            raise ApiError(
                400, f"问题超过 {MAX_QUESTION} 字", param="messages", code="context_length_exceeded"
            )
        return text

    def request(self, timeout_s: float) -> ChatRequest:
        """Translate for the bare model.

        Raises:
            ApiError: 400, an assistant's tool calls in the history, or the `cspon` field.
        """
        if self.cspon is not None:
            raise ApiError(
                400, f"cspon 字段只用于模型 {ASSISTANT}", param="cspon", code="unknown_parameter"
            )
        if any(m.tool_calls for m in self.messages):
            raise ApiError(
                400, "暂不支持历史消息中的 tool_calls", param="messages", code="unsupported_value"
            )
        limit = self.max_completion_tokens or self.max_tokens
        return ChatRequest(
            messages=tuple(
                Message(
                    role="system" if m.role == "developer" else m.role,
                    content=m.text,
                    tool_call_id=m.tool_call_id,
                )
                for m in self.messages
            ),
            json_schema=self._schema(),
            tools=tuple(self.tools),
            tool_choice=self.tool_choice,
            stop=(self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ()),
            seed=self.seed,
            timeout_s=timeout_s,
            **({"max_tokens": limit} if limit else {}),
            **({} if self.temperature is None else {"temperature": self.temperature}),
        )

    def _schema(self) -> dict[str, Any] | None:
        if self.response_format is None or self.response_format.type == "text":
            return None
        if self.response_format.type == "json_object":
            return {"type": "object"}
        if self.response_format.json_schema is None:
            raise ApiError(
                400, "缺少 json_schema", param="response_format.json_schema", code="missing"
            )
        return self.response_format.json_schema.schema_
