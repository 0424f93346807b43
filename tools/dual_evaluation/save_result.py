"""Save a tool result as a user downloads it: report with maps, layers, tables; from the result alone.

`save` writes the evaluation itself, with rasters and run record.
"""

import json
from functools import partial
from pathlib import Path

from cspon.errors import SetupError
from cspon.schemas.spatial import ToolResult
from tools.dual_evaluation.outcome import DualOutcome
from tools.dual_evaluation.report import report_markdown
from tools.dual_evaluation.result_maps import Draw, result_map, sensitivity_sheets
from tools.outputs import published_together
from tools.report import markdown_to_docx
from tools.result_files import write_layer_output
from tools.thematic_map import draw_map

STEM = "双评价报告"


def save_result(
    result: ToolResult, folder: Path, *, layers: Path
) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Write maps, report, layers and the result.

    Args:
        result: Of the tool `dual_evaluation`.
        folder: Made when it is not there.
        layers: Folder of the layer catalogue, for the outlines of the towns.

    Returns:
        Path by kind, and notices about what could not be made.

    Raises:
        SetupError: the folder cannot be written.
    """
    data = DualOutcome.model_validate(result.data)
    drawings: dict[str, Draw] = {
        part.id: partial(draw_map, result_map(result, data, part, layers))
        for part in data.parts
        if any(layer.name == part.layer for layer in result.layers)
    }
    drawings |= sensitivity_sheets(data)
    files: dict[str, Path] = {}
    notices: list[str] = []
    with published_together(folder) as draft:
        images: dict[str, Path] = {}
        for name, draw in drawings.items():
            try:
                images[f"{name}.png"] = files[name] = draw(draft / f"{name}.png")
            except SetupError as error:  # no Chinese font: the rest stands without maps
                notices.append(f"未能绘制图：{error.message}")
        files["json"] = draft / "result.json"
        record = json.dumps(result.model_dump(mode="json"), ensure_ascii=False, indent=1)
        files["json"].write_text(record, encoding="utf-8")
        if any(layer.features for layer in result.layers):
            files["gpkg"] = draft / "layers.gpkg"
            for layer in result.layers:
                write_layer_output(layer, files["gpkg"])
        text = report_markdown(result, tuple(images), record=False)
        files["md"] = draft / f"{STEM}.md"
        files["md"].write_text(text, encoding="utf-8")
        files["docx"] = markdown_to_docx(text, draft / f"{STEM}.docx", images=images)
    return {kind: folder / file.name for kind, file in files.items()}, tuple(notices)
