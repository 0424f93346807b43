"""From tools that are called for to typed steps: arguments read by rule, links between steps, gaps.

A gap is a question back to the user: kind `needs_input`, with what to give and how.
"""

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from agents.assistant.numbers import chinese_number
from agents.assistant.reading import Reading, Words, read
from agents.assistant.route import Call, compact
from agents.assistant.surroundings import Surroundings
from agents.assistant.wording import Hint, ToolWording, load_wording
from cspon.schemas.agent import Intent, Plan, Refusal, RefusalKind, Step
from tools.catalogue import load_tools

BOUNDARY = "$boundary"
RUN_VALUES = ("$layers", "$asked_on", "$epsg", "$workspace")
"""Values that every run has; the others are files that a user attaches or not."""
RANK = re.compile(r"(?:第|前)([一二两三四五1-5])(?:名|块|位|个|处)")
MOST_STEPS = 8


@dataclass(frozen=True)
class Asked:
    """A question with what came with it."""

    question: str
    attached: frozenset[str] = frozenset()
    """Names of the files: boundary, before, database, table."""
    place: Surroundings = field(default_factory=Surroundings)
    """What the layers tell about the place."""
    asked_on: date = field(default_factory=date.today)


def plan_of(asked: Asked, calls: list[Call]) -> Plan:
    """Build the plan of the calls; a refusal that asks back where something is missing."""
    steps: list[Step] = []
    notices: list[str] = []
    gaps: list[_Gap] = []
    missing: list[dict[str, Any]] = []
    for call in calls:
        for made in _Maker(asked, call, steps).steps():
            steps.append(made.step)
            notices += made.notices
            gaps += made.gaps
            missing += [
                {"step": made.step.id, "argument": gap.argument, "by_model": gap.by_model}
                for gap in made.gaps
            ]
    plan = Plan(
        intent=Intent.USE_TOOLS, steps=tuple(_distinct(steps)[:MOST_STEPS]), repairs=tuple(dict.fromkeys(notices))
    )  # fmt: skip
    if not gaps:
        return plan
    titles = "、".join(dict.fromkeys(step.title for step in plan.steps))
    refusal = Refusal(
        kind=RefusalKind.NEEDS_INPUT,
        message=f"要做“{titles}”，还缺少："
        + "；".join(dict.fromkeys(gap.title for gap in gaps))
        + "。",
        mend="".join(dict.fromkeys(gap.ask for gap in gaps)),
    )
    return plan.model_copy(update={"refusal": refusal, "slots": {"missing": missing}})


@dataclass(frozen=True)
class _Gap:
    """What a step lacks, and the question back."""

    argument: str
    title: str
    ask: str
    by_model: bool = False


@dataclass(frozen=True)
class _Made:
    step: Step
    notices: list[str]
    gaps: list["_Gap"]


