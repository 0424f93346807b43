"""Where the guards meet the gateway: who calls, which model, metrics, the record, errors of the API."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import date
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cspon.errors import InputError
from cspon.schemas.agent import Answer, Event, Principal
from llm.chat import ChatModel, ChatReply, ToolCall
from serving.audit import Audit
from serving.guards.answers import guard_answer
from serving.guards.finding import Tally
from serving.guards.grounding import repeats, unsupported
from serving.guards.inputs import Decision, Part, check_input
from serving.guards.outputs import OutputFilter
from serving.guards.policy import Policies, Policy, read_policies
from serving.guards.rules import Rule
from serving.guards.shape import (
    GEOMETRY_DEPTH,
    GEOMETRY_NODES,
    PARTS,
    check_json,
    check_schema,
    check_tools,
    texts_of,
)
from serving.guards.wording import facts, notices, refusal, refused_input, refused_output
from serving.metrics import Metrics
from serving.openai_schema import ChatBody
from serving.problems import ApiError
from serving.watched import Watched

LONG = 20_000
"""Characters from which on a request is looked through in a thread: others need not wait for it."""
OWN_PROVIDERS = ("embedded", "scripted", "none")
SOURCES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}


def policies_of(file: Path | None) -> Callable[[], Policies]:
    """Return what gives the policies that hold now: the standard ones, changed by a file.

    Raises:
        InputError: the file is not as it should be.
    """
    if file is not None:
        return Watched(file, read_policies)
    standard = read_policies()
    return lambda: standard


def is_inside(model: str, base_url: str, own_hosts: frozenset[str]) -> bool:
    """Say whether a model is the bureau's own: on this machine, or on a host that the policy names.

    Args:
        model: Its `provider:model` name.
        base_url: Address of the server of models that are not embedded.
        own_hosts: Hosts of the policy.
    """
    if model.split(":")[0] in OWN_PROVIDERS:
        return True
    host = urlsplit(base_url).hostname or ""
    if host in own_hosts or host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass
class Guards:
    """The guards of one gateway.

    Args:
        policies: What is done about each rule.
        base_url: Address of the server of models that are not embedded.
        metrics: Counts every hit.
        audit: Where what was found is recorded.
    """

    policies: Callable[[], Policies]
    base_url: str
    metrics: Metrics
    audit: Audit

    def policy(self, principal: Principal, model: str) -> Policy:
        """Return what holds for a caller and a model."""
        policies = self.policies()
        inside = is_inside(model, self.base_url, policies.own_hosts)
        return policies.of(principal.clearance, inside=inside)

    def open(self, principal: Principal, model: ChatModel | None, request_id: str) -> "Passage":
        """Begin one exchange."""
        policy = self.policy(principal, model.name if model else "none")
        return Passage(self, policy, principal, request_id)


@dataclass
class Passage:
    """One exchange on its way in and out."""

    guards: Guards
    policy: Policy
    principal: Principal
    request_id: str
    decision: Decision = field(default=Decision(()))
    tallies: list[Tally] = field(default_factory=list)
    """What was found and is not yet on record."""
    found: list[Tally] = field(default_factory=list)
    """What is on record."""

    def take_in(self, parts: Sequence[Part]) -> Decision:
        """Look through what comes in; the rest of the exchange knows what was masked."""
        self.decision = check_input(parts, self.policy)
        self.tallies += self.decision.tallies
        return self.decision

    def stream(self) -> OutputFilter:
        """Return a filter for what goes out."""
        return OutputFilter(self.policy, self.decision.vault)

    def after(self, text: str, given: str, system: str) -> None:
        """Note what a bare model's answer rests on nothing for, once it is whole."""
        found = {
            "unsupported": unsupported(text, given)
            if self.policy.afterwards["unsupported"] == "flag"
            else 0,
            "prompt": int(
                bool(system)
                and self.policy.afterwards["prompt"] == "flag"
                and repeats(text, system)
            ),
        }
        titles = {"unsupported": "没有出处的条文或数字", "prompt": "系统消息的原文"}
        self.tallies += [
            Tally(rule, titles[rule], "output", "flag", count)
            for rule, count in found.items()
            if count
        ]

    async def record(self) -> None:
        """Count what was found and put it on record; nothing where nothing was found.

        Raises:
            SetupError: the audit cannot be written.
        """
        tallies, self.tallies = self.tallies, []
        if not tallies:
            return
        self.found += tallies
        for tally in tallies:
            self.guards.metrics.count_guard(tally.rule, tally.action, tally.side, tally.count)
        await asyncio.to_thread(
            self.guards.audit.guards,
            facts(tallies),
            principal=self.principal,
            request_id=self.request_id,
        )


def blocked_error(rule: Rule, where: str = "", *, output: bool = False) -> ApiError:
    """Return the error of a blocked request or answer."""
    message = refused_output(rule) if output else f"{refused_input(rule)}{rule.mend}。"
    side = "output" if output else "input"
    return ApiError(
        400, message, code="guard_blocked", param=where or None, rule=rule.id, side=side
    )


def check_body(body: ChatBody) -> None:
    """Refuse a body that is too deep, has too many members, or describes tools that are none.

    Raises:
        ApiError: 400 `too_deep_or_large` or `invalid_tool`, naming the parameter.
    """
    code = "too_deep_or_large"
    try:
        for number, message in enumerate(body.messages):
            if isinstance(message.content, list) and len(message.content) > PARTS:
                raise InputError(
                    f"一条消息的内容超过 {PARTS} 段", field=f"messages.{number}.content"
                )
            if message.tool_calls:
                check_json(message.tool_calls, field=f"messages.{number}.tool_calls")
            if message.model_extra:
                check_json(message.model_extra, field=f"messages.{number}", nodes=GEOMETRY_NODES)
        check_json(body.metadata, field="metadata")
        check_json(body.tool_choice, field="tool_choice")
        if body.cspon is not None:
            check_json(
                body.cspon.boundary,
                field="cspon.boundary",
                depth=GEOMETRY_DEPTH,
                nodes=GEOMETRY_NODES,
            )
        code = "invalid_tool"
        check_tools(body.tools)
        code = "invalid_schema"
        if body.response_format is not None and body.response_format.json_schema is not None:
            schema = body.response_format.json_schema.schema_
            check_schema(schema, field="response_format.json_schema")
    except InputError as error:
        mend = f"。{error.mend}" if error.mend else ""
        raise ApiError(400, f"{error.message}{mend}", param=error.field, code=code) from None


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
    return said.model_copy(update={"question": question, "notices": (*said.notices, *told)})
