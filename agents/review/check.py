"""A check is data with its function: what it looks for, how much it weighs, its ground, its examples.

`checks/<id>.yaml` names a function of `checks/`; both are found by name, and one without the other is an
error at loading. The examples are its tests.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError

from agents.review.case import PLAN_TYPES, Case, Facts
from agents.review.database.example import example_database
from agents.review.document import Read, Span
from agents.review.laws import Laws
from agents.review.read.text import read_text
from cspon.errors import InputError
from cspon.schemas.base import Frozen
from cspon.schemas.knowledge import Basis
from cspon.schemas.review import Place, Severity

FOLDER = Path(__file__).parent / "checks"
NAME = re.compile(r"[a-z_]+\.[a-z_]+")


@dataclass(frozen=True)
class Found:
    """What a function found, in its own terms.

    Args:
        span: Where; None: nowhere in particular.
        message: What is wrong, with the figures.
        also: Other places that take part.
        evidence: How it was found.
        suggestion: What to do.
        replacement: What the words of `span` shall be, where that is certain.
        severity: Where it is another than the check's.
        basis: Grounds beside the check's own.
        kind: Where it is another than the check's.
        read: The file, where it is not the plan text.
    """

    span: Span | None
    message: str
    also: tuple[Span, ...] = ()
    evidence: str = ""
    suggestion: str = ""
    replacement: str | None = None
    severity: Severity | None = None
    basis: tuple[Basis, ...] = ()
    kind: str = ""
    read: Read | None = None
    also_in: tuple[tuple[str, Span], ...] = ()
    """Places of other files, by role."""
    places: tuple[Place, ...] = ()
    """Places of the plan database; the first is where it is, when `span` is None."""


Function = Callable[[Case, dict[str, Any]], Iterator[Found]]


class Example(Frozen):
    """A text in which the check finds something, or nothing."""

    text: str
    finds: str = ""
    """Words at which it finds something; empty: nothing. `*`: of the whole submission."""
    facts: Facts = Facts()
    others: dict[str, str] = Field(default_factory=dict)
    """Texts of other files by role."""
    database: dict[str, tuple[dict[str, Any], ...]] | None = None
    """Layers by name, each feature a `box` in units of 100 m (west, south, east, north) with its fields."""
    laws: bool = False
    """It is judged by the law base, which tests bring."""
    why: str = ""


class Check(Frozen):
    """One check."""

    id: str
    kind: str
    title: str
    severity: Severity
    group: Literal[
        "completeness", "numbers", "citations", "terms", "spatial", "logic", "secrecy", "injection"
    ]
    function: str
    """`module.function` of `agents.review.checks`."""
    plan_types: tuple[str, ...] = PLAN_TYPES
    parameters: dict[str, Any] = Field(default_factory=dict)
    basis: tuple[Basis, ...] = ()
    note: str = ""
    """What it does not see."""
    examples: tuple[Example, ...]

    def run(self, case: Case) -> Iterator[Found]:
        """Yield what it finds."""
        yield from function_of(self.function)(case, self.parameters)

    def holds(self, example: Example, laws: Laws | None = None) -> str:
        """Say what is wrong with an example; empty where it is as told."""
        others = {role: read_text(f"{role}.md", text) for role, text in example.others.items()}
        database = None if example.database is None else example_database(example.database)
        case = Case(read_text("例.md", example.text), example.facts, others, laws, database)
        found = [
            "*"
            if f.span is None
            else case.text.blocks[f.span.block].text[f.span.start : f.span.end]
            for f in self.run(case)
        ]
        if example.finds:
            return "" if example.finds in found else f"没有在 {example.finds!r} 发现，只有 {found}"
        return f"不应有发现，却有 {found}" if found else ""


def function_of(name: str) -> Function:
    """Return a function of `agents.review.checks` by name.

    Raises:
        InputError: there is none.
    """
    module, _, function = name.partition(".")
    try:
        found: Function = getattr(import_module(f"agents.review.checks.{module}"), function)
    except (ImportError, AttributeError):
        raise InputError(f"没有检查函数 {name}", field="function") from None
    return found


@cache
def checks() -> dict[str, Check]:
    """Return all checks by id.

    Raises:
        InputError: a file is not as it should be.
    """
    return {check.id: check for check in map(read_check, sorted(FOLDER.glob("*.yaml")))}


def read_check(file: Path) -> Check:
    """Read one file.

    Raises:
        InputError: names the file and the field.
    """
    try:
        check = Check.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (ValidationError, yaml.YAMLError) as error:
        raise InputError(f"检查 {file.name} 有误：{error}", file=file) from error
    if check.id != file.stem:
        raise InputError(f"id {check.id!r} 与文件名不同", file=file, field="id")
    if not NAME.fullmatch(check.kind) or not check.examples:
        raise InputError("kind 写作“组.种”，至少一个正例和一个反例", file=file, field="kind")
    if {bool(example.finds) for example in check.examples} != {True, False}:
        raise InputError("须有正例和反例", file=file, field="examples")
    function_of(check.function)
    return check