class _Maker:
    """Makes the step, or the steps, of one call."""

    def __init__(self, asked: Asked, call: Call, before: list[Step]) -> None:
        self._asked, self._place, self._call = asked, asked.place, call
        self._wording: ToolWording = load_wording().tools[call.tool]
        self._tool = load_tools()[call.tool]
        self._words = Words(call.words, compact(asked.question), asked.place, asked.asked_on.year)
        self._before = before
        self._giver = next(
            (s for s in reversed(before) if load_wording().tools[s.tool].gives is not None), None
        )

    def steps(self) -> list[_Made]:
        """One step; one for each of the places that an earlier step gives, where several are meant."""
        return [self._step(rank) for rank in self._ranks()]

    def _ranks(self) -> list[int]:
        if self._giver is None or not self._linked():
            return [1]
        found = RANK.search(self._call.words)
        if found is None:
            return [1]
        number = chinese_number(found[1]) or int(found[1])
        return list(range(1, min(number, 3) + 1)) if found[0].startswith("前") else [number]

    def _linked(self) -> bool:
        """Whether the step works on what an earlier step finds, not on the attached boundary."""
        if self._giver is None:
            return False
        said = re.search(load_wording().earlier_result, self._call.words) is not None
        return said or "boundary" not in self._asked.attached

    def _step(self, rank: int) -> _Made:
        args: dict[str, Any] = {}
        said: list[str] = []
        notices: list[str] = []
        gaps: list[_Gap] = []
        after: tuple[str, ...] = ()
        for name, hint in self._wording.arguments.items():
            if hint.fill is not None:
                value, words = self._filled(hint, rank)
                if value is None:
                    if self._tool.arguments.model_fields[name].is_required():
                        gaps.append(_Gap(name, FILE_TITLES[hint.fill], hint.ask))
                    continue
                args[name] = value
                said += words
                if value.startswith("$step:"):
                    after = (value.split(":")[1],)
                continue
            found = read(self._words, hint) or Reading()
            notices += found.notices
            if found.ask:
                gaps.append(_Gap(name, self._title(name), found.ask))
            elif found.value is not None:
                args[name] = found.value
                said += [found.said] if found.said else []
            elif self._tool.arguments.model_fields[name].is_required():
                gaps.append(_Gap(name, self._title(name), hint.ask, hint.by_model))
        for group in self._wording.one_of:
            unless = group.unless and re.search(group.unless, self._words.text)
            if not unless and not any(args.get(name) is not None for name in group.any):
                gaps.append(_Gap(group.any[0], self._title(group.any[0]), group.ask))
        number = sum(1 for s in self._before if s.tool == self._tool.name) + rank
        step = Step(
            id=self._tool.name if number == 1 else f"{self._tool.name}_{number}",
            tool=self._tool.name,
            args=args,
            after=after,
            title=self._tool.title,
            said=tuple(said),
        )
        return _Made(step, notices, gaps)

    def _filled(self, hint: Hint, rank: int) -> tuple[str | None, list[str]]:
        assert hint.fill is not None
        if hint.fill in RUN_VALUES:
            if hint.fill == "$epsg" and self._linked():
                return None, []
            return hint.fill, []
        if hint.fill == BOUNDARY and self._linked() and self._wording.refers:
            assert self._giver is not None
            gives = load_wording().tools[self._giver.tool].gives
            assert gives is not None
            return f"$step:{self._giver.id}:{gives.layer}:{rank}", [
                f"范围：{gives.title.format(n=rank)}（由“{self._giver.title}”得出）"
            ]
        if hint.fill.removeprefix("$") in self._asked.attached:
            return hint.fill, [f"{FILE_TITLES[hint.fill]}：所附文件"]
        if hint.fill == "$before" and (version := self._version()):
            return f"$version:{version}", [f"前一版：图层目录中的 {version}"]
        return None, []

    def _version(self) -> str | None:
        """The version beside the layers that is meant: the only one, or the one of the year."""
        versions = list(self._place.versions)
        dated = [
            v for v in versions if any(y in v for y in re.findall(r"20\d\d", self._words.whole))
        ]
        if len(dated) == 1:
            return dated[0]
        return versions[0] if len(versions) == 1 else None

    def _title(self, argument: str) -> str:
        return TITLES.get(argument, argument)


FILE_TITLES = {
    "$boundary": "边界文件",
    "$before": "前一版规划",
    "$database": "成果数据库",
    "$table": "通勤起讫点表",
}
TITLES = {
    "request": "用地面积", "model": "模型名称", "inputs": "模型的输入", "boundary": "范围（边界文件或乡镇名称）",
    "ids": "指标名称", "table": "通勤起讫点表",
}  # fmt: skip
"""What users call an argument that they are asked for."""


def _distinct(steps: list[Step]) -> list[Step]:
    """Leave out a step that repeats an earlier one, whoever named it twice."""
    found: list[Step] = []
    for step in steps:
        if not any(step.tool == other.tool and step.args == other.args for other in found):
            found.append(step)
    return found
