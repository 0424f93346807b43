"""Save an evaluation: rasters, patches, tables, maps, report, record; all of them or none."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from cspon.errors import SetupError
from cspon.schemas.spatial import Table, ToolResult
from tools.dual_evaluation.evaluate import DualEvaluation
from tools.dual_evaluation.maps import draw_class_map
from tools.dual_evaluation.outputs import copy_rasters, write_patches
from tools.dual_evaluation.record import record_of
from tools.dual_evaluation.report import report_markdown
from tools.dual_evaluation.sensitivity import Sensitivity
from tools.dual_evaluation.sensitivity_shown import draw_sensitivity
from tools.outputs import published_together
from tools.report import markdown_to_docx

RECORD = "run.json"


def save_evaluation(
    made: DualEvaluation,
    result: ToolResult,
    folder: Path,
    *,
    pdf: bool = False,
    moved: Sequence[Sensitivity] = (),
) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Write everything into a folder.

    Args:
        made: The evaluation with its arrays.
        result: Of the tool, from the same evaluation.
        folder: Made when it is not there.
        pdf: Whether the report is written as PDF too (LibreOffice).
        moved: Sensitivities; each is drawn.

    Returns:
        Path by kind, and notices about what could not be made.

    Raises:
        SetupError: the folder cannot be written.
    """
    files: dict[str, Path] = {}
    notices: list[str] = []
    with published_together(folder) as draft:
        files |= copy_rasters(made, draft)
        if write_patches(made, draft / "patches.gpkg"):
            files["gpkg"] = draft / "patches.gpkg"
        for table in result.tables:
            if table.rows:
                write_table(table, draft / f"{table.name}.csv")
        files["json"] = draft / "result.json"
        files["json"].write_text(
            json.dumps(result.model_dump(mode="json"), ensure_ascii=False, indent=1), "utf-8"
        )
        images = _maps(made, draft, notices)
        for found in moved:
            name = f"sensitivity_{found.part}.png"
            try:
                images[name] = draw_sensitivity(found, draft / name)
            except SetupError as error:  # no Chinese font
                notices.append(f"未能绘制敏感性图：{error.message}")
        text = report_markdown(result, tuple(images))
        files["md"] = draft / "report.md"
        files["md"].write_text(text, encoding="utf-8")
        files["docx"] = markdown_to_docx(text, draft / "report.docx", images=images)
        if pdf:
            from tools.report_pdf import docx_to_pdf

            files["pdf"] = docx_to_pdf(files["docx"], draft / "report.pdf")
        record = record_of(made)
        files["record"] = draft / RECORD
        files["record"].write_text(record.model_dump_json(indent=1), encoding="utf-8")
        files |= images
        written = {kind: folder / path.relative_to(draft) for kind, path in files.items()}
    return written, tuple(notices)


def _maps(made: DualEvaluation, draft: Path, notices: list[str]) -> dict[str, Path]:
    images: dict[str, Path] = {}
    for name, part in made.parts.items():
        if not part.grades or name not in made.inputs.config.parts:
            continue
        try:
            images[f"{name}.png"] = draw_class_map(made, part, draft / f"{name}.png")
        except SetupError as error:  # no Chinese font: the rest stands without maps
            notices.append(f"未能绘制“{part.evaluation.title}”图：{error.message}")
    return images


def write_table(table: Table, file: Path) -> None:
    """Write a table as CSV with a byte-order mark, for spreadsheets."""
    with file.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow([f"{c.title}（{c.unit}）" if c.unit else c.title for c in table.columns])
        for row in table.rows:
            writer.writerow(
                ["" if row.get(c.key) is None else row.get(c.key) for c in table.columns]
            )
