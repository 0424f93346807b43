"""What callers are told of the guards, in Chinese: which rule, how often, what to do."""

from collections.abc import Iterable, Sequence

from cspon.schemas.agent import Refusal, RefusalKind
from serving.guards.finding import Tally
from serving.guards.rules import Rule

NOTES = {
    "unsupported": "回答中有 {count} 处条文、文号或数字在请求中没有出处，未经核验，请勿直接引用。",
    "prompt": "回答中有与系统消息相同的大段文字。",
}


def refused_input(rule: Rule) -> str:
    """Say why a request is refused."""
    return f"输入中有{rule.title}（规则 {rule.id}），没有处理。"


def refused_output(rule: Rule) -> str:
    """Say why an answer is refused."""
    return f"回答中有{rule.title}（规则 {rule.id}），没有给出。"


def refusal(rule: Rule, *, output: bool = False) -> Refusal:
    """Return the refusal of the assistant."""
    message = refused_output(rule) if output else refused_input(rule)
    mend = "请换一种问法，或联系管理员。" if output else f"{rule.mend}。"
    return Refusal(kind=RefusalKind.UNSAFE, message=message, mend=mend)


def notices(tallies: Iterable[Tally], *, inside: bool) -> tuple[str, ...]:
    """Say what was masked or noted."""
    return tuple(_notice(tally, inside) for tally in tallies if tally.action != "block")


def _notice(tally: Tally, inside: bool) -> str:
    if tally.rule in NOTES:
        return NOTES[tally.rule].format(count=tally.count)
    place = "回答" if tally.side == "output" else "输入"
    what = f"{place}中的{tally.title}（{tally.count} 处，规则 {tally.rule}）"
    if tally.action == "flag":
        return f"{what}已记录，请注意核对。"
    if tally.side == "output":
        return f"{what}已隐去。"
    return (
        f"{what}没有交给大模型，回答中仍为原值。" if inside else f"{what}已隐去，没有发往外部模型。"
    )


def facts(tallies: Sequence[Tally]) -> dict[str, dict[str, int]]:
    """Return what is put on record: counts by side, action and rule, never a value."""
    said: dict[str, dict[str, int]] = {}
    for tally in tallies:
        by_rule = said.setdefault(f"{tally.side}.{tally.action}", {})
        by_rule[tally.rule] = by_rule.get(tally.rule, 0) + tally.count
    return said
