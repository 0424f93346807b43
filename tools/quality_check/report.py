"""A quality check as Markdown, and its files: JSON, error layers, report."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from cspon.schemas.spatial import LayerOutput, Table, ToolResult
from tools.outputs import published_together
from tools.report import markdown_to_docx

MOST_ROWS = 20
"""Findings of one check that the report prints; the files hold more."""
_TEXTS = (
    "check", "title", "severity", "layer", "identifier", "field", "measured", "tolerance",
    "message", "mend", "basis",
)  # fmt: skip


def report_markdown(result: ToolResult) -> str:
    """Write verdict, layers, summary, findings, grounds and what was not checked."""
    data = result.data
    region = " ".join(part for part in (data["region"]["code"], data["region"]["name"]) if part)
    parts = [
        "# 规划成果数据库质检报告",
        f"**{data['headline']}**",
        f"成果：{Path(data['database']).name}；行政区：{region or '（未知）'}；"
        f"规则包：{data['pack']} 第 {data['pack_version']} 版，{data['checks']} 项检查。",
        *(f"> {warning}" for warning in result.warnings),
        "## 图层\n\n"
        + _grid(
            ["图层", "名称", "文件", "要素数", "坐标系", "椭球面积（公顷）"],
            [
                [
                    layer["name"], layer["title"], layer["file"], f"{layer['features']:,}",
                    f"EPSG:{layer['epsg']}" if layer["epsg"] else "未知",
                    f"{layer['area_ha']:.4f}" if layer["area_ha"] else "—",
                ]
                for layer in data["layers"]
            ],
        ),
    ]  # fmt: skip
    for table in result.tables:
        if table.rows:
            parts.append(f"## {table.title}\n\n{_table(table)}")
    if result.basis:
        grounds = [f"- {b.title}{'' if b.verified else '（未核验）'}" for b in result.basis]
        parts.append("## 依据\n\n" + "\n".join(grounds))
    if data["unchecked"]:
        parts.append("## 未检查事项\n\n" + "\n".join(f"- {text}" for text in data["unchecked"]))
    parts.append(f"## 说明\n\n{data['area_definition']}")
    return "\n\n".join(parts) + "\n"


def _table(table: Table) -> str:
    """Write a table without its empty columns, and only its first rows."""
    shown = table.rows[:MOST_ROWS] if table.name != "summary" else table.rows
    columns = [c for c in table.columns if any(row.get(c.key) not in ("", None) for row in shown)]
    text = _grid(
        [c.title for c in columns], [[str(row.get(c.key, "")) for c in columns] for row in shown]
    )
    if len(shown) < len(table.rows):
        text += f"\n\n（共列出 {len(table.rows)} 处，此处为前 {len(shown)} 处，全部见 errors.gpkg 与 result.json）"
    return f"{text}\n\n{table.note}" if table.note else text


def _grid(heads: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    lines += [
        "| " + " | ".join(c.replace("|", "\\|").replace("\n", " ") for c in r) + " |" for r in rows
    ]
    return "\n".join(lines)


def save_result(result: ToolResult, folder: Path) -> dict[str, Path]:
    """Write `result.json`, `errors.gpkg`, `report.md` and `report.docx` into a folder, all or none.

    Raises:
        SetupError: the folder cannot be written.
    """
    files = {}
    with published_together(folder) as draft:
        files["json"] = draft / "result.json"
        record = result.model_dump(mode="json", exclude={"layers"})
        files["json"].write_text(json.dumps(record, ensure_ascii=False, indent=1), "utf-8")
        if result.layers:
            files["gpkg"] = write_errors(result.layers, draft / "errors.gpkg")
        text = report_markdown(result)
        files["md"] = draft / "report.md"
        files["md"].write_text(text, "utf-8")
        files["docx"] = markdown_to_docx(text, draft / "report.docx")
    return {kind: folder / file.name for kind, file in files.items()}


def write_errors(layers: tuple[LayerOutput, ...], out: Path) -> Path:
    """Write the error layers into one GeoPackage.

    Raises:
        OSError: the file cannot be written.
    """
    import pyogrio.raw
    from pyogrio.errors import DataSourceError, GeometryError

    for number, layer in enumerate(layers):
        shapes = np.array([_simple(f["geometry"]) for f in layer.features], dtype=object)
        rows = [f["properties"] for f in layer.features]
        values = [np.array([_text(r[name]) for r in rows], dtype=object) for name in _TEXTS]
        numbers = [
            np.array([-1 if r[name] is None else r[name] for r in rows], dtype=np.int64)
            for name in ("fid", "other_fid")
        ]
        try:
            pyogrio.raw.write(
                out,
                geometry=shapely.to_wkb(shapes),
                field_data=[*values, *numbers],
                fields=[*_TEXTS, "feature_fid", "other_fid"],
                layer=layer.name,
                driver="GPKG",
                geometry_type="Unknown",
                crs=f"EPSG:{layer.epsg}",
                append=number > 0,
            )
        except (DataSourceError, GeometryError) as error:
            raise OSError(f"GeoPackage 写入失败（{error}）") from error
    return out


def _simple(geometry: dict[str, Any]) -> Any:
    return shapely.geometry.shape(geometry)


def _text(value: Any) -> str:
    return "" if value is None else str(value)
