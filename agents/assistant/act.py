"""Run the plan's steps: independent ones side by side, each to a `ToolResult`.

A step may work on a place that an earlier one found: its polygon is written down as a boundary file
for the length of the run.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cspon.errors import ToolFailed
from cspon.schemas.agent import Plan, Step
from cspon.schemas.base import Secrecy
from cspon.schemas.spatial import ToolResult
from cspon.watching import watched
from knowledge_base.access import NO_PERMISSION
from tools.catalogue import Tool


class BeyondClearance(ToolFailed):
    """A result stands above the reader's level and is not given."""


@dataclass(frozen=True)
class RunValues:
    """What the placeholders of a plan stand for in one run."""

    layers: Path
    asked_on: date
    epsg: int | None = None
    files: Mapping[str, Path] = field(default_factory=dict)
    """The user's files by name: boundary, before, database, table."""
    versions: Mapping[str, Path] = field(default_factory=dict)
    """Versions of the plan beside the layers."""
    workspace: Path | None = None
    """Folder into which tools write files for the user; None: they write none."""
    clearance: Secrecy = Secrecy.INTERNAL

    def of(self, name: str) -> Any:
        """Return the value of a placeholder without its `$`."""
        own = {
            "layers": self.layers,
            "asked_on": self.asked_on,
            "epsg": self.epsg,
            "workspace": self.workspace,
        }
        if name.startswith("version:"):
            return self.versions.get(name.removeprefix("version:"))
        return own[name] if name in own else self.files.get(name)


async def act(plan: Plan, *, tools: Mapping[str, Tool], values: RunValues) -> list[ToolResult]:
    """Run all steps and return their results in the plan's order.

    Raises:
        InputError, RetryTool, ToolFailed: as the tools raise them.
        BeyondClearance: a result stands above the reader's level.
    """
    done: dict[str, ToolResult] = {}
    waiting = list(plan.steps)
    with TemporaryDirectory(prefix="cspon-steps-") as folder:
        while waiting:
            ready = [step for step in waiting if set(step.after) <= done.keys()]
            assert ready, "check_plan lets no cycle through"
            results = await asyncio.gather(
                *(
                    asyncio.to_thread(_run, tools[step.tool], step, values, done, Path(folder))
                    for step in ready
                )
            )
            done.update({step.id: result for step, result in zip(ready, results, strict=True)})
            waiting = [step for step in waiting if step.id not in done]
    return [done[step.id] for step in plan.steps]


def _run(
    tool: Tool, step: Step, values: RunValues, done: Mapping[str, ToolResult], folder: Path
) -> ToolResult:
    arguments = {}
    for key, value in step.args.items():
        if not (isinstance(value, str) and value.startswith("$")):
            arguments[key] = value
        elif value.startswith("$step:"):
            arguments[key] = _boundary(value, step, done, folder)
        elif value == "$workspace":
            arguments[key] = values.workspace / step.id if values.workspace else None
        else:
            arguments[key] = values.of(value[1:])
    with watched("execute_tool", tool.name):
        result = tool.run(**arguments)
    if result.secrecy.rank > values.clearance.rank:
        raise BeyondClearance(
            f"{NO_PERMISSION}：“{tool.title}”所用图层的密级为“{result.secrecy}”，"
            f"您的权限为“{values.clearance}”"
        )
    return result


def _boundary(value: str, step: Step, done: Mapping[str, ToolResult], folder: Path) -> Path:
    """Write the n-th feature of an earlier result's layer as a boundary file.

    Raises:
        ToolFailed: the earlier step found no such place.
    """
    _, giver, name, rank = value.split(":")
    layer = next((one for one in done[giver].layers if one.name == name), None)
    if layer is None or len(layer.features) < int(rank):
        found = 0 if layer is None else len(layer.features)
        raise ToolFailed(
            f"前一步找到 {found} 处，没有第 {rank} 处可供“{step.title or step.tool}”；"
            "请放宽前一步的条件再试"
        )
    feature = layer.features[int(rank) - 1]
    named = {**feature, "properties": {}}
    text = {
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{layer.epsg}"}},
        "features": [named],
    }
    path = folder / step.id / f"第{rank}名候选地块.geojson"
    path.parent.mkdir()
    path.write_text(json.dumps(text, ensure_ascii=False), encoding="utf-8")
    return path
