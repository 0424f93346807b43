"""Rules as data: what is looked for, with the examples that are its tests.

A pattern is written in what Python's `re` and RE2 have in common, without look-around; what may not
stand beside a match is said by `boundary`. `\\d` and `\\w` mean ASCII.
"""

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from cspon.schemas.base import Frozen
from serving.guards.begun import longest
from serving.guards.checks import CHECKS
from tools.library.reading import field_error, read_yaml

FOLDER = Path(__file__).parent / "rules"
Action = Literal["block", "mask", "flag", "off"]
Side = Literal["input", "context", "data", "output", "tool_input", "tool_output"]
"""What a user says; what an application says beside it (system messages, earlier answers); what tools
and documents say; what a model says; what a tool is called with directly, and what it finds then."""
Boundary = Literal["none", "word", "word_left", "number"]
BEFORE = 16
"""Characters before a match that `unless_before` sees."""


class Examples(Frozen):
    """Texts in which the rule is found, and texts that look like it."""

    match: tuple[str, ...] = Field(min_length=1)
    miss: tuple[str, ...] = ()


class Rule(Frozen):
    """One rule."""

    id: str = Field(pattern=r"[a-z]+\.[a-z_0-9]+")
    """`group.name`."""
    title: str
    """What a user calls it."""
    label: str = Field("", max_length=8)
    """What stands in place of a masked value; the title where empty."""
    owasp: str = Field("", pattern=r"|LLM(0[1-9]|10)")
    """The risk of the OWASP Top 10 for LLM Applications (2025) that it belongs to."""
    sides: tuple[Side, ...] = ("input", "context", "data", "output")
    pattern: str
    """With a group `value` where only a part of a match is meant."""
    needle: str = ""
    """A simpler pattern that occurs in every match: ordinary text is looked through for needles alone."""
    boundary: Boundary = "none"
    check: str = ""
    """A function of `checks`, asked of the value."""
    unless_before: str = ""
    """A pattern that spares a match when it ends just before it."""
    only: tuple[Action, ...] = ("block", "mask", "flag", "off")
    """The actions that make sense for it."""
    mend: str
    """What the user can do, one sentence."""
    source: str = ""
    verified: bool = True
    """False where the source was not at hand."""
    examples: Examples

    def is_for(self, side: Side) -> bool:
        """Say whether the rule is looked for on a side; calls of tools have the rules of input and output."""
        return side.removeprefix("tool_") in self.sides

    @property
    def group(self) -> str:
        """The first part of the id."""
        return self.id.split(".")[0]

    @property
    def placeholder(self) -> str:
        """The name of what is masked."""
        return self.label or self.title

    @model_validator(mode="after")
    def _sound(self) -> "Rule":
        if self.check and self.check not in CHECKS:
            raise ValueError(f"没有名为 {self.check} 的校验；已有：{'、'.join(CHECKS)}")
        longest(self.pattern)
        return self


class _File(Frozen):
    rules: tuple[Rule, ...] = Field(min_length=1)


def read_rules(file: Path) -> tuple[Rule, ...]:
    """Read one file of rules.

    Raises:
        InputError: it is not as it should be; names the field.
    """
    try:
        return _File.model_validate(read_yaml(file)).rules
    except ValidationError as error:
        raise field_error(file, error) from None


@lru_cache(maxsize=1)
def standard_rules() -> tuple[Rule, ...]:
    """Return the rules that come with the program.

    Raises:
        InputError: a file of them is faulty.
    """
    rules = tuple(rule for file in sorted(FOLDER.glob("*.yaml")) for rule in read_rules(file))
    assert len({rule.id for rule in rules}) == len(rules), "ids of rules differ"
    return rules
