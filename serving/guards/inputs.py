"""Looks through what goes to a model: refuses it, masks values in it, or notes what was found."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from serving.guards.finding import Hit, Tally, find_hits, spans_of
from serving.guards.policy import Policy, SidePolicy
from serving.guards.rules import Rule, Side
from serving.guards.vault import NOTHING, Vault, VaultBuilder, hidden

Source = Literal["user", "system", "assistant", "tool"]
SIDES: dict[str, Side] = {
    "user": "input",
    "system": "context",
    "assistant": "context",
    "tool": "data",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A text on its way to a model.

    Args:
        text: The text.
        source: Who says it; results of tools and documents are `tool`.
        where: The parameter it came in, for the error.
    """

    text: str
    source: Source = "user"
    where: str = "messages"


@dataclass(frozen=True)
class Decision:
    """What was decided about a request.

    Args:
        texts: The texts as they may go to the model, in order.
        tallies: What was found.
        blocked: The rule for which the request is refused, None where it is not.
        where: The parameter in which that was found.
        vault: What was masked; empty where it is not put back.
    """

    texts: tuple[str, ...]
    tallies: tuple[Tally, ...] = ()
    blocked: Rule | None = None
    where: str = ""
    vault: Vault = NOTHING


def check_input(parts: Sequence[Part], policy: Policy) -> Decision:
    """Decide about the texts of one request.

    A value is masked the same way in all of them. What is masked can be put back only where the model
    is inside.
    """
    found = [_find(part, policy.sides[SIDES[part.source]]) for part in parts]
    if not any(found):
        return Decision(tuple(part.text for part in parts))
    builder = VaultBuilder("".join(part.text for part in parts)) if policy.inside else None
    texts: list[str] = []
    counts: Counter[tuple[Rule, Side]] = Counter()
    blocked: Rule | None = None
    where = ""
    for part, hits in zip(parts, found, strict=True):
        side = SIDES[part.source]
        actions = policy.sides[side].actions
        counts.update((hit.rule, side) for hit in hits)
        refused = [hit.rule for hit in hits if actions[hit.rule.id] == "block"]
        if refused and blocked is None:
            blocked, where = refused[0], part.where
        masked = [hit for hit in hits if actions[hit.rule.id] != "flag"]
        texts.append(_masked(part.text, masked, builder))
    tallies = tuple(
        Tally(rule.id, rule.title, side, policy.sides[side].actions[rule.id], count)
        for (rule, side), count in counts.items()
    )
    vault = builder.vault() if builder else NOTHING
    return Decision(tuple(texts), tallies, blocked, where, vault)


def _find(part: Part, side: SidePolicy) -> list[Hit]:
    return find_hits(part.text, side.matcher)


def _masked(text: str, hits: Sequence[Hit], builder: VaultBuilder | None) -> str:
    pieces, last = [], 0
    for start, end, hit in spans_of(hits):
        label, value = hit.rule.placeholder, text[start:end]
        stands = builder.placeholder(label, value) if builder else hidden(label)
        pieces += [text[last:start], stands]
        last = end
    return "".join([*pieces, text[last:]])
