"""The assistant's answer on its way out: its text, and every other string that it carries."""

from collections.abc import Callable
from typing import Any

from cspon.schemas.agent import Answer
from serving.guards.finding import Tally
from serving.guards.matcher import edged
from serving.guards.outputs import OutputFilter
from serving.guards.points import guard_points
from serving.guards.policy import Policy
from serving.guards.rules import Rule
from serving.guards.vault import NOTHING, Vault
from serving.guards.wording import refusal

UNTOUCHED = ("provenance", "run_id", "question", "asked_on", "content_hash")
"""Fields that hold no words of a model or of data: hashes, ids, and what the caller said himself."""


def guard_answer(answer: Answer, policy: Policy, vault: Vault) -> tuple[Answer, tuple[Tally, ...]]:
    """Mask what must not leave, put back what is the caller's own, refuse what is blocked.

    Most answers hold nothing of either kind and come back as they are.
    """
    tallies: tuple[Tally, ...] = ()
    rule, results = None, []
    for result in answer.results:
        coarse, found, blocked = guard_points(result, policy.sides["output"])
        results.append(coarse)
        tallies, rule = (*tallies, *found), rule or blocked
    if tallies:
        answer = answer.model_copy(update={"results": tuple(results)})
    if rule is None and (vault.values or occurs(policy, answer.model_dump_json())):
        changed, found, rule = guard_strings(answer.model_dump(mode="json"), policy, vault)
        tallies = (*tallies, *found)
        if rule is None:
            return Answer.model_validate(changed), tallies
    return answer if rule is None else _refused(answer, rule), tallies


def _refused(answer: Answer, rule: Rule) -> Answer:
    refused = {
        "text": "",
        "verdict": None,
        "results": (),
        "citations": (),
        "unknowns": (),
        "notices": (),
        "plan": None,
        "refusal": refusal(rule, output=True),
    }
    return answer.model_copy(update=refused)


def occurs(policy: Policy, text: str) -> bool:
    """Say whether anything is found in a text on its way out; JSON may be looked through as it is."""
    data, matcher = edged(text), policy.sides["output"].matcher
    return bool(matcher.find(data, matcher.present(data)))


def guard_strings(
    value: Any, policy: Policy, vault: Vault = NOTHING
) -> tuple[Any, tuple[Tally, ...], Rule | None]:
    """Mask what must not leave in every string of a JSON value, but those of fields without words.

    Returns:
        The value, what was found, and the rule at which it was left off.
    """
    tallies: dict[str, Tally] = {}
    stream = OutputFilter(policy, vault)

    def through(text: str) -> str:
        nonlocal stream
        out = stream.whole(text)
        if stream.blocked is None:
            for tally in stream.tallies:
                tallies[tally.rule] = _sum(tallies.get(tally.rule), tally)
            stream = OutputFilter(policy, vault)
        return out

    changed = _mapped(value, through)
    found = tuple(tallies.values()) if stream.blocked is None else stream.tallies
    return changed, found, stream.blocked


def _sum(known: Tally | None, more: Tally) -> Tally:
    count = more.count + (known.count if known else 0)
    return Tally(more.rule, more.title, more.side, more.action, count)


def _mapped(value: Any, through: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return through(value)
    if isinstance(value, dict):
        return {
            key: one if key in UNTOUCHED else _mapped(one, through) for key, one in value.items()
        }
    return [_mapped(one, through) for one in value] if isinstance(value, list) else value
