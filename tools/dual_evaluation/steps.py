"""The kinds of steps that a scheme is made of, every figure with its source.

Knows the form of a step. Does not know rasters: `compile` and `arrays` apply it.
"""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from cspon.schemas.base import Frozen
from tools.dual_evaluation.sources import Secondary

OUTSIDE = 9
"""Value of a cell outside the range of an evaluation (生态保护极重要区)."""
MOST_GRADES = 8
Grade = Annotated[int, Field(ge=1, le=MOST_GRADES)]


class Sourced(Frozen):
    """What every figure carries: where it comes from, and whether that text was seen."""

    source: str
    verified: bool
    """Was the official text itself read?"""
    note: str = ""
    secondary: tuple[Secondary, ...] = ()
    """What other publications say of the same figure."""


class Step(Sourced):
    """One step; its result is a grade per cell, higher is better (or more important), 0 is unknown."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    required: bool = False
    """Without it the evaluation is refused; else it is marked incomplete."""


class GradeStep(Step):
    """A quantity by breaks in rising order."""

    kind: Literal["grade"]
    variable: str
    breaks: tuple[float, ...] = Field(min_length=1)
    closed: Literal["left", "right"]
    """right: a value equal to a break belongs to the class below it."""
    grades: tuple[Grade, ...]

    @model_validator(mode="after")
    def _fits(self) -> "GradeStep":
        _rising(self.breaks)
        _count(self.grades, self.breaks, "grades")
        return self


class CategoryStep(Step):
    """A category by a table."""

    kind: Literal["category"]
    variable: str
    grades: dict[str, Grade]
    outside: Grade | None = None
    """Where the layer has no feature; None: unknown."""


class CombineStep(Step):
    """The lowest or highest of several grades."""

    kind: Literal["combine"]
    how: Literal["lowest", "highest"]
    of: tuple[str, ...] = Field(min_length=1)


class GeometricStep(Step):
    """Geometric mean of scores, by breaks."""

    kind: Literal["geometric"]
    of: tuple[str, ...] = Field(min_length=1)
    breaks: tuple[float, ...] = Field(min_length=1)
    closed: Literal["left", "right"]
    grades: tuple[Grade, ...]

    @model_validator(mode="after")
    def _fits(self) -> "GeometricStep":
        _rising(self.breaks)
        _count(self.grades, self.breaks, "grades")
        return self


class DemoteStep(Step):
    """A grade lowered where a quantity is unfavourable; never below 1."""

    kind: Literal["demote"]
    base: str
    variable: str
    breaks: tuple[float, ...] = Field(min_length=1)
    closed: Literal["left", "right"]
    drops: tuple[Annotated[int, Field(ge=0, le=MOST_GRADES)], ...]

    @model_validator(mode="after")
    def _fits(self) -> "DemoteStep":
        _rising(self.breaks)
        _count(self.drops, self.breaks, "drops")
        return self


class MatrixStep(Step):
    """Two grades to one; `table[r - 1][c - 1]` is the result of row grade r and column grade c."""

    kind: Literal["matrix"]
    rows: str
    columns: str
    table: tuple[tuple[Grade, ...], ...] = Field(min_length=1)
    passes: bool = False
    """A correction: where the column has no input, the row's grade is handed on."""

    @model_validator(mode="after")
    def _fits(self) -> "MatrixStep":
        if len({len(row) for row in self.table}) != 1:
            raise ValueError("判别矩阵各行的列数不同")
        return self


class Condition(Frozen):
    """One bound on a variable."""

    variable: str
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    among: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> "Condition":
        if self.among:
            if self.bounds:
                raise ValueError("among 与数值界限不能同写")
        elif not self.bounds:
            raise ValueError("条件须写 at_least、above、at_most、below 或 among")
        return self

    @property
    def bounds(self) -> dict[str, float]:
        """The bounds that are given."""
        names = ("at_least", "above", "at_most", "below")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


class Case(Frozen):
    """A grade where all conditions hold."""

    grade: Grade
    when: tuple[Condition, ...] = Field(min_length=1)


class CasesStep(Step):
    """The first case whose conditions all hold; else `other`."""

    kind: Literal["cases"]
    cases: tuple[Case, ...] = Field(min_length=1)
    other: Grade


class CumulativeStep(Step):
    """Grades by share of the total: the cells with the highest values that make up the share."""

    kind: Literal["cumulative"]
    variable: str
    shares: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(min_length=1)
    grades: tuple[Grade, ...]

    @model_validator(mode="after")
    def _fits(self) -> "CumulativeStep":
        _rising(self.shares)
        _count(self.grades, self.shares, "grades")
        return self


class PatchStep(Step):
    """Grades by the area of the connected patch of cells whose grade is one of `among`."""

    kind: Literal["patch"]
    of: str
    among: tuple[Grade, ...] = Field(min_length=1)
    unit: Literal["km²", "ha", "亩"]
    breaks: tuple[float, ...] = Field(min_length=1)
    closed: Literal["left", "right"]
    grades: tuple[Grade, ...]
    elsewhere: Grade = 1
    """Grade of cells that are not in `among`."""

    @model_validator(mode="after")
    def _fits(self) -> "PatchStep":
        _rising(self.breaks)
        _count(self.grades, self.breaks, "grades")
        return self


class ScopeStep(Step):
    """Take cells out of the range where another evaluation has one of these classes."""

    kind: Literal["scope"]
    of: str
    evaluation: str
    exclude: tuple[Grade, ...]


AnyStep = Annotated[
    GradeStep
    | CategoryStep
    | CombineStep
    | GeometricStep
    | DemoteStep
    | MatrixStep
    | CasesStep
    | CumulativeStep
    | PatchStep
    | ScopeStep,
    Field(discriminator="kind"),
]


def needs(step: AnyStep) -> tuple[str, ...]:
    """Return the steps that a step is made from."""
    if isinstance(step, CombineStep | GeometricStep):
        return step.of
    if isinstance(step, MatrixStep):
        return (step.rows, step.columns)
    if isinstance(step, DemoteStep):
        return (step.base,)
    if isinstance(step, PatchStep | ScopeStep):
        return (step.of,)
    return ()


def variables_of(step: AnyStep) -> tuple[str, ...]:
    """Return the variables that a step reads."""
    if isinstance(step, GradeStep | CategoryStep | DemoteStep | CumulativeStep):
        return (step.variable,)
    if isinstance(step, CasesStep):
        return tuple(dict.fromkeys(c.variable for case in step.cases for c in case.when))
    return ()


def _rising(breaks: tuple[float, ...]) -> None:
    if any(a >= b for a, b in pairwise(breaks)):
        raise ValueError("断点须从小到大")


def _count(grades: tuple[int, ...], breaks: tuple[float, ...], name: str) -> None:
    if len(grades) != len(breaks) + 1:
        raise ValueError(f"{name} 应有 {len(breaks) + 1} 个")
