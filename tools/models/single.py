"""Run one entry of any kind by itself: what the command line and the gateway share."""

import time
from collections.abc import Mapping
from typing import Any

from cspon.schemas.spatial import ToolResult
from tools.library.entry import Kind
from tools.library.gather import gather
from tools.library.kinds import Context, entry, library
from tools.models.engine import Progress, quiet
from tools.models.result import tool_result
from tools.models.run import compute_model


def run_any(
    kind: Kind,
    entry_id: str,
    given: Mapping[str, Any],
    context: Context,
    *,
    progress: Progress = quiet,
    most_features: int | None = None,
) -> ToolResult:
    """Run an entry.

    Args:
        kind: Its library.
        entry_id: Its id or title.
        given: Inputs by name: typed values or their written form.
        context: Layers of the place, date and project type.
        progress: Told of each node before it runs.
        most_features: Of a layer inside the result; None for all.

    Raises:
        InputError: no such entry, switched off, or an input that is missing or does not fit.
    """
    from tools.indicators.compute import compute_indicator

    if kind == "model":
        return compute_model(
            entry_id, given, context, progress=progress, most_features=most_features
        )
    if kind == "indicator":
        return compute_indicator(entry_id, given, context, progress=progress)
    found = entry(kind, entry_id)
    started = time.perf_counter()
    values = gather(found.inputs, given, context.layers)
    outputs = library(kind).run(found.id, values, context)
    return tool_result(
        found,
        outputs,
        found.outputs,
        {},
        (),
        values,
        seconds=time.perf_counter() - started,
        most_features=most_features,
    )
