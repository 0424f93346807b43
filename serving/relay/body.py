"""What a request asks of an engine: checked, bounded, and told to the engine in its own words.

Only parameters that are known are passed on: one that is not could change how many tokens a request
takes, run a template of the caller's or make the engine fetch an address.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from serving.budget.bounds import OF_A_MESSAGE, OF_A_PROMPT, OF_TOOLS
from serving.problems import ApiError
from serving.relay.engines import Engine, Kind, Served

MAX_BODY = 16 << 20
MAX_DEPTH = 48
MAX_MESSAGES = 2000
MAX_CHOICES = 8

COMMON = frozenset(
    [
        "model",
        "user",
        "metadata",
        "seed",
        "stop",
        "temperature",
        "top_p",
        "n",
        "frequency_penalty",
        "presence_penalty",
        "logit_bias",
        "stream",
        "stream_options",
        "max_tokens",
        "top_k",
        "min_p",
        "repetition_penalty",
        "stop_token_ids",
        "ignore_eos",
        "min_tokens",
        "skip_special_tokens",
        "structured_outputs",
        "store",
        "service_tier",
        "safety_identifier",
        "prompt_cache_key",
    ]
)
KNOWN: dict[Kind, frozenset[str]] = {
    "chat": COMMON
    | frozenset(
        [
            "messages",
            "tools",
            "tool_choice",
            "parallel_tool_calls",
            "response_format",
            "logprobs",
            "top_logprobs",
            "max_completion_tokens",
            "chat_template_kwargs",
            "reasoning_effort",
        ]
    ),
    "completions": COMMON | frozenset(["prompt", "logprobs", "echo", "suffix"]),
    "embeddings": frozenset(["model", "input", "user", "encoding_format", "dimensions"]),
    "rerank": frozenset(["model", "query", "documents", "top_n", "return_documents", "user"]),
}
NOT_PASSED = frozenset(
    ["user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key"]
)
"""They label a request, and say who asks; the engine need not know."""


@dataclass(slots=True)
class Asked:
    """A checked request."""

    engine: Engine
    served: Served
    kind: Kind
    told: dict[str, Any]
    """What the engine is told; its texts are those of the body, so that the guards can mask them."""
    stream: bool
    usage_wanted: bool
    """The caller asked for the usage chunk of a stream."""
    prompt: int
    """Most tokens of the prompt."""
    completion: int
    """Most tokens of the reply."""
    affinity: bytes
    """Requests that share it share the beginning of their prompt."""
    size: int
    """Bytes of the body as it came."""
    payload: bytes = b""
    """What the engine gets, once it is sealed."""
    content_type: bytes = b"application/json"
    """What the payload is."""

    def seal(self) -> None:
        """Write what the engine gets; a text that masking made longer weighs accordingly more."""
        self.payload = orjson.dumps(self.told)
        longer = max(0, len(self.payload) - self.size)
        context = self.engine.context
        self.prompt = (
            min(self.prompt + longer, context * _many(self.told))
            if context
            else (self.prompt + longer)
        )


def parse(raw: bytes) -> dict[str, Any]:
    """Parse a body.

    Raises:
        ApiError: 400, no JSON object, or nested too deep.
    """
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _depth(raw) > MAX_DEPTH:
        raise ApiError(400, f"请求体嵌套超过 {MAX_DEPTH} 层", code="too_deep")
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise ApiError(400, "请求体不是有效的 JSON", code="invalid_json") from None
    if not isinstance(body, dict):
        raise ApiError(400, "请求体应为 JSON 对象", code="invalid_json")
    return body


def check(body: dict[str, Any], size: int, kind: Kind, engine: Engine, served: Served) -> Asked:
    """Check a request and bound its tokens; `Asked.seal` writes what the engine gets.

    Args:
        body: The parsed body; not changed.
        size: Bytes of the body as it came.
        kind: Kind of request.
        engine: Who serves it.
        served: The model.

    Raises:
        ApiError: 400, names the parameter.
    """
    unknown = body.keys() - (KNOWN[kind] - engine.refuses)
    if unknown:
        name = min(unknown)
        raise ApiError(
            400, f"不支持参数 {name[:80]}", param=name[:80], code="unsupported_parameter"
        )
    told = {key: value for key, value in body.items() if key not in NOT_PASSED}
    told["model"] = served.known_as
    stream = body.get("stream") is True
    prompt = OF_A_PROMPT + size
    completion = 0
    if kind == "chat":
        prompt += _messages(body, engine)
    elif kind == "completions":
        prompt += _prompts(body)
    else:
        prompt += _texts(body, kind)
    if kind in ("chat", "completions"):
        completion = _completion(body, told, kind, engine)
        if engine.context:
            prompt = min(prompt, engine.context * _many(body))
    usage_wanted = False
    if stream and kind in ("chat", "completions"):
        options = body.get("stream_options") or {}
        if not isinstance(options, dict):
            raise _wrong("stream_options", "应为对象")
        usage_wanted = options.get("include_usage") is True
        told["stream_options"] = {**options, "include_usage": True}
    return Asked(
        engine, served, kind, told, stream, usage_wanted, prompt, completion,
        _affinity(body, kind), size,
    )  # fmt: skip


def _messages(body: dict[str, Any], engine: Engine) -> int:
    """Return what the parts of the messages add to the bytes of the body."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise _wrong("messages", "应为非空的列表")
    if len(messages) > MAX_MESSAGES:
        raise _wrong("messages", f"超过 {MAX_MESSAGES} 条")
    more = OF_A_MESSAGE * len(messages)
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise _wrong("messages", "每条消息应有 role")
        content = message.get("content")
        if isinstance(content, list):
            more += sum(_part(part, engine) for part in content)
        elif content is not None and not isinstance(content, str):
            raise _wrong("messages", "content 应为文本或列表")
    tools = body.get("tools")
    if tools:
        if not isinstance(tools, list) or len(tools) > 128:
            raise _wrong("tools", "应为列表，至多 128 个")
        more += OF_TOOLS
    template = body.get("chat_template_kwargs")
    if template is not None and (
        not isinstance(template, dict) or template.keys() - {"enable_thinking", "thinking"}
    ):
        raise _wrong("chat_template_kwargs", "只接受 enable_thinking")
    return more


