"""The bare model and the assistant between the guards, whole and streamed."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from datetime import date
from typing import Any

from cspon.schemas.agent import Answer, Event
from llm.chat import ChatModel, ChatReply, ToolCall
from serving.guards.answers import guard_answer
from serving.guards.edge import SOURCES, Passage, blocked_error
from serving.guards.inputs import Part, check_input
from serving.guards.outputs import OutputFilter
from serving.guards.shape import texts_of
from serving.guards.wording import notices, refusal
from serving.openai_schema import ChatBody

LONG = 20_000
"""Characters from which on a request is looked through in a thread: others need not wait for it."""


async def complete(
    passage: Passage, model: ChatModel, body: ChatBody, timeout_s: float
) -> AsyncGenerator[tuple[str, ChatReply | None], None]:
    """Run the bare model between the guards; yields text, and at the end the reply.

    Raises:
        ApiError: 400 `guard_blocked`, on the way in or out.
    """
    request = body.request(timeout_s)
    parts = [
        Part(message.text, SOURCES[message.role], f"messages.{number}.content")  # type: ignore[arg-type]
        for number, message in enumerate(body.messages)
    ]
    try:
        long = sum(len(part.text) for part in parts) > LONG
        decision = (
            await asyncio.to_thread(passage.take_in, parts) if long else passage.take_in(parts)
        )
        if decision.blocked is not None:
            raise blocked_error(decision.blocked, decision.where)
        _check_told(passage, body)
        messages = tuple(
            message.model_copy(update={"content": text})
            for message, text in zip(request.messages, decision.texts, strict=True)
        )
        request = request.model_copy(update={"messages": messages})
        out, sent, raw = passage.stream(), [], ""
        async for piece, reply in _pieces(model, request, stream=body.stream):
            raw += piece
            text = out.feed(piece)
            if reply is not None:  # an engine may tell the last words only here
                rest = reply.text[len(raw) :] if reply.text.startswith(raw) else ""
                text += out.feed(rest) + out.close()
            sent.append(text)
            if out.blocked is not None:
                passage.tallies += out.tallies
                raise blocked_error(out.blocked, output=True)
            if text:
                yield text, None
            if reply is not None:
                passage.tallies += out.tallies
                said, system = "".join(sent), _system(body)
                passage.after(said, "\n".join(part.text for part in parts), system)
                calls = tuple(_call(passage, call) for call in reply.tool_calls)
                await passage.record()
                yield "", reply.model_copy(update={"text": said, "tool_calls": calls})
    finally:
        await passage.record()


def _check_told(passage: Passage, body: ChatBody) -> None:
    """Look through the descriptions of tools: they go to the model as they are, or not at all."""
    if not body.tools:
        return
    told = Part("\n".join(texts_of(list(body.tools))), "tool", "tools")
    found = check_input([told], passage.policy)
    passage.tallies += found.tallies
    acting = {tally.rule for tally in found.tallies if tally.action in ("block", "mask")}
    for rule in passage.guards.policies().rules:
        if rule.id in acting:
            raise blocked_error(rule, "tools")


async def _pieces(
    model: ChatModel, request: Any, *, stream: bool
) -> AsyncIterator[tuple[str, ChatReply | None]]:
    if not stream:
        reply = await model.complete(request)
        yield reply.text, reply
        return
    deltas: Any = model.stream(request)
    async with aclosing(deltas):
        async for delta in deltas:
            yield delta.text, delta.reply


def _system(body: ChatBody) -> str:
    return "\n".join(m.text for m in body.messages if m.role in ("system", "developer"))


def _call(passage: Passage, call: ToolCall) -> ToolCall:
    """Look through the arguments of a tool call; values of the caller's own are put back as JSON."""
    out = OutputFilter(passage.policy)
    text = out.whole(call.arguments)
    passage.tallies += out.tallies
    if out.blocked is not None:
        raise blocked_error(out.blocked, output=True)
    for placeholder, value in passage.decision.vault.values.items():
        text = text.replace(placeholder, json.dumps(value, ensure_ascii=False)[1:-1])
    return call.model_copy(update={"arguments": text})


async def ask(
    passage: Passage,
    question: str,
    answering: Callable[[str], Any],
    *,
    asked_on: date | None = None,
) -> AsyncGenerator[Event, None]:
    """Run the assistant between the guards.

    Args:
        passage: The exchange.
        question: What the caller asks.
        answering: Starts the run for the question as the assistant may see it.
        asked_on: The date that the caller gave.
    """
    try:
        decision = passage.take_in([Part(question)])
        if decision.blocked is not None:
            await passage.record()
            answer = Answer(
                question="（内容已拦截）",
                text="",
                refusal=refusal(decision.blocked),
                asked_on=asked_on or date.today(),
            )
            yield Event(kind="answer", answer=answer)
            return
        out, events = passage.stream(), answering(decision.texts[0])
        async with aclosing(events):
            async for event in events:
                if event.kind == "delta":
                    if text := out.feed(event.text):
                        yield event.model_copy(update={"text": text})
                elif event.answer is None:
                    yield event
                else:
                    if rest := out.close():
                        yield Event(kind="delta", text=rest)
                    answer = _answer(passage, event.answer, question)
                    await passage.record()
                    yield event.model_copy(update={"answer": answer})
    finally:
        await passage.record()


def _answer(passage: Passage, answer: Answer, question: str) -> Answer:
    said, tallies = guard_answer(answer, passage.policy, passage.decision.vault)
    passage.tallies += tallies
    told = notices(passage.tallies, inside=passage.policy.inside)
    passage.after_assistant(answer.unsupported)
    return said.model_copy(update={"question": question, "notices": (*said.notices, *told)})
