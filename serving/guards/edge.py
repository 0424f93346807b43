"""Where the guards meet the gateway: who calls, which model, metrics, the record, errors of the API."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from cspon.errors import InputError
from cspon.schemas.agent import Principal
from llm.chat import ChatModel
from serving.audit import Audit
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
)
from serving.guards.wording import facts, refused_input, refused_output
from serving.metrics import Metrics
from serving.openai_schema import ChatBody
from serving.problems import ApiError
from serving.watched import Watched

AFTERWARDS = {"unsupported": "没有出处的条文或数字", "prompt": "系统消息的原文"}
"""What is looked for when an answer is whole, as a user calls it."""
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
        self.tallies += [
            Tally(rule, AFTERWARDS[rule], "output", "flag", count)
            for rule, count in found.items()
            if count
        ]

    def after_assistant(self, unsupported: int) -> None:
        """Note the sentences that the assistant itself found to rest on nothing; its answer tells of them."""
        if unsupported and self.policy.afterwards["unsupported"] == "flag":
            title = AFTERWARDS["unsupported"]
            self.tallies.append(Tally("unsupported", title, "output", "flag", unsupported))

    async def record(self) -> None:
        """Count what was found and put it on record; nothing where nothing was found.

        Raises:
            SetupError: the audit cannot be written.
        """
        if (written := self.note()) is not None:
            await written

    def note(self) -> "asyncio.Future[None] | None":
        """Count what was found and have it written; None where nothing was found.

        Returns:
            Done when it is on record; raises as `record` does.
        """
        tallies, self.tallies = self.tallies, []
        if not tallies:
            return None
        self.found += tallies
        for tally in tallies:
            self.guards.metrics.count_guard(tally.rule, tally.action, tally.side, tally.count)
        return self.guards.audit.guards(
            facts(tallies), principal=self.principal, request_id=self.request_id
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
