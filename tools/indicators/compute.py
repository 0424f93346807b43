"""Compute indicators from layers and filled-in numbers."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cspon.errors import InputError
from cspon.registry import registry
from cspon.schemas.spatial import ToolResult
from tools.indicators.load import check_indicator, indicators
from tools.indicators.model import OUTPUT, Indicator
from tools.library.examples import compare
from tools.library.gather import gather
from tools.library.kinds import Context, entry
from tools.library.state import require_enabled
from tools.library.units import Quantity
from tools.models.engine import NodeRun, Progress, quiet, run_graph
from tools.models.node import reference
from tools.models.result import tool_result


def compute_indicator(
    name: str, given: Mapping[str, Any], context: Context, *, progress: Progress = quiet
) -> ToolResult:
    """Compute one indicator.

    Args:
        name: Its id or title.
        given: Inputs by name: filled-in statistics such as "12.5 万人", or layers in place of those
            of the catalogue.
        context: Layers of the place.
        progress: Told of each step before it runs.

    Raises:
        InputError: no such indicator, switched off, a missing layer or a value that does not fit.
    """
    shown = entry("indicator", name)
    require_enabled("indicator", shown.id, shown.title)
    definition = indicators()[shown.id]
    said = definition.said
    started = time.perf_counter()
    value, records, used = apply(said, given, context, file=definition.file, progress=progress)
    warnings = (f"须由使用单位确认：{said.to_confirm}",) if said.to_confirm else ()
    return tool_result(
        shown,
        {OUTPUT: value},
        shown.outputs,
        {OUTPUT: said.digits},
        records,
        used,
        warnings=warnings,
        seconds=time.perf_counter() - started,
    )


def apply(
    said: Indicator,
    given: Mapping[str, Any],
    context: Context,
    *,
    file: Path,
    progress: Progress = quiet,
) -> tuple[Quantity, tuple[NodeRun, ...], dict[str, Any]]:
    """Compute a checked indicator; returns value, node records and the inputs used."""
    values = gather(said.ports, given, context.layers)
    if not said.nodes:
        computed: Quantity = registry.get("indicator", said.id)(values, context)
        return computed.to(said.unit), (), values
    done, records = run_graph(said.nodes, values, said.ports, context, file=file, progress=progress)
    target = reference(said.result)
    assert target is not None
    value: Quantity = done[target.node][target.port]
    return value.to(said.unit), records, values


def check_examples(said: Indicator, file: Path) -> None:
    """Run an indicator's worked examples.

    Raises:
        InputError: an example does not come out.
    """
    ports = check_indicator(said, file, code_allowed=True)
    for example in said.examples:
        try:
            value, _, _ = apply(said, example.inputs, Context(), file=file)
        except InputError as error:
            raise InputError(
                f"算例“{example.name}”不能计算：{error.message}",
                file=file,
                field=error.field or f"examples.{example.name}",
                mend=error.mend,
            ) from None
        compare(example.name, ports, {OUTPUT: value}, {OUTPUT: example.value}, file)
