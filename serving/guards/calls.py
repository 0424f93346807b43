"""The guards around a tool that is called, or a base that is read, directly: over HTTP, MCP, OGC, in a job.

No model reads the arguments, so nothing is masked in them: what must not come in is refused, the rest is
noted. What the tool found is looked through as a model's answer is, with lines of its own in the policy.
Numbers are left alone, but for points of facilities in layers: a tool needs its coordinates, and its
hectares are what the caller asked for.
A passage of the base goes out as it stands or not at all: a citation is compared with it word for word.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from cspon.schemas.agent import Principal
from cspon.schemas.spatial import ToolResult
from serving.guards.answers import guard_strings, occurs
from serving.guards.edge import Guards, Passage, blocked_error
from serving.guards.finding import Tally, find_hits
from serving.guards.points import guard_points
from serving.guards.rules import Rule

SIDE = "tool_input"


class CallGuard:
    """The guards of one call.

    Args:
        guards: Those of the gateway.
        principal: Who calls.
        request_id: For the record.
    """

    def __init__(self, guards: Guards, principal: Principal, request_id: str) -> None:
        policy = guards.policies().of(principal.clearance, inside=True).of_tools()
        self._passage = Passage(guards, policy, principal, request_id)

    async def take_in(self, arguments: dict[str, Any]) -> None:
        """Look through every text of the arguments, and put on record what was found.

        Raises:
            ApiError: 400 `guard_blocked`, names the argument; it is on record.
            SetupError: the audit cannot be written.
        """
        side = self._passage.policy.sides["input"]
        counts: Counter[Rule] = Counter()
        blocked: tuple[Rule, str] | None = None
        for where, text in _texts(arguments, ""):
            for hit in find_hits(text, side.matcher):
                counts[hit.rule] += 1
                if blocked is None and side.actions[hit.rule.id] == "block":
                    blocked = hit.rule, where
        self._passage.tallies += [
            Tally(rule.id, rule.title, SIDE, side.actions[rule.id], count)
            for rule, count in counts.items()
        ]
        await self._passage.record()
        if blocked is not None:
            raise blocked_error(*blocked)

    async def give_out(self, result: ToolResult) -> ToolResult:
        """Look through every text of a result, and put on record what was found.

        Raises:
            ApiError: 400 `guard_blocked`: it is not given.
            SetupError: the audit cannot be written.
        """
        policy = self._passage.policy
        result, points, rule = guard_points(result, policy.sides["output"])
        self._passage.tallies += points
        if rule is None and occurs(policy, result.model_dump_json()):
            said, tallies, rule = guard_strings(result.model_dump(mode="json"), policy)
            self._passage.tallies += tallies
            if rule is None:
                result = ToolResult.model_validate(said)
        await self._passage.record()
        if rule is not None:
            raise blocked_error(rule, output=True)
        return result

    def refused(self, text: str) -> Rule | None:
        """Look through a text of the base; nothing in it is changed, and `record` is the caller's to call.

        Returns:
            The rule for which the text is not given; None where it may be.
        """
        side = self._passage.policy.sides["output"]
        rules = Counter(hit.rule for hit in find_hits(text, side.matcher))
        blocking = [rule for rule in rules if side.actions[rule.id] == "block"]
        self._passage.tallies += [
            Tally(rule.id, rule.title, "output", "block" if rule in blocking else "flag", count)
            for rule, count in rules.items()
        ]
        return blocking[0] if blocking else None

    async def give_as_it_stands(self, text: str) -> None:
        """Look through a text of the base, and put on record what was found.

        Raises:
            ApiError: 400 `guard_blocked`: it is not given.
            SetupError: the audit cannot be written.
        """
        rule = self.refused(text)
        await self.record()
        if rule is not None:
            raise blocked_error(rule, output=True)

    async def record(self) -> None:
        """Put on record what was found and is not yet.

        Raises:
            SetupError: the audit cannot be written.
        """
        await self._passage.record()


def _texts(value: Any, where: str) -> Iterator[tuple[str, str]]:
    """Yield the texts in a JSON value, each with the name of the argument that holds it."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield where or str(key), str(key)
            yield from _texts(one, where or str(key))
    elif isinstance(value, list):
        for one in value:
            if not isinstance(one, int | float):
                yield from _texts(one, where)
