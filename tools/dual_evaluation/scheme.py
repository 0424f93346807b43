"""The published schemes of 双评价 as data: every threshold, weight and matrix with its source.

Knows the form of a scheme. Does not know rasters: `tools.dual_evaluation.interpret` applies it.
"""

from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from cspon.errors import InputError
from cspon.schemas.base import Frozen

FOLDER = Path(__file__).with_name("schemes")
OUTSIDE = 9
"""Value of a cell outside the range of an evaluation (生态保护极重要区)."""
MOST_GRADES = 8
Grade = Annotated[int, Field(ge=1, le=MOST_GRADES)]


class Sourced(Frozen):
    """What every figure carries: where it comes from, and whether that text was seen."""

    source: str
    verified: bool
    note: str = ""


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


class MeanStep(Step):
    """Weighted mean, rounded half up."""

    kind: Literal["mean"]
    of: tuple[str, ...] = Field(min_length=1)
    weights: tuple[Annotated[int, Field(gt=0, le=1000)], ...]

    @model_validator(mode="after")
    def _fits(self) -> "MeanStep":
        if len(self.weights) != len(self.of):
            raise ValueError("weights 与 of 的个数不同")
        return self


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
    | MeanStep
    | GeometricStep
    | DemoteStep
    | MatrixStep
    | CasesStep
    | CumulativeStep
    | PatchStep
    | ScopeStep,
    Field(discriminator="kind"),
]


class Class(Frozen):
    """One class of the result."""

    value: int = Field(ge=1, le=OUTSIDE)
    title: str
    colour: str = Field(pattern=r"^#[0-9a-f]{6}$")


class Evaluation(Frozen):
    """One evaluation of a scheme."""

    id: str
    title: str
    layer: str
    """Name of the result layer, e.g. CZJSSYXPJJG."""
    classes: tuple[Class, ...] = Field(min_length=2)
    steps: tuple[AnyStep, ...] = Field(min_length=1)
    result: str

    def step(self, name: str) -> AnyStep:
        """Return a step by id."""
        return next(step for step in self.steps if step.id == name)

    @model_validator(mode="after")
    def _fits(self) -> "Evaluation":
        known: set[str] = set()
        for step in self.steps:
            for need in needs(step):
                if need not in known:
                    raise ValueError(f"步骤 {step.id} 引用了尚未定义的步骤 {need}")
            if step.id in known:
                raise ValueError(f"步骤 {step.id} 定义了两次")
            known.add(step.id)
        if self.result not in known:
            raise ValueError(f"结果步骤 {self.result} 不存在")
        return self


class Quantity(Sourced):
    """A parameter with its unit."""

    title: str
    value: float
    unit: str


class Scheme(Frozen):
    """One published scheme."""

    id: str
    title: str
    document: str
    verified: bool
    note: str
    evaluations: tuple[Evaluation, ...]
    parameters: dict[str, Quantity]
    """Named constants of formulas: window of relief, lapse of temperature, quotas …"""

    def evaluation(self, name: str) -> Evaluation | None:
        """Return an evaluation by id."""
        return next((e for e in self.evaluations if e.id == name), None)


def needs(step: AnyStep) -> tuple[str, ...]:
    """Return the steps that a step is made from."""
    if isinstance(step, CombineStep | MeanStep | GeometricStep):
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


def scheme_names() -> tuple[str, ...]:
    """Return the ids of the schemes, the default first."""
    return tuple(sorted((f.name for f in FOLDER.iterdir() if f.is_dir()), reverse=True))


@cache
def read_scheme(name: str) -> dict[str, Any]:
    """Read the files of a scheme as one mapping, not yet checked.

    Raises:
        InputError: there is no such scheme.
    """
    if name not in scheme_names():
        raise InputError(
            f"没有名为“{name}”的双评价方案",
            field="scheme",
            mend=f"可选：{'、'.join(scheme_names())}",
        )
    folder = FOLDER / name
    head = yaml.safe_load((folder / "scheme.yaml").read_text(encoding="utf-8"))
    order = head.pop("order")
    evaluations = [
        yaml.safe_load((folder / f"{e}.yaml").read_text(encoding="utf-8")) for e in order
    ]
    return {**head, "evaluations": evaluations}


def load_scheme(name: str, overrides: dict[str, Any] | None = None) -> Scheme:
    """Load a scheme, with a bureau's own figures in place of the published ones.

    Args:
        name: Id of the scheme, "2020" or "2019".
        overrides: `urban.slope.breaks` or `parameters.relief_window_cells` to the value.

    Raises:
        InputError: no such scheme, or an override that names nothing or does not fit.
    """
    raw = _copy(read_scheme(name))
    for path, value in (overrides or {}).items():
        _override(raw, path, value)
    try:
        return Scheme.model_validate(raw)
    except ValidationError as error:
        problem = error.errors()[0]
        assert overrides, f"scheme {name}: {problem}"
        raise InputError(
            f"改写后的方案不成立：{problem['msg']}",
            field="overrides",
            mend="断点须从小到大，等级个数须比断点多一个，等级取 1–8",
        ) from None


OWN = "用户配置改写"
CHANGEABLE = (
    "breaks", "grades", "closed", "drops", "weights", "table", "shares", "cases", "other",
    "outside", "among", "required", "unit", "elsewhere", "exclude",
)  # fmt: skip


def _override(raw: dict[str, Any], path: str, value: Any) -> None:
    """Put one own figure in; it is marked as the user's."""
    parts = path.split(".")
    if parts[0] == "parameters" and len(parts) == 2 and parts[1] in raw["parameters"]:
        entry = raw["parameters"][parts[1]]
        entry["note"] = f"原值 {entry['value']:g} {entry['unit']}。{entry.get('note', '')}".strip()
        entry |= {"value": value, "source": OWN, "verified": False}
        return
    evaluation = next((e for e in raw["evaluations"] if e["id"] == parts[0]), None)
    step = next(
        (s for s in (evaluation or {}).get("steps", ()) if len(parts) == 3 and s["id"] == parts[1]),
        None,
    )
    if step is None or parts[2] not in CHANGEABLE or parts[2] not in step:
        raise InputError(
            f"方案中没有可改写的 {path}",
            field="overrides",
            mend="写作 评价.步骤.字段（如 urban.slope.breaks）或 parameters.名称；"
            "cspon dual-eval --scheme 2020 --show 列出全部",
        )
    before = step[parts[2]]
    if isinstance(before, dict) and isinstance(value, dict):
        value = {**before, **value}
    step[parts[2]] = value
    step["note"] = f"{parts[2]} 原为 {before}。{step.get('note', '')}".strip()
    step |= {"source": OWN, "verified": False}


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _rising(breaks: tuple[float, ...]) -> None:
    if any(a >= b for a, b in pairwise(breaks)):
        raise ValueError("断点须从小到大")


def _count(grades: tuple[int, ...], breaks: tuple[float, ...], name: str) -> None:
    if len(grades) != len(breaks) + 1:
        raise ValueError(f"{name} 应有 {len(breaks) + 1} 个")
