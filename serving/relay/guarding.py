"""The guards on the way to an engine and back: what goes in is checked, what comes out is filtered.

A reply of which nothing is changed stays as it came, byte for byte. Text that the filter holds back comes
with a later event of the same choice, at the latest with the one that ends it.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

from serving.access.caller import Caller
from serving.guards.edge import SOURCES, Guards, Passage, blocked_error, is_inside
from serving.guards.inputs import Part, check_input
from serving.guards.outputs import OutputFilter
from serving.guards.shape import texts_of
from serving.relay.engines import Engine, Kind
from serving.relay.probabilities import Probabilities

FIELDS = ("content", "reasoning_content", "reasoning", "refusal")
"""Texts of a message that callers are shown."""
Put = Callable[[str], None]


class Guarded:
    """One exchange with an engine between the guards.

    Args:
        guards: The guards.
        caller: Who asks.
        engine: Who answers: what is masked is put back only where it is the bureau's own.
        request_id: For the record.
    """

    def __init__(self, guards: Guards, caller: Caller, engine: Engine, request_id: str) -> None:
        policies = guards.policies()
        inside = policies.inside.get(engine.urls)
        if inside is None:
            inside = all(is_inside("openai", url, policies.own_hosts) for url in engine.urls)
            policies.inside[engine.urls] = inside
        policy = policies.of(caller.principal.clearance, inside=inside)
        self.passage = Passage(guards, policy, caller.principal, request_id)
        self._filters: dict[tuple[int, str], OutputFilter] = {}
        self._likely: dict[tuple[int, str], Probabilities] = {}
        self._told: list[str] = []
        self._given = self._system = ""
        self._stated = False

    def take_in(self, body: dict[str, Any], kind: Kind) -> bool:
        """Check a request and mask in it what must be masked; say whether it was changed.

        Raises:
            ApiError: 400 `guard_blocked`, names the parameter.
        """
        places = list(_chat_texts(body) if kind == "chat" else _plain_texts(body, kind))
        decision = self.passage.take_in([part for part, _ in places])
        if decision.blocked is not None:
            raise blocked_error(decision.blocked, decision.where)
        self._check_tools(body)
        self._given = "\n".join(part.text for part, _ in places)
        self._system = "\n".join(part.text for part, _ in places if part.source == "system")
        changed = False
        if kind in ("chat", "completions", "transcriptions"):
            for (part, put), text in zip(places, decision.texts, strict=True):
                if text != part.text:
                    put(text)
                    changed = True
        return changed

    def _check_tools(self, body: dict[str, Any]) -> None:
        """Look through what describes tools: it goes to the engine as it is, or not at all."""
        if not body.get("tools"):
            return
        told = Part("\n".join(texts_of(body["tools"])), "tool", "tools")
        found = check_input([told], self.passage.policy)
        self.passage.tallies += found.tallies
        acting = {tally.rule for tally in found.tallies if tally.action in ("block", "mask")}
        for rule in self.passage.guards.policies().rules:
            if rule.id in acting:
                raise blocked_error(rule, "tools")

    def event(self, said: dict[str, Any]) -> bool:
        """Filter an event of a stream in place; say whether it was changed.

        Raises:
            ApiError: 400 `guard_blocked`: nothing more goes out.
        """
        changed = False
        for choice in said.get("choices") or ():
            index, ends = choice.get("index", 0), choice.get("finish_reason") is not None
            holder, fields = (
                (choice["delta"], FIELDS)
                if isinstance(choice.get("delta"), dict)
                else (choice, ("text",))
            )
            for field in fields:
                changed |= self._feed(holder, field, index, choice, ends=ends)
            changed |= self._feed_calls(holder, index, ends=ends)
        return changed

    def _feed(
        self, holder: dict[str, Any], field: str, index: int, choice: dict[str, Any], *, ends: bool
    ) -> bool:
        text = holder.get(field)
        if not isinstance(text, str):
            text = None
        if text is None and not (ends and (index, field) in self._filters):
            return False
        out = self._filter(index, field)
        passed = out.feed(text or "") + (out.close() if ends else "")
        self._check(out)
        self._told.append(passed)
        changed = passed != (text or "")
        if changed:
            holder[field] = passed
        told = choice.get("logprobs")
        if told is not None or (index, field) in self._likely:
            likely = self._likely.setdefault((index, field), Probabilities())
            choice["logprobs"] = likely.pass_on(text or "", passed, told)
            changed |= choice["logprobs"] is not told
        return changed

    def _feed_calls(self, holder: dict[str, Any], index: int, *, ends: bool) -> bool:
        changed = False
        for call in holder.get("tool_calls") or ():
            function = call.get("function") or {}
            arguments = function.get("arguments")
            if isinstance(arguments, str) and arguments:
                out = self._filter(index, f"call {call.get('index', 0)}")
                passed = out.feed(arguments)
                self._check(out)
                changed |= passed != arguments
                function["arguments"] = passed
        if ends:
            for (at, field), out in self._filters.items():
                if at == index and field.startswith("call ") and (rest := out.close()):
                    calls = holder.setdefault("tool_calls", [])
                    calls.append({"index": int(field[5:]), "function": {"arguments": rest}})
                    changed = True
                    self._check(out)
        return changed

    def whole(self, said: dict[str, Any]) -> bool:
        """Filter a whole reply in place; say whether it was changed.

        Raises:
            ApiError: 400 `guard_blocked`: the reply is not given.
        """
        changed = False
        for choice in said.get("choices") or ():
            message = choice.get("message")
            holder, fields = (message, FIELDS) if isinstance(message, dict) else (choice, ("text",))
            for field in fields:
                changed |= self._whole(holder, field, choice)
            for call in holder.get("tool_calls") or ():
                changed |= self._whole(call.get("function") or {}, "arguments", choice)
        return changed

    def _whole(self, holder: dict[str, Any], field: str, choice: dict[str, Any]) -> bool:
        text = holder.get(field)
        if not isinstance(text, str) or not text:
            return False
        out = OutputFilter(self.passage.policy, self.passage.decision.vault)
        passed = out.whole(text)
        self.passage.tallies += out.tallies
        self._stated |= out.stated
        if out.blocked is not None:
            raise blocked_error(out.blocked, output=True)
        if field == "arguments" and passed != text:
            passed = _as_arguments(passed, text)
        self._told.append(passed)
        if passed == text:
            return False
        holder[field] = passed
        if choice.get("logprobs") is not None:
            choice["logprobs"] = None
        return True

    def _filter(self, index: int, field: str) -> OutputFilter:
        found = self._filters.get((index, field))
        if found is None:
            found = OutputFilter(self.passage.policy, self.passage.decision.vault)
            self._filters[index, field] = found
        return found

    def _check(self, out: OutputFilter) -> None:
        if out.blocked is not None:
            raise blocked_error(out.blocked, output=True)

    def note(self) -> "asyncio.Future[None] | None":
        """Have it written what was found, once the exchange has ended; see `Passage.note`."""
        for out in self._filters.values():
            self.passage.tallies += out.tallies
            self._stated |= out.stated
        self._filters.clear()
        if self._told and (self._stated or self._system):
            self.passage.after("".join(self._told), self._given, self._system)
        self._told.clear()
        return self.passage.note()

    async def record(self) -> None:
        """Put on record what was found and was not noted yet.

        Raises:
            SetupError: the audit cannot be written.
        """
        if (written := self.note()) is not None:
            await written


def _as_arguments(passed: str, text: str) -> str:
    """Return the arguments of a call after filtering if they are JSON still, else nothing of them."""
    try:
        json.loads(text)
    except ValueError:
        return passed
    try:
        json.loads(passed)
    except ValueError:
        return "{}"
    return passed


def _chat_texts(body: dict[str, Any]) -> Iterator[tuple[Part, Put]]:
    for number, message in enumerate(body["messages"]):
        source: Any = SOURCES.get(message["role"], "user")
        where = f"messages.{number}.content"
        content = message.get("content")
        if isinstance(content, str):
            yield Part(content, source, where), _putter(message, "content")
        for part in content if isinstance(content, list) else ():
            if part.get("type") == "text":
                yield Part(part["text"], source, where), _putter(part, "text")
        for call in message.get("tool_calls") or ():
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict) and isinstance(function.get("arguments"), str):
                told = Part(function["arguments"], "assistant", f"messages.{number}.tool_calls")
                yield told, _putter(function, "arguments")


def _plain_texts(body: dict[str, Any], kind: Kind) -> Iterator[tuple[Part, Put]]:
    name = {
        "completions": "prompt",
        "transcriptions": "prompt",
        "embeddings": "input",
        "rerank": "documents",
    }.get(kind, "")
    source: Any = "tool" if kind == "rerank" else "user"
    given = body.get(name)
    if isinstance(given, str):
        yield Part(given, source, name), _putter(body, name)
    for number, text in enumerate(given if isinstance(given, list) else ()):
        if isinstance(text, str):
            yield Part(text, source, name), _putter(given, number)
    if kind == "rerank" and isinstance(body.get("query"), str):
        yield Part(body["query"], "user", "query"), _putter(body, "query")


def _putter(holder: Any, place: str | int) -> Put:
    def put(text: str) -> None:
        holder[place] = text

    return put
