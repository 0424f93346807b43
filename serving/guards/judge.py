"""What the guards make of one text, for tests of a policy and for the evaluation."""

from cspon.schemas.base import Secrecy
from serving.guards.grounding import unsupported
from serving.guards.inputs import Part, check_input
from serving.guards.outputs import OutputFilter
from serving.guards.policy import Policies


def judge(
    policies: Policies, text: str, *, side: str, given: str = "", level: Secrecy = Secrecy.INTERNAL
) -> dict[str, str]:
    """Return the rules found in a text and what was done about each.

    Args:
        policies: The policies.
        text: The text.
        side: input, data or output.
        given: For an output, what its figures may rest on.
        level: What the caller may see.
    """
    policy = policies.of(level)
    if side != "output":
        decision = check_input([Part(text, "user" if side == "input" else "tool")], policy)
        return {tally.rule: tally.action for tally in decision.tallies}
    stream = OutputFilter(policy)
    stream.whole(text)
    found = {tally.rule: tally.action for tally in stream.tallies}
    if unsupported(text, given):
        found["unsupported"] = "flag"
    return found
