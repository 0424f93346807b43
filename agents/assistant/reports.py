"""The reports that tools write of their results, under one signature: what a user downloads.

A tool without a report of its own gets the plain one: tables, layers, record.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agents.assistant.results import headline
from cspon.schemas.agent import Step
from cspon.schemas.base import Frozen
from cspon.schemas.spatial import ToolResult

PICTURES = (".png",)
KINDS = {
    ".docx": "Word 报告", ".xlsx": "Excel 表", ".gpkg": "图层（gpkg）", ".csv": "CSV 表",
    ".md": "Markdown", ".json": "JSON 数据", ".zip": "导出的数据", ".pdf": "PDF 报告",
}  # fmt: skip
"""What users call a file, by its suffix."""
NOT_IN_NAMES = r"[^\w\-]"
"""What a file that is had over HTTP may not be called by."""


class Saved(Frozen):
    """A file that was written."""

    name: str
    """File name in the folder of the answer."""
    title: str
    step: int = 0
    """Number of the step that it is of, from 1; 0 for the whole answer."""

    @property
    def picture(self) -> bool:
        """Whether it is shown in place."""
        return self.name.endswith(PICTURES)


@dataclass(frozen=True)
class Source:
    """What a result was made from, for reports that draw more than the result."""

    layers: Path
    files: Mapping[str, Path]
    versions: Mapping[str, Path]


Report = Callable[[ToolResult, Path, Source], tuple[dict[str, Path], tuple[str, ...]]]


def _sites(
    result: ToolResult, folder: Path, source: Source
) -> tuple[dict[str, Path], tuple[str, ...]]:
    from tools.site_selection.report import save_selection

    return save_selection(result, folder)


def _versions(
    result: ToolResult, folder: Path, source: Source
) -> tuple[dict[str, Path], tuple[str, ...]]:
    from tools.plan_versions.report import save_comparison

    return save_comparison(result, folder, after=source.layers)


def _access(
    result: ToolResult, folder: Path, source: Source
) -> tuple[dict[str, Path], tuple[str, ...]]:
    from tools.accessibility.report import save_accessibility

    return save_accessibility(
        result, folder, layers=source.layers, scope=source.files.get("boundary")
    )


def _assessment(
    result: ToolResult, folder: Path, source: Source
) -> tuple[dict[str, Path], tuple[str, ...]]:
    from tools.assessment.report import save_assessment

    return save_assessment(result, folder)


def _risks(
    result: ToolResult, folder: Path, source: Source
) -> tuple[dict[str, Path], tuple[str, ...]]:
    from tools.risk_assessment.report import save_risks

    return save_risks(result, folder)


def _dual(
    result: ToolResult, folder: Path, source: Source
) -> tuple[dict[str, Path], tuple[str, ...]]:
    from tools.dual_evaluation.save_result import save_result

    return save_result(result, folder, layers=source.layers)


def _implementation(
    result: ToolResult, folder: Path, source: Source
) -> tuple[dict[str, Path], tuple[str, ...]]:
    from tools.implementation_assessment.report import save_implementation

    return save_implementation(result, folder)


def _conditions(
    result: ToolResult, folder: Path, source: Source
) -> tuple[dict[str, Path], tuple[str, ...]]:
    from tools.planning_conditions.sheet import save_sheet

    return save_sheet(result, folder, layers=source.layers)


def _database(
    result: ToolResult, folder: Path, source: Source
) -> tuple[dict[str, Path], tuple[str, ...]]:
    from tools.quality_check.report import save_result

    return save_result(result, folder), ()


def _compliance(
    result: ToolResult, folder: Path, source: Source
) -> tuple[dict[str, Path], tuple[str, ...]]:
    """The map alone: the answer itself is the report."""
    import json

    from cspon.errors import SetupError
    from tools.maps import draw_compliance_map
    from tools.result_files import write_layer_output

    folder.mkdir(parents=True)
    project = next(layer for layer in result.layers if layer.name == "project")
    outline = {
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{project.epsg}"}},
        "features": [{**project.features[0], "properties": {}}],
    }
    boundary = folder / "boundary.geojson"
    boundary.write_text(json.dumps(outline), encoding="utf-8")
    files = {"gpkg": folder / "conflicts.gpkg"}
    for layer in result.layers:
        write_layer_output(layer, files["gpkg"])
    try:
        files["map"] = draw_compliance_map(boundary, source.layers, result, folder / "map.png")
    except SetupError as error:  # no Chinese font: the answer stands without a map
        return files, (f"未能绘制地图：{error.message}",)
    finally:
        boundary.unlink()
    return files, ()


def _plain(
    result: ToolResult, folder: Path, source: Source
) -> tuple[dict[str, Path], tuple[str, ...]]:
    from tools.result_files import save_tool_result

    return save_tool_result(result, folder, title="计算结果", lead=(f"**{headline(result)}**",))


REPORTS: dict[str, Report] = {
    "check_compliance": _compliance,
    "planning_conditions": _conditions,
    "select_sites": _sites,
    "compare_plan_versions": _versions,
    "accessibility": _access,
    "assess_indicators": _assessment,
    "dual_evaluation": _dual,
    "assess_risks": _risks,
    "assess_implementation": _implementation,
    "check_plan_database": _database,
}
"""By tool."""


def save_report(
    result: ToolResult, step: Step, number: int, draft: Path, source: Source
) -> tuple[list[Saved], list[str]]:
    """Write the report of one step flat into `draft`, each name led by the step's number.

    Args:
        result: The step's result.
        step: The step.
        number: Of the step, from 1.
        draft: Folder of the answer's files.
        source: What the result was made from.

    Returns:
        The files, and what could not be made.
    """
    folder = draft / f"step_{number}"
    files, notices = REPORTS.get(result.tool, _plain)(result, folder, source)
    title = re.sub(r"（.*?）", "", step.title or result.tool)
    saved, pictures = [], 0
    for path in files.values():
        if path.suffix in (".json", ".md") or not path.is_file():
            continue
        name = f"{number}_{re.sub(NOT_IN_NAMES, '', title)}_{path.name}"
        path.replace(draft / name)
        kind = KINDS.get(path.suffix, path.suffix)
        if path.suffix in PICTURES:
            pictures += 1
            kind = f"图 {pictures}"
        saved.append(Saved(name=name, title=f"{title} {kind}", step=number))
    for left in sorted(folder.iterdir()):
        left.unlink()
    folder.rmdir()
    return saved, list(notices)
