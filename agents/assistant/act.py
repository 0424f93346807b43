"""Run the plan's steps: independent ones side by side, each to a `ToolResult`."""

import asyncio
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from cspon.schemas.agent import Plan, Step
from cspon.schemas.spatial import ToolResult
from tools.catalogue import Tool


async def act(
    plan: Plan,
    *,
    tools: Mapping[str, Tool],
    boundary: Path | None,
    layers: Path,
    asked_on: date,
    epsg: int | None = None,
) -> list[ToolResult]:
    """Run all steps and return their results in the plan's order.

    Raises:
        InputError, RetryTool, ToolFailed: as the tools raise them.
    """
    values: dict[str, Any] = {
        "$boundary": boundary,
        "$layers": layers,
        "$asked_on": asked_on,
        "$epsg": epsg,
    }
    done: dict[str, ToolResult] = {}
    waiting = list(plan.steps)
    while waiting:
        ready = [step for step in waiting if set(step.after) <= done.keys()]
        assert ready, "check_plan lets no cycle through"
        results = await asyncio.gather(
            *(asyncio.to_thread(_run, tools[step.tool], step, values) for step in ready)
        )
        done.update({step.id: result for step, result in zip(ready, results, strict=True)})
        waiting = [step for step in waiting if step.id not in done]
    return [done[step.id] for step in plan.steps]


def _run(tool: Tool, step: Step, values: Mapping[str, Any]) -> ToolResult:
    arguments = {
        key: values.get(value, value) if isinstance(value, str) else value
        for key, value in step.args.items()
    }
    return tool.run(**arguments)
