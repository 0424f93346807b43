"""The nodes of a graph as they are written: what each does and what it refers to."""

import re
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, model_validator

from cspon.schemas.base import Frozen
from tools.library.entry import Kind, Port

VALUE = "value"
"""Output port of a formula."""
_REFERENCE = re.compile(r"\$[a-z]\w*|[a-z]\w*\.[a-z]\w*")
_KINDS: tuple[Kind, ...] = ("operator", "rule", "indicator")


class Constant(Frozen):
    """A sourced number, list or table; a caller may replace it by its name."""

    title: str
    type: Literal["number", "text", "table"] = "number"
    value: Any
    unit: str | None = None
    many: bool = False
    source: str
    verified: bool

    @property
    def port(self) -> Port:
        """The constant as an input with a default."""
        written = self.value
        if self.type == "number" and self.unit and not self.many:
            written = {"value": self.value, "unit": self.unit}
        return Port(
            type=self.type,
            title=self.title,
            unit=self.unit,
            many=self.many,
            default=written,
            note=self.source + ("" if self.verified else "（未核实）"),
        )


class Node(Frozen):
    """One step: exactly one of operator, rule, indicator or expression."""

    title: str = ""
    operator: str | None = None
    rule: str | None = None
    indicator: str | None = None
    expression: str | None = None
    unit: str | None = None
    """Of an expression's result; always declared."""
    inputs: dict[str, Any] = Field(default_factory=dict)
    """Port to `$input`, `node.port` or a constant."""

    @model_validator(mode="after")
    def _one(self) -> "Node":
        given = [self.operator, self.rule, self.indicator, self.expression]
        if sum(value is not None for value in given) != 1:
            raise ValueError("每个节点须写 operator、rule、indicator、expression 之一")
        return self

    @property
    def kind(self) -> Kind | None:
        """Kind of the entry that it runs; None for a formula."""
        return next((kind for kind in _KINDS if getattr(self, kind) is not None), None)

    @property
    def entry_id(self) -> str:
        """Id of the entry that it runs."""
        kind = self.kind
        assert kind is not None
        found: str = getattr(self, kind)
        return found


Nodes = dict[str, Node]


@dataclass(frozen=True)
class Reference:
    """A `$input` (node is empty) or a `node.port`."""

    node: str
    port: str


def reference(written: Any) -> Reference | None:
    """Return what a string refers to; None for a constant."""
    if not isinstance(written, str) or not _REFERENCE.fullmatch(written):
        return None
    if written.startswith("$"):
        return Reference("", written[1:])
    node, _, port = written.partition(".")
    return Reference(node, port)


def references(node: Node) -> list[Reference]:
    """List everything a node refers to, in lists too."""
    found = []
    for written in node.inputs.values():
        for item in written if isinstance(written, list) else [written]:
            if (one := reference(item)) is not None:
                found.append(one)
    return found