def _part(part: Any, engine: Engine) -> int:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "text":
        if not isinstance(part.get("text"), str):
            raise _wrong("messages", "text 应为文本")
        return 0
    if kind == "image_url":
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, dict) else None
        if not engine.image_tokens:
            raise _wrong("messages", "该模型不接受图片")
        if not isinstance(url, str) or not url.startswith("data:image/"):
            raise _wrong("messages", "图片须以 data:image/…;base64, 内嵌，不接受网址")
        return engine.image_tokens - len(url)
    raise _wrong("messages", f"不支持的消息内容 {str(kind)[:40]}")


def _prompts(body: dict[str, Any]) -> int:
    prompt = body.get("prompt")
    numbers = isinstance(prompt, list) and all(isinstance(token, int) for token in prompt)
    texts = isinstance(prompt, list) and all(isinstance(text, str) for text in prompt)
    if not prompt or not (isinstance(prompt, str) or numbers or texts):
        raise _wrong("prompt", "应为文本、文本列表或词元列表")
    many = len(prompt) if texts and isinstance(prompt, list) else 1
    if many > MAX_CHOICES * 8:
        raise _wrong("prompt", f"超过 {MAX_CHOICES * 8} 条")
    return OF_A_MESSAGE * many


def _texts(body: dict[str, Any], kind: Kind) -> int:
    if kind == "embeddings":
        given = body.get("input")
        if not isinstance(given, str | list) or not given:
            raise _wrong("input", "应为文本或列表")
        return OF_A_MESSAGE * (len(given) if isinstance(given, list) else 1)
    documents, query = body.get("documents"), body.get("query")
    if not isinstance(query, str) or not isinstance(documents, list) or not documents:
        raise _wrong("documents", "应有 query 与非空的 documents")
    return (OF_A_MESSAGE + len(query.encode())) * len(documents)


def _many(body: dict[str, Any]) -> int:
    prompt = body.get("prompt")
    if isinstance(prompt, list) and prompt and isinstance(prompt[0], str):
        return len(prompt)
    return 1


def _completion(body: dict[str, Any], told: dict[str, Any], kind: Kind, engine: Engine) -> int:
    """Force a limit on the reply; return the most tokens of all choices."""
    names = ("max_completion_tokens", "max_tokens") if kind == "chat" else ("max_tokens",)
    given = [(name, body[name]) for name in names if body.get(name) is not None]
    for name, value in given:
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise _wrong(name, "应为正整数")
        if value > engine.most_tokens:
            raise _wrong(name, f"超过上限 {engine.most_tokens}")
    most = min((value for _, value in given), default=engine.max_tokens)
    for name in names:
        told.pop(name, None)
    told["max_tokens"] = most
    choices = body.get("n")
    if choices is not None and (not isinstance(choices, int) or not 1 <= choices <= MAX_CHOICES):
        raise _wrong("n", f"应为 1 到 {MAX_CHOICES}")
    return most * (choices or 1) * _many(body)


def _affinity(body: dict[str, Any], kind: Kind) -> bytes:
    """Return the beginning of the conversation: what a prefix cache can use again.

    It ends with the first message of the user: what follows is there from the second turn on only.
    """
    if kind == "chat":
        first = b""
        for message in body["messages"][:4]:
            first += orjson.dumps(message.get("content"))[:2048]
            if message["role"] == "user":
                break
        return first
    return str(body.get("prompt", ""))[:512].encode() if kind == "completions" else b""


def _depth(raw: bytes) -> int:
    """Return how deep brackets nest, those in strings left out."""
    import re

    plain = re.sub(rb'"(?:[^"\\]|\\.)*"', b"", raw)
    depth = deepest = 0
    for byte in plain:
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _wrong(name: str, what: str) -> ApiError:
    return ApiError(400, f"参数 {name}：{what}", param=name, code="invalid_value")
