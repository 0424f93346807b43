"""The kinds of checks: small registered functions that a pack names.

A feature check sees one chunk of a layer, another sees the whole database: `scope` says which.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from cspon.registry import registry

Scope = Literal["database", "layer", "features", "gathered", "after"]
MODULES = (
    "tools.quality_check.structure",
    "tools.quality_check.mathematics",
    "tools.quality_check.attributes",
    "tools.quality_check.shapes",
    "tools.quality_check.vertices",
    "tools.quality_check.areas",
    "tools.quality_check.uniqueness",
    "tools.quality_check.topology",
    "tools.quality_check.between",
    "tools.quality_check.lines",
    "tools.quality_check.indicators",
    "tools.quality_check.metadata",
    "tools.quality_check.precision",
    "tools.quality_check.zoning",
    "tools.quality_check.land_survey",
)
"""Modules that register checks when imported."""


@dataclass(frozen=True)
class CheckKind:
    """A registered check function."""

    name: str
    scope: Scope
    """database: files and folders; layer: one layer's description; features: one chunk of a layer;
    gathered: one layer after it has been read; after: once every layer has been read."""
    function: Callable[..., Any]
    parameters: tuple[str, ...]


def check(
    name: str, *, scope: Scope, parameters: tuple[str, ...] = ()
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a check function under the name that packs use."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        registry.add("quality_check", name, CheckKind(name, scope, function, parameters))
        return function

    return register


def check_kinds() -> dict[str, CheckKind]:
    """Import every module of checks and return the kinds by name."""
    for module in MODULES:
        importlib.import_module(module)
    return dict(registry.items("quality_check"))
