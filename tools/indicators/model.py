"""What an indicator's YAML file says, and the registration of those that need code."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from cspon.registry import registry
from cspon.schemas.base import Frozen
from tools.library.entry import Header, Ports
from tools.library.kinds import Context
from tools.library.units import Quantity
from tools.models.node import Constant, Nodes

Compute = Callable[[Mapping[str, Any], Context], Quantity]

ScopeKind = Literal["county", "town", "urban"]

OUTPUT = "value"
"""Output port of every indicator."""


class Listing(Frozen):
    """Where an official list names the indicator."""

    standard: str
    """e.g. TD/T 1063-2021, 自然资办发〔2020〕46号附录E."""
    number: str = ""
    category: str = ""
    attribute: Literal["", "约束性", "预期性", "建议性", "基本", "推荐"] = ""
    scope: str = ""


class Example(Frozen):
    """A worked example: it is a test."""

    name: str
    inputs: dict[str, Any]
    value: Any
    """A number with its unit, worked out by hand."""


class Indicator(Header):
    """One indicator: computed by a graph of operators and formulas, or by a function of its name."""

    unit: str
    digits: int = Field(2, ge=0, le=9)
    category: str
    """e.g. 安全、创新、协调、绿色、开放、共享."""
    direction: Literal["higher", "lower", "none"]
    """Which way is better; none where a target is kept to."""
    definition: str
    """In words."""
    formula: str
    """As a planner writes it."""
    listed: tuple[Listing, ...] = ()
    to_confirm: str = ""
    """What a bureau must confirm where the official definition was not found."""
    inputs: Ports
    statistics: dict[str, str] = Field(default_factory=dict)
    """Input to the item of the yearly statistics (指标项) that fills it."""
    reported: str = ""
    """Item of the yearly statistics that states the indicator itself."""
    scopes: tuple[ScopeKind, ...] = ("county",)
    """For which parts of a place it can be computed."""
    period: str = "年末时点"
    constants: dict[str, Constant] = Field(default_factory=dict)
    nodes: Nodes = Field(default_factory=dict)
    """Empty when a function computes it."""
    result: str = ""
    """`node.port` of the value."""
    examples: tuple[Example, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> "Indicator":
        if bool(self.nodes) != bool(self.result):
            raise ValueError("nodes 与 result 须同时写；由函数计算的两者都不写")
        if unknown := set(self.statistics) - set(self.inputs):
            raise ValueError(f"statistics 写了没有的输入：{'、'.join(sorted(unknown))}")
        if self.verified and not self.basis:
            raise ValueError("verified 为 true 的指标须有依据 basis；自定义的写 verified: false")
        if not self.verified and not self.to_confirm:
            raise ValueError("verified 为 false 的指标须写明 to_confirm（使用单位要确认什么）")
        return self

    @property
    def ports(self) -> Ports:
        """Inputs and constants together."""
        return {**self.inputs, **{name: c.port for name, c in self.constants.items()}}


def indicator(name: str) -> Callable[[Compute], Compute]:
    """Register the function of an indicator whose file has no nodes."""

    def register(function: Compute) -> Compute:
        registry.add("indicator", name, function)
        return function

    return register
