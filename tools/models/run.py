"""Run a model by name: inputs gathered, graph run, outputs and provenance as a `ToolResult`."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cspon.errors import InputError
from cspon.schemas.spatial import ToolResult
from tools.library.example_place import example_place
from tools.library.examples import compare
from tools.library.gather import around, gather
from tools.library.kinds import Context, entry
from tools.library.state import require_enabled
from tools.models.engine import NodeRun, Progress, quiet, run_graph
from tools.models.load import models, outputs_of
from tools.models.model import Model
from tools.models.node import Reference, reference
from tools.models.result import tool_result


def compute_model(
    name: str,
    given: Mapping[str, Any],
    context: Context,
    *,
    progress: Progress = quiet,
    most_features: int | None = None,
) -> ToolResult:
    """Run a model.

    Args:
        name: Its id or title.
        given: Inputs and replaced constants by name: typed values or their written form.
        context: Layers of the place, date and project type.
        progress: Told of each node before it runs.
        most_features: Of a layer inside the result; None for all.

    Raises:
        InputError: no such model, switched off, a missing layer or a value that does not fit.
    """
    shown = entry("model", name)
    require_enabled("model", shown.id, shown.title)
    definition = models()[shown.id]
    said = definition.said
    started = time.perf_counter()
    outputs, records, used = apply(said, given, context, file=definition.file, progress=progress)
    replaced = [key for key in given if key in said.constants]
    warnings = [
        f"参数“{said.constants[key].title}”已由使用者改为 {given[key]}，不是模型的默认值。"
        for key in replaced
    ]
    return tool_result(
        shown,
        outputs,
        outputs_of(said, definition.file),
        {key: output.digits for key, output in said.outputs.items()},
        records,
        used,
        warnings=tuple(warnings),
        seconds=time.perf_counter() - started,
        most_features=most_features,
    )


def apply(
    said: Model,
    given: Mapping[str, Any],
    context: Context,
    *,
    file: Path,
    progress: Progress = quiet,
) -> tuple[dict[str, Any], tuple[NodeRun, ...], dict[str, Any]]:
    """Run a checked model; returns outputs by name, node records and the inputs used."""
    values = gather(said.ports, given, context.layers, file=None)
    if said.window is not None and said.window.around in values:
        values = around(values, values[said.window.around], said.window.margin_m)
    done, records = run_graph(said.nodes, values, said.ports, context, file=file, progress=progress)
    outputs: dict[str, Any] = {}
    for key, output in said.outputs.items():
        target: Reference | None = reference(output.source)
        assert target is not None
        if target.port in done[target.node]:
            outputs[key] = done[target.node][target.port]
    return outputs, records, values


def check_examples(said: Model, file: Path) -> None:
    """Run a model's worked examples.

    Raises:
        InputError: an example does not come out.
    """
    declared = outputs_of(said, file)
    for example in said.examples:
        try:
            with example_place(example.layers, file) as layers:
                outputs, _, _ = apply(said, example.inputs, Context(layers=layers), file=file)
        except InputError as error:
            raise InputError(
                f"算例“{example.name}”不能计算：{error.message}",
                file=file,
                field=error.field or f"examples.{example.name}",
                mend=error.mend,
            ) from None
        compare(example.name, declared, outputs, example.expect, file)
