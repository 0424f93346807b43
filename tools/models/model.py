"""What a model's YAML file says."""

from typing import Any

from pydantic import Field, model_validator

from cspon.schemas.base import Frozen
from tools.library.entry import Header, Ports
from tools.models.node import Constant, Nodes


class Output(Frozen):
    """One result of a model."""

    title: str
    source: str = Field(alias="from")
    """`node.port`."""
    digits: int = Field(4, ge=0, le=9)
    """Of a number, as it is shown."""


class Window(Frozen):
    """Layers are read around one input only."""

    around: str
    """A geometry input."""
    margin_m: float = Field(0.0, ge=0)


class Example(Frozen):
    """A worked example: it is a test."""

    name: str
    inputs: dict[str, Any]
    layers: dict[str, Any] = Field(default_factory=dict)
    """Role to features, for nodes that are rules: the place that they look at."""
    expect: dict[str, Any]


class Model(Header):
    """One model: typed inputs, sourced constants, nodes and outputs."""

    group: str
    method: str
    """What it does, step by step, in Chinese."""
    inputs: Ports
    constants: dict[str, Constant] = Field(default_factory=dict)
    window: Window | None = None
    nodes: Nodes = Field(min_length=1)
    outputs: dict[str, Output] = Field(min_length=1)
    examples: tuple[Example, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _sourced(self) -> "Model":
        if self.verified and not self.basis:
            raise ValueError("verified 为 true 的模型须有依据 basis；自定义的写 verified: false")
        both = set(self.inputs) & set(self.constants)
        if both:
            raise ValueError(f"输入与常数重名：{'、'.join(sorted(both))}")
        if self.window is not None:
            around = self.inputs.get(self.window.around)
            if around is None or around.type != "geometry":
                raise ValueError("window.around 须是一个 geometry 类型的输入")
        return self

    @property
    def ports(self) -> Ports:
        """Inputs and constants together: what `$name` may mean and a caller may give."""
        return {**self.inputs, **{name: c.port for name, c in self.constants.items()}}
