"""The published schemes of 双评价 as data: evaluations of steps, parameters, classes.

Knows the files of a scheme. The kinds of steps are in `steps`, own figures in `overrides`.
"""

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, model_validator

from cspon.errors import InputError
from cspon.schemas.base import Frozen
from tools.dual_evaluation.overrides import METHODS, choose, override
from tools.dual_evaluation.steps import OUTSIDE, AnyStep, Sourced, needs

FOLDER = Path(__file__).with_name("schemes")


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


def load_scheme(
    name: str,
    overrides: dict[str, Any] | None = None,
    methods: dict[str, str] | None = None,
) -> Scheme:
    """Load a scheme, with a bureau's own figures in place of the published ones.

    Args:
        name: Id of the scheme, "2020" or "2019".
        overrides: `urban.slope.breaks` or `parameters.relief_window_cells` to the value.
        methods: `ecology.sand_fixation` to another of the step's methods; overrides come after.

    Raises:
        InputError: no such scheme or method, or an override that names nothing or does not fit.
    """
    raw = _copy(read_scheme(name))
    choose(raw, methods or {})
    for path, value in (overrides or {}).items():
        override(raw, path, value)
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


def methods_of(name: str) -> dict[str, tuple[str, ...]]:
    """Return the other methods that a scheme offers, by `evaluation.step`.

    Raises:
        InputError: there is no such scheme.
    """
    return {
        f"{evaluation['id']}.{step['id']}": tuple(step[METHODS])
        for evaluation in read_scheme(name)["evaluations"]
        for step in evaluation["steps"]
        if METHODS in step
    }


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value
