"""Policies: what is done about each rule, by the level that the caller may see and by side.

The bureau's own file has the same form; its lines change those that come with the program.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator

from cspon.errors import InputError
from cspon.schemas.base import Frozen, Secrecy
from serving.guards.matcher import Matcher
from serving.guards.rules import Action, Examples, Rule, Side, standard_rules
from tools.library.reading import field_error, read_yaml

STANDARD = Path(__file__).with_name("policy.yaml")
WRITTEN: tuple[Side, ...] = ("input", "data", "output", "tool_input", "tool_output")
"""Sides with lines of their own; what an application says has those of what users say."""
SIDES: tuple[Side, ...] = (*WRITTEN, "context")
AFTERWARDS = ("unsupported", "prompt")
"""Groups that are looked for when an answer is whole: they can be flagged or left out, no more."""
MOST_WORDS = 5000


class Words(Frozen):
    """Names that a bureau does not want to see pass."""

    id: str = Field(pattern=r"own\.[a-z_0-9]{1,40}")
    title: str = Field(min_length=1, max_length=40)
    words: tuple[str, ...] = Field(min_length=1, max_length=MOST_WORDS)
    mend: str = "请删去该名称"

    @model_validator(mode="after")
    def _long_enough(self) -> "Words":
        if short := [word for word in self.words if not 2 <= len(word) <= 80]:
            raise ValueError(f"词须有 2 到 80 个字：{short[0]!r}")
        return self

    def rule(self) -> Rule:
        """Return the rule that finds them."""
        pattern = "|".join(map(re.escape, sorted(self.words, key=len, reverse=True)))
        return Rule(
            id=self.id,
            title=self.title,
            label=self.title[:8],
            pattern=pattern,
            mend=self.mend,
            examples=Examples(match=self.words[:1]),
        )


class Lines(Frozen):
    """Actions by group or rule, of one level."""

    input: dict[str, Action] = Field(default_factory=dict)
    data: dict[str, Action] = Field(default_factory=dict)
    output: dict[str, Action] = Field(default_factory=dict)
    tool_input: dict[str, Action] = Field(default_factory=dict)
    tool_output: dict[str, Action] = Field(default_factory=dict)


class PolicyFile(Frozen):
    """A file of policies."""

    own_hosts: tuple[str, ...] = ()
    words: tuple[Words, ...] = ()
    levels: dict[Secrecy, Lines] = Field(default_factory=dict)


@dataclass(frozen=True)
class SidePolicy:
    """What is looked for on one side, and what is done about it."""

    actions: Mapping[str, Action]
    """By rule; rules that are off are not in it."""
    matcher: Matcher = field(repr=False)


@dataclass(frozen=True)
class Policy:
    """What holds for one caller and one model.

    Args:
        level: What the caller may see.
        inside: Whether the model is the bureau's own: only then what is masked can be put back.
        sides: By side.
        afterwards: Actions of `AFTERWARDS`.
    """

    level: Secrecy
    inside: bool
    sides: Mapping[Side, SidePolicy]
    afterwards: Mapping[str, Action]

    def of_tools(self) -> "Policy":
        """Return what holds where a tool is called directly: its own lines in place of input and output."""
        sides = dict(self.sides)
        sides["input"], sides["output"] = sides["tool_input"], sides["tool_output"]
        return replace(self, sides=sides)


class Policies:
    """All policies of a server.

    Args:
        file: What the file says, over the standard.

    Raises:
        InputError: a line names no rule, or an action that the rule does not take.
    """

    def __init__(self, file: PolicyFile) -> None:
        self.own_hosts = frozenset(file.own_hosts)
        self.rules = (*standard_rules(), *(words.rule() for words in file.words))
        self._lines = file.levels
        self._made: dict[tuple[Secrecy, bool], Policy] = {}
        self.inside: dict[tuple[str, ...], bool] = {}
        """Addresses of engines that were looked at: are all of them the bureau's own."""
        for level in Secrecy:
            if level not in file.levels:
                raise InputError(f"没有密级“{level}”的策略", field="levels")
            self._check(level)

    def of(self, level: Secrecy, *, inside: bool = True) -> Policy:
        """Return the policy for a caller's level and a model inside or outside."""
        if (level, inside) not in self._made:
            output = self._lines[level].output
            self._made[level, inside] = Policy(
                level,
                inside,
                {side: self._side(level, side) for side in SIDES},
                {group: output.get(group, "off") for group in AFTERWARDS},
            )
        return self._made[level, inside]

    def action(self, level: Secrecy, side: Side, rule: Rule) -> Action:
        """Return what is done about a rule."""
        lines = getattr(self._lines[level], "input" if side == "context" else side)
        found: Action = lines.get(rule.id) or lines.get(rule.group) or "off"
        return found

    def _side(self, level: Secrecy, side: Side) -> SidePolicy:
        actions = {
            rule.id: action
            for rule in self.rules
            if rule.is_for(side) and (action := self.action(level, side, rule)) != "off"
        }
        return SidePolicy(actions, _matcher(tuple(r for r in self.rules if r.id in actions)))

    def _check(self, level: Secrecy) -> None:
        groups = {rule.group for rule in self.rules} | {rule.id for rule in self.rules} | {"own"}
        for side in WRITTEN:
            for name, action in getattr(self._lines[level], side).items():
                place = f"levels.{level}.{side}.{name}"
                if name in AFTERWARDS and side == "output":
                    if action not in ("flag", "off"):
                        raise InputError(f"{name} 只能是 flag 或 off", field=place)
                elif name not in groups:
                    raise InputError(f"没有规则或规则组 {name}", field=place)
        for rule in self.rules:
            for side in filter(rule.is_for, SIDES):
                action = self.action(level, side, rule)
                if action not in rule.only:
                    raise InputError(
                        f"规则 {rule.id} 不能是 {action}",
                        field=f"levels.{level}.{side}",
                        mend=f"可用：{'、'.join(rule.only)}",
                    )


@lru_cache(maxsize=32)
def _matcher(rules: tuple[Rule, ...]) -> Matcher:
    return Matcher(rules)


def read_policies(file: Path | None = None) -> Policies:
    """Read the standard policies, changed by a bureau's own file.

    Raises:
        InputError: a file is not as it should be; names the field.
    """
    content: dict[str, Any] = read_yaml(STANDARD)
    _validated(STANDARD, content)
    if file is not None:
        own = _validated(file, read_yaml(file) or {})
        content = _over(content, own.model_dump(mode="json", exclude_unset=True))
    try:
        return Policies(_validated(file or STANDARD, content))
    except InputError as error:
        raise InputError(error.message, file=file or STANDARD, field=error.field, mend="") from None


def _over(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in change.items():
        known = merged.get(key)
        both = isinstance(known, dict) and isinstance(value, dict)
        merged[key] = _over(known, value) if both else value  # type: ignore[arg-type]
    return merged


def _validated(file: Path, content: Any) -> PolicyFile:
    try:
        return PolicyFile.model_validate(content)
    except ValidationError as error:
        raise field_error(file, error) from None
