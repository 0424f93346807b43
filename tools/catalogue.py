"""The tool catalogue: one `@tool` function is an agent tool, a CLI verb and an API endpoint.

Schema and description come from the signature and the docstring; nothing is written twice.
"""

import importlib
import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from cspon.errors import RetryTool
from cspon.registry import registry
from cspon.schemas.spatial import ToolResult
from tools.postgis.connection import one_state

MODULES = (
    "tools.compliance.check",
    "tools.accessibility.tool",
    "tools.models.tool",
    "tools.quality_check.check",
    "tools.planning_conditions.conditions",
    "tools.base_data.extract",
    "tools.indicators.tool",
    "tools.assessment.tool",
    "tools.implementation_assessment.tool",
    "tools.risk_assessment.tool",
    "tools.plan_versions.compare",
    "tools.site_selection.select",
    "tools.dual_evaluation.tool",
)
"""Modules that register tools when imported; a new tool adds its module here."""


@dataclass(frozen=True)
class Sent:
    """Marks a path argument that a caller from elsewhere may fill with a file of its own.

    database: a folder of results or one vector file; version: a folder with `layers.yaml` or one vector
    file; table: one CSV or workbook. A path argument without this mark is the operator's alone.
    """

    kind: Literal["database", "version", "table"]


@dataclass(frozen=True)
class OneOf:
    """Marks a text argument for which a caller from elsewhere may choose among known names only."""

    names: Callable[[], tuple[str, ...]]


class Tool:
    """A registered tool: its function, argument model and what users call it."""

    def __init__(
        self,
        function: Callable[..., ToolResult],
        *,
        name: str,
        title: str,
        version: str,
        examples: tuple[str, ...],
        needs: tuple[str, ...],
    ) -> None:
        self.function, self.name, self.title, self.version = function, name, title, version
        self.examples = examples
        """Questions that this tool answers; the router embeds them."""
        self.needs = needs
        """Roles of layers without which the tool cannot decide anything."""
        self.description = inspect.getdoc(function) or ""
        fields: dict[str, Any] = {
            parameter.name: (
                parameter.annotation,
                ... if parameter.default is inspect.Parameter.empty else parameter.default,
            )
            for parameter in inspect.signature(function, eval_str=True).parameters.values()
        }
        self.arguments: type[BaseModel] = create_model(
            f"{name}_arguments",
            __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=True),
            **fields,
        )

    def check(self, **arguments: Any) -> BaseModel:
        """Validate the arguments.

        Raises:
            RetryTool: they do not fit the signature.
        """
        try:
            return self.arguments(**arguments)
        except ValidationError as error:
            problems = "；".join(
                f"{'.'.join(map(str, e['loc']))}：{e['msg']}" for e in error.errors()
            )
            raise RetryTool(f"工具 {self.name} 的参数不符：{problems}") from None

    def run(self, **arguments: Any) -> ToolResult:
        """Validate the arguments and run; the elapsed time is added to the provenance.

        Raises:
            RetryTool: the arguments do not fit the signature.
        """
        checked = self.check(**arguments)
        started = time.perf_counter()
        with one_state():
            result = self.function(
                **{name: getattr(checked, name) for name in type(checked).model_fields}
            )
        elapsed = (time.perf_counter() - started) * 1000
        provenance = result.provenance.model_copy(update={"elapsed_ms": round(elapsed, 1)})
        return result.model_copy(update={"provenance": provenance})


def tool(
    name: str,
    *,
    title: str,
    version: str,
    examples: tuple[str, ...] = (),
    needs: tuple[str, ...] = (),
) -> Callable[[Callable[..., ToolResult]], Callable[..., ToolResult]]:
    """Register a function as a tool; the function itself stays a plain function."""

    def register(function: Callable[..., ToolResult]) -> Callable[..., ToolResult]:
        registry.add(
            "tool",
            name,
            Tool(function, name=name, title=title, version=version, examples=examples, needs=needs),
        )
        return function

    return register


def load_tools() -> dict[str, Tool]:
    """Import every tool module and return the tools by name."""
    for module in MODULES:
        importlib.import_module(module)
    return dict(registry.items("tool"))
