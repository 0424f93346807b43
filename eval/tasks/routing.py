"""Routing: does a question reach the right tools with the right arguments, or none?

An item is a question with what is expected of its plan, e.g. `{"question": "人均公园绿地面积现在是多少？",
"tools": ["compute_indicators"], "args": {"compute_indicators": {"ids": ["park_area_per_person"]}}}`.
`choice` is 1 when the tools are the expected ones in their order and a refusal has the expected kind;
`arguments` is 1 when, beside that, every argument that was read is the expected one and none is missing.
"""

import asyncio
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import Field

from agents.assistant.steps import Asked
from agents.assistant.surroundings import Surroundings
from agents.assistant.understand import ask_model, regulation_plan, understand
from cspon.errors import InputError
from cspon.schemas.agent import Plan, Step
from cspon.schemas.base import Frozen
from eval.task import Definition, Item, Resources, read_definition
from tools.accessibility.definition import measures
from tools.catalogue import load_tools

ITEMS = Path(__file__).parents[1] / "sets" / "routing.jsonl"


class PlaceOf(Frozen):
    """The place that the questions are asked of."""

    region: str
    units: tuple[str, ...]
    roles: dict[str, str]


class RoutingDefinition(Definition):
    """The definition with the place and the day."""

    sets: tuple[str, ...]
    place: PlaceOf
    asked_on: date


class Question(Frozen):
    """One question and what is expected."""

    question: str
    boundary: bool = False
    files: tuple[str, ...] = ()
    kind: str
    tools: tuple[str, ...] = ()
    args: dict[str, dict[str, Any]] = Field(default_factory=dict)
    refusal: str | None = None


@dataclass(frozen=True)
class Routing:
    """The task."""

    definition: RoutingDefinition

    def run(self, resources: Resources) -> Iterator[Item]:
        """Plan every question of the wanted part."""
        place = Surroundings(**self.definition.place.model_dump())
        for number, item in enumerate(read_questions(resources.set, self.definition.sets), 1):
            attached = {*item.files, *(["boundary"] if item.boundary else [])}
            asked = Asked(item.question, frozenset(attached), place, self.definition.asked_on)
            plan = _plan(asked, resources)
            choice = _choice(plan, item)
            yield Item(
                id=f"routing-{number}",
                scores={"choice": choice, "arguments": choice * _arguments(plan, item)},
                slices={"kind": item.kind, "decided_by": plan.decided_by},
                detail={
                    "query": item.question,
                    "expected": item.model_dump(include={"tools", "args", "refusal"}),
                    "found": [{"tool": s.tool, "args": _read(s)} for s in plan.steps],
                    "refusal": plan.refusal.kind if plan.refusal else None,
                },
            )


def part_of(question: str) -> str:
    """Return `tune` or `held`, by the hash of the question."""
    return "held" if hashlib.sha256(question.encode()).digest()[0] % 2 else "tune"


def read_questions(wanted: str | None, parts: Sequence[str]) -> list[Question]:
    """Read a part of the set, all of it, or a file of one's own.

    Raises:
        InputError: the file is not there or a line is wrong.
    """
    known = wanted is None or wanted in parts
    path = ITEMS if known else Path(wanted or "")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(
            f"读不了问句集：{error.strerror}", file=path, mend=f"已知的集：{'、'.join(parts)}"
        ) from error
    questions = []
    for row, line in enumerate(lines, 1):
        try:
            questions.append(Question.model_validate(json.loads(line)))
        except ValueError as error:
            raise InputError(f"不是问句：{error}", file=path, row=row) from None
    if not known or wanted is None:
        return questions
    return [q for q in questions if part_of(f"{q.question}|{q.boundary}") == wanted]


def _plan(asked: Asked, resources: Resources) -> Plan:
    plan = understand(asked, embedder=resources.embedder)
    if plan is None and resources.model is not None:
        plan, _ = asyncio.run(ask_model(asked, model=resources.model))
    return plan or regulation_plan(asked.question)


def _choice(plan: Plan, item: Question) -> float:
    """Tools in order, or the refusal; a question of the regulations calls no tool and is not refused."""
    refusal = plan.refusal.kind.value if plan.refusal else None
    if refusal != item.refusal:
        return 0.0
    return float(item.refusal is not None or [s.tool for s in plan.steps] == list(item.tools))


def _arguments(plan: Plan, item: Question) -> float:
    if item.refusal is not None:
        return 1.0
    found = [_read(step) for step in plan.steps]
    if len(set(item.tools)) < len(
        item.tools
    ):  # the same tool twice: what is said of it is of the first
        found, tools = found[:1], item.tools[:1]
    else:
        tools = item.tools
    return float(
        len(found) == len(tools)
        and all(
            _same(_unusual(tool, item.args.get(tool, {})), args)
            for tool, args in zip(tools, found, strict=True)
        )
    )


def _same(expected: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    return set(found) == set(expected) and all(
        agrees(expected[key], found[key]) for key in expected
    )


def _read(step: Step) -> dict[str, Any]:
    """Leave out what the run fills in, and what is the tool's or the definition's own value anyway."""
    return _unusual(
        step.tool,
        {
            key: value
            for key, value in step.args.items()
            if not (isinstance(value, str) and value.startswith("$"))
        },
    )


def _unusual(tool: str, args: Mapping[str, Any]) -> dict[str, Any]:
    fields = load_tools()[tool].arguments.model_fields
    usual = {name: field.default for name, field in fields.items()}
    if tool == "accessibility":
        kind = args.get("kind", usual["kind"])
        usual["limit_minutes"] = measures()[kind].limit_minutes
    return {key: value for key, value in args.items() if value != usual.get(key)}


def agrees(expected: Any, found: Any) -> bool:
    """Whether a value holds what is expected: of an object its fields, of a list its items."""
    if isinstance(expected, Mapping):
        return isinstance(found, Mapping) and all(
            agrees(value, found.get(key)) for key, value in expected.items()
        )
    if isinstance(expected, list | tuple):
        return isinstance(found, list | tuple) and all(
            any(agrees(one, other) for other in found) for one in expected
        )
    if isinstance(expected, float | int) and isinstance(found, float | int):
        return abs(expected - found) < 1e-6 + 1e-4 * abs(expected)
    return bool(expected == found)


task = Routing(read_definition("routing", RoutingDefinition))
