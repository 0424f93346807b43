"""How many tokens a prompt can have at most, without the engine's tokenizer.

Tokenizers of the engines in use work on bytes (byte-level BPE) or fall back to bytes (SentencePiece):
a token stands for at least one byte of the UTF-8 text, so the bytes bound the tokens. What a chat
template adds (roles, marks, a standing system prompt, the explanation of tools) is bounded by
allowances. No engine takes more than its context, so that bounds it, too.
"""

import json
from collections.abc import Iterable
from typing import Any

from llm.chat import ChatRequest

OF_A_PROMPT = 128
"""Tokens that a chat template adds to a conversation."""
OF_A_MESSAGE = 16
OF_TOOLS = 512
"""Tokens by which a template explains that there are tools."""


def prompt_bound(request: ChatRequest, context: int | None = None) -> int:
    """Return the most tokens that a request's prompt can have.

    Args:
        request: The request.
        context: Tokens of the model's context, where known.
    """
    texts = [message.content for message in request.messages]
    texts += [message.tool_call_id or "" for message in request.messages]
    return bound(texts, messages=len(request.messages), schemas=request.tools, context=context)


def bound(
    texts: Iterable[str],
    *,
    messages: int,
    schemas: Iterable[Any] = (),
    context: int | None = None,
) -> int:
    """Return the most tokens of texts and JSON values that are told to a model."""
    described = [json.dumps(schema, ensure_ascii=True) for schema in schemas]
    total = OF_A_PROMPT + OF_A_MESSAGE * messages + sum(text_bound(text) for text in texts)
    if described:
        total += OF_TOOLS + sum(len(text) for text in described)
    return min(total, context) if context else total


def text_bound(text: str) -> int:
    """Return the most tokens of a text."""
    return len(text.encode("utf-8", "surrogatepass"))
