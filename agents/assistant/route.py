"""Which tools a question calls for, in which order, and with which of its words. By rule alone.

Knows patterns (`intents.yaml`). Does not know arguments or whether a tool can run.
"""

import re
from dataclasses import dataclass

from agents.assistant import names
from agents.assistant.wording import ToolWording, Wording, load_wording

CLAUSES = re.compile(r"(?<=[，。；！？,;!?])")
MASK = "※"


@dataclass(frozen=True)
class Call:
    """One tool that is asked for, and the words that are about it."""

    tool: str
    words: str


def compact(question: str) -> str:
    """Leave out blanks: patterns are written without them."""
    return re.sub(r"\s+", "", question)


def asks_for_rule(text: str) -> bool:
    """Whether a question is about what the law says, and not about this place."""
    wording = load_wording()
    if re.search(wording.asks_for_rule, text):
        return True
    here = re.search(wording.place_reference, text) or re.search(wording.own_area, text)
    return bool(re.search(wording.shaped_as_rule, text)) and not here


def calls(question: str, *, has_boundary: bool) -> list[Call]:
    """List the tools that the words of a question call for; empty when they call for none."""
    wording, text = load_wording(), compact(question)
    if asks_for_rule(text):
        return []
    steps: list[Call] = []
    before = ""
    for clause in _clauses(text, wording):
        name = _tool_of(clause, text, wording, has_boundary, steps)
        if name is None:
            if steps:
                steps[-1] = Call(steps[-1].tool, steps[-1].words + clause)
            else:
                before += clause
        elif steps and steps[-1].tool == name and not _another(name, steps[-1].words, clause):
            steps[-1] = Call(name, steps[-1].words + clause)
        else:
            steps.append(Call(name, before + clause))
            before = ""
    return steps


def _clauses(text: str, wording: Wording) -> list[str]:
    cut = re.sub(wording.connectors, lambda m: f"\n{m.group()}", text)
    parts = [part for line in cut.split("\n") for part in CLAUSES.split(line)]
    return [part for part in parts if part]


def _tool_of(
    clause: str, text: str, wording: Wording, has_boundary: bool, steps: list[Call]
) -> str | None:
    """The tool that the longest wording calls for; a pattern goes before a mere name."""
    place = has_boundary or re.search(wording.place_reference, text) is not None
    given = any(wording.tools[step.tool].gives for step in steps)
    masked = re.sub(wording.earlier_result, MASK, clause) if given else clause
    scores = {
        name: _score(tool, masked)
        for name, tool in wording.tools.items()
        if not tool.refers or place or given
    }
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] else None


def _score(tool: ToolWording, clause: str) -> int:
    called = [m.end() - m.start() for p in tool.asks for m in re.finditer(p, clause)]
    if called:
        return 1000 + max(called)
    found = {"indicator": names.indicator_ids, "model": names.model_ids}
    if tool.mentions is None:
        return 0
    valued = re.search(load_wording().asks_value, clause) is not None
    return 100 if any(valued or not one.near for one in found[tool.mentions](clause)) else 0


def _another(name: str, words: str, clause: str) -> bool:
    """Whether a clause asks the same tool for something else: 生活圈, then 公园."""
    for hint in load_wording().tools[name].arguments.values():
        first = next((c.value for c in hint.choices if re.search(c.pattern, words)), None)
        second = next((c.value for c in hint.choices if re.search(c.pattern, clause)), None)
        if first is not None and second is not None and first != second:
            return True
    return False
