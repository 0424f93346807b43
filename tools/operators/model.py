"""What an operator's YAML file says, and the registration of its function."""

from collections.abc import Callable
from typing import Any

from pydantic import Field

from cspon.registry import registry
from cspon.schemas.base import Frozen
from tools.library.entry import Header, Ports

GROUPS = ("叠加", "选择与汇总", "邻近", "量算", "栅格", "数值")


class Example(Frozen):
    """A worked example: it is a test of the operator."""

    name: str
    inputs: dict[str, Any]
    expect: dict[str, Any]
    """Output port to its value: a number with unit, rows, `{features, area_m2, …}` or a grid."""


class Operator(Header):
    """One operator; its formula stands in `method`."""

    group: str
    method: str
    """How it is computed, in Chinese, with definitions and conventions."""
    library: str = ""
    """The library that does the work."""
    inputs: Ports
    parameters: Ports = Field(default_factory=dict)
    outputs: Ports
    streams: tuple[str, ...] = ()
    """Layer inputs that the function reads piece by piece."""
    examples: tuple[Example, ...] = Field(min_length=1)

    @property
    def ports(self) -> Ports:
        """Inputs and parameters together: what a caller gives."""
        return {**self.inputs, **self.parameters}


def operator(name: str) -> Callable[[Callable[..., dict[str, Any]]], Callable[..., dict[str, Any]]]:
    """Register the function of the operator of that name."""

    def register(function: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        registry.add("operator", name, function)
        return function

    return register
