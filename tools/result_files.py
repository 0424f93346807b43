"""Save the result of a tool beside the check: record, report, layers and pictures, all or none."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely

from cspon.errors import SetupError
from cspon.schemas.spatial import LayerOutput, ToolResult
from tools.compliance.narrative import table_markdown
from tools.outputs import published_together
from tools.report import markdown_to_docx
from tools.vector_output import write_vector

SYNTHETIC = "合成数据：仅供演示，不得用于实际项目。"


@dataclass(frozen=True)
class Picture:
    """A picture of the report; `draw` writes it to the path that it is given."""

    name: str
    title: str
    draw: Callable[[Path], object]


def save_tool_result(
    result: ToolResult,
    folder: Path,
    *,
    title: str,
    lead: Sequence[str] = (),
    pictures: Sequence[Picture] = (),
    sections: Sequence[str] = (),
    skip: Sequence[str] = (),
    stem: str = "report",
) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Write `result.json`, `layers.gpkg`, the pictures, and the report as .md and .docx.

    Args:
        result: What the tool gave.
        folder: Made when it is not there.
        title: Title of the report.
        lead: Paragraphs before the tables.
        pictures: Drawn in their order.
        sections: Markdown after the tables.
        skip: Names of tables that the report leaves out, for a section says the same.
        stem: Name of the report's files.

    Returns:
        Path by kind, and notices about what could not be made (no Chinese font: no map).

    Raises:
        SetupError: the folder cannot be written.
    """
    files: dict[str, Path] = {}
    notices: list[str] = []
    with published_together(folder) as draft:
        record = json.dumps(result.model_dump(mode="json"), ensure_ascii=False, indent=1)
        files["json"] = draft / "result.json"
        files["json"].write_text(record, encoding="utf-8")
        if any(layer.features for layer in result.layers):
            files["gpkg"] = draft / "layers.gpkg"
            for layer in result.layers:
                write_layer_output(layer, files["gpkg"])
        images: dict[str, Path] = {}
        drawn: list[Picture] = []
        for picture in pictures:
            try:
                picture.draw(draft / picture.name)
            except SetupError as error:  # no Chinese font: the rest stands without a map
                notices.append(f"未能绘制“{picture.title}”：{error.message}")
                continue
            images[picture.name] = files[Path(picture.name).stem] = draft / picture.name
            drawn.append(picture)
        told = [table for table in result.tables if table.name not in skip]
        shown = result.model_copy(update={"tables": tuple(told)})
        text = report_text(shown, title, lead, drawn, sections)
        files["md"] = draft / f"{stem}.md"
        files["md"].write_text(text, encoding="utf-8")
        files["docx"] = markdown_to_docx(text, draft / f"{stem}.docx", images=images)
    return {kind: folder / file.name for kind, file in files.items()}, tuple(notices)


def write_layer_output(layer: LayerOutput, file: Path) -> None:
    """Add a result layer to a GeoPackage; one without features is left out."""
    if not layer.features:
        return
    rows = [feature["properties"] for feature in layer.features]
    columns = {
        key: [row.get(key) for row in rows] for key in dict.fromkeys(k for r in rows for k in r)
    }
    shapes = [shapely.geometry.shape(feature["geometry"]) for feature in layer.features]
    write_vector(
        file,
        np.array(shapes, dtype=object),
        columns,
        layer=layer.name,
        epsg=layer.epsg,
        driver="GPKG",
    )


def report_text(
    result: ToolResult,
    title: str,
    lead: Sequence[str] = (),
    pictures: Sequence[Picture] = (),
    sections: Sequence[str] = (),
) -> str:
    """Write a result as Markdown: lead, tables, sections, pictures, grounds, what to beware of."""
    parts = [f"# {title}"]
    if result.synthetic:
        parts.append(f"> {SYNTHETIC}")
    parts += lead
    parts += [
        f"## {table.title}\n\n{table_markdown(table)}" for table in result.tables if table.rows
    ]
    parts += sections
    parts += [f"## {p.title}\n\n![{p.title}]({p.name})" for p in pictures]
    if result.basis:
        grounds = [
            f"- 《{b.title}》{b.article or ''}：{b.point}"
            + ("" if b.verified else "（未见原文，未核验）")
            for b in result.basis
        ]
        parts.append("## 依据\n\n" + "\n".join(grounds))
        parts.append("条文效力以知识库核验为准，本报告只列规则所依据的条文。")
    if result.warnings:
        parts.append("## 注意\n\n" + "\n".join(f"- {text}" for text in result.warnings))
    made = result.provenance
    days = "；".join(f"{name} {day}" for name, day in made.layer_dates.items())
    parts.append(
        f"工具 {made.tool} 版本 {made.version}；密级 {result.secrecy.value}；图层数据时点：{days}。"
    )
    return "\n\n".join(parts) + "\n"
